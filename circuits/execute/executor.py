"""Running a program fast, and bit for bit as the interpreter does.

Every operand becomes one strided view of the iteration space. A contraction becomes a matrix product in float64, which
is exact: a valid program keeps every partial sum below 2^53.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt

from circuits.program.graph import Program
from circuits.program.indexing import always_in_bounds, strided_view, used_axes
from circuits.program.interpreter import check_inputs
from circuits.program.ops import (
    Accumulating,
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
    Rsqrt,
    Select,
)
from circuits.program.ops.divide import divide_half_up
from circuits.program.ops.maximum import NEVER
from circuits.program.refs import AffineMap, Source
from circuits.program.rescale import saturate

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Executor:
    """One program, ready to run many times. The program has to be valid (`circuits.program.validate`)."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._constants = [constant.values for constant in program.constants]
        self._matrices: dict[tuple[int, int], Floats] = {}
        self._masks: dict[tuple[int, int], npt.NDArray[np.bool_]] = {}

    def trace(self, inputs: Sequence[Integers]) -> list[Integers]:
        """Every op's output, in execution order. Inputs are int64 of the ports' dims."""
        check_inputs(self._program.inputs, inputs)
        made: list[Integers] = []
        sources: dict[Source, Sequence[Integers]] = {
            Source.INPUT: inputs, Source.CONST: self._constants, Source.OP: made
        }  # fmt: skip
        for index, op in enumerate(self._program.ops):
            operands = [sources[ref.source][ref.index] for ref in op.operands]
            made.append(np.asarray(self._evaluate(index, op, operands), order="C"))
        return made

    def run(self, inputs: Sequence[Integers]) -> list[Integers]:
        """The program's outputs, in graph order."""
        made = self.trace(inputs)
        return [made[output.ref.index] for output in self._program.outputs]

    def _evaluate(self, index: int, op: Op, operands: Sequence[Integers]) -> Integers:
        if 0 in op.dims:
            return np.zeros(op.dims, np.int64)
        if isinstance(op, Contract):
            return self._finish(op, self._contract(index, op, operands), operands)
        if isinstance(op, Index):
            return self._index(index, op, operands)
        return EVALUATE[type(op)](op, operands)

    @staticmethod
    def _finish(op: Accumulating, acc: Integers, operands: Sequence[Integers]) -> Integers:
        """Bias, rescale, saturation."""
        if op.has_bias:
            acc = acc + _outputs_only(op, operands[-1], op.maps[-1])
        return op.finish(acc)

    def _contract(self, index: int, op: Contract, operands: Sequence[Integers]) -> Integers:
        """Output axes on which only a, only b or both depend become rows, columns and the stack of a matrix product."""
        count = len(op.dims)
        by_a, by_b = (used_axes(how, count) for how in op.maps[:2])
        stack = [d for d in range(count) if by_a[d] and by_b[d]]
        columns = [d for d in range(count) if by_b[d] and not by_a[d]]
        rows = [d for d in range(count) if not by_b[d]]
        left = self._matrix(index, op, 0, operands[0], stack, rows)
        right = self._matrix(index, op, 1, operands[1], stack, columns)
        product = np.matmul(left, right.transpose(0, 2, 1))
        order = [*stack, *rows, *columns]
        shaped = product.reshape([op.dims[d] for d in order])
        back = [order.index(d) for d in range(count)]
        return cast(Integers, shaped.transpose(back).astype(np.int64))

    def _matrix(
        self, index: int, op: Contract, position: int, operand: Integers, stack: list[int], walked: list[int]
    ) -> Floats:
        """Operand as float64 [stack, walked output axes, inner points]; those of constants are kept."""
        constant = op.operands[position].source == Source.CONST
        if constant and (index, position) in self._matrices:
            return self._matrices[index, position]
        count = len(op.dims)
        axes = [*stack, *walked, *range(count, len(op.iteration))]
        left_out = [d for d in range(count) if d not in axes]
        view = strided_view(operand.astype(np.float64), op.maps[position], op.iteration)
        kept = view.transpose([*left_out, *axes])[(0,) * len(left_out)]
        sizes = [math.prod(op.dims[d] for d in group) for group in (stack, walked)]
        matrix = cast(Floats, kept.reshape(*sizes, math.prod(op.inner)))
        if constant:
            self._matrices[index, position] = matrix
        return matrix

    def _index(self, index: int, op: Index, operands: Sequence[Integers]) -> Integers:
        first = op.maps[0]
        if len(operands) == 1 and always_in_bounds(first, op.iteration):
            return _read(operands[0], first, op)
        result = np.full(op.dims, op.fill, np.int64)
        for position in reversed(range(len(operands))):
            np.copyto(result, _read(operands[position], op.maps[position], op), where=self._mask(index, op, position))
        return result

    def _mask(self, index: int, op: Index, position: int) -> npt.NDArray[np.bool_]:
        """Where operand `position` is in bounds."""
        if (index, position) not in self._masks:
            how = op.maps[position]
            mask = strided_view(np.ones(how.view, np.bool_), how, op.iteration)
            self._masks[index, position] = cast(npt.NDArray[np.bool_], mask)
        return self._masks[index, position]


def execute(program: Program, inputs: Sequence[Integers]) -> list[Integers]:
    """The outputs of a valid program, in graph order: the interpreter's integers."""
    return Executor(program).run(inputs)


def _read(tensor: Integers, how: AffineMap, op: Op, fill: int = 0) -> Integers:
    return cast(Integers, strided_view(tensor, how, op.iteration, fill))


def _outputs_only(op: Op, tensor: Integers, how: AffineMap) -> Integers:
    """An operand that is read at o alone."""
    without_inner = replace(how, strides=tuple(row[: len(op.dims)] for row in how.strides))
    return cast(Integers, strided_view(tensor, without_inner, op.dims))


def _inner_axes(op: Op) -> tuple[int, ...]:
    return tuple(range(len(op.dims), len(op.iteration)))


def _linear(op: Linear, operands: Sequence[Integers]) -> Integers:
    acc = np.zeros(op.dims, np.int64)
    for coefficient, operand, how in zip(op.coefficients, operands, op.maps, strict=False):  # a bias has none
        acc += coefficient * _read(operand, how, op)
    return Executor._finish(op, acc, operands)


def _mul(op: Mul, operands: Sequence[Integers]) -> Integers:
    product = _read(operands[0], op.maps[0], op) * _read(operands[1], op.maps[1], op)
    return Executor._finish(op, product, operands)


def _reduce_sum(op: ReduceSum, operands: Sequence[Integers]) -> Integers:
    total = _read(operands[0], op.maps[0], op).sum(_inner_axes(op))
    return op.finish(op.multiplier * total)


def _lookup(op: Lookup, operands: Sequence[Integers]) -> Integers:
    entries: Integers = operands[1].reshape(-1)[_read(operands[0], op.maps[0], op) - op.low]
    return entries


def _max(op: Max, operands: Sequence[Integers]) -> Integers:
    views = [
        _read(operand, how, op, NEVER).max(_inner_axes(op)) for operand, how in zip(operands, op.maps, strict=True)
    ]
    return cast(Integers, functools.reduce(np.maximum, views))


def _argmax(op: Argmax, operands: Sequence[Integers]) -> Integers:
    read = _read(operands[0], op.maps[0], op, NEVER).reshape(*op.dims, math.prod(op.inner))
    return cast(Integers, read.argmax(axis=-1))


def _compare(op: Compare, operands: Sequence[Integers]) -> Integers:
    return op.holds(_read(operands[0], op.maps[0], op), _read(operands[1], op.maps[1], op))


def _select(op: Select, operands: Sequence[Integers]) -> Integers:
    c, a, b = (_read(operand, how, op) for operand, how in zip(operands, op.maps, strict=True))
    return np.where(c == 1, a, b)


def _gather(op: Gather, operands: Sequence[Integers]) -> Integers:
    """Computes where every chosen element lies instead of reading all inner points."""
    x, position = operands[0], _outputs_only(op, operands[1], op.maps[1])
    chosen = np.unravel_index(position, op.inner) if op.inner else ()
    coordinates = [*np.indices(op.dims, sparse=True), *chosen]
    how, flat = op.maps[0], np.zeros(op.dims, np.int64)
    for size, offset, strides in zip(how.view, how.offsets, how.strides, strict=True):
        flat = flat * size + offset + sum(s * c for s, c in zip(strides, coordinates, strict=True) if s)
    return x.reshape(-1)[flat]


def _divide(op: Divide, operands: Sequence[Integers]) -> Integers:
    a, d = (_read(operand, how, op) for operand, how in zip(operands, op.maps, strict=True))
    return saturate(divide_half_up(a, d, op.up), op.bits)


def _rsqrt(op: Rsqrt, operands: Sequence[Integers]) -> Integers:
    """The float square root is at most one off, which the comparison of exact squares mends."""
    square = (1 << (2 * op.exponent + 2)) // _read(operands[0], op.maps[0], op)
    root = np.sqrt(square.astype(np.float64)).astype(np.int64)
    root -= root * root > square
    root += (root + 1) * (root + 1) <= square
    return (root + 1) >> 1


EVALUATE: dict[type[Op], Callable[..., Integers]] = {
    Linear: _linear,
    Mul: _mul,
    ReduceSum: _reduce_sum,
    Lookup: _lookup,
    Max: _max,
    Argmax: _argmax,
    Compare: _compare,
    Select: _select,
    Gather: _gather,
    Divide: _divide,
    Rsqrt: _rsqrt,
}
