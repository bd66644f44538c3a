"""What the service remembers of a chain: blocks it has read, requests it has seen, transactions it has written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.client.types import Request, Tensor


class Seen(StrEnum):
    """What became of a request that a log announced."""

    WAITING = "waiting"  # not looked at yet, or its program is not held here (yet)
    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(frozen=True)
class Block:
    number: int
    hash: str


@dataclass(frozen=True)
class HubRequest:
    """A request as its log told it. `block` is None while a reorganisation has taken the log away."""

    request_id: str
    request: Request
    inputs: tuple[Tensor, ...]
    block: Block | None
    tx_hash: str
    log_index: int
    seen: Seen = Seen.WAITING
    reason: str | None = None


class Purpose(StrEnum):
    ASSIGN = "assign"
    FULFIL = "fulfil"


class TxState(StrEnum):
    """`written` covers everything from the signature to the receipt: the hash tells which."""

    WRITTEN = "written"
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    SUPERSEDED = "superseded"  # another transaction took its nonce; it can never be mined


@dataclass(frozen=True)
class OutboxTransaction:
    """A signed transaction, stored before it is ever broadcast."""

    job_id: str
    purpose: Purpose
    chain_id: int
    sender: str
    nonce: int
    hash: str
    raw: bytes
    state: TxState = TxState.WRITTEN
    created_at: float = 0.0
    broadcast_at: float | None = None
    block_number: int | None = None
    gas_used: int | None = None
