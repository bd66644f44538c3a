"""What a pass has to do about claims, one by one: no claim's trouble keeps the others waiting, whosever fault it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog

from circuits.errors import InferproofError
from verifier.challenger.judging import UnderWay

log = structlog.get_logger()

UNEXPECTED = "unexpected_error"
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 60.0  # a clock may be running in it
LONGEST_WAIT_S = 60.0
REFUSED_RETRY_S = 60.0  # so that what cannot be dealt with is no reason to be busy


@dataclass(frozen=True)
class Errand:
    """`challenge_id` is empty where it is about the claim itself."""

    claim_id: bytes
    challenge_id: bytes
    act: Callable[[], None]


@dataclass(frozen=True)
class Notice:
    """Something that its operator should hear of. `code` is stable."""

    code: str
    claim_id: bytes
    challenge_id: bytes = b""
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict)


Notify = Callable[[Notice], None]


@dataclass
class _Trouble:
    attempts: int
    again_at: float


class Errands:
    """Does what is due, and keeps what went wrong for later.

    Args:
        wait: for an answer that an errand needs, at most so many seconds.
        tell: what the operator hears; the same once only.
        note: keeps the reason why a claim could not be dealt with; empty: it could.
    """

    def __init__(self, wait: Callable[[float], None], tell: Notify, note: Callable[[bytes, str], None]) -> None:
        self._wait = wait
        self._tell = tell
        self._note = note
        self._troubles: dict[tuple[bytes, bytes], _Trouble] = {}
        self.unexpected = 0  # errors of our own making so far

    def run(self, errands: Iterable[Errand], patience_s: float) -> None:
        """All of them, in order; those that wait for an answer again when there is one, while patience lasts."""
        until = time.monotonic() + patience_s
        waiting = [errand for errand in errands if not self._done(errand)]
        while waiting and time.monotonic() < until:
            self._wait(min(LONGEST_WAIT_S, until - time.monotonic()))
            waiting = [errand for errand in waiting if time.monotonic() >= until or not self._done(errand)]

    def put_off(self, claim_id: bytes, seconds: float) -> None:
        """Nothing more is done about the claim itself for so long; its challenges are played on."""
        self._troubles[claim_id, b""] = _Trouble(0, time.monotonic() + seconds)

    def _done(self, errand: Errand) -> bool:
        """False: it waits for an answer."""
        place = (errand.claim_id, errand.challenge_id)
        trouble = self._troubles.get(place)
        if trouble is not None and time.monotonic() < trouble.again_at:
            return True
        try:
            errand.act()
        except UnderWay:
            return False
        except InferproofError as error:
            if error.code == "chain_unreachable":
                raise  # it keeps all claims waiting
            self._tell(Notice(error.code, *place, error.message, error.details))
            if not errand.challenge_id:
                self.put_off(errand.claim_id, REFUSED_RETRY_S)
        # The one place that catches whatever it is: an error in our own handling of one claim, which anybody may have
        # made for that purpose, must not leave the deadlines of all others unwatched. It is logged, told and counted.
        except Exception as error:  # noqa: BLE001
            self._failed(place, 0 if trouble is None else trouble.attempts, error)
            return True
        if trouble is not None and trouble is self._troubles.get(place):
            del self._troubles[place]
            if trouble.attempts:
                self._note(errand.claim_id, "")
        return True

    def _failed(self, place: tuple[bytes, bytes], attempts: int, error: Exception) -> None:
        self.unexpected += 1
        wait_s = min(LAST_RETRY_S, FIRST_RETRY_S * 2.0**attempts)
        self._troubles[place] = _Trouble(attempts + 1, time.monotonic() + wait_s)
        log.exception("claim_failed", claim_id=place[0].hex(), attempts=attempts + 1, again_in_s=wait_s)
        self._note(place[0], UNEXPECTED)
        message = f"an error of our own: {type(error).__name__}; the log says where, and it is tried again"
        self._tell(Notice(UNEXPECTED, *place, message))
