"""One claim where it is judged: its program, read and run, and every question about it. Runs in a child (child.py).

A `Case` goes there as values, and is made of the program's file when a question first needs it. The functions take it
first; what they return goes back as values.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog

from circuits.errors import InferproofError
from circuits.lower.optimistic import require_disputable, work
from circuits.program.file import load_program
from verifier.challenger import explain, player
from verifier.challenger.child import too_large
from verifier.challenger.claim_view import ClaimView, require_same_model
from verifier.challenger.engine import Engine, LoadedProgram
from verifier.challenger.evidence import export_evidence
from verifier.challenger.fault import Fault, ReadTrace, find_fault
from verifier.challenger.findings import Finding, from_answers, from_fault
from verifier.challenger.moves import Move
from verifier.challenger.player import Answer, Board
from verifier.challenger.preflight import confirm_run, self_test
from verifier.challenger.proof_json import hexed
from verifier.challenger.records import Verdict
from verifier.challenger.stakes import Game
from verifier.dispute.commitment import CommittedTrace

log = structlog.get_logger()


@dataclass(frozen=True)
class Judgement:
    """`wrong_node` is the first node of the top that is not ours; it covers the ops first_op <= op <= last_op. A wrong
    claim comes with the `game` that there would be over it."""

    verdict: Verdict
    output_differs: bool = False
    wrong_node: int = 0
    first_op: int = 0
    last_op: int = 0
    game: Game | None = None


@dataclass(frozen=True)
class Case:
    """A claim, and the file of the program that it is about; neither is believed. `max_work`: terms."""

    view: ClaimView
    program: Path
    engine: Engine
    max_work: int

    @cached_property
    def loaded(self) -> LoadedProgram:
        """Codes: `claim_of_another_model`, `opset_version_mismatch`, `op_too_large_to_dispute`,
        `program_too_large_to_check`, those of reading a program."""
        found = load_program(self.program)
        require_disputable(found)
        if work(found) > self.max_work:
            raise too_large("terms", work(found), self.max_work)
        loaded = LoadedProgram(found, self.engine)
        require_same_model(self.view, loaded.committed, loaded.header)
        return loaded

    @cached_property
    def mine(self) -> CommittedTrace:
        """Our own run on the claim's input."""
        return self.loaded.run(self.view.inputs)


def judgement(case: Case) -> Judgement:
    """The trace tree says all: with the true one, the contract bound the outputs to the true ones.

    That a claim is wrong is said after everything that could say that it is us who are. Codes: those of
    `Case.loaded`, `selftest_failed`, `executor_differs`.
    """
    began = time.monotonic()
    view, mine = case.view, case.mine
    run_s = round(time.monotonic() - began + 0.5)
    if view.claim.trace_tree == mine.trace_tree:
        return Judgement(Verdict.RIGHT)
    self_test(case.engine)
    node = player.wrong_top_node(view.top, mine)
    first = node << mine.top_height
    last = min(len(mine.program.ops), (node + 1) << mine.top_height) - 1
    confirm_run(mine, first, last)
    game = Game.of(mine.program, run_s)
    return Judgement(Verdict.WRONG, view.claim.output_root != mine.output_root, node, first, last, game)


def next_move(case: Case, board: Board, salt: bytes, index: int) -> Move | None:
    return player.next_move(board, case.mine, salt, index)


def published_fault(case: Case, read_trace: ReadTrace) -> Fault | None:
    """Whatever is wrong with what a submitter publishes, path B needs none of it."""
    mine = case.mine
    try:
        return find_fault(case.view, read_trace(case.view, mine.program), mine)
    except InferproofError as error:
        log.warning("published_trace_unusable", claim_id=case.view.claim_id.hex(), **error.as_dict())
        return None


def _finding(case: Case, read_trace: ReadTrace, answers: Mapping[bytes, Answer]) -> Finding:
    """All that is known about what is wrong: from a published trace, else from what was revealed in challenges.

    Raises ChallengerError `nothing_differs` for a claim that is right.
    """
    fault = published_fault(case, read_trace)
    return from_answers(case.view, answers, case.mine) if fault is None else from_fault(fault)


def explanation(case: Case, read_trace: ReadTrace, answers: Mapping[bytes, Answer]) -> dict[str, Any]:
    mine, finding = case.mine, _finding(case, read_trace, answers)
    document: dict[str, Any] = {
        "claim_id": hexed(case.view.claim_id),
        "output_differs": case.view.claim.output_root != mine.output_root,
        "first_op": finding.first_op,
        "last_op": finding.last_op,
        "words": explain.in_words(mine.program, finding),
        "picture": explain.picture(mine.program, finding),
    }
    if finding.element is not None:
        document |= {"element": finding.element, "claimed": finding.claimed, "true": finding.true}
    return document


def evidence(case: Case, read_trace: ReadTrace, answers: Mapping[bytes, Answer], chain_id: int, contract: str) -> bytes:
    finding, loaded = _finding(case, read_trace, answers), case.loaded
    return export_evidence(case.view, finding, loaded.header, loaded.program, chain_id, contract)
