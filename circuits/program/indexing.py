"""Affine maps at work: where a point reads, and whether it can miss (docs/protocol/program.md section 2).

Two readings that must agree. `read_points` follows the note word for word and is what the interpreter uses.
`strided_view` makes the whole iteration space one NumPy view of a padded tensor; ranges and the executor use it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from circuits.program.intervals import Interval
from circuits.program.limits import extent
from circuits.program.refs import AffineMap

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Read:
    """One operand at a block of points [outputs, inner points]: `values` is 0 where not `in_bounds`."""

    values: Integers
    in_bounds: npt.NDArray[np.bool_]
    tensor: Integers


def block_points(dims: Sequence[int], inner: Sequence[int], outputs: range, points: range) -> Integers:
    """Iteration points of these outputs and inner points, by their numbers in row-major order: [rank, outputs, inner
    points]."""
    outer = np.unravel_index(np.arange(outputs.start, outputs.stop), tuple(dims)) if dims else ()
    inners = np.unravel_index(np.arange(points.start, points.stop), tuple(inner)) if inner else ()
    grid = (len(outputs), len(points))
    rows = [np.broadcast_to(axis[:, None], grid) for axis in outer]
    rows += [np.broadcast_to(axis[None, :], grid) for axis in inners]
    return np.stack(rows) if rows else np.zeros((0, *grid), np.int64)


def read_points(tensor: Integers, how: AffineMap, points: Integers) -> Read:
    """Reads flat `tensor` at every point."""
    grid = points.shape[1:]
    flat = np.zeros(grid, np.int64)
    in_bounds = np.ones(grid, np.bool_)
    for size, offset, strides in zip(how.view, how.offsets, how.strides, strict=True):
        index = np.full(grid, offset, np.int64)
        for stride, coordinate in zip(strides, points, strict=True):
            index += stride * coordinate
        in_bounds &= (index >= 0) & (index < size)
        flat = flat * size + index
    values = np.zeros(grid, np.int64)
    values[in_bounds] = tensor[flat[in_bounds]]
    return Read(values, in_bounds, tensor)


def axis_extents(how: AffineMap, iteration: Sequence[int]) -> list[Interval]:
    """The least and the largest index read on every axis of the view; `iteration` has a point."""
    extents = []
    for offset, strides in zip(how.offsets, how.strides, strict=True):
        reach = [stride * (size - 1) for stride, size in zip(strides, iteration, strict=True)]
        extents.append(Interval(offset + sum(min(r, 0) for r in reach), offset + sum(max(r, 0) for r in reach)))
    return extents


def always_in_bounds(how: AffineMap, iteration: Sequence[int]) -> bool:
    """Whether no point misses; without points none does."""
    if 0 in iteration:
        return True
    extents = axis_extents(how, iteration)
    return all(e.within(Interval(0, size - 1)) for e, size in zip(extents, how.view, strict=True))


def padded_dims(how: AffineMap, iteration: Sequence[int]) -> list[int]:
    """Dims of the smallest box that contains the view and every index read."""
    if 0 in iteration:
        return list(how.view)
    extents = axis_extents(how, iteration)
    return [max(e.hi, size - 1) - min(e.lo, 0) + 1 for e, size in zip(extents, how.view, strict=True)]


def missing_axes(how: AffineMap, iteration: Sequence[int]) -> AffineMap:
    """`how` with only those axes of its view on which some point misses; `iteration` has a point."""
    extents = axis_extents(how, iteration)
    axes = [a for a, (e, size) in enumerate(zip(extents, how.view, strict=True)) if e.lo < 0 or e.hi >= size]
    return AffineMap(
        tuple(how.view[a] for a in axes), tuple(how.offsets[a] for a in axes), tuple(how.strides[a] for a in axes)
    )


def hits(how: AffineMap, iteration: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Whether each point is in bounds; of shape `iteration`, with size 1 on axes that do not matter."""
    missing = missing_axes(how, iteration)
    view = strided_view(np.ones(missing.view, np.bool_), missing, reduced_iteration(missing, iteration))
    return cast(npt.NDArray[np.bool_], view)


def reading_cost(how: AffineMap, iteration: Sequence[int]) -> int:
    """How many elements `strided_view` reads, and copies if it has to pad."""
    padded = padded_dims(how, iteration)
    return extent(iteration) + (0 if padded == list(how.view) else extent(padded))


def strided_view(
    tensor: npt.NDArray[np.generic], how: AffineMap, iteration: Sequence[int], fill: float = 0
) -> npt.NDArray[np.generic]:
    """`tensor` read at every point: a read-only view of shape `iteration`, with `fill` out of bounds."""
    if 0 in iteration:
        return np.zeros(tuple(iteration), tensor.dtype)
    box = tensor.reshape(how.view)
    extents = axis_extents(how, iteration)
    before = [max(0, -e.lo) for e in extents]
    after = [max(0, e.hi - size + 1) for e, size in zip(extents, how.view, strict=True)]
    if any(before) or any(after):
        box = np.pad(box, list(zip(before, after, strict=True)), constant_values=fill)
    box = np.asarray(box, order="C")
    start = sum((off + low) * s for off, low, s in zip(how.offsets, before, box.strides, strict=True))
    steps = [sum(row[d] * s for row, s in zip(how.strides, box.strides, strict=True)) for d in range(len(iteration))]
    flat = box.reshape(-1)
    return as_strided(flat[start // box.itemsize :], tuple(iteration), steps, writeable=False)


def used_axes(how: AffineMap, count: int) -> list[bool]:
    """For each of `count` iteration axes, whether the map depends on it."""
    return [any(row[d] for row in how.strides) for d in range(count)]


def reduced_iteration(how: AffineMap, iteration: Sequence[int]) -> tuple[int, ...]:
    """`iteration` with size 1 on every axis that the map does not depend on."""
    used = used_axes(how, len(iteration))
    return tuple(size if u else 1 for size, u in zip(iteration, used, strict=True))


def unused_count(how: AffineMap, iteration: Sequence[int], first: int) -> int:
    """How many points share one read, over the axes from `first` on that the map does not depend on."""
    used = used_axes(how, len(iteration))
    return math.prod(size for size, u in zip(iteration[first:], used[first:], strict=True) if not u)
