"""Money and time of a game (docs/protocol/optimistic.md sections 4 and 5)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from verifier.dispute.errors import DisputeError

MAX_PAUSE_S = 7 * 24 * 3600
BETWEEN_PAUSES_S = 7 * 24 * 3600


@dataclass(frozen=True)
class Moment:
    """A block: its time in seconds and its number."""

    time: int
    block: int


@dataclass
class Ledger:
    """Wei: what came in is what somebody may withdraw, what is burnt, and what is still at stake."""

    paid_in: int = 0
    burnt: int = 0
    credits: Counter[str] = field(default_factory=Counter)

    @property
    def at_stake(self) -> int:
        return self.paid_in - self.burnt - sum(self.credits.values())

    def take(self, value: int, bond: int) -> None:
        if value != bond:
            raise DisputeError("wrong_value", f"the bond is {bond} wei, got {value}", expected=bond, got=value)
        self.paid_in += value


class GameClock:
    """Game time: seconds of block time in which nothing was paused."""

    def __init__(self, guardian: str) -> None:
        self.guardian = guardian
        self.paused_at: int | None = None
        self._next_pause = 0
        self._paused_seconds = 0

    def at(self, when: Moment) -> int:
        return (when.time if self.paused_at is None else self.paused_at) - self._paused_seconds

    def require_running(self) -> None:
        if self.paused_at is not None:
            raise DisputeError("paused", f"paused since {self.paused_at}", since=self.paused_at)

    def require_guardian(self, sender: str) -> None:
        if sender != self.guardian:
            raise DisputeError("wrong_mover", f"only the guardian may, not {sender}", sender=sender)

    def require_paused(self) -> None:
        if self.paused_at is None:
            raise DisputeError("wrong_phase", "possible only in a pause")

    def pause(self, when: Moment, sender: str) -> None:
        self.require_running()
        self.require_guardian(sender)
        if when.time < self._next_pause:
            raise DisputeError("too_early", f"no pause before {self._next_pause}", allowed_at=self._next_pause)
        self.paused_at = when.time

    def unpause(self, when: Moment, sender: str) -> None:
        self.require_paused()
        since = self.paused_at or 0
        if when.time < since + MAX_PAUSE_S:
            self.require_guardian(sender)
        self._paused_seconds += when.time - since
        self.paused_at, self._next_pause = None, when.time + BETWEEN_PAUSES_S
