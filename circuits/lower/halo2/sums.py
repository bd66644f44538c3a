"""The accumulating ops: an exact sum, then floor((acc + half) / 2^shift), clamped where intervals say it can act."""

from __future__ import annotations

import math

import numpy as np

from circuits.lower.halo2.context import Context, Operand, over_axes, used_axes
from circuits.lower.halo2.graph import Row
from circuits.program.ops import Accumulating, Contract, Linear, Mul, ReduceSum
from circuits.program.refs import AffineMap


def lower_contract(context: Context, op: Contract) -> Row:
    """A batched matrix product: axes only a depends on are its rows, axes only b depends on its columns."""
    left, right = context.operand(op.operands[0]), context.operand(op.operands[1])
    first, second = 0, 1
    if not isinstance(left, Row):
        left, right, first, second = right, left, 1, 0
    iteration = op.iteration
    uses = [used_axes(op.maps[i], iteration) for i in (first, second)]
    axes = list(range(len(op.dims)))
    grouped = [d for d in axes if d in uses[0] and d in uses[1]]
    rows = [d for d in axes if d not in grouped and d not in uses[1]]
    columns = [d for d in axes if d not in grouped and d not in rows]
    inner = list(range(len(op.dims), len(iteration)))
    g, p, n = (math.prod(op.dims[d] for d in group) for group in (grouped, rows, columns))
    k = math.prod(op.inner)
    a = context.as_row(_read_axes(context, left, op.maps[first], iteration, [*grouped, *rows, *inner]))
    b = _read_axes(context, right, op.maps[second], iteration, [*grouped, *inner, *columns])
    if isinstance(b, Row):
        product = context.builder.matmul(a, b, (g, p, k, n), k * a.bound * b.bound)
    else:
        factor = b.reshape(g, k, n)
        product = context.builder.matmul(a, factor, (g, p, k, n), a.bound * int(np.abs(factor).sum(axis=1).max()))
    order = np.arange(g * p * n).reshape([op.dims[d] for d in (*grouped, *rows, *columns)])
    back = order.transpose(np.argsort([*grouped, *rows, *columns])) if order.ndim else order
    return _finish(context, op, context.builder.arrange([product], back))


def lower_linear(context: Context, op: Linear) -> Row:
    acc: Row | None = None
    constant = np.zeros(math.prod(op.dims), np.int64)
    for number, coefficient in enumerate(op.coefficients):
        if not coefficient:
            continue
        value = context.read_at_outputs(op, number)
        if not isinstance(value, Row):
            constant = constant + coefficient * value
            continue
        term = context.builder.scale(value, coefficient)
        acc = term if acc is None else context.builder.add(acc, term)
    if acc is None:
        raise context.refusal("all its terms are constants; compile the model with constants folded")
    return _finish(context, op, context.builder.add_constant(acc, constant))


def lower_mul(context: Context, op: Mul) -> Row:
    a, b = (context.read_at_outputs(op, number) for number in range(2))
    return _finish(context, op, context.as_row(context.times(a, b)))


def lower_reduce_sum(context: Context, op: ReduceSum) -> Row:
    row = context.as_row(context.read(context.operand(op.operands[0]), op.maps[0], op.iteration))
    p, k = math.prod(op.dims), math.prod(op.inner)
    factor = np.full((1, k, 1), op.multiplier, np.int64)
    total = context.builder.matmul(row, factor, (1, p, k, 1), row.bound * k * abs(op.multiplier))
    return _finish(context, op, total)


def _read_axes(
    context: Context, operand: Operand, access: AffineMap, iteration: tuple[int, ...], axes: list[int]
) -> Operand:
    return context.read(operand, over_axes(access, axes), tuple(iteration[d] for d in axes))


def _finish(context: Context, op: Accumulating, acc: Row) -> Row:
    """Adds the bias and the rounding half; rescales; saturates."""
    builder = context.builder
    constant = np.zeros(math.prod(op.dims), np.int64)
    if op.has_bias:
        bias = context.read_at_outputs(op, len(op.operands) - 1)
        if isinstance(bias, Row):
            acc = builder.add(acc, bias)
        else:
            constant = bias
    half = 1 << (op.shift - 1) if op.shift else 0
    acc = builder.add_constant(acc, constant + half)
    within = context.span.accumulator
    known = acc.bound if within is None else max(abs(within.lo + half), abs(within.hi + half))
    row = builder.floor_shift(Row(acc.name, acc.size, min(acc.bound, known)), op.shift)
    if not op.saturates:
        return row
    limit = 1 << (op.bits - 1)
    return builder.clamp(row, -limit, limit - 1)
