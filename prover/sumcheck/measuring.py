"""What a phase of this process costs."""

from __future__ import annotations

import time
from types import TracebackType

from prover.backend import PhaseReport, Phases, Progress
from prover.peak_memory import peak_memory_bytes


class Stopwatch:
    """Tells `progress` that a phase begins and ends, and adds its report to `phases`."""

    def __init__(self, name: str, phases: Phases, progress: Progress) -> None:
        self._name, self._phases, self._progress = name, phases, progress

    def __enter__(self) -> None:
        self._progress(self._name, None)
        self._start = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            seconds = time.perf_counter() - self._start
            self._phases.add(PhaseReport(self._name, seconds, peak_memory_bytes()))
            self._progress(self._name, 1.0)
