"""linear, mul, reduce_sum: the other accumulating ops. Out of bounds reads 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from circuits.program.ops.base import Accumulating, Opcode


@dataclass(frozen=True)
class Linear(Accumulating):
    """y[o] = rescale(sum_j coefficients[j] * x_j[o] + bias[o]); the bias, if any, is one operand more (width 8)."""

    opcode: ClassVar[Opcode] = Opcode.LINEAR
    coefficients: tuple[int, ...]

    def attributes(self) -> bytes:
        head = bytes([len(self.coefficients)])
        return head + b"".join(c.to_bytes(4, "big", signed=True) for c in self.coefficients) + self.rescale_attributes()


@dataclass(frozen=True)
class Mul(Accumulating):
    """y[o] = rescale(a[o] * b[o] + bias[o]); the bias, if any, is a third operand (width 8)."""

    opcode: ClassVar[Opcode] = Opcode.MUL


@dataclass(frozen=True)
class ReduceSum(Accumulating):
    """y[o] = rescale(multiplier * sum_k x[o, k]). A mean over n is multiplier round(2^s / n)."""

    opcode: ClassVar[Opcode] = Opcode.REDUCE_SUM
    multiplier: int

    def attributes(self) -> bytes:
        return self.multiplier.to_bytes(4, "big", signed=True) + self.rescale_attributes()
