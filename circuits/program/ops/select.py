"""compare: y[o] = 1 if a[o] REL b[o] else 0. select: y[o] = a[o] if c[o] == 1 else b[o]. Out of bounds reads 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from circuits.program.errors import ProgramError
from circuits.program.indexing import Read
from circuits.program.intervals import ZERO, Interval, Operand, OpRange
from circuits.program.ops.base import Op, Opcode, in_bits

ONE = Interval(1, 1)
BIT = Interval(0, 1)


class Relation(IntEnum):
    """What compare asks; numbers are hashed into model ids and never change."""

    LESS = 0
    LESS_OR_EQUAL = 1
    EQUAL = 2


@dataclass(frozen=True)
class Compare(Op):
    """Operands a, b. Greater is less with the operands exchanged."""

    opcode: ClassVar[Opcode] = Opcode.COMPARE
    relation: Relation

    def attributes(self) -> bytes:
        return bytes([self.relation])

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(2, 2)
        self.require_elementwise()

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        a, b = (self.hull_with_zero(i, operand.interval) for i, operand in enumerate(operands))
        if self.relation == Relation.LESS:
            always, never = a.hi < b.lo, a.lo >= b.hi
        elif self.relation == Relation.LESS_OR_EQUAL:
            always, never = a.hi <= b.lo, a.lo > b.hi
        else:
            always, never = a.lo == a.hi == b.lo == b.hi, a.hi < b.lo or b.hi < a.lo
        return OpRange(ONE if always else ZERO if never else BIT)

    def evaluate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        return self.holds(reads[0].values[:, 0], reads[1].values[:, 0])

    def holds(self, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The relation, element by element: 1 or 0."""
        if self.relation == Relation.LESS:
            return np.where(a < b, 1, 0)
        if self.relation == Relation.LESS_OR_EQUAL:
            return np.where(a <= b, 1, 0)
        return np.where(a == b, 1, 0)


@dataclass(frozen=True)
class Select(Op):
    """Operands c, a, b. Intervals prove that c is 0 or 1."""

    opcode: ClassVar[Opcode] = Opcode.SELECT

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(3, 3)
        self.require_elementwise()

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        c, a, b = (self.hull_with_zero(i, operand.interval) for i, operand in enumerate(operands))
        if not c.within(BIT):
            raise ProgramError(
                "program_range_overflow",
                f"condition lies in [{c.lo}, {c.hi}]; it has to be 0 or 1, as compare makes it",
                low=c.lo,
                high=c.hi,
            )
        return in_bits(a if c == ONE else b if c == ZERO else a.hull(b), self.bits)

    def evaluate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        c, a, b = (read.values[:, 0] for read in reads)
        return np.where(c == 1, a, b)
