"""A challenger that is killed anywhere, or whose chain changes its mind, plays on and never plays twice."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from challenger_world import CHALLENGER, Liar, Process, corrupted, gas_of, killed, mine, play_out, publishing
from dispute_table import Table

from circuits.errors import EnvironmentFailure
from contracts.client.chain import Chain
from contracts.client.devnet import ask, go_back, take_snapshot
from contracts.client.dispute_events import Committed, Picked
from contracts.client.hub import Hub
from verifier.challenger import Budgets, ChallengerError
from verifier.challenger.records import TransactionRow, TxState
from verifier.challenger.store import Store

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """The process dies here."""


def events_of(table: Table, liar: Liar) -> Counter[str]:
    events = table.claims.events(0, table.chain.block_number(), liar.claimed.claim_id)
    return Counter(type(event).__name__ for event in events if isinstance(event, Committed | Picked))


# Each dies at its first opportunity, and is patched into a fresh process for every pass.
Death = Callable[[Process, pytest.MonkeyPatch], None]


def before_writing(process: Process, patch: pytest.MonkeyPatch) -> None:
    def die(store: Store, row: TransactionRow) -> None:
        raise Killed

    patch.setattr(Store, "add_transaction", die)


def before_broadcasting(process: Process, patch: pytest.MonkeyPatch) -> None:
    def die(chain: Chain, raw: bytes) -> bytes:
        raise Killed

    patch.setattr(Chain, "broadcast", die)


def after_broadcasting(process: Process, patch: pytest.MonkeyPatch) -> None:
    def die(store: Store, *_: Any) -> None:
        raise Killed

    patch.setattr(Store, "mark_broadcast", die)


def before_noting_the_end(process: Process, patch: pytest.MonkeyPatch) -> None:
    def die(store: Store, *_: Any) -> None:
        raise Killed

    patch.setattr(Store, "settle", die)


@pytest.mark.parametrize("death", [before_writing, before_broadcasting, after_broadcasting, before_noting_the_end])
@pytest.mark.parametrize("published", [False, True])
def test_killed_at_every_move_it_still_wins_and_makes_each_move_once(
    table: Table, tmp_path: Path, death: Death, published: bool
) -> None:
    """After each death a process only finishes what is on its way, so that the next move is another's to die at."""
    liar = corrupted(table)
    nonce = table.account(CHALLENGER).nonce()
    moves, deaths = 2 if published else 6, 0
    reader = {"read_trace": publishing(liar)} if published else {}
    for _ in range(40):
        dying = Process(table, tmp_path / "c.db", **reader)  # type: ignore[arg-type]
        died = False
        with pytest.MonkeyPatch.context() as patch:
            death(dying, patch)
            try:
                dying.once()
            except Killed:
                died = True
        deaths += died
        dying.store.close()
        healthy = Process(table, tmp_path / "c.db", **reader)  # type: ignore[arg-type]
        if death is before_writing:
            healthy.once()
        elif died:
            healthy.challenger.sender.reconcile(table.chain.block_number())
        healthy.store.close()
        if killed(table, liar):
            break
        liar.answer()
    assert killed(table, liar)
    assert deaths >= moves - (death is before_noting_the_end)
    assert table.account(CHALLENGER).nonce() - nonce == moves
    seen = events_of(table, liar)
    assert seen["Committed"] == 1
    assert seen["Picked"] == (0 if published else 4)


def test_node_that_is_gone_for_a_while_costs_nothing(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db")

    def silent(chain: Chain, raw: bytes) -> bytes:
        raise EnvironmentFailure("chain_unreachable", "no chain answers")

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "broadcast", silent)
        with pytest.raises(EnvironmentFailure):
            process.once()
    play_out(process, liar, lambda: killed(table, liar))
    assert events_of(table, liar)["Committed"] == 1


# Reorganisations.


def reorganise(table: Table, snapshot: str, blocks: int) -> None:
    """Goes back to a snapshot, and on from there with other blocks."""
    go_back(table.chain, snapshot)
    table.wait(5)
    mine(table, blocks)


def test_commitment_that_a_reorganisation_took_away_is_sent_again(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db")
    mine(table)
    state = take_snapshot(table.chain)
    process.once()
    mine(table)
    process.once()
    assert events_of(table, liar)["Committed"] == 1
    reorganise(table, state, 6)
    assert events_of(table, liar)["Committed"] == 0
    play_out(process, liar, lambda: killed(table, liar))
    assert events_of(table, liar)["Committed"] == 1
    assert len(process.store.commitments()) == 1


def test_move_that_a_reorganisation_took_away_is_made_again(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db")
    process.once()
    process.once()
    liar.answer()
    state = take_snapshot(table.chain)
    process.once()
    liar.answer()
    process.once()
    moved = events_of(table, liar)["Picked"]
    reorganise(table, state, 6)
    assert events_of(table, liar)["Picked"] < moved
    play_out(process, liar, lambda: killed(table, liar))
    assert events_of(table, liar) == {"Committed": 1, "Picked": 4}


def test_claim_that_a_reorganisation_took_away_is_forgotten(table: Table, tmp_path: Path) -> None:
    mine(table)
    state = take_snapshot(table.chain)
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db")
    process.once()
    assert [known.claim_id for known in process.store.claims()] == [liar.claimed.claim_id]
    reorganise(table, state, 8)
    process.once()
    assert process.store.claims() == []


def test_nothing_is_staked_before_the_claim_is_confirmed(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db", confirmations=3)
    process.once()
    assert process.notices == []
    mine(table, 3)
    process.once()
    assert "challenged" in process.codes()
    for _ in range(60):
        process.once()
        liar.answer()
        mine(table)
        if killed(table, liar):
            break
    assert killed(table, liar)
    assert events_of(table, liar) == {"Committed": 1, "Picked": 4}


# Fees.


def test_fee_of_a_transaction_that_waits_is_raised_and_only_one_of_the_two_counts(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db", patience_s=0)
    ask(table.chain, "evm_setAutomine", False)
    try:
        process.once()
        process.once()
        waiting = process.store.waiting()
        assert len(waiting) == 2
        assert waiting[0].nonce == waiting[1].nonce
        assert waiting[1].max_fee >= waiting[0].max_fee * 11 // 10
        mine(table)
    finally:
        ask(table.chain, "evm_setAutomine", True)
    process.once()
    states = [row.state for row in process.store.transactions()[:2]]
    assert states == [TxState.REPLACED, TxState.CONFIRMED]
    play_out(process, liar, lambda: killed(table, liar))
    assert events_of(table, liar)["Committed"] == 1


def test_fee_is_never_raised_over_its_limit(table: Table, tmp_path: Path) -> None:
    corrupted(table)
    limit = table.chain.fees().max_fee + 1
    process = Process(table, tmp_path / "c.db", budgets=Budgets(max_fee=limit), patience_s=0)
    ask(table.chain, "evm_setAutomine", False)
    try:
        for _ in range(3):
            process.once()
        assert len(process.store.waiting()) == 1
        assert all(row.max_fee <= limit for row in process.store.transactions())
        mine(table)
    finally:
        ask(table.chain, "evm_setAutomine", True)


def test_nonce_that_somebody_else_used_loses_the_transaction_and_not_the_challenge(
    table: Table, tmp_path: Path
) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chain, "broadcast", lambda chain, raw: b"")  # the node loses it
        process.once()
    assert len(process.store.waiting()) == 1
    process.chain.send(Hub(process.chain, table.hub.address).functions.deposit(), value=1)
    play_out(process, liar, lambda: killed(table, liar))
    assert [row.ended for row in process.store.commitments()] == ["abandoned", "won"]
    assert [purpose for purpose, _ in gas_of(process)].count("commit") == 1


def test_two_processes_on_one_store_stake_once_and_make_each_move_once(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    nonce = table.account(CHALLENGER).nonce()
    pair = [Process(table, tmp_path / "c.db") for _ in range(2)]
    plans = []
    for process in pair:
        view, judgement = process.challenger.check(liar.claimed.claim_id)
        plans.append((process, view, judgement))
    refused = []
    for process, view, judgement in plans:
        try:
            process.challenger.stake(view, judgement)
        except ChallengerError as error:
            refused.append(error.code)
    assert refused == ["already_challenged"]
    for _ in range(10):
        due = [(process, process.challenger.next_moves()) for process in pair]
        for process, plan in due:
            with contextlib.suppress(EnvironmentFailure):  # the other's move was mined in between, and ours is refused
                process.challenger.make(plan[0])
            process.challenger.sender.reconcile(table.chain.block_number())
        liar.answer()
        if killed(table, liar):
            break
    assert killed(table, liar)
    assert table.account(CHALLENGER).nonce() - nonce == 6
