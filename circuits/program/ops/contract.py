"""contract: y[o] = rescale(sum_k a[o, k] * b[o, k] + bias[o]). MatMul, Gemm and convolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from circuits.program.indexing import Read, reduced_iteration, strided_view, unused_count
from circuits.program.intervals import Interval, Operand, OpRange
from circuits.program.ops.base import Accumulating, Opcode
from circuits.program.refs import AffineMap


@dataclass(frozen=True)
class Contract(Accumulating):
    """Operands a, b, and optionally a bias (a constant of width 8, at accumulator scale). Out of bounds reads 0."""

    opcode: ClassVar[Opcode] = Opcode.CONTRACT

    @property
    def has_bias(self) -> bool:
        return len(self.operands) == 3

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(2, 3)
        self.check_bias(operands)

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        bias = self.bias_interval(operands)
        a, b = operands[0], operands[1]
        if b.values is not None:
            acc, magnitude = self._weighted(self.hull_with_zero(0, a.interval), b.values, self.maps[1])
        elif a.values is not None:
            acc, magnitude = self._weighted(self.hull_with_zero(1, b.interval), a.values, self.maps[0])
        else:
            product = self.hull_with_zero(0, a.interval).times(self.hull_with_zero(1, b.interval))
            points = math.prod(self.inner)
            acc, magnitude = product.scaled(points), product.magnitude * points
        return self.after_rescale(acc + bias, magnitude + bias.magnitude)

    def _weighted(self, other: Interval, weights: npt.NDArray[np.int64], how: AffineMap) -> tuple[Interval, int]:
        """Accumulator and magnitude with the actual weights, `other` being any element of the other operand."""
        iteration = reduced_iteration(how, self.iteration)
        inner_axes = tuple(range(len(self.dims), len(iteration)))
        repeats = unused_count(how, self.iteration, len(self.dims))
        read = strided_view(weights, how, iteration)
        positive = np.maximum(read, 0).sum(inner_axes)
        negative = -np.minimum(read, 0).sum(inner_axes)
        magnitude = int((positive + negative).max()) * repeats * other.magnitude
        # Before any product is formed in int64: below 2^53 none of them can wrap.
        self.require_magnitude(magnitude)
        positive, negative = positive * repeats, negative * repeats
        low = int((positive * other.lo - negative * other.hi).min())
        high = int((positive * other.hi - negative * other.lo).max())
        return Interval(low, high), magnitude

    def accumulate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        total: npt.NDArray[np.int64] = (reads[0].values * reads[1].values).sum(axis=1)
        return total
