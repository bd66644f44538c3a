"""What every op has: operands read through affine maps over one iteration space, and an output tensor.

The iteration space is the output index followed by the inner index (`inner` is empty for elementwise ops). Every op
output has width 4. The accumulating ops (contract, linear, mul, reduce_sum) sum in int64 and end in their own rescale.

Each op module has the same four parts in the same order: the dataclass with its descriptor attributes, the shape rule,
the range rule, the exact semantics.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from circuits.program import limits
from circuits.program.errors import ProgramError
from circuits.program.indexing import Read, always_in_bounds
from circuits.program.intervals import ZERO, Interval, Operand, OpRange
from circuits.program.refs import AffineMap, Ref
from circuits.program.rescale import rescale_half_up, saturate


class Opcode(IntEnum):
    """The closed set; numbers are hashed into model ids and never change."""

    CONTRACT = 1
    LINEAR = 2
    MUL = 3
    REDUCE_SUM = 4
    LOOKUP = 5
    MAX = 6
    ARGMAX = 7
    COMPARE = 8
    SELECT = 9
    INDEX = 10
    GATHER = 11
    DIVIDE = 12
    RSQRT = 13


def _u32s(values: tuple[int, ...]) -> bytes:
    return bytes([len(values)]) + b"".join(v.to_bytes(4, "big") for v in values)


@dataclass(frozen=True)
class Op:
    """One node. `dims`, `bits`, `scale` describe the output; `maps[i]` says how operand i is read."""

    opcode: ClassVar[Opcode]
    # The range of an output without elements.
    nothing: ClassVar[OpRange] = OpRange(ZERO)

    operands: tuple[Ref, ...]
    maps: tuple[AffineMap, ...]
    dims: tuple[int, ...]
    inner: tuple[int, ...]
    bits: int
    scale: int

    @property
    def iteration(self) -> tuple[int, ...]:
        """Dims of the iteration space."""
        return self.dims + self.inner

    @property
    def has_bias(self) -> bool:
        """Whether the last operand is a bias (a constant of width 8)."""
        return False

    def iteration_of(self, operand: int) -> tuple[int, ...]:
        """Dims over which operand number `operand` is read; inner dims are 1 for one that is read at o alone."""
        return self.iteration

    def attributes(self) -> bytes:
        """Op-specific scalars, after the common part."""
        return b""

    def encode(self) -> bytes:
        """The descriptor of docs/protocol/statement.md section 5."""
        head = bytes([self.opcode, 4, self.bits]) + self.scale.to_bytes(1, "big", signed=True) + _u32s(self.dims)
        operands = bytes([len(self.operands)]) + b"".join(r.encode() for r in self.operands)
        maps = b"".join(m.encode() for m in self.maps)
        return head + operands + _u32s(self.inner) + maps + self.attributes()

    def check(self, operands: Sequence[Operand]) -> None:
        """The shape rule: raises ProgramError for an op that has no meaning over these operands."""
        raise NotImplementedError

    def bound(self, operands: Sequence[Operand]) -> OpRange:
        """The range rule: where output and accumulator lie, given where the operands do."""
        return self.nothing if 0 in self.dims else self.bound_elements(operands)

    def bound_elements(self, operands: Sequence[Operand]) -> OpRange:
        """The range rule of an output that has elements."""
        raise NotImplementedError

    def fold(self, slices: Iterable[Sequence[Read]]) -> npt.NDArray[np.int64]:
        """The exact semantics, for a block of outputs: [outputs] from reads of [outputs, inner points].

        Each slice has some of the inner points, in their order, and there is at least one. An operand that is read at
        o alone has one inner point in each.
        """
        (reads,) = slices
        return self.evaluate(reads)

    def evaluate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        """The semantics of an elementwise op, which has one slice of one point."""
        raise NotImplementedError

    def hull_with_zero(self, operand: int, interval: Interval) -> Interval:
        """`interval`, and 0 too if operand number `operand` is out of bounds somewhere."""
        return interval if self.always_reads(operand) else interval.hull(ZERO)

    def always_reads(self, operand: int) -> bool:
        """Whether operand number `operand` is in bounds at every point."""
        return always_in_bounds(self.maps[operand], self.iteration_of(operand))

    def require_always_reads(self, operand: int) -> None:
        if not self.always_reads(operand):
            raise ProgramError("program_bad_map", f"reads operand {operand} out of bounds", operand=operand)

    def require_read_at_output(self, operand: int) -> None:
        """An operand that is read at o alone has no stride over the inner dims."""
        if any(any(row[len(self.dims) :]) for row in self.maps[operand].strides):
            raise ProgramError(
                "program_bad_map", f"reads operand {operand} with a stride over the inner dims", operand=operand
            )

    def require_operands(self, least: int, most: int) -> None:
        if not least <= len(self.operands) <= most:
            raise ProgramError(
                "program_bad_shape",
                f"takes {least} to {most} operands, got {len(self.operands)}",
                operands=len(self.operands),
            )

    def require_elementwise(self) -> None:
        if self.inner:
            raise ProgramError(
                "program_bad_shape", f"is elementwise but has inner dims {list(self.inner)}", inner=list(self.inner)
            )


def in_bits(output: Interval, bits: int) -> OpRange:
    """The range of an op without a rescale, whose output has to fit as it is."""
    if not output.within(Interval.of_bits(bits)):
        raise ProgramError(
            "program_range_overflow",
            f"output lies in [{output.lo}, {output.hi}], which does not fit {bits} bits; give the op more bits",
            low=output.lo,
            high=output.hi,
            bits=bits,
        )
    return OpRange(output)


@dataclass(frozen=True)
class Accumulating(Op):
    """An op that ends in `saturate(rescale_half_up(acc, shift), bits)`.

    `saturates` is False exactly where intervals prove that the clamp never acts; routes then drop it.
    """

    nothing: ClassVar[OpRange] = OpRange(ZERO, ZERO)

    shift: int
    saturates: bool

    def iteration_of(self, operand: int) -> tuple[int, ...]:
        at_output = self.has_bias and operand == len(self.operands) - 1
        return self.dims + (1,) * len(self.inner) if at_output else self.iteration

    def rescale_attributes(self) -> bytes:
        return bytes([self.shift, self.saturates])

    def attributes(self) -> bytes:
        return self.rescale_attributes()

    def check_bias(self, operands: Sequence[Operand]) -> None:
        """A bias is a constant of width 8 and does not depend on the inner point."""
        if not self.has_bias:
            return
        bias = operands[-1]
        if bias.values is None or bias.width != 8:
            raise ProgramError("program_bad_constant", "takes as bias only a constant of width 8", width=bias.width)
        self.require_read_at_output(len(operands) - 1)

    def bias_interval(self, operands: Sequence[Operand]) -> Interval:
        return self.hull_with_zero(len(operands) - 1, operands[-1].interval) if self.has_bias else ZERO

    def require_magnitude(self, magnitude: int) -> None:
        """Every partial sum, and the half that rescaling adds, stays below 2^53."""
        half = 1 << (self.shift - 1) if self.shift else 0
        if magnitude + half >= limits.ACCUMULATOR_LIMIT:
            excess = (magnitude + half).bit_length() - (limits.ACCUMULATOR_LIMIT - 1).bit_length()
            raise ProgramError(
                "program_range_overflow",
                f"accumulator may reach {magnitude}, {excess} bit(s) too many: less than 2^53 is exact; "
                "use fewer bits for its operands",
                magnitude=magnitude,
                limit=limits.ACCUMULATOR_LIMIT,
                excess_bits=excess,
            )

    def after_rescale(self, acc: Interval, magnitude: int) -> OpRange:
        """The range rule's last step, once the accumulator is known."""
        self.require_magnitude(magnitude)
        rescaled = Interval(rescale_half_up(acc.lo, self.shift), rescale_half_up(acc.hi, self.shift))
        bounds = Interval.of_bits(self.bits)
        return OpRange(rescaled.clamped(bounds), acc, magnitude, saturates=not rescaled.within(bounds))

    def finish(self, acc: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The semantics' last step."""
        return saturate(rescale_half_up(acc, self.shift), self.bits)

    def fold(self, slices: Iterable[Sequence[Read]]) -> npt.NDArray[np.int64]:
        acc = bias = np.zeros(1, np.int64)
        for reads in slices:
            acc = acc + self.accumulate(reads)
            bias = reads[-1].values[:, 0] if self.has_bias else bias
        return self.finish(acc + bias)

    def accumulate(self, reads: Sequence[Read]) -> npt.NDArray[np.int64]:
        """What a slice of inner points adds to the accumulator of a block of outputs, without the bias."""
        raise NotImplementedError
