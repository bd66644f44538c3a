"""divide and rsqrt: the only integers with a remainder in bounds (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

import math

from circuits.lower.sumcheck.bounding import bounded, ranged
from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.expressions import minus, plus, times
from circuits.lower.sumcheck.filling import Integers, Values
from circuits.lower.sumcheck.sums import Sum, clamped, of_bits
from circuits.lower.sumcheck.system import Expression
from circuits.lower.sumcheck.tables import Dims
from circuits.program.intervals import Interval
from circuits.program.ops import Divide, Rsqrt
from circuits.program.ops.divide import divide_half_up


def lower_divide(context: Context, position: int, op: Divide) -> None:
    """2^(up+1)·a + d = 2·d·q + ρ with ρ in [0, 2·d); q is y, or what y is clamped from."""
    dims, y = op.dims, context.output(position)
    a, d = (context.expression(context.operand(op, number)) for number in range(2))
    dividend, divisor = context.operand_interval(op, 0), context.interval(op.operands[1])
    corners = [divide_half_up(x, z, op.up) for x in (dividend.lo, dividend.hi) for z in (divisor.lo, divisor.hi)]
    within = Interval(min(corners), max(corners))
    q = context.witness(dims, of_bits(op.bits).reach(context, within)) if op.saturates else y

    def quotient(values: Values) -> Integers:
        return divide_half_up(values.evaluate(a, dims), values.evaluate(d, dims), op.up)

    if op.saturates:
        context.fills.append(lambda values: values.__setitem__(q, quotient(values)))
        clamped(context, y, Sum(dims, context.itself(q), within, 0, quotient), of_bits(op.bits))
    else:
        bounded(context, dims, context.itself(q), within)
    _remainder(context, op, plus(times(2 << op.up, a), d), q, divisor)


def _remainder(context: Context, op: Divide, scaled: Expression, q: int, divisor: Interval) -> None:
    """`scaled` − 2·d·q is in [0, 2·d)."""
    dims, d = op.dims, context.operand(op, 1)
    rest = minus(scaled, context.product(2, d, context.whole(q)))
    if isinstance(d, int) and d & (d - 1) == 0:
        ranged(context, dims, rest, d.bit_length())
        return
    width = context.whole_limbs(2 * divisor.hi)
    rho = ranged(context, dims, rest, width)
    most = minus(times(2, context.expression(d)), context.constant(1))
    ranged(context, dims, minus(most, rho), width)


def lower_rsqrt(context: Context, position: int, op: Rsqrt) -> None:
    """(2y − 1)²·x ≤ 2^(2e+2) < (2y + 1)²·x, of which the left is dropped where y = 0. With w = y·x:

    A = 2^(2e+2) − (4yw − 4w + x) and B = (4yw + 4w + x) − 1 − 2^(2e+2) = 8w − 1 − A are at least 0.
    """
    dims, y = op.dims, context.whole(context.output(position))
    x, span = context.operand(op, 0), context.spans[position].output
    argument, product = context.interval(op.operands[0]), context.product(1, y, x)
    # Exactly its bits: whole digits would let y·w grow too far.
    context.bounds[y.tensor] = Interval(0, (1 << span.hi.bit_length()) - 1)
    w = _determined(context, dims, product)
    ranged(context, dims, context.expression(y), span.hi.bit_length())
    target, x_once = context.constant(4 << (2 * op.exponent)), context.expression(x)
    a_terms = plus(target, times(4, context.itself(w)), times(-1, x_once), context.product(-4, y, context.whole(w)))
    # w <= 2^e·sqrt(x) + x / 2.
    width = context.whole_limbs(8 * (math.isqrt(argument.hi << (2 * op.exponent)) + argument.hi + 2))
    if span.lo > 0:
        a = ranged(context, dims, a_terms, width)
    else:
        g = _determined(context, dims, a_terms)
        a = context.itself(g)
        # y·A >= 0 is A >= 0 unless y = 0.
        most = span.hi * (4 << (2 * op.exponent))
        ranged(context, dims, context.product(1, y, context.whole(g)), context.whole_limbs(most + 1))
    b = minus(minus(times(8, context.itself(w)), context.constant(1)), a)
    ranged(context, dims, b, width)


def _determined(context: Context, dims: Dims, terms: Expression) -> int:
    """A new witness that is the terms' sum."""
    most = context.magnitude(terms)
    tensor = context.witness(dims, Interval(-most, most))
    context.fills.append(lambda values: values.__setitem__(tensor, values.evaluate(terms, dims)))
    context.identity(dims, minus(context.itself(tensor), terms))
    return tensor
