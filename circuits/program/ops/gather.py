"""gather: y[o] = x[o, k = p[o]], an index that is computed. Embeddings, GatherElements, permutations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from circuits.program.errors import ProgramError
from circuits.program.indexing import Read
from circuits.program.intervals import Operand, OpRange
from circuits.program.ops.base import Op, Opcode, in_bits


@dataclass(frozen=True)
class Gather(Op):
    """Operands x and p. p is read at o, and chooses the inner point (in row-major order) at which x is read.

    Both are always in bounds; intervals prove 0 <= p < number of inner points.
    """

    opcode: ClassVar[Opcode] = Opcode.GATHER

    def iteration_of(self, operand: int) -> tuple[int, ...]:
        return self.dims + (1,) * len(self.inner) if operand == 1 else self.iteration

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(2, 2)
        self.require_read_at_output(1)
        self.require_always_reads(0)
        self.require_always_reads(1)

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        position, points = operands[1].interval, math.prod(self.inner)
        if position.lo < 0 or position.hi >= points:
            raise ProgramError(
                "program_range_overflow",
                f"position lies in [{position.lo}, {position.hi}], outside [0, {points - 1}]; clip it first",
                low=position.lo,
                high=position.hi,
                points=points,
            )
        return in_bits(operands[0].interval, self.bits)

    def fold(self, slices: Iterable[Sequence[Read]]) -> npt.NDArray[np.int64]:
        chosen, first = np.zeros(1, np.int64), 0
        for reads in slices:
            x, position = reads[0].values, reads[1].values - first
            points = x.shape[1]
            here = np.take_along_axis(x, np.clip(position, 0, points - 1), axis=1)
            chosen = np.where((position >= 0) & (position < points), here, chosen[:, None])[:, 0]
            first += points
        return chosen
