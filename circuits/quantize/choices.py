"""Comparisons, truth values and what depends on them. A truth value is 0 or 1 at scale 0."""

from __future__ import annotations

import numpy as np

from circuits.program.intervals import Interval
from circuits.program.limits import MAX_BITS
from circuits.program.ops import Argmax, Compare, Gather, Mul, Relation, Select
from circuits.program.refs import AffineMap
from circuits.quantize.arithmetic import at_least, at_most, common_scale, rescaled, signed_sum
from circuits.quantize.builder import Builder, Reading, Tensor
from circuits.quantize.scales import Exact, Target
from circuits.quantize.sums import over_axes

Dims = tuple[int, ...]
TRUTH = Interval(0, 1)


def compared(b: Builder, relation: Relation, x: Tensor, y: Tensor, dims: Dims) -> Tensor:
    """x REL y as a truth value. Both at the finer of their scales where 32 bits hold them: no bit is lost then."""
    finest = max(x.scale, y.scale)
    fits = all(b.interval(t).magnitude << (finest - t.scale) < 2 ** (MAX_BITS - 1) for t in (x, y))
    if fits:
        x, y = (rescaled(b, t, Target(finest, MAX_BITS)) for t in (x, y))
    else:
        x, y = common_scale(b, [x, y])
    (x_ref, x_how), (y_ref, y_how) = x.broadcast(dims), y.broadcast(dims)
    return b.fitting(Compare((x_ref, y_ref), (x_how, y_how), dims, (), MAX_BITS, 0, relation))


def truth(b: Builder, x: Tensor) -> Tensor:
    """Whether x is not 0; x itself if it is a truth value."""
    if b.interval(x).within(TRUTH) and x.scale == 0:
        return x
    zero = b.constant("zero", np.zeros((), np.int64), x.scale)
    return negation(b, compared(b, Relation.EQUAL, x, zero, x.dims))


def negation(b: Builder, x: Tensor) -> Tensor:
    """1 − x for a truth value."""
    return signed_sum(b, [(-1, x)], x.dims, Exact(), np.ones(()))


def both(b: Builder, x: Tensor, y: Tensor, dims: Dims) -> Tensor:
    return b.accumulate(Mul, [x.broadcast(dims), y.broadcast(dims)], dims, 0, Exact())


def either(b: Builder, x: Tensor, y: Tensor, dims: Dims) -> Tensor:
    return b.max_over([x.broadcast(dims), y.broadcast(dims)], dims, (), 0)


def selected(b: Builder, chooser: Tensor, x: Tensor, y: Tensor, dims: Dims) -> Tensor:
    """x where the truth value `chooser` is 1, y where it is 0; x and y have one scale (see `common_scale`)."""
    readings = [t.broadcast(dims) for t in (chooser, x, y)]
    refs, maps = zip(*readings, strict=True)
    return b.fitting(Select(refs, maps, dims, (), MAX_BITS, x.scale))


def argmax_over(b: Builder, x: Tensor, axis: int, keepdims: bool = True) -> Tensor:
    """The lowest index of the largest element along one axis."""
    (ref, how), dims, inner = over_axes(x, [axis], keepdims)
    return b.fitting(Argmax((ref,), (how,), dims, inner, MAX_BITS, 0))


def index_from_end(b: Builder, positions: Tensor, size: int) -> Tensor:
    """Indices as ONNX writes them: a negative one counts from the end."""
    if b.interval(positions).lo >= 0:
        return positions
    zero = b.constant("zero", np.zeros((), np.int64), 0)
    below = compared(b, Relation.LESS, positions, zero, positions.dims)
    return b.linear([(1, positions), (size, below)], positions.dims, 0, Exact())


def index_within(b: Builder, positions: Tensor, size: int) -> Tensor:
    """Indices as ONNX writes them, as 0 … size − 1; what lies outside counts as the nearest."""
    positions = index_from_end(b, positions, size)
    return at_most(b, at_least(b, positions, np.zeros(())), np.array(size - 1.0))


def gathered(b: Builder, x: Tensor, how: AffineMap, positions: Reading, dims: Dims, inner: Dims) -> Tensor:
    """y(o) = x(o, k = positions(o)): `how` reads x over dims and inner, `positions` is read over dims.

    The positions lie in 0 … prod(inner) − 1 (see `index_within`), as row-major indices of `inner`.
    """
    ref, read = positions
    wide = AffineMap(read.view, read.offsets, tuple((*row, *(0,) * len(inner)) for row in read.strides))
    return b.fitting(Gather((x.ref, ref), (how, wide), dims, inner, MAX_BITS, x.scale))
