"""lookup, index, gather: elements chosen and moved (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.expressions import NOTHING, canonical, minus, over_axes, plus, points, times
from circuits.lower.sumcheck.filling import Values
from circuits.lower.sumcheck.layout import box_bits
from circuits.lower.sumcheck.merging import Floor
from circuits.lower.sumcheck.reading import group_sizes
from circuits.lower.sumcheck.system import Expression, Reading
from circuits.lower.sumcheck.tables import MAX_RESULTS, Dims, Table
from circuits.program.indexing import hits
from circuits.program.intervals import Interval
from circuits.program.ops import Gather, Index, Lookup, Max, Op
from circuits.program.refs import AffineMap, Source

# What a column of a fraction costs beside the leaves: two terms in the key, two readings to weigh.
COLUMN_LEAVES = 1 << 10


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


@dataclass(frozen=True)
class Runs:
    """A gather's output axis `axis` in runs of `width` elements, which a tuple holds; of one element, it is not cut."""

    op: Gather
    axis: int = 0
    width: int = 1

    @property
    def dims(self) -> Dims:
        """The output's box, counted in runs."""
        return tuple(size // self.width if d == self.axis else size for d, size in enumerate(self.op.dims))

    @property
    def axes(self) -> list[int]:
        """Of the iteration: the output's axes on which x depends, and the inner ones."""
        dims, how = self.dims, self.op.maps[0]
        outer = [d for d in range(len(dims)) if dims[d] > 1 and any(row[d] for row in how.strides)]
        return [*outer, *range(len(dims), len(self.op.iteration))]

    @property
    def grid(self) -> Dims:
        """The table's rows: these axes' points."""
        iteration = self.dims + self.op.inner
        return tuple(iteration[d] for d in self.axes)

    def element(self, how: AffineMap, number: int) -> AffineMap:
        """A map of single points as one of the runs' elements number `number`."""
        offsets = [offset + number * row[self.axis] for offset, row in zip(how.offsets, how.strides, strict=True)]
        strides = [
            tuple(self.width * stride if d == self.axis else stride for d, stride in enumerate(row))
            for row in how.strides
        ]
        return AffineMap(how.view, tuple(offsets), tuple(strides))

    def entry(self, number: int) -> AffineMap:
        """x's element of a row's run."""
        return over_axes(self.element(self.op.maps[0], number), self.axes)

    def result(self, number: int) -> AffineMap:
        """y's."""
        return canonical(self.element(AffineMap.identity(self.op.dims), number), self.dims)

    def cost(self, entries: Dims) -> int:
        """In leaves, the verifier's work for a column counted as so many; `entries` are the dims of x's tensor."""
        leaves = (1 << box_bits(self.dims)) + (1 << box_bits(self.grid))
        looked_at = group_sizes(entries, self.entry(0), self.grid)
        looked_at += group_sizes(self.op.dims, self.result(0), self.dims)
        return leaves + (self.width - 1) * (COLUMN_LEAVES + sum(looked_at))


def _runs(context: Context, op: Gather) -> Runs:
    """The cheapest; an input is not cut, since a verifier weighs all of its elements for every column."""
    whole = Runs(op)
    if op.operands[0].source is Source.INPUT:
        return whole
    entries = context.tensors[context.tensor(op.operands[0])].dims
    free = [d for d in whole.axes[: -len(op.inner)] if not any(row[d] for row in op.maps[1].strides)]
    cut = [Runs(op, d, width) for d in free for width in range(2, MAX_RESULTS + 1) if op.dims[d] % width == 0]
    return min((whole, *cut), key=lambda runs: runs.cost(entries))


def lower_gather(context: Context, position: int, op: Gather) -> None:
    """(o'·K + p(o), y(o), …) is among all (o'·K + k, x(o',k), …), where o' numbers the output axes of x's map."""
    dims, count = op.dims, points(op.inner)
    y = context.output(position)
    x = context.operand(op, 0)
    if count == 1 or isinstance(x, int):
        context.identity(dims, minus(context.itself(y), context.product(1, x, 1, op.inner)))
        return
    runs = _runs(context, op)
    dims, grid = runs.dims, runs.grid
    numbers = context.numbers(dims, [axis for axis in runs.axes if axis < len(dims)])
    row = plus(times(count, numbers), context.expression(context.at_output(op, 1)))
    results = [context.expression(Reading(y, runs.result(number))) for number in range(runs.width)]
    entries = [
        context.expression(context.read(op.operands[0], runs.entry(number), grid)) for number in range(runs.width)
    ]
    chosen = context.witness(grid, context.spans[position].output)
    tag = context.tag()
    context.fraction(tag, dims, [row, *results], None)
    rows = context.numbers(grid, range(len(grid)))
    context.fraction(tag, grid, [rows, *entries], context.whole(chosen), sign=-1)

    def count_rows(values: Values) -> None:
        found = values.evaluate(row, dims).reshape(-1)
        found = found[(found >= 0) & (found < points(grid))]
        values[chosen] = np.bincount(found, minlength=points(grid))

    context.counts.append(count_rows)
