"""Division by tensors, of real and of whole numbers; remainders and rounding to whole numbers.

The program divides by positive integers alone: signs are taken off before and put back after.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from circuits.program.intervals import Interval
from circuits.program.limits import MAX_BITS
from circuits.program.ops import Divide, Linear, Relation
from circuits.quantize.arithmetic import at_least, floor, largest, negated, product, quotient, rescaled, signed_sum
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import both, compared
from circuits.quantize.scales import Exact, Reach, Target, bits_of

Dims = tuple[int, ...]


def below_zero(b: Builder, x: Tensor) -> Tensor:
    zero = b.constant("zero", np.zeros((), np.int64), x.scale)
    return compared(b, Relation.LESS, x, zero, x.dims)


def sign(b: Builder, x: Tensor) -> Tensor:
    """−1, 0 or 1."""
    zero = b.constant("zero", np.zeros((), np.int64), x.scale)
    above = compared(b, Relation.LESS, zero, x, x.dims)
    return signed_sum(b, [(1, above), (-1, below_zero(b, x))], x.dims, Exact())


def direction(b: Builder, x: Tensor) -> Tensor | None:
    """−1 below 0, else 1; None if x is known to be at least 0."""
    if b.interval(x).lo >= 0:
        return None
    return b.linear([(-2, below_zero(b, x))], x.dims, 0, Exact(), b.constant("one", np.array(1), 0, width=8))


def turned(b: Builder, x: Tensor, by: Tensor | None, dims: Dims) -> Tensor:
    """x times a direction, at x's scale."""
    if by is None:
        return x
    bits = min(MAX_BITS, bits_of(b.interval(x).times(Interval(-1, 1))))
    return product(b, x, by, dims, Target(x.scale, bits))


def size(b: Builder, x: Tensor) -> Tensor:
    """|x|, known to be at least 0; x itself if that is."""
    if b.interval(x).lo >= 0:
        return x
    zero = b.constant("zero", np.zeros((), np.int64), x.scale)
    return largest(b, [x, negated(b, x), zero], x.dims)


def divided(b: Builder, x: Tensor, divisor: Tensor, dims: Dims, want: Reach | Target) -> Tensor:
    """x / divisor; a divisor of 0 counts as its smallest positive number."""
    by = direction(b, divisor)
    positive = at_least(b, size(b, divisor), np.array(2.0**-divisor.scale))
    return quotient(b, turned(b, x, by, dims), positive, dims, want)


# Whole numbers, or real ones at one scale.


def floor_quotient(b: Builder, x: Tensor, divisor: Tensor, dims: Dims) -> Tensor:
    """floor(x / divisor) for a divisor of at least 1. A division rounds half up: half the divisor is taken off before.

    x − floor(d / 2) = floor((2 · x − d + 1) / 2).
    """
    shifted = b.linear([(2, x), (-1, divisor)], dims, 1, Target(0, MAX_BITS))
    (x_ref, x_how), (d_ref, d_how) = shifted.broadcast(dims), divisor.broadcast(dims)
    real = np.floor(_over(b, x, dims) / np.maximum(_over(b, divisor, dims), 1.0))
    return b.emit(Divide((x_ref, d_ref), (x_how, d_how), dims, (), MAX_BITS, 0, 0, False), real)


def _over(b: Builder, x: Tensor, dims: Dims) -> np.ndarray:
    """x's shadow in x's steps, of as many axes as `dims`."""
    known = b.shadow(x) * 2.0**x.scale
    return known.reshape(len(known), *(1,) * (len(dims) - len(x.dims)), *x.dims)


def whole_quotient(b: Builder, x: Tensor, divisor: Tensor, dims: Dims) -> Tensor:
    """x / divisor for whole numbers, rounded towards 0; a divisor of 0 counts as 1."""
    made = floor_quotient(b, size(b, x), at_least(b, size(b, divisor), np.ones(())), dims)
    for by in (direction(b, x), direction(b, divisor)):
        made = turned(b, made, by, dims)
    return made


def remainder(b: Builder, x: Tensor, divisor: Tensor, dims: Dims, *, as_dividend: bool) -> Tensor:
    """x mod divisor, with the sign of the divisor or of x; exact for the numbers that x and divisor are."""
    finest = max(x.scale, divisor.scale)
    x, divisor = (rescaled(b, t, Target(finest, MAX_BITS)) for t in (x, divisor))
    by = direction(b, x if as_dividend else divisor)
    turned_x = size(b, x) if as_dividend else turned(b, x, by, dims)
    positive = at_least(b, size(b, divisor), np.array(2.0**-finest))
    times = floor_quotient(b, turned_x, positive, dims)
    whole = b.interval(positive).hi - 1
    taken = product(b, times, positive, dims, Target(finest, MAX_BITS))
    want = Target(finest, min(MAX_BITS, bits_of(Interval(0, whole)) + 1))
    return turned(b, b.linear([(1, turned_x), (-1, taken)], dims, finest, want), by, dims)


def wrapped(b: Builder, x: Tensor, bits: int, least: int) -> Tensor:
    """x modulo 2^bits, from `least` on; x itself if it is in there anyway, or for 0 bits."""
    known = Interval(least, least + (1 << bits) - 1)
    if not bits or b.interval(x).within(known):
        return x
    turns = floor(b, replace(signed_sum(b, [(1, x)], x.dims, Exact(), np.array(-float(least))), scales=(bits,)))
    want = Target(0, bits_of(known) + 1)
    return b.linear([(1, x), (-(1 << bits), turns)], x.dims, 0, want)


# Rounding.


def ceiling(b: Builder, x: Tensor) -> Tensor:
    return negated(b, floor(b, negated(b, x)))


def rounded(b: Builder, x: Tensor) -> Tensor:
    """The nearest whole number, the even one of two: halves go up, then one down again where that is odd."""
    if x.scale <= 0:
        return floor(b, x)
    known = b.interval(x)
    bits = bits_of(Interval(known.lo >> x.scale, (known.hi >> x.scale) + 1))
    up = b.linear([(1, x)], x.dims, x.scale, Target(0, bits))
    minus_down = b.linear([(-1, x)], x.dims, x.scale, Target(0, bits))
    tie = b.linear([(1, up), (1, minus_down)], x.dims, 0, Exact())
    half = floor(b, replace(up, scales=(1,)))
    odd = b.linear([(1, up), (-2, half)], x.dims, 0, Exact())
    real = np.rint(b.shadow(x))
    return b.accumulate(
        Linear,
        [up.identity(), both(b, tie, odd, x.dims).identity()],
        x.dims,
        0,
        Target(0, bits),
        coefficients=(1, -1),
        shadow=real,
    )
