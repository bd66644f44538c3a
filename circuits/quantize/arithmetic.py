"""Real arithmetic on quantized tensors: what the rules of smooth and piecewise linear operators are made of.

Every function broadcasts like NumPy over `dims`, takes tensors with one scale, and chooses the scale of its result from
the shadows. Nothing here knows of ONNX.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from circuits.program.intervals import Interval
from circuits.program.limits import MAX_BITS, MAX_SHIFT, MIN_BITS
from circuits.program.ops import Divide, Linear, Mul, Rsqrt
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.scales import (
    ROOM,
    SPARE_BITS,
    Exact,
    Floats,
    Reach,
    Target,
    Want,
    bits_of,
    quantize_weights,
    scale_for,
)

Dims = tuple[int, ...]
# Scales further apart than this are brought nearer first: a coefficient is 2^(difference) and has 32 bits.
MAX_APART = 30
# A factor of two to spare: a numerator doubled, plus its divisor, stays below 2^53.
DIVIDE_BITS = 51
RSQRT_EXPONENT = 30
# A tensor is only raised to another scale where its bits leave so much room: it is one op more.
WORTH_RAISING = 2


# Sums.


def signed_sum(
    b: Builder, terms: Sequence[tuple[int, Tensor]], dims: Dims, want: Want, constant: Floats | None = None
) -> Tensor:
    """Σ sign · tensor (+ constant): one op, at the finest scale of its terms, or where a constant falls between their
    steps at the result's own."""
    coarsest = min(t.scale for _, t in terms)
    near = [(sign, _nearer(b, t, coarsest + MAX_APART)) for sign, t in terms]
    acc_scale = max(t.scale for _, t in near)
    if constant is not None and not isinstance(want, Exact):
        acc_scale += _raised_for(b, near, acc_scale, constant, dims, want)
    shifted = [(sign << (acc_scale - t.scale), t) for sign, t in near]
    biases = [] if constant is None else [b.bias("bias", constant, acc_scale)]
    readings = [t.broadcast(dims) for _, t in shifted] + [t.broadcast(dims) for t in biases]
    return b.accumulate(Linear, readings, dims, acc_scale, want, coefficients=tuple(c for c, _ in shifted))


def _raised_for(
    b: Builder, terms: Sequence[tuple[int, Tensor]], acc_scale: int, constant: Floats, dims: Dims, want: Reach | Target
) -> int:
    """How much finer than its terms a sum has to be for the constant in it, as far as the accumulator has room."""
    steps = np.asarray(constant, np.float64) * 2.0**acc_scale
    if not np.isfinite(steps).all() or (steps == np.rint(steps)).all():
        return 0
    coefficients = [sign << (acc_scale - t.scale) for sign, t in terms]
    readings = [t.broadcast(dims) for _, t in terms]
    acc = b.shadow_of(Linear, readings, dims, (), coefficients=tuple(coefficients)) + steps
    target = b.resolve(want, acc, acc_scale, b.interval(terms[0][1]))
    magnitudes = [abs(c) * b.interval(t).magnitude for c, (_, t) in zip(coefficients, terms, strict=True)]
    room = math.floor(math.log2(ROOM / (sum(magnitudes) + float(np.abs(steps).max()))))
    apart = MAX_APART - (acc_scale - min(t.scale for _, t in terms))
    return max(0, min(target.scale - acc_scale, room, apart))


def _nearer(b: Builder, x: Tensor, finest: int) -> Tensor:
    return x if x.scale <= finest else rescaled(b, x, Target(finest, x.bits))


def plus_constant(b: Builder, x: Tensor, constant: Floats, want: Want) -> Tensor:
    """x + constant, of x's dims."""
    return signed_sum(b, [(1, x)], x.dims, want, constant)


def negated(b: Builder, x: Tensor) -> Tensor:
    interval = b.interval(x)
    bits = max(x.bits, bits_of(Interval(-interval.hi, -interval.lo)))
    return b.linear([(-1, x)], x.dims, x.scale, Target(x.scale, min(bits, MAX_BITS)))


def rescaled(b: Builder, x: Tensor, want: Target) -> Tensor:
    """x at exactly the wanted scale, saturated to the wanted bits."""
    if x.scale == want.scale and b.interval(x).within(Interval.of_bits(want.bits)):
        return x
    raised = max(0, want.scale - x.scale)
    return b.linear([(1 << raised, x)], x.dims, x.scale + raised, want)


def floor(b: Builder, x: Tensor) -> Tensor:
    """The whole numbers at or below x, at scale 0: a rescale rounds half up, so half is taken off before."""
    if x.scale <= 0:
        return rescaled(b, x, Target(0, MAX_BITS))
    half = b.constant("half", np.array(-(1 << (x.scale - 1)), np.int64), x.scale, width=8)
    readings, want = [x.identity(), half.broadcast(x.dims)], Target(0, max(MIN_BITS, x.bits - x.scale + 1))
    shadow = np.floor(b.shadow(x)) * 2.0**x.scale
    return b.accumulate(Linear, readings, x.dims, x.scale, want, shadow=shadow, coefficients=(1,))


# Products.


def product(b: Builder, x: Tensor, y: Tensor, dims: Dims, want: Want) -> Tensor:
    return b.accumulate(Mul, [x.broadcast(dims), y.broadcast(dims)], dims, x.scale + y.scale, want)


def times_number(b: Builder, x: Tensor, factor: float, want: Reach | Target) -> Tensor:
    """A power of two only changes what the integers mean; any other number is one coefficient."""
    mantissa, exponent = np.frexp(factor)
    scale = x.scale - int(exponent) + 1
    if mantissa == 0.5 and -128 <= scale <= 127 and want.bits >= x.bits and isinstance(want, Reach):
        return replace(x, scales=(scale,))
    target = b.resolve(want, b.shadow(x) * factor, 0, b.interval(x))
    weights = quantize_weights(np.array(factor), b.options.weight_bits, target.scale + MAX_SHIFT - x.scale)
    return b.linear([(int(weights.values), x)], x.dims, x.scale + weights.scale, target)


# Maxima.


def common_scale(b: Builder, tensors: Sequence[Tensor | Floats], most: float = math.inf) -> list[Tensor]:
    """Tensors and real constants at one scale: the finest of theirs at which none of the tensors reaches too far.

    That is the coarsest of the tensors', but a tensor whose bits are not used up (whole numbers at scale 0) is raised.
    Of the tensors only values up to `most` matter.
    """
    given = [t for t in tensors if isinstance(t, Tensor)]
    known = [np.asarray(t, np.float64) for t in tensors if not isinstance(t, Tensor)]
    coarsest = min(t.scale for t in given)
    scale = min(
        max(*(t.scale for t in given), *(_own_scale(b, values) for values in known), coarsest),
        *(finest_scale(b, t, most) for t in given),
        *(_still_held(values, coarsest) for values in known),
    )
    return [brought_to(b, t, scale, most) if isinstance(t, Tensor) else b.fixed("constant", t, scale) for t in tensors]


def _own_scale(b: Builder, values: Floats) -> int:
    """The finest scale that a constant's finite values need; whole numbers need none."""
    finite = values[np.isfinite(values)]
    return 0 if (finite == np.rint(finite)).all() else scale_for(float(np.abs(finite).max()), b.options.bits)


def _still_held(values: Floats, scale: int) -> int:
    """The finest scale at which 32 bits hold what they hold at `scale`. What they do not is only meant to be far."""
    sizes = np.abs(values)
    held = sizes[sizes * 2.0**scale < 2.0 ** (MAX_BITS - 1) - 1]
    return max(scale, scale_for(float(held.max(initial=0.0)), MAX_BITS))


def finest_scale(b: Builder, x: Tensor, most: float = math.inf) -> int:
    """The finest scale at which activations' bits hold x as far as it can reach; its own if that is about as fine."""
    wanted = scale_for(min(_reach(b, x), most), b.options.bits)
    room = min(MAX_APART, int(ROOM).bit_length() - 1 - b.interval(x).magnitude.bit_length())
    finest = min(wanted, x.scale + room)
    return finest if finest >= x.scale + WORTH_RAISING else x.scale


def _reach(b: Builder, x: Tensor) -> float:
    """How far x reaches: what its integers can be, or what calibration and headroom show where that is less."""
    return min(b.interval(x).magnitude * 2.0**-x.scale, furthest(b.shadow(x)) * b.options.headroom)


def furthest(values: Floats) -> float:
    """The largest size of a finite value."""
    return float(np.abs(values).max(initial=0.0, where=np.isfinite(values)))


def brought_to(b: Builder, x: Tensor, scale: int, most: float = math.inf) -> Tensor:
    """x at a scale. Raised, it is exact if 32 bits hold all that it can be, else it has bits to spare for its reach."""
    if scale <= x.scale:
        return rescaled(b, x, Target(scale, x.bits))
    bits = bits_of(b.interval(x).scaled(1 << (scale - x.scale)))
    if bits > MAX_BITS:
        bits = min(MAX_BITS, b.options.bits + SPARE_BITS)
    return rescaled(b, x, Target(scale, bits, clamps=_reach(b, x) > most))


def largest(b: Builder, tensors: Sequence[Tensor], dims: Dims) -> Tensor:
    """The elementwise maximum of tensors of one scale."""
    return b.max_over([t.broadcast(dims) for t in tensors], dims, (), tensors[0].scale)


def smallest(b: Builder, tensors: Sequence[Tensor], dims: Dims) -> Tensor:
    """min x = −max −x."""
    return negated(b, largest(b, [negated(b, t) for t in tensors], dims))


def at_least(b: Builder, x: Tensor, bound: Floats, dims: Dims | None = None) -> Tensor:
    """max(x, bound) for a constant bound; x itself if it can never be below."""
    dims = x.dims if dims is None else dims
    constant = b.fixed("bound", bound, x.scale)
    if x.dims == dims and b.interval(constant).hi <= b.interval(x).lo:
        return x
    return largest(b, [x, constant], dims)


def at_most(b: Builder, x: Tensor, bound: Floats, dims: Dims | None = None) -> Tensor:
    """min(x, bound) = −max(−x, −bound)."""
    dims = x.dims if dims is None else dims
    constant = b.fixed("bound", bound, x.scale)
    if x.dims == dims and b.interval(constant).lo >= b.interval(x).hi:
        return x
    return negated(b, at_least(b, negated(b, x), -np.asarray(bound), dims))


def absolute(b: Builder, x: Tensor) -> Tensor:
    return largest(b, [x, negated(b, x)], x.dims)


# Quotients.


def quotient(b: Builder, x: Tensor, divisor: Tensor, dims: Dims, want: Reach | Target) -> Tensor:
    """x / divisor rounded half up, for a divisor whose integers are at least 1 (take `at_least` of it first)."""
    target = b.resolve(want, _real_quotient(b, x, divisor, dims), 0, b.interval(x))
    up = target.scale - x.scale + divisor.scale
    if up > MAX_SHIFT:
        finer = min(up - MAX_SHIFT, MAX_BITS - bits_of(b.interval(x)))
        x, up = rescaled(b, x, Target(x.scale + finer, MAX_BITS)), up - finer
    room = DIVIDE_BITS - max(b.interval(x).magnitude, 1).bit_length()
    used = max(0, min(up, room, MAX_SHIFT))
    (x_ref, x_how), (d_ref, d_how) = x.broadcast(dims), divisor.broadcast(dims)
    bits = target.bits if up >= 0 else MAX_BITS
    op = Divide((x_ref, d_ref), (x_how, d_how), dims, (), bits, x.scale - divisor.scale + used, used, False)
    made = b.emit(replace(op, saturates=b.bound(op).saturates))
    return made if up >= 0 else rescaled(b, made, target)


def _real_quotient(b: Builder, x: Tensor, divisor: Tensor, dims: Dims) -> Floats:
    parts = [aligned(b.shadow(t), len(dims)) for t in (x, divisor)]
    return parts[0] / np.maximum(parts[1], 2.0**-divisor.scale)


def aligned(shadow: Floats, rank: int) -> Floats:
    """[samples, *dims] with dims filled up to `rank` for broadcasting."""
    return shadow.reshape(len(shadow), *(1,) * (rank + 1 - shadow.ndim), *shadow.shape[1:])


def reciprocal_sqrt(b: Builder, x: Tensor, want: Reach | Target) -> Tensor:
    """1 / sqrt(x) for integers of at least 1 (take `at_least` of it first): exact to the last bit, then rescaled."""
    made = _exact_reciprocal_sqrt(b, x)
    return rescaled(b, made, b.resolve(want, b.shadow(made), 0, b.interval(made)))


def _exact_reciprocal_sqrt(b: Builder, x: Tensor) -> Tensor:
    if x.scale % 2:  # 2^scale has to have a square root
        x = rescaled(b, x, Target(x.scale - 1, x.bits))
        x = at_least(b, x, np.array(2.0**-x.scale))
    ref, how = x.identity()
    return b.emit(Rsqrt((ref,), (how,), x.dims, (), MAX_BITS, RSQRT_EXPONENT - x.scale // 2, RSQRT_EXPONENT))


def square_root(b: Builder, x: Tensor, want: Reach | Target) -> Tensor:
    """sqrt(x) = 1 / (1 / sqrt(x)), within 2^-15 of itself before it is rounded, for x below 2^30 and at least 0.

    0 counts as x's smallest positive number.
    """
    inverse = _exact_reciprocal_sqrt(b, at_least(b, x, np.array(2.0**-x.scale)))
    exponent = max(0, min(inverse.scale, RSQRT_EXPONENT))
    one = b.constant("one", np.array(1 << exponent, np.int64), exponent)
    return quotient(b, one, inverse, x.dims, want)
