"""Integers kept within bounds by lookups (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.expressions import is_linear, minus, plus, times
from circuits.lower.sumcheck.filling import Integers, Values
from circuits.lower.sumcheck.system import Expression, Reading
from circuits.lower.sumcheck.tables import Dims, range_table
from circuits.program.intervals import Interval

Evaluate = Callable[[Values], Integers]
# What 2^width and an integer below it add up to is still below 2^63.
MAX_FLAG_BITS = 62
# An integer's digits, lowest first, and the bits of each.
Digits = list[tuple[Expression, int]]


def digits_of(
    context: Context,
    dims: Dims,
    x: Expression,
    width: int,
    when: Reading | None = None,
    evaluate: Evaluate | None = None,
) -> Digits:
    """The digits that make x, where `when` is 1: of `width` bits in all once each is looked up.

    All but the lowest are committed. The lowest is what they leave of x; where x is no column of a fraction, it is
    committed too. `evaluate` gives x, where it has to be known better than from its terms.
    """
    limb = context.limb_bits
    widths = [min(limb, width - start) for start in range(0, width, limb)]
    spelled_out = is_linear(x)
    start = 1 if spelled_out and widths else 0
    tensors = [context.witness(dims, Interval(0, (1 << bits) - 1)) for bits in widths[start:]]
    committed = [context.itself(tensor) for tensor in tensors]

    def fill(values: Values) -> None:
        integers = values.evaluate(x, dims) if evaluate is None else evaluate(values)
        for number, tensor in enumerate(tensors, start):
            digit = integers >> (limb * number)
            last = number == len(widths) - 1
            inside = 1 if when is None else values.read(when, dims)
            values[tensor] = (digit if last else digit & ((1 << limb) - 1)) * inside

    if tensors:
        context.fills.append(fill)
    rest = minus(x, plus(*(times(1 << (limb * n), digit) for n, digit in enumerate(committed, start))))
    if start == 0:
        context.identity(dims, rest)
    return list(zip([rest, *committed][1 - start :], widths, strict=True))


def look_up_digits(context: Context, dims: Dims, digits: Digits, when: Reading | None = None) -> None:
    for digit, bits in digits:
        context.look_up(*range_table(bits), dims, [digit], when)


def ranged(context: Context, dims: Dims, x: Expression, width: int, when: Reading | None = None) -> Expression:
    """x is in [0, 2^width), where `when` is 1 or everywhere: and x, as a sum of readings."""
    digits = digits_of(context, dims, x, width, when)
    look_up_digits(context, dims, digits, when)
    return plus(*(times(1 << (context.limb_bits * n), digit) for n, (digit, _) in enumerate(digits)))


def bounded(context: Context, dims: Dims, x: Expression, within: Interval, when: Reading | None = None) -> None:
    """x is in some range that holds `within`, so that nothing wraps."""
    above_least = minus(x, context.constant(within.lo))
    ranged(context, dims, above_least, context.whole_limbs(within.hi - within.lo + 1), when)


def flags(context: Context, dims: Dims, flag: Expression, x: Expression, within: Interval) -> None:
    """`flag` is 1 where x ≥ 0 and 0 where x < 0, for x within `within`: x + T·(1 − flag) is in [0, T). Both linear.

    By Euclid no other integer will do, so that any bound on the flag is enough.
    """
    width = _flag_width(context, within)
    bounded(context, dims, flag, Interval(0, 1))
    ranged(context, dims, plus(x, context.constant(1 << width), times(-(1 << width), flag)), width)


def _flag_width(context: Context, within: Interval) -> int:
    """Whole digits; or, where an honest prover's int64 could not hold as many, no more bits than there have to be."""
    size = max(-within.lo, within.hi + 1, 1)
    whole = context.whole_limbs(size)
    return whole if whole <= MAX_FLAG_BITS else (size - 1).bit_length()


def flagged(context: Context, within: Interval) -> Interval:
    """Where an integer is once it has a flag that was made for `within`, wherever it may have been before."""
    width = _flag_width(context, within)
    return Interval(-(1 << width), (1 << (width + context.whole_limbs(2))) - 1)


def new_flag(context: Context, dims: Dims, x: Expression, within: Interval) -> int:
    """A new witness that is 1 where x ≥ 0 and else 0."""
    tensor = context.witness(dims, Interval(0, (1 << context.whole_limbs(2)) - 1))

    def fill(values: Values) -> None:
        values[tensor] = np.asarray(values.evaluate(x, dims) >= 0)

    context.fills.append(fill)
    flags(context, dims, context.itself(tensor), x, within)
    return tensor
