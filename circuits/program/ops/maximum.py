"""max: y[o] = the largest of all operands over all inner points that are in bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from circuits.program import limits
from circuits.program.errors import ProgramError
from circuits.program.indexing import Read, always_in_bounds, strided_view
from circuits.program.intervals import Interval, Operand, OpRange
from circuits.program.ops.base import Op, Opcode, in_bits

# Below every 32-bit value: what a point out of bounds counts as.
NEVER = -(2**62)


@dataclass(frozen=True)
class Max(Op):
    """Relu is max(x, 0); MaxPool has an inner window. Out of bounds is left out; at least one point is in bounds."""

    opcode: ClassVar[Opcode] = Opcode.MAX

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(1, limits.MAX_PORTS)
        if any(always_in_bounds(how, self.iteration) for how in self.maps):
            return
        inner_axes = tuple(range(len(self.dims), len(self.iteration)))
        covered = np.zeros(self.dims, np.bool_)
        for how in self.maps:
            covered |= strided_view(np.ones(math.prod(how.view), np.bool_), how, self.iteration).any(inner_axes)
        if not covered.all():
            raise ProgramError("program_bad_map", "has an output for which every point is out of bounds")

    def bound(self, operands: Sequence[Operand]) -> OpRange:
        intervals = [operand.interval for operand in operands]
        certain = [i.lo for i, how in zip(intervals, self.maps, strict=True) if always_in_bounds(how, self.iteration)]
        low = max(certain) if certain else min(i.lo for i in intervals)
        return in_bits(Interval(low, max(i.hi for i in intervals)), self.bits)

    def evaluate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        best = [np.where(read.in_bounds, read.values, NEVER).max(axis=1) for read in reads]
        largest: npt.NDArray[np.int64] = np.max(np.stack(best), axis=0)
        return largest
