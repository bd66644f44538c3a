"""Integers kept within bounds by lookups (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.expressions import NOTHING, minus, plus, times
from circuits.lower.sumcheck.filling import Integers, Values
from circuits.lower.sumcheck.system import Expression, Reading
from circuits.lower.sumcheck.tables import LIMB_BITS, Dims, range_table, whole_limbs
from circuits.program.intervals import Interval


def digit_widths(width: int) -> list[int]:
    """Of an integer of `width` bits, lowest first; the top one may have fewer."""
    return [min(LIMB_BITS, width - start) for start in range(0, width, LIMB_BITS)]


@dataclass(frozen=True)
class Digits:
    """Committed digits, lowest first, and the integer that they make."""

    tensors: tuple[int, ...]
    value: Expression

    def fill(self, values: Values, integers: Integers) -> None:
        for number, tensor in enumerate(self.tensors):
            top = number == len(self.tensors) - 1
            digit = integers >> (LIMB_BITS * number)
            values[tensor] = digit if top else digit & ((1 << LIMB_BITS) - 1)


def _digits(context: Context, dims: Dims, widths: Sequence[int], when: Reading | None) -> Digits:
    tensors, value = [], NOTHING
    for number, width in enumerate(widths):
        tensor = context.witness(dims, Interval(0, (1 << width) - 1))
        context.look_up(*range_table(width), dims, [context.itself(tensor)], when)
        value = plus(value, times(1 << (LIMB_BITS * number), context.itself(tensor)))
        tensors.append(tensor)
    return Digits(tuple(tensors), value)


def digits(context: Context, dims: Dims, width: int) -> Digits:
    """A new integer of `width` bits at every point; who asks for it fills it."""
    return _digits(context, dims, digit_widths(width), None)


def ranged(context: Context, dims: Dims, x: Expression, width: int, when: Reading | None = None) -> None:
    """x is in [0, 2^width), where `when` is 1 or everywhere. x is linear, and filled before.

    Its digits but the lowest are committed; the lowest is what they leave of x, and looked up as that.
    """
    if width == 0:
        context.identity(dims, x)
        return
    widths = digit_widths(width)
    upper = _digits(context, dims, widths[1:], when)

    def fill(values: Values) -> None:
        inside = 1 if when is None else values.read(when, dims)
        upper.fill(values, (values.evaluate(x, dims) >> LIMB_BITS) * inside)

    if upper.tensors:
        context.fills.append(fill)
    lowest = minus(x, times(1 << LIMB_BITS, upper.value))
    context.look_up(*range_table(widths[0]), dims, [lowest], when)


def bounded(context: Context, dims: Dims, x: Expression, within: Interval, when: Reading | None = None) -> None:
    """x is in some range that holds `within`, so that nothing wraps."""
    above_least = minus(x, context.constant(within.lo))
    ranged(context, dims, above_least, whole_limbs(within.hi - within.lo + 1), when)


def flags(context: Context, dims: Dims, flag: Expression, x: Expression, within: Interval) -> None:
    """`flag` is 1 where x ≥ 0 and 0 where x < 0, for x within `within`: x + T·(1 − flag) is in [0, T). Both linear."""
    width = whole_limbs(max(-within.lo, within.hi + 1, 1))
    context.look_up(*range_table(1), dims, [flag])
    ranged(context, dims, plus(x, context.constant(1 << width), times(-(1 << width), flag)), width)


def new_flag(context: Context, dims: Dims, x: Expression, within: Interval) -> int:
    """A new witness that is 1 where x ≥ 0 and else 0."""
    tensor = context.witness(dims, Interval(0, 1))

    def fill(values: Values) -> None:
        values[tensor] = np.asarray(values.evaluate(x, dims) >= 0)

    context.fills.append(fill)
    flags(context, dims, context.itself(tensor), x, within)
    return tensor
