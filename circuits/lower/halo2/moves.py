"""The ops that move elements: index by arranging; lookup and gather by a table, an arrangement or one-hot rows."""

from __future__ import annotations

import math

import numpy as np

from circuits.lower.halo2.context import OUT_OF_BOUNDS, Context, over_axes, read_positions, used_axes
from circuits.lower.halo2.graph import Integers, Row, float_parts
from circuits.program.indexing import read_points
from circuits.program.ops import Gather, Index, Lookup

# Positions that one gather from computed elements may choose among, over all its outputs: about three rows each.
MAX_SELECTIONS = 2**20


def lower_index(context: Context, op: Index) -> Row:
    rows, offset = [], 0
    chosen = np.full(math.prod(op.dims), OUT_OF_BOUNDS, np.int64)
    for ref, access in zip(op.operands, op.maps, strict=True):
        row = context.as_row(context.operand(ref))
        positions = read_positions(access, op.dims).reshape(-1)
        take = (chosen == OUT_OF_BOUNDS) & (positions != OUT_OF_BOUNDS)
        chosen = np.where(take, positions + offset, chosen)
        rows.append(row)
        offset += row.size
    outside = chosen == OUT_OF_BOUNDS
    if not outside.any():
        return context.builder.arrange(rows, chosen)
    chosen = np.where(outside, offset, chosen)
    if len(float_parts(np.array([op.fill]))) > 1:
        return context.builder.arrange([*rows, context.repeated(op.fill, 1)], chosen)
    return context.builder.arrange(rows, chosen, fill=op.fill)


def lower_lookup(context: Context, op: Lookup) -> Row:
    table = context.operand(op.operands[1])
    if isinstance(table, Row):
        raise context.refusal("its table is not a constant")
    return context.builder.lookup(context.as_row(context.read_at_outputs(op, 0)), op.low, table)


def lower_gather(context: Context, op: Gather) -> Row:
    x, position = context.operand(op.operands[0]), context.read_at_outputs(op, 1)
    if not isinstance(x, Row):
        return _from_table(context, op, x, context.as_row(position))
    if not isinstance(position, Row):
        return context.builder.arrange([x], _fixed_positions(op, position))
    return _by_one_hot(context, op, x)


def _fixed_positions(op: Gather, position: Integers) -> Integers:
    """The flat position in x that each output reads, without walking through all inner points."""
    outer = np.unravel_index(np.arange(math.prod(op.dims)), op.dims) if op.dims else ()
    inner = np.unravel_index(position, op.inner) if op.inner else ()
    points = np.stack([*outer, *inner])[:, :, None] if op.iteration else np.zeros((0, 1, 1), np.int64)
    how = op.maps[0]
    return read_points(np.arange(math.prod(how.view)), how, points).values.reshape(-1)


def _from_table(context: Context, op: Gather, x: Integers, position: Row) -> Row:
    """x over the output axes that it depends on and the inner points is one table, looked up at u·K + p."""
    outer = sorted(d for d in used_axes(op.maps[0], op.iteration) if d < len(op.dims))
    inner = list(range(len(op.dims), len(op.iteration)))
    extents = tuple(op.iteration[d] for d in (*outer, *inner))
    table = x[read_positions(over_axes(op.maps[0], [*outer, *inner]), extents).reshape(-1)]
    at = np.indices(op.dims).reshape(len(op.dims), -1)
    used = np.zeros(math.prod(op.dims), np.int64)
    for d in outer:
        used = used * op.dims[d] + at[d]
    start = used * math.prod(op.inner)
    return context.builder.lookup(context.builder.add_constant(position, start), 0, table)


def _by_one_hot(context: Context, op: Gather, x: Row) -> Row:
    """Σ_k [p = k]·x(k). Each distinct p is compared once."""
    outputs, points, builder = math.prod(op.dims), math.prod(op.inner), context.builder
    if outputs * points > MAX_SELECTIONS:
        raise context.refusal(
            f"it chooses {outputs} times among {points} computed elements, more than {MAX_SELECTIONS} in all"
        )
    positions = read_positions(over_axes(op.maps[1], list(range(len(op.dims)))), op.dims).reshape(-1)
    distinct, which = np.unique(positions, return_inverse=True)
    position = builder.arrange([context.as_row(context.operand(op.operands[1]))], distinct)
    hot = [builder.equal(position, k) for k in range(points)]
    chosen = builder.arrange(hot, which[:, None] + distinct.size * np.arange(points))
    candidates = builder.arrange([x], read_positions(op.maps[0], op.iteration))
    return builder.matmul(candidates, chosen, (outputs, 1, points, 1), x.bound)
