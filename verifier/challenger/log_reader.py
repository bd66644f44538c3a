"""Reading the log in ranges that a provider accepts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog

from circuits.errors import EnvironmentFailure

T = TypeVar("T")

log = structlog.get_logger()

LARGEST_RANGE = 2_000  # blocks
GROW_AFTER = 16


class LogReader:
    """Asks for a range of blocks piece by piece; a piece that the provider finds too large is halved.

    Shared by everything that reads one endpoint's log, so that its limit is learnt once.
    """

    def __init__(self, largest: int = LARGEST_RANGE) -> None:
        self._largest = largest
        self._size = largest
        self._successes = 0

    def read(self, ask: Callable[[int, int], list[T]], first: int, last: int) -> list[T]:
        """Everything in first <= block <= last, oldest first."""
        found: list[T] = []
        while first <= last:
            stop = min(last, first + self._size - 1)
            piece = self._ask(ask, first, stop)
            if piece is not None:
                found += piece
                first = stop + 1
        return found

    def newest(self, ask: Callable[[int, int], list[T]], first: int, last: int) -> T | None:
        """The newest match, searched from the end: what is asked for is usually young."""
        while first <= last:
            start = max(first, last - self._size + 1)
            piece = self._ask(ask, start, last)
            if piece:
                return piece[-1]
            if piece is not None:
                last = start - 1
        return None

    def _ask(self, ask: Callable[[int, int], list[T]], first: int, last: int) -> list[T] | None:
        """None where a smaller range is worth asking for."""
        try:
            found = ask(first, last)
        except EnvironmentFailure as error:
            if error.code != "chain_refused" or first == last:
                raise
            log.info("log_range_refused", blocks=last - first + 1, reason=error.message)
            self._size, self._successes = max(1, (last - first + 1) // 2), 0
            return None
        # Grows again, but rarely: every attempt at too much is an exchange for nothing.
        self._successes += last - first + 1 == self._size
        if self._successes >= GROW_AFTER:
            self._size, self._successes = min(self._largest, self._size * 2), 0
        return found
