"""Sums, means and maxima over axes or windows of a tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence

from circuits.errors import InputError
from circuits.program.limits import MAX_BITS, MAX_SHIFT
from circuits.program.ops import ReduceSum
from circuits.program.refs import AffineMap
from circuits.quantize.builder import Builder, Reading, Tensor
from circuits.quantize.scales import Reach, Target, Want, bits_of

Dims = tuple[int, ...]
MEAN_BITS = 16


def over_axes(x: Tensor, axes: Sequence[int], keepdims: bool = True) -> tuple[Reading, Dims, Dims]:
    """x over (output, reduced axes): how it is read, the output's dims and the reduced sizes."""
    rank = len(x.dims)
    reduced = sorted({axis % rank for axis in axes})
    kept = [axis for axis in range(rank) if axis not in reduced]
    if keepdims:
        dims = tuple(1 if axis in reduced else x.dims[axis] for axis in range(rank))
        place = {axis: axis for axis in kept}
    else:
        dims = tuple(x.dims[axis] for axis in kept)
        place = {axis: position for position, axis in enumerate(kept)}
    inner = tuple(x.dims[axis] for axis in reduced)
    place |= {axis: len(dims) + i for i, axis in enumerate(reduced)}
    total = len(dims) + len(inner)
    rows = tuple(tuple(int(d == place[axis]) for d in range(total)) for axis in range(rank))
    return (x.ref, AffineMap(x.dims, (0,) * rank, rows)), dims, inner


def total(b: Builder, x: Tensor, reading: Reading, dims: Dims, inner: Dims, want: Want) -> Tensor:
    """Σ x over the inner points."""
    return b.accumulate(ReduceSum, [reading], dims, x.scale, want, inner=inner, multiplier=1)


def exact_total(b: Builder, x: Tensor, reading: Reading, dims: Dims, inner: Dims) -> Tensor:
    """Σ x at x's scale, in as many bits as it can take."""
    bits = min(MAX_BITS, bits_of(b.interval(x).scaled(math.prod(inner))))
    return total(b, x, reading, dims, inner, Target(x.scale, bits))


def mean(b: Builder, x: Tensor, reading: Reading, dims: Dims, inner: Dims, want: Reach | Target) -> Tensor:
    """Division by the number n of points is multiplication by round(2^k / n), which is exact for a power of two."""
    count = math.prod(inner)
    shadow = b.shadow_of(ReduceSum, [reading], dims, inner, multiplier=1) * (2.0**-x.scale / count)
    target = b.resolve(want, shadow, 0, b.interval(x))
    exact = count.bit_length() - 1
    k = exact if count == 1 << exact else min(MEAN_BITS + exact, MAX_SHIFT - x.scale + target.scale)
    if k < exact:
        raise InputError("program_range_overflow", "the mean's range is too wide for its operand's scale")
    multiplier = ((1 << (k + 1)) + count) // (2 * count)
    return b.accumulate(ReduceSum, [reading], dims, x.scale + k, target, inner=inner, multiplier=multiplier)


def maximum(b: Builder, x: Tensor, reading: Reading, dims: Dims, inner: Dims) -> Tensor:
    """The largest x over the inner points."""
    return b.max_over([reading], dims, inner, x.scale)


def sum_over(b: Builder, x: Tensor, axes: Sequence[int], want: Want, keepdims: bool = True) -> Tensor:
    reading, dims, inner = over_axes(x, axes, keepdims)
    return total(b, x, reading, dims, inner, want)


def mean_over(b: Builder, x: Tensor, axes: Sequence[int], want: Reach | Target, keepdims: bool = True) -> Tensor:
    reading, dims, inner = over_axes(x, axes, keepdims)
    return mean(b, x, reading, dims, inner, want)


def max_over(b: Builder, x: Tensor, axes: Sequence[int], keepdims: bool = True) -> Tensor:
    reading, dims, inner = over_axes(x, axes, keepdims)
    return maximum(b, x, reading, dims, inner)
