"""max, argmax, compare, select (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.lower.sumcheck.bounding import bounded, flags, new_flag
from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.expressions import Value, minus, over_axes, plus, points, times
from circuits.lower.sumcheck.filling import Integers, Values
from circuits.lower.sumcheck.system import Expression, Reading
from circuits.lower.sumcheck.tables import Dims
from circuits.program.intervals import Interval
from circuits.program.ops import Argmax, Compare, Max, Relation, Select


@dataclass(frozen=True)
class Candidates:
    """One operand's elements over `grid`: the output index, then those inner axes on which they depend."""

    grid: Dims
    value: Value
    inside: Reading | None
    interval: Interval


def lower_max(context: Context, position: int, op: Max) -> None:
    y, least = context.output(position), context.spans[position].output.lo
    found = [_candidates(context, op, number, inner_matters=False) for number in range(len(op.operands))]
    # What is below the least possible result is never the largest, and an operand without elements has none.
    found = [c for c, how in zip(found, op.maps, strict=True) if c.interval.hi >= least and 0 not in how.view]
    if all(c.grid == op.dims and c.inside is None for c in found) and len(found) <= 2:
        _of_two(context, y, found)
        return
    for c in found:
        distance = minus(context.over(y, c.grid), context.expression(c.value))
        most = context.spans[position].output.hi - c.interval.lo
        bounded(context, c.grid, distance, Interval(0, max(0, most)), c.inside)
    _among(context, op.dims, [context.itself(y)], [(c, [context.expression(c.value)]) for c in found])


def _candidates(context: Context, op: Max | Argmax, number: int, *, inner_matters: bool) -> Candidates:
    how, outer = op.maps[number], len(op.dims)
    inner = [d for d in range(outer, len(op.iteration)) if inner_matters or any(row[d] for row in how.strides)]
    axes = (*range(outer), *(d for d in inner if op.iteration[d] > 1))
    grid, how = tuple(op.iteration[d] for d in axes), over_axes(how, axes)
    ref = op.operands[number]
    return Candidates(grid, context.read(ref, how, grid), context.in_bounds(how, grid), context.interval(ref))


def _of_two(context: Context, y: int, found: Sequence[Candidates]) -> None:
    """y = b + s·(a − b), s being whether a ≥ b; with one candidate y is that."""
    dims, last = context.tensors[y].dims, found[-1]
    b = context.expression(last.value)
    if len(found) == 1:
        context.identity(dims, minus(context.itself(y), b))
        return
    a, first = context.expression(found[0].value), found[0]
    within = Interval(first.interval.lo - last.interval.hi, first.interval.hi - last.interval.lo)
    s = context.whole(new_flag(context, dims, minus(a, b), within))
    chosen = minus(context.product(1, s, first.value), context.product(1, s, last.value))
    context.identity(dims, minus(context.itself(y), plus(b, chosen)))


def _among(
    context: Context, dims: Dims, wanted: Sequence[Expression], found: Sequence[tuple[Candidates, list[Expression]]]
) -> None:
    """At every o some candidate in bounds has exactly the wanted columns: (o, wanted, 1) is among (o, columns, in)."""
    tag, one = context.tag(), context.constant(1)
    may_miss = any(c.inside is not None for c, _ in found)
    outer = range(len(dims))
    context.fraction(tag, dims, [context.numbers(dims, outer), *wanted, *([one] if may_miss else [])], None)
    chosen = []
    for c, columns in found:
        inside = [one if c.inside is None else context.expression(c.inside)] if may_miss else []
        chosen.append(context.witness(c.grid, Interval(0, 1)))
        row = [context.numbers(c.grid, outer), *columns, *inside]
        context.fraction(tag, c.grid, row, context.whole(chosen[-1]), sign=-1)

    def choose(values: Values) -> None:
        """The first candidate that will do."""
        targets = [values.evaluate(column, dims).reshape(-1, 1) for column in wanted]
        taken = np.zeros((points(dims), 1), np.bool_)
        for tensor, (c, columns) in zip(chosen, found, strict=True):
            fits = _fits(values, c, columns, targets)
            first = fits & (np.cumsum(fits, axis=1) == 1) & ~taken
            taken = taken | fits.any(axis=1, keepdims=True)
            values[tensor] = first

    context.counts.append(choose)


def _fits(
    values: Values, c: Candidates, columns: Sequence[Expression], targets: Sequence[Integers]
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Whether a candidate has the wanted columns: [outputs, inner points]."""
    fits = np.ones((len(targets[0]), points(c.grid) // max(1, len(targets[0]))), np.bool_)
    for column, target in zip(columns, targets, strict=True):
        fits &= values.evaluate(column, c.grid).reshape(fits.shape) == target
    if c.inside is not None:
        fits &= values.read(c.inside, c.grid).reshape(fits.shape) == 1
    return fits


def lower_argmax(context: Context, position: int, op: Argmax) -> None:
    """y is the number k of the largest key K·x + (K − 1 − k): of all keys, which differ, one has the greatest."""
    dims, count, y = op.dims, points(op.inner), context.output(position)
    c = _candidates(context, op, 0, inner_matters=True)
    largest = context.witness(dims, c.interval)

    def fill(values: Values) -> None:
        """The element at y: what an honest y makes the largest."""
        rows = values.evaluate(context.expression(c.value), c.grid).reshape(points(dims), -1)
        at = np.clip(values[y].reshape(-1, 1), 0, rows.shape[1] - 1)
        values[largest] = np.take_along_axis(rows, at, axis=1)

    context.fills.append(fill)
    numbers = context.numbers(c.grid, range(len(dims), len(c.grid)))
    value = context.expression(c.value)
    key = minus(times(count, value), numbers)
    greatest = minus(times(count, context.over(largest, c.grid)), context.over(y, c.grid))
    most = count * (c.interval.hi - c.interval.lo) + count - 1
    bounded(context, c.grid, minus(greatest, key), Interval(0, most), c.inside)
    _among(context, dims, [context.itself(y), context.itself(largest)], [(c, [numbers, value])])


def lower_compare(context: Context, position: int, op: Compare) -> None:
    """y is the flag of b − a − 1 ≥ 0, or of b − a ≥ 0; a = b where both a ≤ b and b ≤ a."""
    dims, y = op.dims, context.itself(context.output(position))
    a, b = (context.expression(context.operand(op, number)) for number in range(2))
    first, second = (context.operand_interval(op, number) for number in range(2))
    difference, within = minus(b, a), Interval(second.lo - first.hi, second.hi - first.lo)
    if op.relation == Relation.LESS:
        flags(context, dims, y, minus(difference, context.constant(1)), Interval(within.lo - 1, within.hi - 1))
    elif op.relation == Relation.LESS_OR_EQUAL:
        flags(context, dims, y, difference, within)
    else:
        at_most = context.itself(new_flag(context, dims, difference, within))
        at_least = plus(y, context.constant(1), times(-1, at_most))
        flags(context, dims, at_least, times(-1, difference), Interval(-within.hi, -within.lo))


def lower_select(context: Context, position: int, op: Select) -> None:
    """y = b + c·(a − b); c is 0 or 1 by its interval."""
    c, a, b = (context.operand(op, number) for number in range(3))
    chosen = minus(context.product(1, c, a), context.product(1, c, b))
    y = context.itself(context.output(position))
    context.identity(op.dims, minus(y, plus(context.expression(b), chosen)))
