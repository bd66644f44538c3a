"""The ops that choose: max and argmax by merging candidates, compare and select by the sign of a difference."""

from __future__ import annotations

import math

import numpy as np

from circuits.lower.halo2.context import OUT_OF_BOUNDS, Context, read_positions
from circuits.lower.halo2.graph import Integers, Row
from circuits.program.ops import Argmax, Compare, Max, Relation, Select


def lower_max(context: Context, op: Max) -> Row:
    rows, candidates, offset = [], [], 0
    for ref, access in zip(op.operands, op.maps, strict=True):
        row = context.as_row(context.operand(ref))
        positions = read_positions(access, op.iteration).reshape(math.prod(op.dims), -1)
        candidates.append(np.where(positions == OUT_OF_BOUNDS, OUT_OF_BOUNDS, positions + offset))
        rows.append(row)
        offset += row.size
    table = np.concatenate(candidates, axis=1)
    if _is_relu(context, op):
        return context.builder.relu(context.builder.arrange(rows[:1], table[:, :1]))
    table = np.take_along_axis(table, _in_bounds_columns(table), axis=1)
    return _largest(context, [context.builder.arrange(rows, column) for column in table.T])


def _in_bounds_columns(table: Integers) -> Integers:
    """For each output its candidates' columns; one out of bounds repeats the first in bounds: max does not mind."""
    outside = table == OUT_OF_BOUNDS
    return np.where(outside, np.argmax(~outside, axis=1)[:, None], np.arange(table.shape[1]))


def _largest(context: Context, columns: list[Row]) -> Row:
    """The elementwise maximum."""
    while len(columns) > 1:
        pairs = zip(columns[::2], columns[1::2], strict=False)
        merged = [context.builder.maximum(a, b) for a, b in pairs]
        columns = merged + columns[len(merged) * 2 :]
    return columns[0]


def _is_relu(context: Context, op: Max) -> bool:
    """max(x, 0) with both in bounds everywhere."""
    if len(op.operands) != 2 or math.prod(op.inner) != 1:
        return False
    first, second = (context.operand(ref) for ref in op.operands)
    zero = not isinstance(second, Row) and not np.any(second)
    return isinstance(first, Row) and zero and all(op.always_reads(i) for i in range(2))


def lower_argmax(context: Context, op: Argmax) -> Row:
    """k of the largest key x·N + (N-1-k), with N a power of two: of equal x the lowest k has the largest key."""
    builder, points = context.builder, math.prod(op.inner)
    bits = max(1, (points - 1).bit_length())
    scaled = builder.scale(context.as_row(context.operand(op.operands[0])), 1 << bits)
    table = read_positions(op.maps[0], op.iteration).reshape(-1, points)
    columns = _in_bounds_columns(table)
    candidates = np.take_along_axis(table, columns, axis=1)
    keys = [
        builder.add_constant(builder.arrange([scaled], positions), (1 << bits) - 1 - column)
        for positions, column in zip(candidates.T, columns.T, strict=True)
    ]
    largest = _largest(context, keys)
    # N-1 - (m mod N) = N·floor(m / N) - m + N-1.
    multiple = builder.scale(builder.floor_shift(largest, bits), 1 << bits)
    return builder.add_constant(builder.subtract(multiple, largest), np.array([(1 << bits) - 1]))


def lower_compare(context: Context, op: Compare) -> Row:
    """a < b is 2(b - a) - 1 > 0 and a <= b is 2(b - a) + 1 > 0: odd, so that the sign is never 0."""
    a, b = (context.read_at_outputs(op, number) for number in range(2))
    difference = context.as_row(context.minus(b, a))
    if op.relation == Relation.EQUAL:
        return context.builder.equal(difference, 0)
    odd = -1 if op.relation == Relation.LESS else 1
    return context.builder.positive(context.builder.add_constant(context.builder.scale(difference, 2), np.array([odd])))


def lower_select(context: Context, op: Select) -> Row:
    """b + c·(a - b); for a constant c, an arrangement."""
    c, a, b = (context.read_at_outputs(op, number) for number in range(3))
    if not isinstance(c, Row):
        at = np.arange(c.size)
        return context.builder.arrange([context.as_row(a), context.as_row(b)], np.where(c == 1, at, c.size + at))
    return context.as_row(context.plus(b, context.times(c, context.minus(a, b))))
