"""The accumulating ops: an exact sum, its rescale and its clamp (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from circuits.lower.sumcheck.bounding import Digits, bounded, digits_of, flagged, look_up_digits, new_flag, ranged
from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.expressions import NOTHING, is_linear, minus, plus, times
from circuits.lower.sumcheck.filling import Integers, Values
from circuits.lower.sumcheck.system import Expression
from circuits.lower.sumcheck.tables import Dims, Table
from circuits.program.intervals import Interval
from circuits.program.ops import Accumulating, Contract, Linear, Mul, ReduceSum

# More different excesses than this are told apart by their sign's flags: a table of them would be mostly unused rows.
MAX_CLAMP_ROWS = 1 << 12
# So are those that are not among these, which a table's rows are for every op that uses it.
SMALL = Interval(-MAX_CLAMP_ROWS, MAX_CLAMP_ROWS)


@dataclass(frozen=True)
class Sum:
    """⌊(terms + half) / 2^shift⌋, where the terms lie in `interval`; and what they are for an honest prover."""

    dims: Dims
    terms: Expression
    interval: Interval
    shift: int
    evaluate: Callable[[Values], Integers]

    @property
    def half(self) -> int:
        return 1 << (self.shift - 1) if self.shift else 0

    def rescaled(self) -> Interval:
        return Interval(*((end + self.half) >> self.shift for end in (self.interval.lo, self.interval.hi)))


@dataclass(frozen=True)
class Clamp:
    """To [low, low + 2^width − 1]."""

    low: int
    width: int

    def excess(self, rescaled: Interval) -> Interval:
        """Of which multiple of 2^width above `low` an integer can be."""
        return Interval((rescaled.lo - self.low) >> self.width, (rescaled.hi - self.low) >> self.width)

    def reach(self, context: Context, rescaled: Interval) -> Interval:
        """Where an integer is kept by clamping it so."""
        excess = excess_bound(context, self.excess(rescaled))
        return Interval(self.low + (excess.lo << self.width), self.low + ((excess.hi + 1) << self.width) - 1)


def has_table(excess: Interval) -> bool:
    """Whether an excess is looked up in a table, and not told by flags."""
    return excess.hi - excess.lo < MAX_CLAMP_ROWS and excess.within(SMALL)


def excess_bound(context: Context, excess: Interval) -> Interval:
    """Where an excess is kept: among a table's rows, or by flags."""
    if has_table(excess):
        return excess.hull(SMALL)
    above, below = Interval(excess.lo - 1, excess.hi - 1), Interval(-excess.hi - 1, -excess.lo - 1)
    most = 1 + max(flagged(context, within).magnitude for within in (above, below))
    return Interval(-most, most)


def of_bits(bits: int) -> Clamp:
    return Clamp(-(1 << (bits - 1)), bits)


def lower_accumulating(context: Context, position: int, op: Accumulating) -> None:
    total, y = accumulator(context, position, op), context.output(position)
    if total.rescaled().within(Interval.of_bits(op.bits)):
        rescaled(context, y, total)
    else:
        clamped(context, y, total, of_bits(op.bits))


def accumulator(context: Context, position: int, op: Accumulating) -> Sum:
    """What an accumulating op rescales."""
    terms = _terms(context, op)
    if op.has_bias:
        terms = plus(terms, context.expression(context.at_output(op, len(op.operands) - 1)))
    interval = context.spans[position].accumulator
    if interval is None:
        raise ValueError(f"op {position} has no accumulator")

    def evaluate(values: Values) -> Integers:
        return values.sums[position] if position in values.sums else values.evaluate(terms, op.dims)

    # A remainder of an earlier op is smaller than its operands tell.
    return Sum(op.dims, terms, context.sums.interval(op.dims, terms, interval), op.shift, evaluate)


def _terms(context: Context, op: Accumulating) -> Expression:
    if isinstance(op, Linear):
        return plus(
            *(times(factor, context.expression(context.operand(op, j))) for j, factor in enumerate(op.coefficients))
        )
    if isinstance(op, Contract):
        pairs = itertools.product(context.factors(op, 0), context.factors(op, 1))
        return plus(*(context.product(1, a, b, op.inner) for a, b in pairs))
    if isinstance(op, Mul):
        return context.product(1, context.operand(op, 0), context.operand(op, 1), op.inner)
    if isinstance(op, ReduceSum):
        return context.product(op.multiplier, context.operand(op, 0), 1, op.inner)
    raise TypeError(f"no accumulating op: {type(op).__name__}")


def rescaled(context: Context, y: int, total: Sum) -> None:
    """y = ⌊(terms + half) / 2^shift⌋: terms + half = 2^shift·y + ρ with ρ in [0, 2^shift)."""
    dims, result = total.dims, context.itself(y)
    if total.shift:
        context.bounds[y] = context.within_limbs(total.rescaled())
    rest = minus(plus(total.terms, context.constant(total.half)), times(1 << total.shift, result))
    look_up_digits(context, dims, _remainder(context, total, rest))
    if total.shift:
        bounded(context, dims, result, total.rescaled())
        context.sums.learn(dims, rest, Interval(0, (1 << total.shift) - 1))


def _remainder(context: Context, total: Sum, rest: Expression) -> Digits:
    """`rest` is in [0, 2^shift) once these digits of it are looked up."""

    def evaluate(values: Values) -> Integers:
        return (total.evaluate(values) + total.half) & ((1 << total.shift) - 1)

    return digits_of(context, total.dims, rest, total.shift, evaluate=evaluate)


def clamped(context: Context, y: int, total: Sum, clamp: Clamp) -> None:
    """y = ⌊(terms + half) / 2^shift⌋ clamped: that is low + 2^width·h + l with l in [0, 2^width).

    y is low + l where the excess h is 0, low where it is negative, and low + 2^width − 1 where it is positive.
    """
    dims, excess = total.dims, clamp.excess(total.rescaled())
    low = context.witness(dims, Interval(0, (1 << clamp.width) - 1))
    few = has_table(excess)
    above = plus(total.terms, context.constant(total.half - (clamp.low << total.shift)))
    left = minus(above, times(1 << total.shift, context.itself(low)))
    spelled_out = few and not total.shift and is_linear(left)
    h = None if spelled_out else context.witness(dims, excess_bound(context, excess))

    def fill(values: Values) -> None:
        over = ((total.evaluate(values) + total.half) >> total.shift) - clamp.low
        values[low] = over & ((1 << clamp.width) - 1)
        if h is not None:
            values[h] = over >> clamp.width

    context.fills.append(fill)
    ranged(context, dims, context.itself(low), clamp.width)
    multiple = left if h is None else times(1 << clamp.width, context.itself(h))
    digits = [] if h is None else _remainder(context, total, minus(left, times(1 << total.shift, multiple)))
    if h is not None and not few:
        look_up_digits(context, dims, digits)
        _by_flags(context, y, low, context.itself(h), clamp, excess)
        return
    # The top digit of the remainder is looked up beside the excess where that makes no large table.
    rides = digits[-1:] if digits and excess.hi - excess.lo < MAX_CLAMP_ROWS >> digits[-1][1] else []
    look_up_digits(context, dims, digits[: len(digits) - len(rides)])
    _by_table(context, y, low, multiple, clamp, excess, rides)


def _by_table(
    context: Context, y: int, low: int, multiple: Expression, clamp: Clamp, excess: Interval, rides: Digits
) -> None:
    """(2^width·h, m, c) is a row of a table: m is 1 where h = 0, and c is 1 where h > 0. With a digit that rides along
    it is (2^width·h, digit, m, c).

    There is no c where h and m leave it no choice.
    """
    dims, unit = context.tensors[y].dims, 1 << clamp.width
    m = context.witness(dims, Interval(0, 1))
    implied = _implied_sign(context, m, multiple, unit, excess)
    c = context.witness(dims, Interval(0, 1)) if implied is None else None

    def fill(values: Values) -> None:
        h = values.evaluate(multiple, dims) >> clamp.width
        values[m] = np.asarray(h == 0)
        if c is not None:
            values[c] = np.asarray(h > 0)

    context.fills.append(fill)
    sign = [] if c is None else [context.itself(c)]
    minor = rides[0][1] if rides else 0
    table = Table(excess, unit, lambda low, box: _signs(context, low, box, bool(sign)), minor)
    key = ("clamp", clamp.width, bool(sign), minor)
    context.look_up(key, table, dims, [multiple, *(digit for digit, _ in rides), context.itself(m), *sign])
    positive, parts = (sign[0], 1) if implied is None else implied
    kept = context.product(parts, context.whole(m), context.whole(low))
    _choose(context, y, kept, times(unit - 1, positive), clamp, parts)


def _implied_sign(
    context: Context, m: int, multiple: Expression, unit: int, excess: Interval
) -> tuple[Expression, int] | None:
    """parts·c and parts, where h and m leave c no choice: 0 or 1 − m if h has one sign, (h + 1 − m) / 2 if |h| ≤ 1."""
    outside = minus(context.constant(1), context.itself(m))
    if excess.hi <= 0:
        return NOTHING, 1
    if excess.lo >= 0:
        return outside, 1
    if excess.lo == -1 and excess.hi == 1:
        return plus(multiple, times(unit, outside)), 2 * unit
    return None


def _signs(context: Context, low: int, box: Dims, positive: bool) -> list[Expression]:
    """Over the excesses from `low` on: whether it is 0, and whether it is positive."""
    one, two = context.expression(context.steps(box, -low)), context.expression(context.steps(box, 1 - low))
    return [minus(one, two), two] if positive else [minus(one, two)]


def _by_flags(context: Context, y: int, low: int, h: Expression, clamp: Clamp, excess: Interval) -> None:
    """Flags say whether h > 0 and whether h < 0; what has one sign needs one flag."""
    dims, one = context.tensors[y].dims, context.constant(1)
    kept, most = context.itself(low), NOTHING
    if excess.hi > 0:
        flag = new_flag(context, dims, minus(h, one), Interval(excess.lo - 1, excess.hi - 1))
        most = times((1 << clamp.width) - 1, context.itself(flag))
        kept = minus(kept, context.product(1, context.whole(flag), context.whole(low)))
    if excess.lo < 0:
        flag = new_flag(context, dims, minus(times(-1, h), one), Interval(-excess.hi - 1, -excess.lo - 1))
        kept = minus(kept, context.product(1, context.whole(flag), context.whole(low)))
    _choose(context, y, kept, most, clamp, 1)


def _choose(context: Context, y: int, kept: Expression, most: Expression, clamp: Clamp, parts: int) -> None:
    """parts·(y − low) = kept + most."""
    result = minus(context.itself(y), context.constant(clamp.low))
    context.identity(context.tensors[y].dims, minus(times(parts, result), plus(kept, most)))
