"""What the challenger's file holds, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from sqlite3 import Row
from typing import Any


class Verdict(StrEnum):
    """What our own run says about a claim."""

    UNCHECKED = "unchecked"
    RIGHT = "right"
    WRONG = "wrong"
    REFUSED = "refused"  # we cannot tell; the reason says why


class TxState(StrEnum):
    """Of a transaction of ours. Nothing but WRITTEN can still be mined as far as confirmed blocks tell."""

    WRITTEN = "written"
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    REPLACED = "replaced"  # another transaction was mined with its nonce


@dataclass(frozen=True)
class Block:
    """A block by its number and 32-byte hash."""

    number: int
    hash: bytes


@dataclass(frozen=True)
class KnownClaim:
    """A claim that was seen in the log, and what we make of it."""

    claim_id: bytes
    request_id: bytes
    block_number: int
    verdict: Verdict
    reason: str
    ended: bool

    @classmethod
    def from_row(cls, row: Row) -> KnownClaim:
        ids = (bytes(row["claim_id"]), bytes(row["request_id"]))
        return cls(*ids, int(row["block_number"]), Verdict(row["verdict"]), str(row["reason"]), bool(row["ended"]))


@dataclass(frozen=True)
class CommitmentRow:
    """The secret behind a commitment, and the bond in wei that stands on it.

    `salt` is empty where the chain shows a commitment of ours that this store did not make. `proof` is what a
    commitment to `proveFault` is to, in JSON: what was published may be gone when it is needed. `ended` is how the
    challenge ended: won, lost, settled, abandoned; empty while it is open.
    """

    challenge_id: bytes
    claim_id: bytes
    kind: int
    index: int
    salt: bytes
    commitment: bytes
    bond: int
    proof: str = ""
    ended: str = ""

    @classmethod
    def from_row(cls, row: Row) -> CommitmentRow:
        ids = (bytes(row["challenge_id"]), bytes(row["claim_id"]))
        kind, index, salt, commitment = int(row["kind"]), int(row["idx"]), bytes(row["salt"]), bytes(row["commitment"])
        return cls(*ids, kind, index, salt, commitment, int(row["bond"]), str(row["proof"]), str(row["ended"]))


@dataclass(frozen=True)
class TransactionRow:
    """A signed transaction and what became of it; amounts in wei."""

    hash: bytes
    nonce: int
    purpose: str
    claim_id: bytes
    challenge_id: bytes
    position_key: bytes
    target: str
    data: bytes
    value: int
    gas: int
    max_fee: int
    priority_fee: int
    raw: bytes
    state: TxState
    created_at: float
    broadcast_at: float | None = None
    block_number: int | None = None
    gas_used: int | None = None
    gas_price: int | None = None

    @classmethod
    def from_row(cls, row: Row) -> TransactionRow:
        values: dict[str, Any] = {name: row[name] for name in row.keys()}  # noqa: SIM118
        values |= {name: int(values[name]) for name in ("value", "max_fee", "priority_fee")}
        values["state"] = TxState(values["state"])
        values["gas_price"] = None if values["gas_price"] is None else int(values["gas_price"])
        return cls(**values)

    def as_row(self) -> tuple[Any, ...]:
        """In the order of the table's columns."""
        amounts = (str(self.value), self.gas, str(self.max_fee), str(self.priority_fee))
        head = (self.hash, self.nonce, self.purpose, self.claim_id, self.challenge_id, self.position_key)
        price = None if self.gas_price is None else str(self.gas_price)
        end = (self.state, self.created_at, self.broadcast_at, self.block_number, self.gas_used, price)
        return (*head, self.target, self.data, *amounts, self.raw, *end)
