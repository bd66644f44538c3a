"""Where a claim and the challenges of it stand, read from the chain as of one block."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from circuits.errors import EnvironmentFailure
from contracts.client.dispute_events import Committed
from contracts.client.dispute_types import Challenge, Claim
from contracts.client.disputes import OptimisticClaims
from verifier.challenger.log_reader import LogReader
from verifier.dispute.rules import OVER
from verifier.dispute.types import ClaimStatus, Phase

# Blocks under the newest one read that are read again, since a reorganisation may have moved a commitment.
OVERLAP_BLOCKS = 64


@dataclass(frozen=True)
class OpenChallenge:
    """A challenge under way: whose turn it is, and until when in game time."""

    challenge_id: bytes
    challenge: Challenge
    defenders: bool
    deadline: int


@dataclass(frozen=True)
class Standing:
    """A claim after block `block`. `now` is the game time by our own clock, where that is ahead of the block's."""

    block: int
    claim: Claim
    game_time: int
    now: int
    paused: bool
    challenges: tuple[OpenChallenge, ...]


class ClaimReader:
    """Reads one claim again and again.

    Args:
        from_block: where the claim was made, or earlier.
        logs: of the endpoint, with its limits.
        clock: unix seconds. A chain that is idle has no block of now, but the next one will be.
    """

    def __init__(
        self,
        claims: OptimisticClaims,
        claim_id: bytes,
        from_block: int,
        logs: LogReader,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.claims = claims
        self.claim_id = claim_id
        self._from_block = from_block
        self._logs = logs
        self._clock = clock
        self._next = from_block
        self._known: dict[bytes, None] = {}
        self._ended: set[bytes] = set()

    def read(self) -> Standing:
        """Raises EnvironmentFailure `logs_missing` where the node's log does not have what its state counts."""
        block = self.claims.chain.block_number()
        claim = self.claims.claim_of(self.claim_id, block)
        game_time, paused = self.claims.game_time(block), self.claims.paused(block)
        behind = 0 if paused else max(0, int(self._clock()) - self.claims.chain.timestamp())
        found: tuple[OpenChallenge, ...] = ()
        if claim.status is ClaimStatus.PENDING:
            self._follow(block)
            found = self._open(block)
            if len(found) != claim.open_challenges:
                # A reorganisation, or a log that came late: nothing that was remembered counts.
                self._next, self._ended = self._from_block, set()
                self._follow(block)
                found = self._open(block)
            if len(found) != claim.open_challenges:
                message = f"the node shows {len(found)} of {claim.open_challenges} open challenges"
                raise EnvironmentFailure("logs_missing", message, block=block, claim_id="0x" + self.claim_id.hex())
        return Standing(block, claim, game_time, game_time + behind, paused, found)

    def _follow(self, block: int) -> None:
        first = max(self._from_block, self._next - OVERLAP_BLOCKS)
        events = self._logs.read(lambda a, b: self.claims.events(a, b, self.claim_id), first, block)
        self._known |= {event.challenge_id: None for event in events if isinstance(event, Committed)}
        self._next = block + 1

    def _open(self, block: int) -> tuple[OpenChallenge, ...]:
        found = []
        for challenge_id in self._known:
            if challenge_id in self._ended:
                continue
            challenge = self.claims.challenge_of(challenge_id, block)
            if challenge.at.phase in OVER:
                self._ended.add(challenge_id)
            elif challenge.at.phase is not Phase.NONE:  # what a reorganisation took away
                found.append(OpenChallenge(challenge_id, challenge, *self.claims.turn_of(challenge_id, block)))
        return tuple(found)
