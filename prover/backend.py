"""What every route's prover has in common: estimates before the work, progress during it, figures after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

# Called with the name of the phase and the fraction done in [0, 1] (None: not known).
Progress = Callable[[str, float | None], None]


def silent(phase: str, fraction: float | None) -> None:
    """The progress callback of a caller who does not want to know."""


@dataclass(frozen=True)
class Estimate:
    """What proving will cost, told before it starts. Seconds on two cores, bytes of peak memory.

    `rows` are a circuit's; `srs_k` is the least k of an SRS that the key can stand on. None where a route has none.
    """

    setup_s: float
    prove_s: float
    peak_memory_bytes: int
    disk_bytes: int
    rows: int | None = None
    srs_k: int | None = None


@dataclass(frozen=True)
class PhaseReport:
    """What one phase did cost: wall seconds, peak memory of its process until its end, whether a cache answered."""

    name: str
    seconds: float
    peak_memory_bytes: int = 0
    cached: bool = False


@dataclass
class Phases:
    """Reports in the order in which the phases ended."""

    reports: list[PhaseReport] = field(default_factory=list)

    def add(self, report: PhaseReport) -> None:
        self.reports.append(report)

    def as_list(self) -> list[dict[str, object]]:
        return [
            {"name": r.name, "seconds": r.seconds, "peak_memory_bytes": r.peak_memory_bytes, "cached": r.cached}
            for r in self.reports
        ]
