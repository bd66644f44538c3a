"""linear, mul, reduce_sum: the other accumulating ops. Out of bounds reads 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from circuits.program import limits
from circuits.program.errors import ProgramError
from circuits.program.indexing import Read
from circuits.program.intervals import Operand, OpRange
from circuits.program.ops.base import Accumulating, Opcode


@dataclass(frozen=True)
class Linear(Accumulating):
    """y[o] = rescale(sum_j coefficients[j] * x_j[o] + bias[o]); the bias, if any, is one operand more (width 8)."""

    opcode: ClassVar[Opcode] = Opcode.LINEAR
    coefficients: tuple[int, ...]

    @property
    def has_bias(self) -> bool:
        return len(self.operands) == len(self.coefficients) + 1

    def attributes(self) -> bytes:
        head = bytes([len(self.coefficients)])
        return head + b"".join(c.to_bytes(4, "big", signed=True) for c in self.coefficients) + self.rescale_attributes()

    def check(self, operands: Sequence[Operand]) -> None:
        count = len(self.coefficients)
        if not 1 <= count <= limits.MAX_PORTS - 1:
            raise ProgramError("program_bad_attribute", f"has {count} coefficients, takes 1 to 254", coefficients=count)
        self.require_operands(count, count + 1)
        self.require_elementwise()
        for coefficient in self.coefficients:
            limits.require_i32(coefficient, "a coefficient")
        self.check_bias(operands)

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        acc = self.bias_interval(operands)
        magnitude = acc.magnitude
        for index, coefficient in enumerate(self.coefficients):
            term = self.hull_with_zero(index, operands[index].interval).scaled(coefficient)
            acc += term
            magnitude += term.magnitude
        return self.after_rescale(acc, magnitude)

    def accumulate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        acc = np.zeros(len(reads[0].values), np.int64)
        for coefficient, read in zip(self.coefficients, reads, strict=False):  # the bias has no coefficient
            acc += coefficient * read.values[:, 0]
        return acc


@dataclass(frozen=True)
class Mul(Accumulating):
    """y[o] = rescale(a[o] * b[o] + bias[o]); the bias, if any, is a third operand (width 8)."""

    opcode: ClassVar[Opcode] = Opcode.MUL

    @property
    def has_bias(self) -> bool:
        return len(self.operands) == 3

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(2, 3)
        self.require_elementwise()
        self.check_bias(operands)

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        bias = self.bias_interval(operands)
        product = self.hull_with_zero(0, operands[0].interval).times(self.hull_with_zero(1, operands[1].interval))
        return self.after_rescale(product + bias, product.magnitude + bias.magnitude)

    def accumulate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        product: npt.NDArray[np.int64] = reads[0].values[:, 0] * reads[1].values[:, 0]
        return product


@dataclass(frozen=True)
class ReduceSum(Accumulating):
    """y[o] = rescale(multiplier * sum_k x[o, k]). A mean over n is multiplier round(2^s / n)."""

    opcode: ClassVar[Opcode] = Opcode.REDUCE_SUM
    multiplier: int

    def attributes(self) -> bytes:
        return self.multiplier.to_bytes(4, "big", signed=True) + self.rescale_attributes()

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(1, 1)
        limits.require_i32(self.multiplier, "the multiplier")

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        points = math.prod(self.inner)
        element = self.hull_with_zero(0, operands[0].interval)
        total = element.scaled(points)
        # The sum comes before the multiplier, so a multiplier of 0 does not excuse it.
        magnitude = max(abs(self.multiplier), 1) * total.magnitude
        return self.after_rescale(total.scaled(self.multiplier), magnitude)

    def accumulate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        total: npt.NDArray[np.int64] = self.multiplier * reads[0].values.sum(axis=1)
        return total
