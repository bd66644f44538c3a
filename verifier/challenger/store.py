"""The challenger's memory: one SQLite file, in which everything stands before the chain can know of it.

A crash at any point leaves either nothing, or a row from which the next pass goes on: a commitment's salt is written
before its transaction, a transaction's bytes before they are broadcast. What is not here is read from the chain again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from circuits.errors import EnvironmentFailure, InputError
from verifier.challenger.records import Block, CommitmentRow, KnownClaim, TransactionRow, TxState, Verdict

SCHEMA_VERSION = 1
BLOCKS_KEPT = 512  # a reorganisation deeper than all of them starts over from the first block
BUSY_TIMEOUT_S = 30

# Amounts of wei are text: they do not fit SQLite's 64-bit integers.
SCHEMA = """
CREATE TABLE bound (chain_id INTEGER NOT NULL, contract TEXT NOT NULL, genesis BLOB NOT NULL, account TEXT NOT NULL);
CREATE TABLE blocks (number INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE claims (
    claim_id BLOB PRIMARY KEY, request_id BLOB NOT NULL, block_number INTEGER NOT NULL,
    verdict TEXT NOT NULL, reason TEXT NOT NULL, ended INTEGER NOT NULL
);
CREATE TABLE commitments (
    challenge_id BLOB PRIMARY KEY, claim_id BLOB NOT NULL, kind INTEGER NOT NULL, idx INTEGER NOT NULL,
    salt BLOB NOT NULL, commitment BLOB NOT NULL, bond TEXT NOT NULL, proof TEXT NOT NULL, ended TEXT NOT NULL
);
CREATE TABLE transactions (
    hash BLOB PRIMARY KEY, nonce INTEGER NOT NULL, purpose TEXT NOT NULL, claim_id BLOB NOT NULL,
    challenge_id BLOB NOT NULL, position_key BLOB NOT NULL, target TEXT NOT NULL, data BLOB NOT NULL,
    value TEXT NOT NULL, gas INTEGER NOT NULL, max_fee TEXT NOT NULL, priority_fee TEXT NOT NULL, raw BLOB NOT NULL,
    state TEXT NOT NULL, created_at REAL NOT NULL, broadcast_at REAL, block_number INTEGER, gas_used INTEGER,
    gas_price TEXT
);
CREATE INDEX transactions_by_state ON transactions (state, nonce);
"""

TRANSACTION_FIELDS = (
    "hash nonce purpose claim_id challenge_id position_key target data value gas max_fee priority_fee raw state "
    "created_at broadcast_at block_number gas_used gas_price"
)


class Store:
    """Opens or makes the file; `path` may be ":memory:" for a challenger that never stakes."""

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        try:
            if self.path != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._migrate()
        except (OSError, sqlite3.Error) as error:
            raise EnvironmentFailure(
                "challenger_store_unusable", f"{self.path} cannot be used: {error}", path=self.path
            ) from error

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, or nothing. The write lock is taken at once, so that none fails half way."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _migrate(self) -> None:
        found = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if found == SCHEMA_VERSION:
            return
        if found != 0:
            message = f"{self.path} is of schema {found}, this program knows {SCHEMA_VERSION}"
            raise InputError("challenger_store_of_another_version", message, found=found, known=SCHEMA_VERSION)
        self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")

    def bind(self, chain_id: int, contract: str, genesis: bytes, account: str) -> None:
        """Ties a fresh file to one chain, contract and account, and refuses any other for ever after."""
        mine = (chain_id, contract.lower(), genesis, account.lower())
        row = self._db.execute("SELECT chain_id, contract, genesis, account FROM bound").fetchone()
        if row is None:
            self._db.execute("INSERT INTO bound VALUES (?, ?, ?, ?)", mine)
        elif tuple(row) != mine:
            message = f"{self.path} belongs to another chain, contract or account: name another file with --store"
            raise InputError("challenger_store_of_another_chain", message, path=self.path, chain_id=int(row[0]))

    # What was read of the chain.

    def blocks(self) -> list[Block]:
        """The blocks up to which the log was read, newest first."""
        rows = self._db.execute("SELECT number, hash FROM blocks ORDER BY number DESC")
        return [Block(int(r["number"]), bytes(r["hash"])) for r in rows]

    def advance(self, block: Block) -> None:
        self._db.execute("INSERT OR REPLACE INTO blocks VALUES (?, ?)", (block.number, block.hash))
        newest = "SELECT number FROM blocks ORDER BY number DESC LIMIT ?"
        self._db.execute(f"DELETE FROM blocks WHERE number NOT IN ({newest})", (BLOCKS_KEPT,))

    def roll_back_above(self, number: int) -> None:
        """Forgets what was read after a block; what was sent is asked about, and sent, again."""
        self._db.execute("DELETE FROM blocks WHERE number > ?", (number,))
        self._db.execute("DELETE FROM claims WHERE block_number > ?", (number,))
        self._db.execute("UPDATE claims SET ended = 0")
        self._db.execute("UPDATE commitments SET ended = ''")
        again = "UPDATE transactions SET state = ?, block_number = NULL WHERE block_number > ?"
        self._db.execute(again, (TxState.WRITTEN, number))
        self._db.execute("UPDATE transactions SET broadcast_at = NULL WHERE state = ?", (TxState.WRITTEN,))

    def record_claim(self, claim_id: bytes, request_id: bytes, block_number: int) -> None:
        """A claim seen again keeps its verdict: its id binds everything the verdict rests on."""
        self._db.execute(
            "INSERT INTO claims VALUES (?, ?, ?, ?, '', 0) "
            "ON CONFLICT (claim_id) DO UPDATE SET block_number = excluded.block_number",
            (claim_id, request_id, block_number, Verdict.UNCHECKED),
        )

    def judge(self, claim_id: bytes, verdict: Verdict, reason: str = "") -> None:
        self._db.execute("UPDATE claims SET verdict = ?, reason = ? WHERE claim_id = ?", (verdict, reason, claim_id))

    def note(self, claim_id: bytes, reason: str) -> None:
        """Why a claim was not dealt with; its verdict stays."""
        self._db.execute("UPDATE claims SET reason = ? WHERE claim_id = ?", (reason, claim_id))

    def end_claim(self, claim_id: bytes) -> None:
        self._db.execute("UPDATE claims SET ended = 1 WHERE claim_id = ?", (claim_id,))

    def claims(self, *, ended: bool | None = None) -> list[KnownClaim]:
        """In the order in which they were made; all of them, or those of which the chain knows (no) end."""
        where = "" if ended is None else f"WHERE ended = {int(ended)}"
        rows = self._db.execute(f"SELECT * FROM claims {where} ORDER BY block_number, claim_id")
        return [KnownClaim.from_row(row) for row in rows]

    # What is at stake.

    def add_commitment(self, row: CommitmentRow) -> None:
        secret = (row.kind, row.index, row.salt, row.commitment)
        values = (row.challenge_id, row.claim_id, *secret, str(row.bond), row.proof, row.ended)
        self._db.execute("INSERT INTO commitments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def commitments(self, claim_id: bytes | None = None) -> list[CommitmentRow]:
        where, values = ("", ()) if claim_id is None else (" WHERE claim_id = ?", (claim_id,))
        rows = self._db.execute(f"SELECT * FROM commitments{where} ORDER BY rowid", values)
        return [CommitmentRow.from_row(row) for row in rows]

    def commitment(self, challenge_id: bytes) -> CommitmentRow | None:
        row = self._db.execute("SELECT * FROM commitments WHERE challenge_id = ?", (challenge_id,)).fetchone()
        return None if row is None else CommitmentRow.from_row(row)

    def end_commitment(self, challenge_id: bytes, how: str) -> None:
        """`how`: won, lost, settled, or abandoned if it never reached the chain."""
        self._db.execute("UPDATE commitments SET ended = ? WHERE challenge_id = ?", (how, challenge_id))

    def bonds_at_stake(self) -> int:
        """Wei in challenges whose end is not known."""
        rows = self._db.execute("SELECT bond FROM commitments WHERE ended = ''")
        return sum(int(row["bond"]) for row in rows)

    # What was sent.

    def add_transaction(self, row: TransactionRow) -> None:
        marks = ", ".join("?" * len(TRANSACTION_FIELDS.split()))
        self._db.execute(f"INSERT INTO transactions VALUES ({marks})", row.as_row())

    def waiting(self) -> list[TransactionRow]:
        """Transactions of which no confirmed end is known, oldest nonce first."""
        return self._transactions("state = ? ORDER BY nonce, created_at", TxState.WRITTEN)

    def of_move(self, challenge_id: bytes, purpose: str, position_key: bytes) -> list[TransactionRow]:
        """What was sent to make this move; several where the fee was raised or an attempt reverted."""
        where = "challenge_id = ? AND purpose = ? AND position_key = ? ORDER BY created_at"
        return self._transactions(where, challenge_id, purpose, position_key)

    def transactions(self) -> list[TransactionRow]:
        return self._transactions("1 ORDER BY nonce, created_at")

    def highest_nonce(self) -> int | None:
        """Of the transactions that may still be mined."""
        row = self._db.execute("SELECT MAX(nonce) AS top FROM transactions WHERE state = ?", (TxState.WRITTEN,))
        top = row.fetchone()["top"]
        return None if top is None else int(top)

    def mark_broadcast(self, tx_hash: bytes, now: float) -> None:
        self._db.execute("UPDATE transactions SET broadcast_at = ? WHERE hash = ?", (now, tx_hash))

    def settle(
        self, tx_hash: bytes, state: TxState, block: int | None, gas_used: int | None, price: int | None
    ) -> None:
        change = "UPDATE transactions SET state = ?, block_number = ?, gas_used = ?, gas_price = ? WHERE hash = ?"
        self._db.execute(change, (state, block, gas_used, None if price is None else str(price), tx_hash))

    def wei_on_its_way(self) -> int:
        """What transactions of which no end is known would take along, one of each nonce."""
        values: dict[int, int] = {}
        for row in self.waiting():
            values[row.nonce] = max(values.get(row.nonce, 0), row.value)
        return sum(values.values())

    def gas_spent(self) -> int:
        """Wei for gas: paid, and at most to be paid for what is still waiting."""
        total = 0
        reserved: dict[int, int] = {}
        for row in self.transactions():
            if row.state is TxState.WRITTEN:
                reserved[row.nonce] = max(reserved.get(row.nonce, 0), row.gas * row.max_fee)
            elif row.gas_used is not None and row.gas_price is not None:
                total += row.gas_used * row.gas_price
        return total + sum(reserved.values())

    def _transactions(self, where: str, *values: Any) -> list[TransactionRow]:
        rows = self._db.execute(
            f"SELECT {TRANSACTION_FIELDS.replace(' ', ', ')} FROM transactions WHERE {where}", values
        )
        return [TransactionRow.from_row(row) for row in rows]
