"""index: y[o] = the first operand that is in bounds at o, or `fill`. Reshape, transpose, slice, concat, pad, expand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from circuits.program import limits
from circuits.program.indexing import Read
from circuits.program.intervals import Interval, Operand, OpRange
from circuits.program.ops.base import Op, Opcode, in_bits


@dataclass(frozen=True)
class Index(Op):
    """Moves elements, computes nothing; bits and scale are the operands'."""

    opcode: ClassVar[Opcode] = Opcode.INDEX
    fill: int = 0

    def attributes(self) -> bytes:
        return self.fill.to_bytes(4, "big", signed=True)

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(1, limits.MAX_PORTS)
        self.require_elementwise()
        limits.require_i32(self.fill, "fill")

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        hull = operands[0].interval
        for operand in operands[1:]:
            hull = hull.hull(operand.interval)
        if not any(self.always_reads(i) for i in range(len(self.maps))):
            hull = hull.hull(Interval(self.fill, self.fill))
        return in_bits(hull, self.bits)

    def evaluate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        chosen = np.full(len(reads[0].values), self.fill, np.int64)
        for read in reversed(reads):
            chosen = np.where(read.in_bounds[:, 0], read.values[:, 0], chosen)
        return chosen
