"""What a phase of this process costs."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from types import TracebackType

from prover.backend import PhaseReport, Phases, Progress


def peak_memory_bytes() -> int:
    """The most that this process ever had resident. Linux counts its parent's in `ru_maxrss`, across the exec."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


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
