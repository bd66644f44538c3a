"""index: y[o] = the first operand that is in bounds at o, or `fill`. Reshape, transpose, slice, concat, pad, expand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from circuits.program.ops.base import Op, Opcode


@dataclass(frozen=True)
class Index(Op):
    """Moves elements, computes nothing; bits and scale are the operands'."""

    opcode: ClassVar[Opcode] = Opcode.INDEX
    fill: int = 0

    def attributes(self) -> bytes:
        return self.fill.to_bytes(4, "big", signed=True)
