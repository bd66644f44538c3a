"""index, lookup, gather: elements moved, nothing computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from circuits.execute.tensors import Floats, Step, Tensors, part_of, read
from circuits.program.indexing import always_in_bounds, strided_view
from circuits.program.ops import Gather, Index, Lookup
from circuits.program.refs import AffineMap

Plan = tuple[Floats, list[Step]]
Box = tuple[range, ...]
Places = npt.NDArray[np.intp]


def index(op: Index, tensors: Tensors) -> Plan:
    """A copy for each operand, the first one last: where several are in bounds it wins. A reshape copies nothing."""
    if op.always_reads(0):
        view, _ = tensors.read(op, 0)
        if view.flags.c_contiguous:
            return view, []
    out = np.full(op.dims, op.fill, np.float64)
    steps: list[Step] = []
    for position in reversed(range(len(op.operands))):
        tensor, how = tensors.of(op.operands[position]), op.maps[position]
        box = box_in_bounds(how, op.dims)
        if box is None:
            view, reading = tensors.read(op, position)
            inside = strided_view(np.ones(how.view, np.bool_), how, op.dims)
            steps += [*reading, partial(np.copyto, out, view, where=inside)]
        elif all(box):
            view, reading = read(tensor, _moved(how, [r.start for r in box]), [len(r) for r in box])
            place = part_of(out, [slice(r.start, r.stop) for r in box])
            steps += [*reading, partial(np.copyto, place, view)]
    return out, steps


def box_in_bounds(how: AffineMap, iteration: Sequence[int]) -> Box | None:
    """The points that are in bounds, as a range on every axis; None if they are no box, or none at all."""
    box = [range(size) for size in iteration]
    for size, offset, strides in zip(how.view, how.offsets, how.strides, strict=True):
        walked = [axis for axis, stride in enumerate(strides) if stride and iteration[axis] > 1]
        if len(walked) == 1:
            axis, stride = walked[0], strides[walked[0]]
            # 0 <= offset + stride·t < size; a negative stride is the same, seen from the other end.
            start = offset if stride > 0 else size - 1 - offset
            low, high = -(start // abs(stride)), (size - 1 - start) // abs(stride) + 1
            box[axis] = range(max(low, box[axis].start), max(low, min(high, box[axis].stop)))
        elif not always_in_bounds(AffineMap((size,), (offset,), (strides,)), iteration):
            return None
    return tuple(box)


def _moved(how: AffineMap, start: Sequence[int]) -> AffineMap:
    """`how` for points that are counted from `start`."""
    offsets = tuple(
        offset + sum(stride * first for stride, first in zip(strides, start, strict=True))
        for offset, strides in zip(how.offsets, how.strides, strict=True)
    )
    return replace(how, offsets=offsets)


def lookup(op: Lookup, tensors: Tensors) -> Plan:
    out, entry = np.empty(op.dims), np.empty(op.dims, np.intp)
    argument, steps = tensors.read(op, 0)
    table = tensors.of(op.operands[1])
    steps.append(partial(np.subtract, argument, float(op.low), entry, casting="unsafe"))
    return out, [*steps, _take(table, entry, out)]


def gather(op: Gather, tensors: Tensors) -> Plan:
    """Where the element of every output lies is affine in the output index and in the chosen point's coordinates."""
    out = np.empty(op.dims)
    position, steps = tensors.read(op, 1)
    strides, start = _flat(op.maps[0], len(op.iteration))
    grid = np.indices(op.dims, np.intp, sparse=True)
    origin = np.broadcast_to(start + sum(s * axis for s, axis in zip(strides, grid, strict=False)), op.dims)
    x = tensors.of(op.operands[0]).reshape(-1)
    chosen = position.reshape(op.dims)
    steps.append(partial(_gather, x, origin, chosen, op.inner, strides[len(op.dims) :], out))
    return out, steps


def _flat(how: AffineMap, rank: int) -> tuple[list[int], int]:
    """By how many elements one step along each iteration axis moves in the flat tensor, and where the walk begins."""
    sizes = [math.prod(how.view[axis + 1 :]) for axis in range(len(how.view))]
    strides = [sum(size * row[d] for size, row in zip(sizes, how.strides, strict=True)) for d in range(rank)]
    return strides, sum(size * offset for size, offset in zip(sizes, how.offsets, strict=True))


def _gather(
    x: Floats, origin: Places, position: Floats, inner: tuple[int, ...], strides: Sequence[int], out: Floats
) -> None:
    coordinates = np.unravel_index(position.astype(np.intp), inner) if inner else ()
    at = origin + sum(stride * c for stride, c in zip(strides, coordinates, strict=True))
    _take(x, at, out)()


def _take(table: Floats, at: Places, out: Floats) -> Step:
    """Ranges prove that every index exists; with mode="raise" NumPy would take the detour of a buffer."""
    return partial(table.take, at, out=out, mode="clip")
