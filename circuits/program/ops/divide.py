"""divide: y[o] = a[o] * 2^up / d[o], rounded half up. rsqrt: y[o] = 2^exponent / sqrt(x[o]), rounded half up.

Both results are integers made unique by a remainder bound, and no divisor is below 1.
"""

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
from circuits.program.intervals import Interval, Operand, OpRange
from circuits.program.ops.base import Op, Opcode, in_bits
from circuits.program.rescale import Integer, saturate


def divide_half_up(a: Integer, d: Integer, up: int) -> Integer:
    """floor(a * 2^up / d + 1/2) for d >= 1: the y with 0 <= 2*a*2^up + d - 2*d*y < 2*d."""
    return (a * (1 << (up + 1)) + d) // (2 * d)


def rsqrt_half_up(x: int, exponent: int) -> int:
    """floor(2^exponent / sqrt(x) + 1/2) for x >= 1: the y with (2y-1)^2 * x <= 2^(2*exponent+2) < (2y+1)^2 * x."""
    doubled = math.isqrt((1 << (2 * exponent + 2)) // x)  # floor(2 * 2^exponent / sqrt(x))
    return (doubled + 1) // 2


def require_divisor(interval: Interval) -> None:
    if interval.lo < 1:
        raise ProgramError(
            "program_range_overflow",
            f"divisor lies in [{interval.lo}, {interval.hi}], it has to be at least 1; "
            "add a positive constant to it or take its maximum with 1",
            low=interval.lo,
            high=interval.hi,
        )


@dataclass(frozen=True)
class Divide(Op):
    """Operands a, d: the quotient of a * 2^up by d, saturated. a reads 0 out of bounds; d is always in bounds.

    `saturates` is False exactly where intervals prove that the clamp never acts.
    """

    opcode: ClassVar[Opcode] = Opcode.DIVIDE
    up: int
    saturates: bool

    def attributes(self) -> bytes:
        return bytes([self.up, self.saturates])

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(2, 2)
        self.require_elementwise()
        limits.require_within(self.up, 0, limits.MAX_SHIFT, "up")
        self.require_always_reads(1)

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        a, d = self.hull_with_zero(0, operands[0].interval), operands[1].interval
        require_divisor(d)
        magnitude = (a.magnitude << (self.up + 1)) + d.magnitude
        if magnitude >= limits.ACCUMULATOR_LIMIT:
            raise ProgramError(
                "program_range_overflow",
                f"dividend may reach {magnitude}, at most 2^53 is exact; use fewer bits or a smaller up",
                magnitude=magnitude,
                limit=limits.ACCUMULATOR_LIMIT,
            )
        corners = [divide_half_up(x, y, self.up) for x in (a.lo, a.hi) for y in (d.lo, d.hi)]
        quotient, bounds = Interval(min(corners), max(corners)), Interval.of_bits(self.bits)
        return OpRange(quotient.clamped(bounds), magnitude=magnitude, saturates=not quotient.within(bounds))

    def evaluate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        return saturate(divide_half_up(reads[0].values[:, 0], reads[1].values[:, 0], self.up), self.bits)


@dataclass(frozen=True)
class Rsqrt(Op):
    """Operand x, always in bounds: 2^exponent divided by its square root."""

    opcode: ClassVar[Opcode] = Opcode.RSQRT
    exponent: int

    def attributes(self) -> bytes:
        return bytes([self.exponent])

    def check(self, operands: Sequence[Operand]) -> None:
        self.require_operands(1, 1)
        self.require_elementwise()
        limits.require_within(self.exponent, 0, limits.MAX_EXPONENT, "exponent")
        self.require_always_reads(0)

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        x = operands[0].interval
        require_divisor(x)
        return in_bits(Interval(rsqrt_half_up(x.hi, self.exponent), rsqrt_half_up(x.lo, self.exponent)), self.bits)

    def evaluate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        return np.array([rsqrt_half_up(int(x), self.exponent) for x in reads[0].values[:, 0]], np.int64)
