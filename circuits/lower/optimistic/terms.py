"""The terms of every op in plain integers: the definition that contracts/src/dispute/ executes.

Written once, over a `read` that hands out operands' elements: from tensors (`run_terms`), from opened chunks
(`verifier.dispute.one_step`), or to note what is asked for (`reads`). So what has to be opened is what is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from circuits.errors import InferproofError
from circuits.lower.optimistic.geometry import ARGMAX_SHIFT, element_count, term_count
from circuits.program.intervals import Interval
from circuits.program.ops import (
    Argmax,
    Compare,
    Contract,
    Divide,
    Gather,
    Index,
    Linear,
    Lookup,
    Max,
    Mul,
    Op,
    ReduceSum,
    Relation,
    Rsqrt,
    Select,
)
from circuits.program.ops.divide import divide_half_up, rsqrt_half_up
from circuits.program.refs import AffineMap
from circuits.statement import Integers

# Element `flat index` of operand number `position`.
Read = Callable[[int, int], int]


class UndefinedTermError(InferproofError):
    """A term that has no value. No valid program's true operands give one; a false trace may, and the chain reverts."""

    exit_code = 1

    def __init__(self, reason: str, **details: Any) -> None:
        super().__init__("term_undefined", f"the term has no value: {reason}", **details)


def coordinates(number: int, dims: Sequence[int]) -> tuple[int, ...]:
    """The row-major index of element `number`."""
    index = []
    for size in reversed(dims):
        index.append(number % size)
        number //= size
    return tuple(reversed(index))


def flat_index(how: AffineMap, point: Sequence[int]) -> int | None:
    """Which element an operand is read at; None out of bounds."""
    flat = 0
    for size, offset, strides in zip(how.view, how.offsets, how.strides, strict=True):
        place = offset + sum(stride * at for stride, at in zip(strides, point, strict=True))
        if not 0 <= place < size:
            return None
        flat = flat * size + place
    return flat


class Element:
    """One element of an op's output, and its operands at the inner points."""

    def __init__(self, op: Op, element: int, read: Read) -> None:
        self.op = op
        self.points = math.prod(op.inner)
        self._outer = coordinates(element, op.dims)
        self._read = read

    def place(self, position: int, k: int = 0) -> int | None:
        """Where an operand is read at inner point number k; None out of bounds. One read at o is read at number 0."""
        inner = coordinates(k, self.op.inner) if k else (0,) * len(self.op.inner)
        return flat_index(self.op.maps[position], self._outer + inner)

    def maybe(self, position: int, k: int = 0) -> int | None:
        flat = self.place(position, k)
        return None if flat is None else self._read(position, flat)

    def product(self, k: int = 0) -> int:
        """Operand 0 times operand 1. Where either is out of bounds neither is read."""
        a, b = self.place(0, k), self.place(1, k)
        return 0 if a is None or b is None else self._read(0, a) * self._read(1, b)

    def zeroed(self, position: int, k: int = 0) -> int:
        return self.maybe(position, k) or 0

    def certain(self, position: int, k: int = 0) -> int:
        value = self.maybe(position, k)
        if value is None:
            raise UndefinedTermError(f"operand {position} is out of bounds", operand=position)
        return value

    def entry(self, position: int, index: int) -> int:
        """Of an operand that is not read at points."""
        return self._read(position, index)


def _contract(op: Contract, at: Element, acc: int, t: int) -> int:
    return acc + (at.product(t) if t < at.points else at.zeroed(2))


def _linear(op: Linear, at: Element, acc: int, t: int) -> int:
    factor = op.coefficients[t] if t < len(op.coefficients) else 1
    return acc + factor * at.zeroed(t)


def _mul(op: Mul, at: Element, acc: int, t: int) -> int:
    return acc + (at.product() if t == 0 else at.zeroed(2))


def _reduce_sum(op: ReduceSum, at: Element, acc: int, t: int) -> int:
    return acc + at.zeroed(0, t)


def _max(op: Max, at: Element, acc: int, t: int) -> int:
    value = at.maybe(t // at.points, t % at.points)
    return acc if value is None else max(acc, value)


def _argmax(op: Argmax, at: Element, acc: int, t: int) -> int:
    value = at.maybe(0, t)
    return acc if value is None else max(acc, (value << ARGMAX_SHIFT) - t)


def _lookup(op: Lookup, at: Element, acc: int, t: int) -> int:
    return at.entry(1, at.certain(0) - op.low)


def _compare(op: Compare, at: Element, acc: int, t: int) -> int:
    a, b = at.zeroed(0), at.zeroed(1)
    if op.relation == Relation.LESS:
        return int(a < b)
    return int(a <= b) if op.relation == Relation.LESS_OR_EQUAL else int(a == b)


def _select(op: Select, at: Element, acc: int, t: int) -> int:
    return at.zeroed(1 if at.zeroed(0) == 1 else 2)


def _index(op: Index, at: Element, acc: int, t: int) -> int:
    for position in range(len(op.operands)):
        value = at.maybe(position)
        if value is not None:
            return value
    return op.fill


def _gather(op: Gather, at: Element, acc: int, t: int) -> int:
    position = at.certain(1)
    if not 0 <= position < at.points:
        raise UndefinedTermError(f"position {position} of {at.points}", position=position, points=at.points)
    return at.certain(0, position)


def _divide(op: Divide, at: Element, acc: int, t: int) -> int:
    a, d = at.zeroed(0), at.certain(1)
    if d < 1:
        raise UndefinedTermError(f"the divisor is {d}", divisor=d)
    bounds = Interval.of_bits(op.bits)
    return min(max(divide_half_up(a, d, op.up), bounds.lo), bounds.hi)


def _rsqrt(op: Rsqrt, at: Element, acc: int, t: int) -> int:
    x = at.certain(0)
    if x < 1:
        raise UndefinedTermError(f"the root of {x}", argument=x)
    return rsqrt_half_up(x, op.exponent)


# op, element, accumulator, number of the term -> accumulator
STEPS: dict[type[Op], Callable[[Any, Element, int, int], int]] = {
    Contract: _contract,
    Linear: _linear,
    Mul: _mul,
    ReduceSum: _reduce_sum,
    Lookup: _lookup,
    Max: _max,
    Argmax: _argmax,
    Compare: _compare,
    Select: _select,
    Index: _index,
    Gather: _gather,
    Divide: _divide,
    Rsqrt: _rsqrt,
}


def fold_terms(op: Op, element: int, lo: int, hi: int, acc: int, read: Read) -> int:
    """The accumulator after terms lo <= t < hi of one output element, from `acc` before them."""
    if not (0 <= element < element_count(op) and 0 <= lo <= hi <= term_count(op)):
        raise UndefinedTermError(
            f"element {element} of {element_count(op)}, terms {lo} to {hi} of {term_count(op)}",
            element=element,
            lo=lo,
            hi=hi,
        )
    at, step = Element(op, element, read), STEPS[type(op)]
    for t in range(lo, hi):
        acc = step(op, at, acc, t)
    return acc


def read_from(op: Op, tensors: Sequence[Integers]) -> Read:
    """Reads operands' elements from their tensors, of any shape."""
    flats = [tensor.reshape(-1) for tensor in tensors]

    def read(position: int, flat: int) -> int:
        if not 0 <= flat < flats[position].size:
            size = flats[position].size
            raise UndefinedTermError(f"element {flat} of operand {position}, which has {size}", operand=position)
        return int(flats[position][flat])

    return read


def run_terms(op: Op, tensors: Sequence[Integers], element: int, lo: int, hi: int, acc: int) -> int:
    """`fold_terms` over the operands' tensors, in order."""
    return fold_terms(op, element, lo, hi, acc, read_from(op, tensors))


def reads(op: Op, tensors: Sequence[Integers], element: int, lo: int, hi: int) -> dict[int, list[int]]:
    """By operand, the elements (flat indices, ascending) that terms lo <= t < hi read, and no others."""
    asked: dict[int, set[int]] = {}
    known = read_from(op, tensors)

    def read(position: int, flat: int) -> int:
        value = known(position, flat)
        asked.setdefault(position, set()).add(flat)
        return value

    fold_terms(op, element, lo, hi, 0, read)
    return {position: sorted(flats) for position, flats in sorted(asked.items())}
