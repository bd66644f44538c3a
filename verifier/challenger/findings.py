"""How far what a claimant has shown pins down what is wrong: some ops, one op, one element and all it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from circuits.lower.optimistic import term_count
from circuits.statement import CHUNK_BYTES, ZERO, leaf
from verifier.challenger.claim_view import ClaimView
from verifier.challenger.fault import Fault
from verifier.challenger.moves import PickElement, PickNode
from verifier.challenger.player import (
    Answer,
    claimed_trace_nodes,
    fold_into,
    openings_under,
    path_under,
    pick,
    wrong_top_node,
)
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.rules import CHUNK_ELEMENTS, node_picked, opened, revealed_height
from verifier.dispute.tree import words
from verifier.dispute.types import FaultProof, Phase, Position, position_key


@dataclass(frozen=True)
class Finding:
    """The first place where a claim differs from our own run, as far as it was shown.

    It is in the ops first_op <= op <= last_op. Once it is one op and one element of it, `proof` shows it to anybody.
    """

    first_op: int
    last_op: int
    element: int | None = None
    claimed: int | None = None
    true: int | None = None
    proof: FaultProof | None = None

    @property
    def op(self) -> int | None:
        return self.first_op if self.first_op == self.last_op else None


def from_fault(fault: Fault) -> Finding:
    return Finding(fault.op, fault.op, fault.element, fault.claimed, fault.true, fault.proof)


def from_answers(view: ClaimView, answers: Mapping[bytes, Answer], mine: CommittedTrace) -> Finding:
    """Follows the first difference down through whatever was revealed, by whichever challenge."""
    ops = len(mine.program.ops)
    at = opened(ops, wrong_top_node(view.top, mine))
    shown: dict[tuple[int, int], bytes] = {}
    while True:
        answer = answers.get(position_key(at))
        if answer is None:
            return Finding(*_span(at, ops))
        move = pick(at, answer, mine)
        if isinstance(move, PickNode):
            _note_nodes(shown, at, answer, mine)
            at = node_picked(at, move.index, ops, None if _above_ops(at) else mine.size_of(at.op))
            continue
        assert isinstance(move, PickElement)
        _note_chunks(shown, at, answer, mine)
        return _finding(view, answers, mine, at.op, move, shown)


def _above_ops(at: Position) -> bool:
    """Whether the position is above the leaves of the trace, where no op is named."""
    return at.phase is Phase.TRACE and not at.is_leaf


def _span(at: Position, ops: int) -> tuple[int, int]:
    """The ops that a position is about, first and last."""
    if not _above_ops(at):
        return at.op, at.op
    return at.index << at.height, min(ops, (at.index + 1) << at.height) - 1


def _note_nodes(shown: dict[tuple[int, int], bytes], at: Position, answer: Answer, mine: CommittedTrace) -> None:
    """Keeps the nodes of a tensor's tree; those of the trace are found again from the answers."""
    if not _above_ops(at):
        height = mine.chunk_tree(at.op).height
        nodes = words(answer.body)
        fold_into(shown, revealed_height(at, height), at.index * len(nodes), nodes, mine)


def _note_chunks(shown: dict[tuple[int, int], bytes], at: Position, answer: Answer, mine: CommittedTrace) -> None:
    height = mine.chunk_tree(at.op).height if at.is_leaf else at.height
    body = answer.body
    leaves = [leaf(body[i : i + CHUNK_BYTES], mine.hasher) for i in range(0, len(body), CHUNK_BYTES)]
    leaves += [ZERO] * ((1 << height) - len(leaves))
    fold_into(shown, 0, at.index << height, leaves, mine)


def _finding(
    view: ClaimView,
    answers: Mapping[bytes, Answer],
    mine: CommittedTrace,
    op: int,
    move: PickElement,
    shown: Mapping[tuple[int, int], bytes],
) -> Finding:
    element = move.element
    number, place = divmod(element, CHUNK_ELEMENTS)
    claimed = int.from_bytes(move.chunk[4 * place : 4 * place + 4], "big", signed=True)
    nodes = claimed_trace_nodes(view.top, answers, op, mine)
    chunk_path = tuple(shown[height, (number >> height) ^ 1] for height in range(mine.chunk_tree(op).height))
    openings = openings_under(nodes, mine, op, element, 0, term_count(mine.op(op)))
    proof = FaultProof(
        challenge_id=bytes(32),
        op=op,
        salt=bytes(32),
        descriptor=mine.descriptor_proof(op),
        trace_path=path_under(nodes, mine, op),
        element=element,
        chunk=move.chunk,
        chunk_path=chunk_path,
        openings=openings,
    )
    true = int(mine.made[op].reshape(-1)[element])
    return Finding(op, op, element, claimed, true, proof)
