"""Claimants that fall silent, other challengers, late ones and pauses: the bond comes back, or it is said why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from challenger_world import LOOKUP, Process, corrupted, gas_of, killed, play_out
from dispute_table import Table

from verifier.challenger import Mode
from verifier.dispute.types import ClaimStatus

pytestmark = pytest.mark.slow


def test_claimant_that_never_answers_is_timed_out(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db")
    for _ in range(3):
        process.once()
    assert [purpose for purpose, _ in gas_of(process)] == ["commit", "open"]
    table.wait(table.terms.clock)
    for _ in range(6):  # a pass may come before the block whose time is past the deadline
        process.once()
    assert killed(table, liar)
    assert process.codes()[-1] == "won"


def test_bond_comes_back_when_somebody_else_overturns_the_claim(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    slow, fast = Process(table, tmp_path / "slow.db"), Process(table, tmp_path / "fast.db", account=3)
    slow.once()
    play_out(fast, liar, lambda: killed(table, liar))
    slow.once()
    slow.once()
    assert slow.store.commitments()[0].ended == "settled"
    assert table.claims.credit(slow.chain.address) == table.terms.challenge_bond


def test_reveals_made_for_somebody_else_are_used(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    first = Process(table, tmp_path / "first.db", account=3)
    while table.claims.claim_of(liar.claimed.claim_id).status is ClaimStatus.PENDING and len(liar.revealed) < 3:
        first.once()
        liar.answer()
    before = len(liar.revealed)
    second = Process(table, tmp_path / "second.db")
    for _ in range(8):
        second.once()
    assert killed(table, liar)
    assert len(liar.revealed) == before


def test_challenge_made_by_this_account_elsewhere_is_played_once_it_is_open(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    lost = Process(table, tmp_path / "lost.db")
    lost.once()
    lost.once()
    Process(table, tmp_path / "found.db", Mode.WATCHTOWER).once()
    found = Process(table, tmp_path / "found.db", Mode.DEFENSIVE)
    play_out(found, liar, lambda: killed(table, liar))
    assert found.store.commitments()[0].salt == b""
    assert found.store.commitments()[0].ended == "won"


def test_commitment_whose_salt_is_lost_is_reported(table: Table, tmp_path: Path) -> None:
    corrupted(table)
    Process(table, tmp_path / "lost.db").once()
    found = Process(table, tmp_path / "found.db", Mode.DEFENSIVE)
    found.once()
    assert "challenge_without_salt" in found.codes()


@pytest.mark.parametrize("answers", [1, 2])
def test_claimant_that_falls_silent_in_the_middle_is_timed_out(table: Table, tmp_path: Path, answers: int) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db")
    for _ in range(8):
        process.once()
        if len(liar.revealed) < answers:
            liar.answer()
    table.wait(table.terms.clock + table.terms.extension)
    process.once()
    process.once()
    assert killed(table, liar)
    assert len(liar.revealed) == answers


def test_challenger_that_comes_too_late_says_so_and_knows_that_it_lost(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    Process(table, tmp_path / "c.db").once()
    table.wait(table.terms.clock + table.terms.extension)
    late = Process(table, tmp_path / "c.db")
    late.once()
    assert late.codes()[-1] == "clock_ran_out"
    (row,) = late.store.commitments()
    liar.claimed.claimant.send(table.as_seen_by(liar.claimed.claimant).timeout(row.challenge_id))
    late.once()
    assert late.store.commitments()[0].ended == "lost"
    assert late.store.bonds_at_stake() == 0


def test_pause_is_waited_for_and_a_cancelled_claim_gives_the_bond_back(table: Table, tmp_path: Path) -> None:
    paused, cancelled = corrupted(table), corrupted(table, LOOKUP)
    process = Process(table, tmp_path / "c.db")
    process.once()
    guardian = table.claims.functions
    table.chain.send(guardian.pause())
    table.wait(table.terms.clock * 2)
    before = process.chain.nonce()
    process.once()
    assert process.chain.nonce() == before
    table.chain.send(guardian.cancel(cancelled.claimed.claim_id))
    table.chain.send(guardian.unpause())
    play_out(process, paused, lambda: killed(table, paused))
    assert sorted(row.ended for row in process.store.commitments()) == ["settled", "won"]
