"""Moving elements: reshaping costs nothing, the rest is one index op, or one gather from constant places."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from circuits.program.limits import MAX_BITS
from circuits.program.ops import Gather
from circuits.program.refs import AffineMap
from circuits.quantize.arithmetic import common_scale
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.scales import Floats, Integers

Dims = tuple[int, ...]


def axes_map(
    view_dims: Sequence[int], offsets: Sequence[int], walks: Sequence[tuple[int, int] | None], rank: int
) -> AffineMap:
    """`walks[axis]` is (iteration axis, stride), or None for an axis that stays at its offset."""
    rows = tuple(tuple(walk[1] * (d == walk[0]) if walk else 0 for d in range(rank)) for walk in walks)
    return AffineMap(tuple(view_dims), tuple(offsets), rows)


def moved(b: Builder, x: Tensor, how: AffineMap, dims: Dims) -> Tensor:
    return b.index([(x.ref, how)], dims, x.scale)


def transposed(b: Builder, x: Tensor, order: Sequence[int]) -> Tensor:
    dims = tuple(x.dims[axis] for axis in order)
    walks = [(list(order).index(axis), 1) for axis in range(len(dims))]
    return moved(b, x, axes_map(x.dims, [0] * len(dims), walks, len(dims)), dims)


def sliced(
    b: Builder, x: Tensor, dims: Dims, starts: Mapping[int, int], steps: Mapping[int, int] | None = None
) -> Tensor:
    """Axis a of x from starts[a] (0) in steps of steps[a] (1)."""
    offsets = [starts.get(axis, 0) for axis in range(len(dims))]
    walks = [(axis, (steps or {}).get(axis, 1)) for axis in range(len(dims))]
    return moved(b, x, axes_map(x.dims, offsets, walks, len(dims)), dims)


def part(b: Builder, x: Tensor, axis: int, start: int, size: int) -> Tensor:
    """`size` slices of one axis."""
    axis %= len(x.dims)
    return sliced(b, x, (*x.dims[:axis], size, *x.dims[axis + 1 :]), {axis: start})


def concatenated(b: Builder, tensors: Sequence[Tensor | Floats], axis: int) -> Tensor:
    """Tensors and real constants, at their common scale."""
    given = common_scale(b, tensors)
    rank = len(given[0].dims)
    axis %= rank
    readings, start = [], 0
    for tensor in given:
        offsets = [-start if a == axis else 0 for a in range(rank)]
        readings.append((tensor.ref, axes_map(tensor.dims, offsets, [(a, 1) for a in range(rank)], rank)))
        start += tensor.dims[axis]
    first = given[0]
    return b.index(readings, (*first.dims[:axis], start, *first.dims[axis + 1 :]), first.scale)


def padded(b: Builder, x: Tensor, dims: Dims, before: Mapping[int, int], fill: int) -> Tensor:
    """x from before[axis] on, `fill` (an integer at x's scale) around it; negative padding cuts off."""
    rank = len(x.dims)
    how = axes_map(x.dims, [-before.get(axis, 0) for axis in range(rank)], [(axis, 1) for axis in range(rank)], rank)
    return b.index([(x.ref, how)], dims, x.scale, fill)


def expanded(b: Builder, x: Tensor, dims: Dims) -> Tensor:
    return moved(b, x, x.broadcast(dims)[1], dims)


def rearranged(b: Builder, x: Tensor, positions: Integers) -> Tensor:
    """out[i] = x.flat[positions[i]] for constant positions, of positions' dims."""
    size = math.prod(x.dims)
    places = b.constant("positions", np.asarray(positions, np.int64), 0)
    rank = positions.ndim
    flat = AffineMap((size,), (0,), ((0,) * rank + (1,),))
    rows = tuple((*row, 0) for row in places.broadcast(positions.shape)[1].strides)
    read = AffineMap(tuple(positions.shape), (0,) * rank, rows)
    return b.fitting(Gather((x.ref, places.ref), (flat, read), tuple(positions.shape), (size,), MAX_BITS, x.scale))


def taken(b: Builder, x: Tensor, axis: int, indices: Sequence[int]) -> Tensor:
    """Slices of one axis at constant indices: an index op where they are evenly spaced, else a gather."""
    axis %= len(x.dims)
    places = [index % x.dims[axis] for index in indices]
    dims = (*x.dims[:axis], len(places), *x.dims[axis + 1 :])
    steps = {after - before for before, after in itertools.pairwise(places)}
    if len(steps) <= 1:
        return sliced(b, x, dims, {axis: places[0] if places else 0}, {axis: steps.pop() if steps else 1})
    flat = np.arange(math.prod(x.dims), dtype=np.int64).reshape(x.dims)
    return rearranged(b, x, np.take(flat, places, axis))
