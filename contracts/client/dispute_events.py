"""What OptimisticClaims says in its log, typed and with its place in the chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contracts.client.dispute_types import position_of
from contracts.client.hub import LogPosition
from verifier.dispute.types import Position


@dataclass(frozen=True)
class Claimed:
    """A claim was made; `top` and `locator` stand nowhere else."""

    claim_id: bytes
    request_id: bytes
    claimant: str
    key_digest: bytes
    input_root: bytes
    output_root: bytes
    trace_tree: bytes
    window_end: int  # game time
    top: tuple[bytes, ...]
    locator: str
    at: LogPosition


@dataclass(frozen=True)
class Committed:
    """A challenge was bonded."""

    claim_id: bytes
    challenge_id: bytes
    challenger: str
    commitment: bytes
    at: LogPosition


@dataclass(frozen=True)
class Picked:
    """A challenge moved to `position`."""

    claim_id: bytes
    challenge_id: bytes
    position_key: bytes
    position: Position
    at: LogPosition


@dataclass(frozen=True)
class Revealed:
    """The claimant answered at a position; `body` is the nodes, chunks or accumulators as they were sent."""

    claim_id: bytes
    challenge_id: bytes
    position_key: bytes
    root: bytes
    body: bytes
    at: LogPosition


@dataclass(frozen=True)
class ChallengeLost:
    claim_id: bytes
    challenge_id: bytes
    at: LogPosition


@dataclass(frozen=True)
class ChallengeSettled:
    claim_id: bytes
    challenge_id: bytes
    at: LogPosition


@dataclass(frozen=True)
class ClaimKilled:
    """A claim was overturned; `prize` in wei is the winner's, without its own bond."""

    claim_id: bytes
    challenge_id: bytes
    winner: str
    prize: int
    at: LogPosition


@dataclass(frozen=True)
class ClaimFinal:
    claim_id: bytes
    at: LogPosition


@dataclass(frozen=True)
class ClaimCancelled:
    claim_id: bytes
    at: LogPosition


ClaimEvent = (
    Claimed
    | Committed
    | Picked
    | Revealed
    | ChallengeLost
    | ChallengeSettled
    | ClaimKilled
    | ClaimFinal
    | ClaimCancelled
)


def _claimed(args: Any, at: LogPosition) -> Claimed:
    return Claimed(
        bytes(args["claimId"]),
        bytes(args["requestId"]),
        str(args["claimant"]),
        bytes(args["keyDigest"]),
        bytes(args["inputRoot"]),
        bytes(args["outputRoot"]),
        bytes(args["traceTree"]),
        int(args["windowEnd"]),
        tuple(bytes(word) for word in args["top"]),
        str(args["locator"]),
        at,
    )


def _ids(args: Any) -> tuple[bytes, bytes]:
    return bytes(args["claimId"]), bytes(args["challengeId"])


DECODERS: dict[str, Callable[[Any, LogPosition], ClaimEvent]] = {
    "Claimed": _claimed,
    "Committed": lambda a, at: Committed(*_ids(a), str(a["challenger"]), bytes(a["commitment"]), at),
    "Picked": lambda a, at: Picked(*_ids(a), bytes(a["positionKey"]), position_of(a["at"]), at),
    "Revealed": lambda a, at: Revealed(*_ids(a), bytes(a["positionKey"]), bytes(a["root"]), bytes(a["body"]), at),
    "ChallengeLost": lambda a, at: ChallengeLost(*_ids(a), at),
    "ChallengeSettled": lambda a, at: ChallengeSettled(*_ids(a), at),
    "ClaimKilled": lambda a, at: ClaimKilled(*_ids(a), str(a["winner"]), int(a["prize"]), at),
    "ClaimFinal": lambda a, at: ClaimFinal(bytes(a["claimId"]), at),
    "ClaimCancelled": lambda a, at: ClaimCancelled(bytes(a["claimId"]), at),
}
