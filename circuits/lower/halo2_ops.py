"""One lowering for each op of a program, docs/protocol/halo2.md section 5.

Every op reads its operands through affine maps. Reading is done by an arrangement with constant indices, which moves
cells without constraining them again; so convolution is the same matrix product as a dense layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from circuits.errors import InputError
from circuits.lower.halo2_graph import GraphBuilder, Integers, Row, float_parts
from circuits.program.graph import Program
from circuits.program.indexing import always_in_bounds, strided_view
from circuits.program.intervals import OpRange
from circuits.program.ops import Accumulating, Contract, Index, Linear, Lookup, Max, Mul, Op, ReduceSum
from circuits.program.refs import AffineMap, Ref, Source

OUT_OF_BOUNDS = -1
OTHER_ROUTES = ["sumcheck", "optimistic"]


def cannot_lower(op: Op, position: int, reason: str) -> InputError:
    name = type(op).__name__.lower()
    routes = " or ".join(OTHER_ROUTES)
    message = f"op {position} ({name}) cannot be proven by the halo2 route: {reason}. Use the route {routes}"
    return InputError("halo2_cannot_lower", message, op=name, position=position, reason=reason, routes=OTHER_ROUTES)


def read_positions(access: AffineMap, iteration: tuple[int, ...]) -> Integers:
    """For every iteration point, in row-major order, the flat position it reads, or OUT_OF_BOUNDS."""
    numbered = np.arange(math.prod(access.view), dtype=np.int64)
    return np.array(strided_view(numbered, access, iteration, fill=OUT_OF_BOUNDS), np.int64)


@dataclass(frozen=True)
class _Constant:
    """A constant operand, flattened."""

    values: Integers


Operand = Row | _Constant


def _used_axes(access: AffineMap, iteration: tuple[int, ...]) -> set[int]:
    """Iteration axes that change what is read."""
    return {d for d, extent in enumerate(iteration) if extent > 1 and any(row[d] for row in access.strides)}


def _product_bound(a: Row, b: Operand, dims: tuple[int, int, int]) -> int:
    if isinstance(b, Row):
        return dims[1] * a.bound * b.bound
    return a.bound * int(np.abs(b.values.reshape(dims)).sum(axis=1).max())


class OpLowering:
    """Lowers the ops of one program in execution order."""

    def __init__(self, program: Program, spans: list[OpRange], builder: GraphBuilder, inputs: list[Row]) -> None:
        self._program = program
        self._spans = spans
        self._builder = builder
        self._inputs = inputs
        self._results: list[Row] = []
        self._current: Op = program.ops[0]

    def run(self) -> None:
        for op in self._program.ops:
            self._current = op
            if all(ref.source is Source.CONST for ref in op.operands):
                raise self._refusal("all its operands are constants; compile the model with constants folded")
            row = self._lower(op)
            self._results.append(Row(row.name, row.size, min(row.bound, self._span.output.magnitude)))

    @property
    def _span(self) -> OpRange:
        return self._spans[len(self._results)]

    def _refusal(self, reason: str) -> InputError:
        return cannot_lower(self._current, len(self._results), reason)

    def _constant_row(self, constant: _Constant) -> Row:
        if len(float_parts(constant.values)) > 1:
            raise self._refusal("a constant operand has values over 24 bits")
        return self._builder.constant_row(constant.values)

    def _as_row(self, operand: Operand) -> Row:
        return self._constant_row(operand) if isinstance(operand, _Constant) else operand

    def row(self, ref: Ref) -> Row | None:
        """The row of an input or op result; None for a constant."""
        if ref.source is Source.CONST:
            return None
        return self._inputs[ref.index] if ref.source is Source.INPUT else self._results[ref.index]

    def _operand(self, ref: Ref) -> Operand:
        row = self.row(ref)
        return _Constant(self._program.constants[ref.index].values.reshape(-1)) if row is None else row

    def _lower(self, op: Op) -> Row:
        if isinstance(op, Contract):
            return self._rescale(op, self._contract(op))
        if isinstance(op, Linear):
            return self._rescale(op, self._linear(op))
        if isinstance(op, Mul):
            return self._rescale(op, self._mul(op))
        if isinstance(op, ReduceSum):
            return self._rescale(op, self._reduce_sum(op))
        if isinstance(op, Max):
            return self._max(op)
        if isinstance(op, Lookup):
            return self._lookup(op)
        if isinstance(op, Index):
            return self._index(op)
        raise self._refusal("the lowering table has no entry for it")

    def _read(self, operand: Operand, access: AffineMap, iteration: tuple[int, ...]) -> Operand:
        """The operand's value at every iteration point, 0 outside of its view."""
        positions = read_positions(access, iteration)
        outside = positions == OUT_OF_BOUNDS
        if isinstance(operand, _Constant):
            return _Constant(np.where(outside, 0, operand.values[np.where(outside, 0, positions)]).reshape(-1))
        if not outside.any():
            return self._builder.arrange([operand], positions)
        return self._builder.arrange([operand], np.where(outside, operand.size, positions), fill=0)

    # The accumulating ops: section 5.1.

    def _rescale(self, op: Accumulating, acc: Row) -> Row:
        """saturate(floor((acc + 2^(shift-1)) / 2^shift)); the half is in the bias already."""
        within = self._span.accumulator
        half = 1 << (op.shift - 1) if op.shift else 0
        known = acc.bound if within is None else max(abs(within.lo + half), abs(within.hi + half))
        row = self._builder.floor_shift(Row(acc.name, acc.size, min(acc.bound, known)), op.shift)
        if not op.saturates:
            return row
        limit = 1 << (op.bits - 1)
        return self._builder.clamp(row, -limit, limit - 1)

    def _with_bias(self, op: Accumulating, acc: Row) -> Row:
        """Adds the bias operand, if there is one, and the rounding half."""
        values = np.zeros(math.prod(op.dims), np.int64)
        if op.has_bias:
            over_outputs = (list(range(len(op.dims))),)
            bias = self._read_axes(self._operand(op.operands[-1]), op.maps[-1], op.iteration, over_outputs)
            if isinstance(bias, Row):
                acc = self._builder.add(acc, bias)
            else:
                values = bias.values
        half = 1 << (op.shift - 1) if op.shift else 0
        return self._builder.add_constant(acc, values + half)

    def _contract(self, op: Contract) -> Row:
        """A batched matrix product: axes only a depends on are its rows, axes only b depends on its columns."""
        left, right = self._operand(op.operands[0]), self._operand(op.operands[1])
        first, second = 0, 1
        if isinstance(left, _Constant):
            left, right, first, second = right, left, 1, 0
        iteration = op.iteration
        uses = [_used_axes(op.maps[i], iteration) for i in (first, second)]
        axes = list(range(len(op.dims)))
        grouped = [d for d in axes if d in uses[0] and d in uses[1]]
        rows = [d for d in axes if d not in grouped and d not in uses[1]]
        columns = [d for d in axes if d not in grouped and d not in rows]
        inner = list(range(len(op.dims), len(iteration)))
        g, p, n = (math.prod(op.dims[d] for d in group) for group in (grouped, rows, columns))
        k = math.prod(op.inner)
        a = self._as_row(self._read_axes(left, op.maps[first], iteration, (grouped, rows, inner)))
        b = self._read_axes(right, op.maps[second], iteration, (grouped, inner, columns))
        bound = _product_bound(a, b, (g, k, n))
        factor = b if isinstance(b, Row) else b.values.reshape(g, k, n)
        product = self._builder.matmul(a, factor, (g, p, k, n), bound)
        order = np.arange(g * p * n).reshape([op.dims[d] for d in (*grouped, *rows, *columns)])
        back = order.transpose(np.argsort([*grouped, *rows, *columns])) if order.ndim else order
        return self._with_bias(op, self._builder.arrange([product], back))

    def _read_axes(
        self, operand: Operand, access: AffineMap, iteration: tuple[int, ...], groups: tuple[list[int], ...]
    ) -> Operand:
        """Reads the operand over the axes of `groups`, in that order; it does not depend on the others."""
        order = [d for group in groups for d in group]
        reduced = AffineMap(access.view, access.offsets, tuple(tuple(row[d] for d in order) for row in access.strides))
        return self._read(operand, reduced, tuple(iteration[d] for d in order))

    def _linear(self, op: Linear) -> Row:
        acc: Row | None = None
        constant = np.zeros(math.prod(op.dims), np.int64)
        for coefficient, ref, access in zip(op.coefficients, op.operands, op.maps, strict=False):
            value = self._read(self._operand(ref), access, op.dims)
            if isinstance(value, _Constant):
                constant = constant + coefficient * value.values
                continue
            term = self._builder.scale(value, coefficient)
            acc = term if acc is None else self._builder.add(acc, term)
        if acc is None:
            raise self._refusal("all its terms are constants; compile the model with constants folded")
        return self._with_bias(op, self._builder.add_constant(acc, constant))

    def _mul(self, op: Mul) -> Row:
        a, b = (self._as_row(self._read(self._operand(op.operands[i]), op.maps[i], op.dims)) for i in range(2))
        return self._with_bias(op, self._builder.multiply(a, b))

    def _reduce_sum(self, op: ReduceSum) -> Row:
        value = self._read(self._operand(op.operands[0]), op.maps[0], op.iteration)
        row = self._as_row(value)
        p, k = math.prod(op.dims), math.prod(op.inner)
        factor = np.full((1, k, 1), op.multiplier, np.int64)
        total = self._builder.matmul(row, factor, (1, p, k, 1), row.bound * k * abs(op.multiplier))
        return self._with_bias(op, total)

    # The others: section 5.2.

    def _max(self, op: Max) -> Row:
        iteration = op.iteration
        rows, candidates, offset = [], [], 0
        for ref, access in zip(op.operands, op.maps, strict=True):
            operand = self._operand(ref)
            row = self._as_row(operand)
            positions = read_positions(access, iteration).reshape(math.prod(op.dims), -1)
            candidates.append(np.where(positions == OUT_OF_BOUNDS, OUT_OF_BOUNDS, positions + offset))
            rows.append(row)
            offset += row.size
        table = np.concatenate(candidates, axis=1)
        if self._is_relu(op):
            keep = table[:, :1]
            return self._builder.relu(self._builder.arrange(rows[:1], keep))
        # A point out of bounds repeats one in bounds: max does not mind.
        first = np.take_along_axis(table, np.argmax(table != OUT_OF_BOUNDS, axis=1)[:, None], axis=1)
        table = np.where(table == OUT_OF_BOUNDS, first, table)
        columns = [self._builder.arrange(rows, table[:, i]) for i in range(table.shape[1])]
        while len(columns) > 1:
            pairs = zip(columns[::2], columns[1::2], strict=False)
            merged = [self._builder.maximum(a, b) for a, b in pairs]
            columns = merged + columns[len(merged) * 2 :]
        return columns[0]

    def _is_relu(self, op: Max) -> bool:
        """max(x, 0) with both in bounds everywhere."""
        if len(op.operands) != 2 or math.prod(op.inner) != 1:
            return False
        first, second = (self._operand(ref) for ref in op.operands)
        zero = isinstance(second, _Constant) and not np.any(second.values)
        return isinstance(first, Row) and zero and all(always_in_bounds(how, op.iteration) for how in op.maps)

    def _lookup(self, op: Lookup) -> Row:
        table = self._operand(op.operands[1])
        if not isinstance(table, _Constant):
            raise self._refusal("its table is not a constant")
        if len(float_parts(table.values)) > 1:
            raise self._refusal("its table has values over 24 bits")
        argument = self._read(self._operand(op.operands[0]), op.maps[0], op.dims)
        return self._builder.lookup(self._as_row(argument), op.low, table.values)

    def _index(self, op: Index) -> Row:
        rows, offset = [], 0
        chosen = np.full(math.prod(op.dims), OUT_OF_BOUNDS, np.int64)
        for ref, access in zip(op.operands, op.maps, strict=True):
            operand = self._operand(ref)
            row = self._as_row(operand)
            positions = read_positions(access, op.dims).reshape(-1)
            take = (chosen == OUT_OF_BOUNDS) & (positions != OUT_OF_BOUNDS)
            chosen = np.where(take, positions + offset, chosen)
            rows.append(row)
            offset += row.size
        outside = chosen == OUT_OF_BOUNDS
        if not outside.any():
            return self._builder.arrange(rows, chosen)
        if len(float_parts(np.array([op.fill]))) > 1:
            raise self._refusal("its fill value has over 24 bits")
        return self._builder.arrange(rows, np.where(outside, offset, chosen), fill=op.fill)
