"""The challenger's file: what was written survives, what is another's is refused, a reorganisation undoes its part."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import EnvironmentFailure, InputError
from verifier.challenger.records import Block, CommitmentRow, TransactionRow, TxState, Verdict
from verifier.challenger.store import BLOCKS_KEPT, Store

CLAIM, CHALLENGE, KEY = b"\1" * 32, b"\2" * 32, b"\3" * 32
ETHER = 10**18


def commitment(number: int = 2, bond: int = 100 * ETHER) -> CommitmentRow:
    return CommitmentRow(bytes([number]) * 32, CLAIM, 0, 5, b"\4" * 32, b"\5" * 32, bond)


def transaction(number: int = 1, nonce: int = 7, state: TxState = TxState.WRITTEN) -> TransactionRow:
    named = (bytes([number]) * 32, nonce, "open", CLAIM, CHALLENGE, KEY, "0x" + "aa" * 20, b"\7")
    return TransactionRow(*named, 20 * ETHER, 100_000, 30 * 10**9, 10**9, b"\x02raw", state, 1.5 + number)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "folder" / "challenger.db")


def reopened(store: Store) -> Store:
    store.close()
    return Store(store.path)


def test_rows_read_back_as_written_after_the_process_died(store: Store) -> None:
    row, sent = commitment(), transaction()
    with store.transaction():
        store.add_commitment(row)
        store.add_transaction(sent)
    again = reopened(store)
    assert again.commitment(CHALLENGE) == row
    assert again.waiting() == [sent]
    assert again.bonds_at_stake() == 100 * ETHER  # over 64 bits


def test_half_a_transaction_leaves_nothing(store: Store) -> None:
    def dies() -> None:
        with store.transaction():
            store.add_commitment(commitment())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        dies()
    assert reopened(store).commitments() == []


def test_salt_cannot_be_overwritten(store: Store) -> None:
    store.add_commitment(commitment())
    with pytest.raises(sqlite3.IntegrityError):
        store.add_commitment(replace(commitment(), salt=b"\6" * 32))
    assert store.commitments()[0].salt == b"\4" * 32


@pytest.mark.parametrize(
    "other",
    [
        (2, "0x" + "aa" * 20, b"\1" * 32, "0x" + "bb" * 20),
        (1, "0x" + "ab" * 20, b"\1" * 32, "0x" + "bb" * 20),
        (1, "0x" + "aa" * 20, b"\2" * 32, "0x" + "bb" * 20),
        (1, "0x" + "aa" * 20, b"\1" * 32, "0x" + "bc" * 20),
    ],
    ids=["chain", "contract", "genesis", "account"],
)
def test_store_belongs_to_one_chain_contract_and_account(store: Store, other: tuple[int, str, bytes, str]) -> None:
    store.bind(1, "0x" + "AA" * 20, b"\1" * 32, "0x" + "BB" * 20)
    again = reopened(store)
    again.bind(1, "0x" + "aa" * 20, b"\1" * 32, "0x" + "bb" * 20)
    with pytest.raises(InputError) as refused:
        again.bind(*other)
    assert refused.value.code == "challenger_store_of_another_chain"


def test_store_of_a_later_version_is_refused(store: Store) -> None:
    store.close()
    with sqlite3.connect(store.path) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(InputError) as refused:
        Store(store.path)
    assert refused.value.code == "challenger_store_of_another_version"


def test_file_that_is_no_database_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are not the rows you are looking for " * 30)
    with pytest.raises(EnvironmentFailure) as refused:
        Store(path)
    assert refused.value.code == "challenger_store_unusable"


def test_reorganisation_undoes_what_was_read_and_reopens_what_was_sent(store: Store) -> None:
    for number in (5, 9):
        store.advance(Block(number, bytes([number]) * 32))
        store.record_claim(bytes([number]) * 32, KEY, number)
    early, late = transaction(1, 7), transaction(2, 8)
    for sent, block in ((early, 5), (late, 9)):
        store.add_transaction(sent)
        store.mark_broadcast(sent.hash, 3.0)
        store.settle(sent.hash, TxState.CONFIRMED, block, 21_000, 10**9)
    store.end_claim(b"\5" * 32)
    store.roll_back_above(5)
    assert [block.number for block in store.blocks()] == [5]
    assert [(known.block_number, known.ended) for known in store.claims()] == [(5, False)]
    (again,) = store.waiting()
    assert (again.hash, again.broadcast_at, again.block_number) == (late.hash, None, None)


def test_only_recent_blocks_are_kept(store: Store) -> None:
    for number in range(BLOCKS_KEPT + 10):
        store.advance(Block(number, bytes(32)))
    kept = [block.number for block in store.blocks()]
    assert (kept[0], kept[-1], len(kept)) == (BLOCKS_KEPT + 9, 10, BLOCKS_KEPT)


def test_verdict_survives_that_the_claim_is_seen_again(store: Store) -> None:
    store.record_claim(CLAIM, KEY, 5)
    store.judge(CLAIM, Verdict.WRONG)
    store.record_claim(CLAIM, KEY, 6)
    (known,) = store.claims(ended=False)
    assert (known.verdict, known.block_number) == (Verdict.WRONG, 6)


def test_gas_spent_counts_what_is_paid_and_the_dearest_of_what_waits_at_one_nonce(store: Store) -> None:
    store.add_transaction(transaction(1, 7))
    store.settle(b"\1" * 32, TxState.REVERTED, 5, 50_000, 10**9)
    store.add_transaction(transaction(2, 8))
    store.add_transaction(replace(transaction(3, 8), max_fee=40 * 10**9))
    store.add_transaction(transaction(4, 9, TxState.REPLACED))
    assert store.gas_spent() == 50_000 * 10**9 + 100_000 * 40 * 10**9
    assert store.highest_nonce() == 8
