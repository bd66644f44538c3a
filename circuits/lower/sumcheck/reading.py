"""A reading as a product over groups of axes (docs/protocol/sumcheck.md section 8).

Seen from the grid, a map couples axes of its view; seen from the tensor, a view of other dims couples the tensor's
axes. A group is the least set of both that is coupled, so weights on the grid's axes give weights on the tensor's cells
group by group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.layout import axis_bits, padded_strides
from circuits.program.refs import AffineMap

Integers = npt.NDArray[np.int64]

MAX_GROUP_POINTS = 1 << 24


class ReadingTooLargeError(ValueError):
    """A group of a reading with too many points to enumerate; args are (points, limit)."""


@dataclass(frozen=True, eq=False)
class Group:
    """Axes of the grid, and the cells of the tensor's axes that they reach.

    `cells` has, for each row-major point of the grid's `axes`, a cell's number or -1 out of bounds. Of each cell,
    `offsets` is its share of the padded offset in the tensor's block, `elements` its share of the row-major element
    number, `padded` its number in a table over the block's `variables` (ascending) that the group owns.
    """

    axes: tuple[int, ...]
    cells: Integers
    offsets: Integers
    elements: Integers
    padded: Integers
    variables: tuple[int, ...]


@dataclass(frozen=True)
class _Segment:
    """Neighbouring axes of tensor and view with the same number of cells."""

    tensor_axes: range
    view_axes: range


def _segments(dims: Sequence[int], view: Sequence[int]) -> list[_Segment]:
    """The finest split of both; a tensor axis of size 1 that no view axis needs is left out."""
    found, i, j = [], 0, 0
    while i < len(dims) or j < len(view):
        if i < len(dims) and dims[i] == 1:
            i += 1
        elif j < len(view) and view[j] == 1:
            found.append(_Segment(range(i, i), range(j, j + 1)))
            j += 1
        else:
            first_i, first_j, cells, seen = i, j, dims[i], view[j]
            i, j = i + 1, j + 1
            while cells != seen:
                if cells < seen:
                    cells, i = cells * dims[i], i + 1
                else:
                    seen, j = seen * view[j], j + 1
            found.append(_Segment(range(first_i, i), range(first_j, j)))
    return found


def _components(
    segments: Sequence[_Segment], how: AffineMap, grid: Sequence[int]
) -> list[tuple[list[_Segment], list[int]]]:
    """Segments joined by the axes of the grid that they share, with those axes; an axis of size 1 joins nothing."""
    joined: list[tuple[list[_Segment], set[int]]] = []
    for segment in segments:
        axes = {t for a in segment.view_axes for t, size in enumerate(grid) if size > 1 and how.strides[a][t]}
        touching = [entry for entry in joined if entry[1] & axes]
        joined = [entry for entry in joined if not entry[1] & axes]
        members = [member for entry in touching for member in entry[0]] + [segment]
        joined.append((members, axes.union(*(entry[1] for entry in touching))))
    return [(sorted(members, key=lambda s: s.view_axes.start), sorted(axes)) for members, axes in joined]


@dataclass(frozen=True)
class GroupShape:
    """Of a group its axes, how many points they have, and the cells of the tensor's axes, reached or not."""

    axes: tuple[int, ...]
    points: int
    cells: int


def group_shapes(dims: tuple[int, ...], how: AffineMap, grid: tuple[int, ...]) -> list[GroupShape]:
    """Of each group of `groups`, found without listing it."""
    return [
        GroupShape(
            tuple(axes),
            math.prod(grid[axis] for axis in axes),
            math.prod(dims[axis] for segment in segments for axis in segment.tensor_axes),
        )
        for segments, axes in _components(_segments(dims, how.view), how, grid)
    ]


def group_sizes(dims: tuple[int, ...], how: AffineMap, grid: tuple[int, ...]) -> list[int]:
    """The points or the cells of each group, whichever are more."""
    return [max(shape.points, shape.cells) for shape in group_shapes(dims, how, grid)]


Groups = tuple[Group, ...]


class GroupBook:
    """The groups of readings, each made once."""

    def __init__(self) -> None:
        self._made: dict[tuple[tuple[int, ...], AffineMap, tuple[int, ...]], Groups] = {}

    def groups(self, dims: tuple[int, ...], how: AffineMap, grid: tuple[int, ...]) -> Groups:
        """As `groups`; the same ones each time, so that they can be keys."""
        key = dims, how, grid
        if key not in self._made:
            self._made[key] = groups(dims, how, grid)
        return self._made[key]


def groups(dims: tuple[int, ...], how: AffineMap, grid: tuple[int, ...]) -> Groups:
    """The groups of a tensor of `dims`, read through `how` at the points of `grid`; the tensor has elements.

    A group may have no axes: then it reads one cell, or none. Axes of the grid in no group are not used by the map.
    Raises ReadingTooLargeError where axes are coupled at too many points.
    """
    made = []
    for segments, axes in _components(_segments(dims, how.view), how, grid):
        points = math.prod(grid[axis] for axis in axes)
        if points > MAX_GROUP_POINTS:
            raise ReadingTooLargeError(points, MAX_GROUP_POINTS)
        made.append(_group(dims, how, grid, segments, axes))
    return tuple(made)


def _group(
    dims: tuple[int, ...], how: AffineMap, grid: tuple[int, ...], segments: Sequence[_Segment], axes: Sequence[int]
) -> Group:
    owned = [axis for segment in segments for axis in segment.tensor_axes]
    sizes = [dims[axis] for axis in owned]
    strides = [math.prod(dims[axis + 1 :]) for axis in owned]
    padded = padded_strides(dims)
    reached, cells = _reached(_cells(how, grid, segments, axes), math.prod(sizes))
    return Group(
        tuple(axes),
        cells,
        box_sums(sizes, [padded[axis] for axis in owned])[reached],
        box_sums(sizes, strides)[reached],
        box_sums(sizes, padded_strides(sizes))[reached],
        tuple(
            sorted(
                v
                for axis in owned
                for v in range(axis_bits(padded[axis]), axis_bits(padded[axis]) + axis_bits(dims[axis]))
            )
        ),
    )


def _cells(how: AffineMap, grid: Sequence[int], segments: Sequence[_Segment], axes: Sequence[int]) -> Integers:
    shape = tuple(grid[axis] for axis in axes)
    number, inside = np.zeros(shape, np.int64), np.ones(shape, np.bool_)
    for a in (axis for segment in segments for axis in segment.view_axes):
        index = np.full(shape, how.offsets[a], np.int64)
        for place, axis in enumerate(axes):
            along = np.arange(grid[axis], dtype=np.int64) * how.strides[a][axis]
            index += along.reshape((-1,) + (1,) * (len(axes) - place - 1))
        inside &= (index >= 0) & (index < how.view[a])
        number = number * how.view[a] + index
    return np.where(inside, number, -1).reshape(-1)


def _reached(cells: Integers, count: int) -> tuple[Integers, Integers]:
    """Of `count` cells those that a point reaches, or the first if none is; and each point's number among them."""
    hit = np.zeros(count, np.bool_)
    hit[cells[cells >= 0]] = True
    hit[0] |= not hit.any()
    numbers = np.cumsum(hit) - 1
    return np.flatnonzero(hit), np.where(cells < 0, -1, numbers[cells])


def box_sums(sizes: Sequence[int], strides: Sequence[int]) -> Integers:
    """Of each row-major cell of a box, the sum of its indices times `strides`."""
    total = np.zeros(1, np.int64)
    for size, stride in zip(sizes, strides, strict=True):
        total = np.add.outer(total, np.arange(size, dtype=np.int64) * stride).reshape(-1)
    return total
