"""max: the largest of all operands over all inner points. argmax: the inner point where one operand is largest.

Out of bounds is left out, and every output has a point in bounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from circuits.program import limits
from circuits.program.errors import ProgramError
from circuits.program.indexing import Read, hits
from circuits.program.intervals import Interval, Operand, OpRange
from circuits.program.ops.base import Op, Opcode, in_bits

# Below every 32-bit value: what a point out of bounds counts as.
NEVER = -(2**62)


def require_a_point(op: Op) -> None:
    """Refuses an op with an output for which no operand is in bounds at any inner point."""
    if 0 in op.dims:
        return
    covered = np.array(False)
    if 0 not in op.inner:
        inner_axes = tuple(range(len(op.dims), len(op.iteration)))
        for how in op.maps:
            covered = covered | hits(how, op.iteration).any(inner_axes)
    if not covered.all():
        raise ProgramError("program_bad_map", "has an output for which every point is out of bounds")


@dataclass(frozen=True)
class Max(Op):
    """Relu is max(x, 0); MaxPool has an inner window."""

    opcode: ClassVar[Opcode] = Opcode.MAX

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(1, limits.MAX_PORTS)
        require_a_point(self)

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        intervals = [operand.interval for operand in operands]
        certain = [interval.lo for i, interval in enumerate(intervals) if self.always_reads(i)]
        low = max(certain) if certain else min(i.lo for i in intervals)
        return in_bits(Interval(low, max(i.hi for i in intervals)), self.bits)

    def fold(self, slices: Iterable[Sequence[Read]]) -> npt.NDArray[np.int64]:
        largest: npt.NDArray[np.int64] = np.array([NEVER])
        for reads in slices:
            for read in reads:
                largest = np.maximum(largest, np.where(read.in_bounds, read.values, NEVER).max(axis=1))
        return largest


@dataclass(frozen=True)
class Argmax(Op):
    """One operand. The inner point is given by its number in row-major order; of equal ones, the lowest."""

    opcode: ClassVar[Opcode] = Opcode.ARGMAX

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(1, 1)
        require_a_point(self)

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        return in_bits(Interval(0, math.prod(self.inner) - 1), self.bits)

    def fold(self, slices: Iterable[Sequence[Read]]) -> npt.NDArray[np.int64]:
        chosen, largest, first = np.zeros(1, np.int64), np.array([NEVER]), 0
        for (read,) in slices:
            values = np.where(read.in_bounds, read.values, NEVER)
            # Of equal ones NumPy's argmax takes the first, and an earlier slice goes before a later one.
            here, most = values.argmax(axis=1), values.max(axis=1)
            chosen = np.where(most > largest, first + here, chosen)
            largest = np.maximum(largest, most)
            first += values.shape[1]
        return chosen
