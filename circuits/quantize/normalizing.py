"""Softmax and standardization: exact integer divisions and roots of sums, nothing approximated but exp and log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.program.limits import MAX_BITS, MIN_BITS
from circuits.program.ops import Contract, Rsqrt
from circuits.quantize.arithmetic import RSQRT_EXPONENT, at_least, largest, product, quotient, rescaled, signed_sum
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.functions import apply
from circuits.quantize.scales import Reach, Target, Want, bits_of
from circuits.quantize.sums import max_over, over_axes, sum_over, total

# An exponential is at most this fine; a sum of them below 2^30.
EXP_SCALE, SUM_BITS = 28, 30
# How much finer than a result its parts are.
FINER = 4
# What is standardized stays below 2^21, its sum of squares below 2^52: times a root of up to 2^30 it is below 2^53.
CENTRED_BITS, SQUARES_BITS = 21, 52
# A sum of squares is as fine as its inverse root for 2^20; the largest seen in calibration may be 2^24.
TYPICAL_BITS = 24


# Softmax.


@dataclass(frozen=True)
class Exponentials:
    """exp(x − top), top being the largest x along the axis, and their sum, which is at least 1."""

    top: Tensor
    powers: Tensor
    total: Tensor


def softmax(b: Builder, name: str, x: Tensor, axis: int, want: Reach | Target) -> Tensor:
    """exp(x − top) / Σ exp(x − top)."""
    parts = exponentials(b, name, x, axis)
    return quotient(b, parts.powers, parts.total, x.dims, want)


def log_softmax(b: Builder, name: str, x: Tensor, axis: int, want: Want) -> Tensor:
    """x − top − log Σ exp(x − top)."""
    parts = exponentials(b, name, x, axis)
    fine = Reach(b.options.bits + FINER)
    count = float(x.dims[axis])
    log = apply(b, f"{name}.log", parts.total, np.log, fine, covers=count, least=1.0, graded=True)
    return signed_sum(b, [(1, x), (-1, parts.top), (-1, log)], x.dims, want)


def depth(b: Builder, count: int) -> float:
    """So far below the top of `count` numbers that the exponentials of all such together are under half a step."""
    return (b.options.bits + 1 + count.bit_length()) * math.log(2)


def exponentials(b: Builder, name: str, x: Tensor, axis: int) -> Exponentials:
    count = x.dims[axis].bit_length()
    top = max_over(b, x, [axis])
    near, offset = _below(b, x, top, depth(b, x.dims[axis]))
    start = offset * 2.0**-x.scale
    scale = min(EXP_SCALE, b.options.bits + 2 + count)
    close = 2.0 ** -(b.options.bits + FINER)
    powers = apply(
        b,
        f"{name}.exp",
        near,
        lambda t: np.exp(t - start),
        Target(scale, scale + 2),
        tolerance=close,
    )
    summed = sum_over(b, powers, [axis], Target(min(scale, SUM_BITS - count), MAX_BITS))
    return Exponentials(top, powers, at_least(b, summed, np.ones(())))


def _below(b: Builder, x: Tensor, top: Tensor, reach: float) -> tuple[Tensor, int]:
    """x − top + offset, in as few bits as hold it down to `reach` below the top; and the offset, in x's steps.

    That it is never over the offset no interval can know: the clamp to its bits says so, and never acts.
    """
    known, deepest = b.interval(x), math.ceil(reach * 2.0**x.scale)
    if known.hi - known.lo > deepest:
        bias = b.constant("reach", np.array(-deepest, np.int64), x.scale, width=8)
        lowest = b.linear([(1, top)], top.dims, x.scale, Target(x.scale, MAX_BITS), bias)
        x = largest(b, [x, lowest], x.dims)
    bits = max(MIN_BITS, (min(deepest, known.hi - known.lo) + 2).bit_length())
    offset = (1 << (bits - 1)) - 2
    bias = b.constant("offset", np.array(offset, np.int64), x.scale, width=8)
    return b.linear([(1, x), (-1, top)], x.dims, x.scale, Target(x.scale, bits), bias), offset


# Standardization.


def standardized(b: Builder, x: Tensor, axes: Sequence[int], epsilon: float) -> Tensor:
    """(x − mean) / sqrt(n · (variance + ε)) over n elements; times sqrt(n) it has variance 1."""
    count = math.prod(x.dims[axis] for axis in axes)
    reading, dims, inner = over_axes(x, axes)
    over = max(0, bits_of(b.interval(x).scaled(count)) - MAX_BITS)
    summed = total(b, x, reading, dims, inner, Target(x.scale - over, MAX_BITS))
    # n · x − Σ x is n times what is wanted, and exact; the factor falls out again.
    reach = b.interval(x).magnitude * 2 * count
    shift = _shift(reach, x.scale, count, epsilon * count**2)
    want = Target(x.scale - shift, max(MIN_BITS, (reach >> shift).bit_length() + 2))
    centred = b.linear([(count, x), (-(1 << over), summed)], x.dims, x.scale, want)
    return root_mean_squared(b, centred, axes, epsilon * count**2)


def root_mean_squared(b: Builder, x: Tensor, axes: Sequence[int], epsilon: float) -> Tensor:
    """x / sqrt(Σ x² + n · ε) over n elements; times sqrt(n) its mean square is 1."""
    count = math.prod(x.dims[axis] for axis in axes)
    shift = _shift(b.interval(x).magnitude, x.scale, count, epsilon)
    if shift:
        x = rescaled(b, x, Target(x.scale - shift, max(MIN_BITS, bits_of(b.interval(x)) - shift + 1)))
    squares = _squares(b, x, axes, count * epsilon)
    ref, how = squares.identity()
    scale = RSQRT_EXPONENT - squares.scale // 2
    inverse = b.emit(Rsqrt((ref,), (how,), squares.dims, (), MAX_BITS, scale, RSQRT_EXPONENT))
    return product(b, x, inverse, x.dims, Reach(b.options.bits + FINER))


def _shift(magnitude: int, scale: int, count: int, epsilon: float) -> int:
    """How many bits have to go so that a sum of `count` squares and ε's is exact."""
    shift = 0
    while (
        magnitude >> shift >= 1 << CENTRED_BITS
        or count * ((magnitude >> shift) + 1) ** 2 + count * epsilon * 4.0 ** (scale - shift) >= 1 << SQUARES_BITS
    ):
        shift += 1
    return shift


def _squares(b: Builder, x: Tensor, axes: Sequence[int], offset: float) -> Tensor:
    """Σ x² + offset, at least one step, at an even scale: its root is one of a power of two."""
    reading, dims, inner = over_axes(x, axes)
    bias = b.bias("offset", np.array(offset), 2 * x.scale)
    rows = tuple((*row, *(0,) * len(inner)) for row in bias.broadcast(dims)[1].strides)
    read = (bias.ref, type(reading[1])(bias.dims, (0,) * len(bias.dims), rows))
    readings = [reading, reading, read]
    real = b.shadow_of(Contract, readings, dims, inner)
    most = math.prod(inner) * b.interval(x).magnitude ** 2 + b.interval(bias).magnitude
    typical = math.ceil(float(real.max(initial=0.0)) * b.options.headroom**2)
    shift = max(0, most.bit_length() - (MAX_BITS - 1), typical.bit_length() - TYPICAL_BITS)
    want = Target(2 * x.scale - (shift + shift % 2), MAX_BITS)
    made = b.accumulate(Contract, readings, dims, 2 * x.scale, want, inner=inner, shadow=real)
    return at_least(b, made, np.array(max(offset, 2.0**-made.scale)))
