"""contract: y[o] = rescale(sum_k a[o, k] * b[o, k] + bias[o]). MatMul, Gemm and convolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt

from circuits.program.indexing import Read, reduced_iteration, strided_view, unused_count
from circuits.program.intervals import Interval, Operand, OpRange, Sums
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
        intervals = [self.hull_with_zero(i, operand.interval) for i, operand in enumerate(operands[:2])]
        weights = self.weights(operands)
        if weights is not None:
            acc, magnitude = self._weighted(intervals[1 - weights], self._sums(operands[weights], weights), weights)
        else:
            product, points = intervals[0].times(intervals[1]), math.prod(self.inner)
            acc, magnitude = product.scaled(points), product.magnitude * points
        return self.after_rescale(acc + bias, magnitude + bias.magnitude)

    @staticmethod
    def weights(operands: Sequence[Operand]) -> int | None:
        """Which operand is known element by element to the range rule: b if it is a constant, else a if it is one."""
        known = [i for i in (1, 0) if operands[i].values is not None]
        return known[0] if known else None

    def is_weighed(self, operand: Operand, position: int) -> bool:
        """Whether finding the range reads nothing of this constant any more."""
        return self._reading(position) in operand.sums

    def _reading(self, position: int) -> tuple[AffineMap, tuple[int, ...], int]:
        how = self.maps[position]
        return how, reduced_iteration(how, self.iteration), len(self.dims)

    def _sums(self, weights: Operand, position: int) -> Sums:
        how, iteration, outer = reading = self._reading(position)
        if reading not in weights.sums:
            read = cast(npt.NDArray[np.int64], strided_view(np.asarray(weights.values), how, iteration))
            inner_axes = tuple(range(outer, len(iteration)))
            positive = read.sum(inner_axes, where=read > 0)
            weights.sums[reading] = positive, positive - read.sum(inner_axes)
        return weights.sums[reading]

    def _weighted(self, other: Interval, sums: Sums, position: int) -> tuple[Interval, int]:
        """Accumulator and magnitude with the actual weights, `other` being any element of the other operand."""
        positive, negative = sums
        repeats = unused_count(self.maps[position], self.iteration, len(self.dims))
        magnitude = int((positive + negative).max()) * repeats * other.magnitude
        # Before any product is formed in int64: below 2^53 none of them can wrap.
        self.require_magnitude(magnitude)
        low = int((positive * other.lo - negative * other.hi).min())
        high = int((positive * other.hi - negative * other.lo).max())
        return Interval(low * repeats, high * repeats), magnitude

    def accumulate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        total: npt.NDArray[np.int64] = (reads[0].values * reads[1].values).sum(axis=1)
        return total
