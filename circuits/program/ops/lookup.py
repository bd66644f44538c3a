"""lookup: y[o] = table[x[o] - low]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from circuits.program.ops.base import Op, Opcode


@dataclass(frozen=True)
class Lookup(Op):
    """Operands x and table; the table is a constant of rank 1 with at most 2^16 entries, read at x - low.

    `maps[1]` is unused and has an empty view of rank 0. Intervals prove low <= x < low + len(table).
    """

    opcode: ClassVar[Opcode] = Opcode.LOOKUP
    low: int

    def attributes(self) -> bytes:
        return self.low.to_bytes(4, "big", signed=True)
