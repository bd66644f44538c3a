"""max: y[o] = the largest of all operands over all inner points that are in bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from circuits.program.ops.base import Op, Opcode


@dataclass(frozen=True)
class Max(Op):
    """Relu is max(x, 0); MaxPool has an inner window. Out of bounds is left out; at least one point is in bounds."""

    opcode: ClassVar[Opcode] = Opcode.MAX
