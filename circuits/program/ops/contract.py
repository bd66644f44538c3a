"""contract: y[o] = rescale(sum_k a[o, k] * b[o, k] + bias[o]). MatMul, Gemm and convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from circuits.program.ops.base import Accumulating, Opcode


@dataclass(frozen=True)
class Contract(Accumulating):
    """Operands a, b, and optionally a bias (a constant of width 8, at accumulator scale). Out of bounds reads 0."""

    opcode: ClassVar[Opcode] = Opcode.CONTRACT
