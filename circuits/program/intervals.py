"""Intervals of exact integers, and what an op's range rule sees and says (docs/protocol/program.md section 5)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Interval:
    """All integers from lo to hi, both included; lo <= hi."""

    lo: int
    hi: int

    @classmethod
    def of_bits(cls, bits: int) -> Interval:
        """Two's complement."""
        return cls(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    @classmethod
    def of_values(cls, values: npt.NDArray[np.int64]) -> Interval:
        """From the least to the largest; [0, 0] for no values."""
        if not values.size:
            return ZERO
        return cls(int(values.min()), int(values.max()))

    @property
    def magnitude(self) -> int:
        return max(abs(self.lo), abs(self.hi))

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.lo + other.lo, self.hi + other.hi)

    def scaled(self, factor: int) -> Interval:
        return Interval(*sorted((self.lo * factor, self.hi * factor)))

    def times(self, other: Interval) -> Interval:
        """The products of any two members, by their corners."""
        corners = [x * y for x in (self.lo, self.hi) for y in (other.lo, other.hi)]
        return Interval(min(corners), max(corners))

    def hull(self, other: Interval) -> Interval:
        return Interval(min(self.lo, other.lo), max(self.hi, other.hi))

    def clamped(self, other: Interval) -> Interval:
        """Where this interval's members end up when each is clamped to `other`."""
        return Interval(min(max(self.lo, other.lo), other.hi), min(max(self.hi, other.lo), other.hi))

    def within(self, other: Interval) -> bool:
        return other.lo <= self.lo and self.hi <= other.hi


ZERO = Interval(0, 0)
# For every output, the sum of the positive weights and that of the negative ones' absolute values.
Sums = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Operand:
    """What the rules of an op know of one operand. `values` (flat or shaped) is there for constants alone.

    `sums` remembers what contract has found out about a constant, so that weights which many ops read in the same way
    (an unrolled recurrence) are summed once.
    """

    dims: tuple[int, ...]
    width: int
    interval: Interval
    values: npt.NDArray[np.int64] | None = None
    sums: dict[Hashable, Sums] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class OpRange:
    """Where an op's output lies, and for an accumulating op also its accumulator.

    `magnitude` bounds every partial sum in any order; `saturates` says whether the clamp can act.
    """

    output: Interval
    accumulator: Interval | None = None
    magnitude: int = 0
    saturates: bool = False
