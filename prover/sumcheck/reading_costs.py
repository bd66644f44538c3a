"""What readings cost group by group: vectors of weights, and what a verifier sums point by point
(docs/protocol/sumcheck.md sections 8 and 13).

The figures per element and point are measured on two cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from circuits.lower.sumcheck.owners import Owner, Owners
from circuits.lower.sumcheck.reading import group_shapes
from circuits.lower.sumcheck.system import Fractions, Kind, System, Tensor
from circuits.program.indexing import always_in_bounds, missing_axes
from circuits.program.limits import MAX_POINTS
from circuits.program.refs import AffineMap
from verifier.claims import Functional, LinearReading, product_instances


@dataclass(frozen=True)
class _Rates:
    """Bytes in a group: of an index of one of its axes, of a point, of a cell that is reached."""

    axis_kept: int
    point_summed: int
    cell_summed: int


# Field elements where eq weighs an axis; Python's small ints take no memory of their own.
_WEIGHED, _PLAIN = _Rates(76, 124, 116), _Rates(8, 48, 12)
_POINT_KEPT, _CELL_KEPT = 8, 3 * 8  # numbers, as groups list them
_CELL_LISTED = 3 * 8  # of a group's cells, reached or not, while it is made
_ELEMENT_SUMMED = 56  # of a tensor that everybody knows: its place, and itself as Python's int
_SUMMED_S_PER_BYTE = 3e-9

# Any points: they only tell axes that eq weighs, by the outer point or a product's, from those that have weight 1.
_VARIABLES = MAX_POINTS.bit_length() + 16
_ZETA, _RHO = (0,) * _VARIABLES, (1,) * _VARIABLES


@dataclass(frozen=True)
class ReadingCost:
    """Of one reading, or of several that are summed once, the first of which is `owner`'s. Its vectors are kept, unless
    an earlier one kept them; what is summed of it is gone before the next."""

    owner: Owner
    kept_bytes: int
    summed_bytes: int

    @property
    def summed_s(self) -> float:
        return self.summed_bytes * _SUMMED_S_PER_BYTE


def reading_costs(system: System, owners: Owners) -> list[ReadingCost]:
    """Of tensors with elements; those of public tensors are summed one by one."""
    made: list[ReadingCost] = []
    kept, summed = set(), set()
    for owner, functional in _functionals(system, owners):
        tensor = system.tensors[functional.tensor]
        weights = tensor.dims, functional.how, functional.grid, functional.weights
        sum_ = (None if tensor.kind.committed else functional.tensor, *weights)
        if tensor.size and 0 not in functional.grid and sum_ not in summed:
            cost = _cost(owner, tensor, functional)
            made.append(replace(cost, kept_bytes=0) if weights in kept else cost)
            kept.add(weights)
            summed.add(sum_)
    return made


def _functionals(system: System, owners: Owners) -> Iterator[tuple[Owner, Functional]]:
    for fractions, owner in zip(system.fractions, owners.fractions, strict=True):
        for linear in _leaf_readings(fractions):
            yield owner, linear.functional(_ZETA)
    for identity, owner in zip(system.identities, owners.identities, strict=True):
        for term in identity.terms:
            if len(term.readings) == 1:
                yield owner, LinearReading(term.readings[0], identity.dims, term.inner).functional(_ZETA)
    for product in product_instances(system):
        for which in range(2):
            yield owners.identities[product.identity], product.functional(which, _ZETA, _RHO)


def _leaf_readings(fractions: Fractions) -> Iterator[LinearReading]:
    for term in (fractions.numerator, *(term for column in fractions.columns for term in column)):
        yield LinearReading(term.readings[0], fractions.dims)


def _cost(owner: Owner, tensor: Tensor, functional: Functional) -> ReadingCost:
    dims, how, grid = tensor.dims, functional.how, functional.grid
    if tensor.kind is Kind.IOTA and always_in_bounds(how, grid):
        return ReadingCost(owner, 0, 0)
    if tensor.kind is Kind.ONES:
        how = missing_axes(how, grid)
        dims = how.view
    kept, summed, elements = 0, 0, 1
    for shape in group_shapes(dims, how, grid):
        reached = min(shape.points, shape.cells)
        weighed = any(functional.weights[axis] is not None for axis in shape.axes)
        rates = _WEIGHED if weighed else _PLAIN
        kept += shape.points * _POINT_KEPT + reached * _CELL_KEPT
        kept += sum(grid[axis] for axis in shape.axes) * rates.axis_kept
        summing = shape.points * rates.point_summed + reached * rates.cell_summed
        summed = max(summed, summing, shape.cells * _CELL_LISTED)
        elements *= reached
    if tensor.kind.committed:
        return ReadingCost(owner, kept, 0 if _as_it_stands(dims, how, grid) else summed)
    return ReadingCost(owner, kept, summed + (0 if tensor.kind is Kind.ONES else elements * _ELEMENT_SUMMED))


def _as_it_stands(dims: tuple[int, ...], how: AffineMap, grid: tuple[int, ...]) -> bool:
    """Whether each axis is an axis of the tensor from its beginning on, so that its extension has a closed form."""
    rows = [[axis for axis, stride in enumerate(row) if stride] for row in how.strides]
    read = [axis for row in rows for axis in row]
    return (
        how.view == dims
        and not any(how.offsets)
        and all(stride in (0, 1) for row in how.strides for stride in row)
        and max(map(len, rows), default=0) <= 1
        and len(set(read)) == len(read)
        and always_in_bounds(how, grid)
    )
