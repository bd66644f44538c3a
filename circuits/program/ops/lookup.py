"""lookup: y[o] = table[x[o] - low]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from circuits.program import limits
from circuits.program.errors import ProgramError
from circuits.program.indexing import Read
from circuits.program.intervals import Interval, Operand, OpRange
from circuits.program.ops.base import Op, Opcode, in_bits
from circuits.program.refs import UNMAPPED


@dataclass(frozen=True)
class Lookup(Op):
    """Operands x and table; the table is a constant of rank 1 with at most 2^16 entries, read at x - low.

    `maps[1]` is unused and has an empty view of rank 0. Intervals prove low <= x < low + len(table).
    """

    opcode: ClassVar[Opcode] = Opcode.LOOKUP
    low: int

    def attributes(self) -> bytes:
        return self.low.to_bytes(4, "big", signed=True)

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(2, 2)
        self.require_elementwise()
        limits.require_i32(self.low, "low")
        table = operands[1]
        if table.values is None or table.width != 4 or len(table.dims) != 1 or table.dims[0] > limits.MAX_TABLE:
            raise ProgramError(
                "program_bad_table",
                f"takes as table only a constant of rank 1, width 4 and at most {limits.MAX_TABLE} entries",
                dims=list(table.dims),
                width=table.width,
            )
        if self.maps[1] != UNMAPPED:
            raise ProgramError("program_bad_map", "has a map for its table, which is read at x - low")
        self.require_always_reads(0)

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        argument, table = operands[0].interval, operands[1].values
        if table is None:
            raise ProgramError("program_bad_table", "takes as table only a constant")
        known = Interval(self.low, self.low + table.size - 1)
        if not argument.within(known):
            raise ProgramError(
                "program_range_overflow",
                f"argument lies in [{argument.lo}, {argument.hi}], its table covers [{known.lo}, {known.hi}]; "
                "rescale the argument first",
                low=argument.lo,
                high=argument.hi,
            )
        reachable = table.reshape(-1)[argument.lo - self.low : argument.hi - self.low + 1]
        return in_bits(Interval.of_values(reachable), self.bits)

    def evaluate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        argument, table = reads[0].values[:, 0], reads[1].tensor
        entries: npt.NDArray[np.int64] = table[argument - self.low]
        return entries
