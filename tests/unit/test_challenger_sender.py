"""Transactions of a challenger against a node that forgets, refuses, and lets others use the account."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from circuits.errors import EnvironmentFailure
from circuits.statement import keccak256
from contracts.client.chain import Fees, SignedTransaction
from verifier.challenger.records import CommitmentRow, TransactionRow, TxState
from verifier.challenger.sender import COMMIT, MAX_REVERTS, REBROADCAST_S, MoveKey, Sender
from verifier.challenger.stakes import Budgets, Means
from verifier.challenger.store import Store

GWEI = 10**9
FUNDS = 10**18
MOVE = MoveKey("open", b"\1" * 32, b"\2" * 32, b"\3" * 32)


@dataclass
class Function:
    """A contract call."""

    data: bytes = b"\xab"
    address: str = "0x" + "aa" * 20

    def _encode_transaction_data(self) -> str:
        return "0x" + self.data.hex()


@dataclass
class Node:
    """A node and one account of it: remembers what is broadcast, and mines what it is told to."""

    address: str = "0x" + "bb" * 20
    price: Fees = field(default_factory=lambda: Fees(2 * GWEI, GWEI))
    heard: list[bytes] = field(default_factory=list)
    receipts: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    mined: int = 0
    refuses: str = ""

    def fees(self) -> Fees:
        return self.price

    def nonce(self) -> int:
        return self.mined

    def mined_nonce(self, block: int | None = None) -> int:
        return self.mined

    def balance(self, address: str) -> int:
        return FUNDS

    def estimate(self, function: Any, *, value: int = 0) -> int:
        return 100_000

    def sign(self, call: Any, *, value: int, nonce: int, gas: int, fees: Fees) -> SignedTransaction:
        raw = repr(call.build_transaction({"value": value, "nonce": nonce, "gas": gas, "fee": fees.max_fee})).encode()
        return SignedTransaction(raw, keccak256(raw), nonce)

    def broadcast(self, raw: bytes) -> bytes:
        self.heard.append(keccak256(raw))
        if self.refuses:
            raise EnvironmentFailure(self.refuses, "no")
        return self.heard[-1]

    def receipt(self, transaction_hash: bytes) -> dict[str, Any] | None:
        return self.receipts.get(transaction_hash)

    def mine(self, row: TransactionRow, status: int = 1, block: int = 5) -> None:
        self.receipts[row.hash] = {
            "blockNumber": block,
            "status": status,
            "gasUsed": 80_000,
            "effectiveGasPrice": row.max_fee,
        }
        self.mined = row.nonce + 1


class Bench:
    """A sender with a clock that stands still unless told."""

    def __init__(self, path: Path, budgets: Budgets | None = None) -> None:
        self.node, self.now = Node(), 1_000.0
        self.store = Store(path)
        self.sender = Sender(
            self.node,  # type: ignore[arg-type]
            self.store,
            budgets or Budgets(),
            patience_s=60,
            clock=lambda: self.now,
        )

    def write(self, key: MoveKey = MOVE) -> TransactionRow:
        with self.store.transaction():
            return self.sender.write(key, Function())

    def sent(self) -> TransactionRow:
        row = self.write()
        self.sender.send(row)
        return row


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "c.db")


def test_transaction_is_in_the_store_before_the_node_hears_of_it(bench: Bench) -> None:
    row = bench.write()
    assert bench.store.waiting() == [row]
    assert bench.node.heard == []


def test_transaction_that_was_never_broadcast_is_handed_over_by_the_next_pass(bench: Bench) -> None:
    row = bench.write()
    bench.sender.reconcile(9)
    assert bench.node.heard == [row.hash]


def test_same_bytes_are_handed_over_again_after_a_while_and_not_before(bench: Bench) -> None:
    row = bench.sent()
    bench.now += REBROADCAST_S - 1
    bench.sender.reconcile(9)
    assert bench.node.heard == [row.hash]
    bench.now += 2
    bench.sender.reconcile(9)
    assert bench.node.heard == [row.hash] * 2


def test_node_that_refuses_a_broadcast_is_not_believed(bench: Bench) -> None:
    bench.node.refuses = "chain_refused"
    row = bench.sent()
    bench.node.mine(row)
    bench.sender.reconcile(9)
    assert bench.store.transactions()[0].state is TxState.CONFIRMED


def test_receipt_above_the_confirmed_block_settles_nothing_and_sends_nothing(bench: Bench) -> None:
    row = bench.sent()
    bench.node.mine(row, block=8)
    bench.now += 1_000
    bench.sender.reconcile(7)
    assert bench.store.transactions()[0].state is TxState.WRITTEN
    assert bench.sender.in_flight(MOVE)
    assert bench.node.heard == [row.hash]
    bench.sender.reconcile(8)
    assert bench.store.transactions()[0].state is TxState.CONFIRMED
    assert not bench.sender.in_flight(MOVE)


def test_nonces_follow_each_other_while_nothing_is_mined(bench: Bench) -> None:
    rows = [bench.write(MoveKey("open", b"\1" * 32, bytes([n]) * 32)) for n in range(3)]
    assert [row.nonce for row in rows] == [0, 1, 2]


def test_fee_is_raised_once_patience_is_over_and_the_one_that_was_mined_counts(bench: Bench) -> None:
    first = bench.sent()
    bench.now += 61
    bench.sender.reconcile(9)
    first_row, second = bench.store.waiting()
    assert (first_row.hash, second.nonce) == (first.hash, first.nonce)
    assert second.max_fee * 10 >= first.max_fee * 11
    bench.node.mine(first)
    bench.sender.reconcile(9)
    states = {row.hash: row.state for row in bench.store.transactions()}
    assert states == {first.hash: TxState.CONFIRMED, second.hash: TxState.REPLACED}


def test_fee_is_raised_up_to_its_limit_and_then_only_repeated(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "c.db", Budgets(max_fee=3 * GWEI))
    bench.sent()
    for _ in range(10):
        bench.now += 61
        bench.sender.reconcile(9)
    rows = bench.store.waiting()
    assert 2 <= len(rows) <= 4
    assert max(row.max_fee for row in rows) <= 3 * GWEI


def test_offer_of_nothing_is_raised_to_the_nodes_price_once_the_limit_allows(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "c.db", Budgets(max_fee=0))
    bench.sent()
    bench.now += 61
    bench.sender.reconcile(9)
    assert [row.max_fee for row in bench.store.waiting()] == [0]
    Sender(cast(Any, bench.node), bench.store, Budgets(), clock=lambda: bench.now).reconcile(9)
    assert bench.store.waiting()[-1].max_fee >= bench.node.fees().max_fee


def test_nodes_price_over_the_limit_is_not_paid(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "c.db", Budgets(max_fee=GWEI))
    assert bench.write().max_fee == GWEI


def test_a_move_of_an_open_challenge_is_made_and_made_dearer_whatever_the_gas_budget(tmp_path: Path) -> None:
    """Its bond is at stake: what is saved on gas would be lost many times."""
    bench = Bench(tmp_path / "c.db", Budgets(gas=1))
    bench.sent()
    bench.now += 61
    bench.sender.reconcile(9)
    assert len(bench.store.waiting()) == 2
    bench.sender.send(bench.write(MoveKey("pickNode", *((b"\1" * 32,) * 3))))
    assert bench.store.gas_spent() > 1


def test_means_are_without_what_is_on_its_way_and_count_what_is_open(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "c.db", Budgets(max_fee=GWEI))
    row = CommitmentRow(b"\2" * 32, b"\1" * 32, 0, 0, b"", b"", 10)
    bench.store.add_commitment(row)
    with bench.store.transaction():
        bench.sender.write(MoveKey(COMMIT, row.claim_id, row.challenge_id), Function(), 10)
    assert bench.sender.means() == Means(FUNDS - 10, 10, 1, 100_000 * GWEI, GWEI)
    bench.now += 61
    bench.sender.budgets = Budgets()
    bench.sender.reconcile(9)  # the same bond again, for more gas: only one of the two is mined
    assert bench.sender.means() == Means(FUNDS - 10, 10, 1, 100_000 * 2 * GWEI, 2 * GWEI)
    bench.node.mine(bench.store.waiting()[-1])
    bench.sender.reconcile(9)
    bench.store.end_commitment(row.challenge_id, "won")
    assert bench.sender.means() == Means(FUNDS, 0, 0, 80_000 * 2 * GWEI, 2 * GWEI)


def test_move_that_keeps_reverting_is_given_up(bench: Bench) -> None:
    for _ in range(MAX_REVERTS):
        row = bench.sent()
        bench.node.mine(row, status=0)
        bench.sender.reconcile(9)
        assert not bench.sender.in_flight(MOVE)
    with pytest.raises(EnvironmentFailure) as refused:
        bench.write()
    assert refused.value.code == "move_keeps_reverting"
    bench.write(MoveKey("timeout", b"\1" * 32, b"\2" * 32, b"\3" * 32))


def test_silent_chain_ends_the_pass_and_keeps_the_row(bench: Bench) -> None:
    bench.node.refuses = "chain_unreachable"
    row = bench.write()
    with pytest.raises(EnvironmentFailure):
        bench.sender.send(row)
    assert bench.store.waiting() == [row]
