"""The accumulators of one reveal, a block of terms at a time: what `run_terms` gives, for sums of millions of terms.

Only four ops have more than a few hundred terms: contract and reduce_sum add, max and argmax take the largest. Whatever
the tensors hold, extremes of a false trace included, the integers are exact: sums are formed in two halves of 32 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.lower.optimistic.geometry import ARGMAX_SHIFT, NEVER, points, start
from circuits.lower.optimistic.terms import coordinates, run_terms
from circuits.program.ops import Argmax, Contract, Max, Op, ReduceSum
from circuits.program.refs import AffineMap
from circuits.statement import Integers

Wide = npt.NDArray[np.int64]

BLOCK_TERMS = 2**18
_LEFT_OUT = -(2**62)  # what a point out of bounds counts as, below every element and every key of argmax


def _read(tensor: Integers, how: AffineMap, op: Op, element: int, first: int, stop: int, missing: int) -> Wide:
    """One operand at the inner points first <= k < stop, `missing` where it is out of bounds."""
    numbers = np.arange(first, stop)
    inner = np.unravel_index(numbers, op.inner) if op.inner else ()
    outer = coordinates(element, op.dims)
    flat: Wide = np.zeros(stop - first, np.int64)
    in_bounds = np.ones(stop - first, np.bool_)
    for size, offset, strides in zip(how.view, how.offsets, how.strides, strict=True):
        fixed = offset + sum(stride * at for stride, at in zip(strides, outer, strict=False))
        place = np.full(stop - first, fixed, np.int64)
        for stride, at in zip(strides[len(outer) :], inner, strict=True):
            if stride:
                place += stride * at
        in_bounds &= (place >= 0) & (place < size)
        flat = flat * size + place
    values = np.full(stop - first, missing, np.int64)
    values[in_bounds] = tensor[flat[in_bounds]]
    return values


def _sums(values: Wide, starts: Sequence[int]) -> list[int]:
    """The exact sums of the groups that begin at `starts`."""
    high = np.add.reduceat(values >> 32, starts).tolist()
    low = np.add.reduceat(values & 0xFFFFFFFF, starts).tolist()
    return [(upper << 32) + lower for upper, lower in zip(high, low, strict=True)]


def _largest(values: Wide, starts: Sequence[int]) -> list[int]:
    groups: list[int] = np.maximum.reduceat(values, starts).tolist()
    return [NEVER if value == _LEFT_OUT else value for value in groups]


def _contract(op: Contract, flats: Sequence[Integers], element: int, lo: int, hi: int, starts: list[int]) -> list[int]:
    a, b = (_read(flats[i], op.maps[i], op, element, lo, hi, 0) for i in (0, 1))
    return _sums(a * b, starts)


def _total(op: ReduceSum, flats: Sequence[Integers], element: int, lo: int, hi: int, starts: list[int]) -> list[int]:
    return _sums(_read(flats[0], op.maps[0], op, element, lo, hi, 0), starts)


def _max(op: Max, flats: Sequence[Integers], element: int, lo: int, hi: int, starts: list[int]) -> list[int]:
    operand, first = divmod(lo, math.prod(op.inner))
    values = _read(flats[operand], op.maps[operand], op, element, first, first + hi - lo, _LEFT_OUT)
    return _largest(values, starts)


def _argmax(op: Argmax, flats: Sequence[Integers], element: int, lo: int, hi: int, starts: list[int]) -> list[int]:
    """A key of the block, value · 2^18 − place, orders as the accumulator does, and fits 64 bits."""
    values = _read(flats[0], op.maps[0], op, element, lo, hi, _LEFT_OUT)
    keys = np.where(values == _LEFT_OUT, _LEFT_OUT, values * BLOCK_TERMS - np.arange(hi - lo))
    groups: list[int] = np.maximum.reduceat(keys, starts).tolist()
    return [NEVER if key == _LEFT_OUT else _argmax_accumulator(key, lo) for key in groups]


def _argmax_accumulator(key: int, lo: int) -> int:
    place = -key % BLOCK_TERMS
    return ((key + place) // BLOCK_TERMS << ARGMAX_SHIFT) - (lo + place)


# op, flat operands, element, terms lo <= t < hi of one block, where groups of them start -> each group's sum or largest
GROUPS: dict[type[Op], Callable[[Any, Sequence[Integers], int, int, int, list[int]], list[int]]] = {
    Contract: _contract,
    ReduceSum: _total,
    Max: _max,
    Argmax: _argmax,
}


def _blocks(op: Op, lo: int, hi: int) -> Iterator[tuple[int, int]]:
    """At most BLOCK_TERMS terms each, and of one operand."""
    row = max(1, math.prod(op.inner))
    while lo < hi:
        stop = min(hi, lo + BLOCK_TERMS, (lo // row + 1) * row)
        yield lo, stop
        lo = stop


def _groups(op: Op, flats: Sequence[Integers], element: int, marks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(term after it, sum or largest) of groups of terms from the first of `marks` to the last, one ending at each."""
    for lo, hi in _blocks(op, marks[0], marks[-1]):
        first = int(np.searchsorted(marks, lo, side="right"))
        last = int(np.searchsorted(marks, hi, side="left"))
        edges = [lo, *marks[first:last], hi]
        found = GROUPS[type(op)](op, flats, element, lo, hi, [edge - lo for edge in edges[:-1]])
        yield from zip(edges[1:], found, strict=True)


def _vectorised(op: Op, flats: Sequence[Integers], element: int, marks: list[int]) -> dict[int, int]:
    """The accumulators at `marks`, ascending from 0."""
    adds = isinstance(op, Contract | ReduceSum)
    acc = start(op)
    found = {0: acc}
    for after, value in _groups(op, flats, element, marks):
        acc = acc + value if adds else max(acc, value)
        found[after] = acc
    return found


def accumulators(op: Op, tensors: Sequence[Integers], element: int, lo: int, hi: int) -> list[int]:
    """The accumulators that a reveal of lo <= t < hi says: those before lo, lo + spacing, ..., and before hi."""
    wanted = points(lo, hi)
    flats = [tensor.reshape(-1) for tensor in tensors]
    if type(op) not in GROUPS:
        found = [run_terms(op, flats, element, 0, lo, start(op))]
        for first, stop in pairwise(wanted):
            found.append(run_terms(op, flats, element, first, stop, found[-1]))
        return found
    many = math.prod(op.inner) * (len(op.operands) if isinstance(op, Max) else 1)
    marks = sorted({0, *(min(point, many) for point in wanted)})
    known = _vectorised(op, flats, element, marks)
    # What is left is a contract's bias, its last term.
    return [run_terms(op, flats, element, min(p, many), p, known[min(p, many)]) for p in wanted]
