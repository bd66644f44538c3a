"""lookup, index, gather: elements chosen and moved (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.expressions import NOTHING, minus, over_axes, plus, points, times
from circuits.lower.sumcheck.filling import Values
from circuits.lower.sumcheck.plan import Floor
from circuits.lower.sumcheck.system import Expression, Reading
from circuits.lower.sumcheck.tables import Dims, Table
from circuits.program.indexing import hits
from circuits.program.intervals import Interval
from circuits.program.ops import Gather, Index, Lookup, Max, Op
from circuits.program.refs import AffineMap


def lower_functions(context: Context, positions: Sequence[int], floors: dict[int, Floor]) -> None:
    """Ops that are functions of one argument: (x, y, …) is a row of a table that has all of their results."""
    first = context.program.ops[positions[0]]
    x = floors[positions[0]].operand if positions[0] in floors else 0
    kinds = tuple(dict.fromkeys(_kind(context.program.ops[p], floors.get(p)) for p in positions))
    results = [next(p for p in positions if _kind(context.program.ops[p], floors.get(p)) == kind) for kind in kinds]
    argument = context.expression(context.at_output(first, x))
    columns = [argument, *(context.itself(context.output(p)) for p in results)]
    table = Table(
        context.interval(first.operands[x]),
        columns=lambda low, dims: [_function(context, kind, low, dims) for kind in kinds],
    )
    context.look_up(("functions", kinds), table, first.dims, columns)
    for p in positions:
        if p not in results:
            same = results[kinds.index(_kind(context.program.ops[p], floors.get(p)))]
            context.identity(first.dims, minus(context.itself(context.output(p)), context.itself(context.output(same))))


def _kind(op: Op, floor: Floor | None) -> tuple[str, int, int]:
    if isinstance(op, Lookup):
        return "table", op.operands[1].index, op.low
    if isinstance(op, Max) and floor is not None:
        return "floor", floor.least, 0
    raise TypeError(f"no function of one argument: {type(op).__name__}")


def _function(context: Context, kind: tuple[str, int, int], low: int, dims: Dims) -> Expression:
    """Its values over the arguments from `low` on."""
    name, number, start = kind
    if name == "floor":
        return plus(context.constant(number), context.expression(context.ramp(dims, number - low)))
    entries = context.program.constants[number].values.size
    how = AffineMap((entries,), (low - start,), ((1,),))
    return context.expression(Reading(context.constant_tensor(number), how))


def lower_index(context: Context, position: int, op: Index) -> None:
    """y = Σ_j x_j + fill·(1 − Σ_j in_j), where an operand that an earlier one covers somewhere is masked there.

    A mask is known from the maps alone, so it is committed by the key.
    """
    dims, y = op.dims, context.itself(context.output(position))
    covered = np.zeros((1,) * len(dims), np.bool_)
    total = present = NOTHING
    for number, how in enumerate(op.maps):
        inside = hits(how, dims)
        if not inside.any():
            continue
        x, bounds = context.operand(op, number), context.in_bounds(how, dims)
        if (inside & covered).any():
            chosen = np.broadcast_to(inside & ~covered, dims)
            if not chosen.any():
                continue
            bounds = context.whole(context.committed(chosen.astype(np.int64), Interval(0, 1)))
            total = plus(total, context.product(1, x, bounds))
        else:
            total = plus(total, context.expression(x))
        present = plus(present, context.constant(1) if bounds is None else context.expression(bounds))
        covered = covered | inside
    absent = NOTHING if covered.all() else minus(context.constant(1), present)
    context.identity(dims, minus(y, plus(total, times(op.fill, absent))))


def lower_gather(context: Context, position: int, op: Gather) -> None:
    """(o'·K + p(o), y(o)) is among all (o'·K + k, x(o',k)), where o' numbers the output axes on which x depends."""
    dims, count = op.dims, points(op.inner)
    y = context.itself(context.output(position))
    x = context.operand(op, 0)
    if count == 1 or isinstance(x, int):
        context.identity(dims, minus(y, context.product(1, x, 1, op.inner)))
        return
    how = op.maps[0]
    axes = [d for d in range(len(dims)) if dims[d] > 1 and any(row[d] for row in how.strides)]
    inner = range(len(dims), len(dims) + len(op.inner))
    grid = tuple(op.iteration[d] for d in (*axes, *inner))
    row = plus(times(count, context.numbers(dims, axes)), context.expression(context.at_output(op, 1)))
    rows = context.numbers(grid, range(len(grid)))
    entries = context.read(op.operands[0], over_axes(how, (*axes, *inner)), grid)
    chosen = context.witness(grid, context.spans[position].output)
    tag = context.tag()
    context.fraction(tag, dims, [row, y], None)
    context.fraction(tag, grid, [rows, context.expression(entries)], context.whole(chosen), sign=-1)

    def count_rows(values: Values) -> None:
        found = values.evaluate(row, dims).reshape(-1)
        found = found[(found >= 0) & (found < points(grid))]
        values[chosen] = np.bincount(found, minlength=points(grid))

    context.counts.append(count_rows)
