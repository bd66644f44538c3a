"""Work that is done again and again in its own thread, until the service stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from circuits.errors import EnvironmentFailure, InferproofError

log = structlog.get_logger()

MAX_BACKOFF_S = 30.0
STALE_AFTER = 10  # intervals without success, but at least STALE_S
STALE_S = 60.0


class Loop:
    """Calls `work` every `interval_s`. What lies outside may fail and is tried again, ever more slowly.

    Anything else is a bug: the loop ends and calls `on_bug`, so that the service stops loudly instead of half-working.
    """

    def __init__(
        self,
        name: str,
        interval_s: float,
        work: Callable[[], object],
        stopping: threading.Event,
        on_bug: Callable[[], None],
    ) -> None:
        self.name = name
        self._interval_s = interval_s
        self._work = work
        self._stopping = stopping
        self._on_bug = on_bug
        self._succeeded_at = time.monotonic()
        self._problem = ""
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def check(self) -> str:
        """For /ready: raises EnvironmentFailure("loop_stuck") when nothing has succeeded for long."""
        age = time.monotonic() - self._succeeded_at
        if self._ended or age > max(STALE_S, STALE_AFTER * self._interval_s):
            raise EnvironmentFailure("loop_stuck", f"{self.name} last succeeded {age:.0f} s ago; {self._problem}")
        return f"succeeded {age:.1f} s ago"

    def _run(self) -> None:
        failures = 0
        finished = False
        try:
            while not self._stopping.is_set():
                failures = 0 if self._once() else failures + 1
                wait = self._interval_s * (1 << min(failures, 10))
                self._stopping.wait(min(wait, max(MAX_BACKOFF_S, self._interval_s)))
            finished = True
        finally:
            self._ended = True
            if not finished:
                self._on_bug()

    def _once(self) -> bool:
        try:
            self._work()
        except InferproofError as error:
            self._problem = f"{error.code}: {error.message}"
            log.warning("loop_failed", loop=self.name, **error.as_dict())
            return False
        except SQLAlchemyError as error:
            self._problem = f"database_unusable: {error}"
            log.warning("loop_failed", loop=self.name, code="database_unusable", message=str(error))
            return False
        self._succeeded_at, self._problem = time.monotonic(), ""
        return True
