"""Programs are judged in children of the watcher: whatever one of them does, every other claim is watched on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import challenger_hostile as hostile
import pytest
from challenger_world import (
    CONTRACT,
    INPUTS,
    LOOKUP,
    PROGRAM,
    TRUE,
    Liar,
    Process,
    corrupted,
    gas_of,
    kept_program,
    killed,
    lying_claim,
    play_out,
)
from dispute_table import Table

from prover.cli.app import run_cli
from prover.optimistic.engine import ENGINE
from prover.optimistic.store import TraceStore
from verifier.challenger import Engine, Limits, Mode, Verdict, Watcher
from verifier.challenger.child import Child
from verifier.challenger.published import read_published
from verifier.dispute.commitment import CommittedTrace

pytestmark = pytest.mark.slow

LIMITS = Limits(work=10**9, seconds=60, memory_bytes=2**30)


@pytest.fixture
def started(table: Table, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts watchers, whose children end with the test."""
    made: list[Process] = []

    def start(mode: Mode = Mode.ACTIVE, *, limits: Limits = LIMITS, **options: Any) -> Process:
        given: dict[str, Any] = {"engine": ENGINE, "child": Child, **options}
        made.append(Process(table, tmp_path / "c.db", mode, limits=limits, **given))
        return made[-1]

    yield start
    for process in made:
        process.judge.close()


def test_children_alone_overturn_a_wrong_claim_and_leave_a_right_one(
    table: Table, started: Callable[..., Process]
) -> None:
    right, wrong = lying_claim(table, INPUTS, TRUE), corrupted(table)
    process = started()
    play_out(process, wrong, lambda: killed(table, wrong))
    assert {n.code for n in process.notices if n.claim_id == right.claimed.claim_id} == {"claim_right"}
    assert [purpose for purpose, _ in gas_of(process)][-1] == "prove"
    assert process.watcher.unexpected == 0


def test_a_child_reads_what_is_published(table: Table, started: Callable[..., Process], tmp_path: Path) -> None:
    made = [output.copy() for output in TRUE]
    made[CONTRACT].reshape(-1)[3] += 1
    locator = TraceStore(str(tmp_path / "traces")).publish(CommittedTrace(PROGRAM, INPUTS, made))
    liar = lying_claim(table, INPUTS, made, locator)
    process = started(read_trace=partial(read_published, accept=frozenset({"file"})))
    play_out(process, liar, lambda: killed(table, liar))
    assert [purpose for purpose, _ in gas_of(process)] == ["commit", "proveFault"]


def played(process: Process, table: Table, liar: Liar) -> None:
    """Passes of a watcher that waits for nothing longer than a moment, until the claim is overturned."""
    for _ in range(200):
        process.watcher.once(0.5)
        if killed(table, liar):
            return
        liar.answer()
    raise AssertionError(f"it did not end: {process.codes()}")


@pytest.mark.parametrize("act", [hostile.never_ends, hostile.raises])
def test_moves_are_made_while_another_claim_is_being_judged(
    table: Table, started: Callable[..., Process], act: Callable[..., Any]
) -> None:
    wrong = corrupted(table)
    process = started()
    process.once()
    assert process.codes() == ["claim_wrong", "challenged"]
    bad = corrupted(table, LOOKUP)
    named = bad.claimed.claim_id
    process.judge.close()
    again = started(child=hostile.Among(named, Engine(hasher=act)))
    again.watcher.once(0.0)
    assert list(again.judge._seats) == [wrong.claimed.claim_id, named]  # both at work
    played(again, table, wrong)
    assert again.store.claims()[-1].verdict in (Verdict.UNCHECKED, Verdict.REFUSED)
    assert table.claims.claim_of(named).commitments == 0


@pytest.mark.parametrize(
    ("act", "code", "verdict"),
    [
        (hostile.never_ends, "program_too_large_to_check", Verdict.REFUSED),
        (hostile.eats_memory, "program_too_large_to_check", Verdict.REFUSED),
        (hostile.raises, "unexpected_error", Verdict.UNCHECKED),
        (hostile.dies, "unexpected_error", Verdict.UNCHECKED),
    ],
)
def test_what_a_program_does_to_its_child_is_told_and_the_claims_after_it_are_judged(
    table: Table, started: Callable[..., Process], act: Callable[..., Any], code: str, verdict: Verdict
) -> None:
    bad, right = corrupted(table), lying_claim(table, INPUTS, TRUE)
    limits = Limits(LIMITS.work, 5, LIMITS.memory_bytes)
    process = started(child=hostile.Among(bad.claimed.claim_id, Engine(hasher=act)), limits=limits)
    process.once()
    told = {notice.claim_id: notice.code for notice in process.notices}
    assert told == {bad.claimed.claim_id: code, right.claimed.claim_id: "claim_right"}
    known = {claim.claim_id: claim for claim in process.store.claims()}[bad.claimed.claim_id]
    assert (known.verdict, known.reason) == (verdict, code)
    assert process.watcher.unexpected == (code == "unexpected_error")


def test_judging_that_an_error_of_ours_stopped_is_tried_again_by_the_same_watcher(
    table: Table, started: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    liar = corrupted(table)
    monkeypatch.setattr("verifier.challenger.errands.FIRST_RETRY_S", 0.0)
    process = started(Mode.WATCHTOWER, child=hostile.Among(liar.claimed.claim_id, Engine(hasher=hostile.raises)))
    process.once()
    assert process.codes() == ["unexpected_error"]
    process.judge._child = Child
    process.once()
    assert process.codes() == ["unexpected_error", "claim_wrong"]
    (known,) = process.store.claims()
    assert (known.verdict, known.reason) == (Verdict.WRONG, "")


def test_a_pass_with_an_error_of_ours_has_an_exit_code_of_its_own(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corrupted(table)
    lying_claim(table, INPUTS, TRUE)
    table.market.deployment.save(tmp_path / "deployment.json")
    where = ["--rpc-url", table.chain.rpc_url, "--deployment", str(tmp_path / "deployment.json")]
    program = ["--program", str(kept_program(PROGRAM, tmp_path)), "--confirmations", "0", "--json"]
    command = ["challenger", "watch", "--once", *where, *program]
    assert run_cli(command) == 1
    capsys.readouterr()
    monkeypatch.setattr(Watcher, "_check", hostile.raises)
    assert run_cli(command) == 3
    notices = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [notice["code"] for notice in notices] == ["unexpected_error"] * 2
