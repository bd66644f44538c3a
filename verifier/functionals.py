"""Functionals of tensors, group by group (docs/protocol/sumcheck.md sections 7 and 8).

Of a tensor that everybody knows, a functional has a value; of a committed one it has weights on the tensor's block,
whose extension the verifier computes at one point. Both are products over groups of axes. Most groups are axes read as
they stand, which have closed forms; the others are summed point by point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.layout import Block, axis_bits
from circuits.lower.sumcheck.reading import Group, GroupBook
from circuits.lower.sumcheck.system import Kind, System, Tensor
from circuits.program.indexing import always_in_bounds, missing_axes
from verifier.claims import Functional, Weight
from verifier.field import MODULUS, dot, eq_index, eq_prefix, eq_prefix_dot, eq_prefix_index, eq_table

Integers = npt.NDArray[np.int64]


@dataclass
class Functionals:
    """Computes functionals of one system's tensors; `public` holds the elements of those that the proof carries.

    What every tensor of a kind has, tables of eq, and groups with the same weights at the same point are computed once.
    """

    system: System
    public: Mapping[int, Integers]
    modulus: int = MODULUS
    groups: GroupBook = field(default_factory=GroupBook)
    _known: dict[tuple[object, ...], int] = field(default_factory=dict)
    _tables: dict[tuple[Weight, int], list[int]] = field(default_factory=dict)
    # Groups compare by identity, and being keys here they stay alive.
    _parts: dict[tuple[Group, tuple[Weight, ...], tuple[int, ...]], int] = field(default_factory=dict)

    def known_value(self, functional: Functional) -> int:
        """Of an INPUT, OUTPUT, ONES or IOTA tensor."""
        tensor = self.system.tensors[functional.tensor]
        if not tensor.size or 0 in functional.grid:
            return 0
        told_apart = functional.tensor if functional.tensor in self.public else None
        key = told_apart, tensor, functional.how, functional.grid, functional.weights
        if key not in self._known:
            self._known[key] = self._value(tensor, functional)
        return self._known[key]

    def _value(self, tensor: Tensor, functional: Functional) -> int:
        if tensor.kind is Kind.ONES:
            return self._ones(functional)
        if tensor.kind is Kind.IOTA and always_in_bounds(functional.how, functional.grid):
            return self._affine(functional)
        elements = np.arange(tensor.size) if tensor.kind is Kind.IOTA else self.public[functional.tensor].reshape(-1)
        return self._contract(elements, tensor.dims, functional)

    def extension(self, functional: Functional, block: Block, x: Sequence[int]) -> int:
        """Of the weights, over the table at x; the tensor is committed as `block`."""
        if 0 in functional.grid:
            return 0
        found = self.groups.groups(self.system.tensors[functional.tensor].dims, functional.how, functional.grid)
        value = self._unread(functional, found)
        value = value * eq_index(x[block.bits :], block.offset >> block.bits, self.modulus) % self.modulus
        for group in found:
            value = value * self._group_at(group, functional, tuple(x[v] for v in group.variables)) % self.modulus
        return value

    def _ones(self, functional: Functional) -> int:
        """The weight of the points in bounds: only those axes of the view matter where a point may miss."""
        missing = missing_axes(functional.how, functional.grid)
        found = self.groups.groups(missing.view, missing, functional.grid)
        value = self._unread(functional, found)
        for group in found:
            value = value * self._total(group, functional, [int(cell >= 0) for cell in group.cells.tolist()])
        return value % self.modulus

    def _affine(self, functional: Functional) -> int:
        """IOTA, everywhere in bounds: an affine function of the point, so a closed form of each axis."""
        grid, weights, how = functional.grid, functional.weights, functional.how
        offset, strides, step = 0, [0] * len(grid), 1
        for size, start, row in zip(how.view[::-1], how.offsets[::-1], how.strides[::-1], strict=True):
            offset += step * start
            strides = [stride + step * own for stride, own in zip(strides, row, strict=True)]
            step *= size
        sums = [axis_sum(size, weight, self.modulus) for size, weight in zip(grid, weights, strict=True)]
        total = offset * self._product(sums)
        for axis, stride in enumerate(strides):
            if stride:
                own = _index_sum(grid[axis], weights[axis], self.modulus)
                total += stride * own * self._product(sums[:axis] + sums[axis + 1 :])
        return total % self.modulus

    def _contract(self, elements: Integers, dims: tuple[int, ...], functional: Functional) -> int:
        """Each element times its weight, cell by cell."""
        found = self.groups.groups(dims, functional.how, functional.grid)
        order = np.zeros(1, np.int64)
        for group in found:
            order = np.add.outer(order, group.elements).reshape(-1)
        values: list[int] = elements[order].tolist()
        for group in reversed(found):
            weights = self._cell_weights(group, functional)
            values = [dot(weights, row, self.modulus) for row in _rows(values, len(weights))]
        return values[0] * self._unread(functional, found) % self.modulus

    def _cell_weights(self, group: Group, functional: Functional) -> list[int]:
        points = [1]
        for axis in group.axes:
            table = self._table(functional.grid[axis], functional.weights[axis])
            points = [point * weight % self.modulus for point in points for weight in table]
        weights = [0] * len(group.elements)
        for cell, point in zip(group.cells.tolist(), points, strict=True):
            if cell >= 0:
                weights[cell] += point
        return weights

    def _unread(self, functional: Functional, found: Sequence[Group]) -> int:
        """The weights of the grid's axes that are in no group, summed."""
        read = {axis for group in found for axis in group.axes}
        pairs = enumerate(zip(functional.grid, functional.weights, strict=True))
        return self._product(axis_sum(size, weight, self.modulus) for axis, (size, weight) in pairs if axis not in read)

    def _group_at(self, group: Group, functional: Functional, point: tuple[int, ...]) -> int:
        """Σ_cells weight(cell)·eq(point, cell) of one group."""
        key = group, tuple(functional.weights[axis] for axis in group.axes), point
        if key not in self._parts:
            sizes = [functional.grid[axis] for axis in group.axes]
            if _as_it_stands(group, sizes):
                self._parts[key] = self._closed(sizes, key[1], point)
            else:
                self._parts[key] = self._total(group, functional, _eq_at_points(group, point, self.modulus))
        return self._parts[key]

    def _closed(self, sizes: Sequence[int], weights: Sequence[Weight], point: Sequence[int]) -> int:
        """Of axes whose points are the cells, in order; those below the first have no padding."""
        value, start = 1, 0
        for axis in range(len(sizes) - 1, -1, -1):
            stop = start + axis_bits(sizes[axis]) if axis else len(point)
            part, weight = point[start:stop], weights[axis]
            if weight is None:
                own = eq_prefix(part, sizes[axis], self.modulus)
            else:  # the cells' axis may be longer than the grid's: its further bits are 0
                weight += (0,) * (len(part) - len(weight))
                own = eq_prefix_dot(weight, part, sizes[axis], self.modulus)
            value, start = value * own % self.modulus, stop
        return value

    def _total(self, group: Group, functional: Functional, values: list[int]) -> int:
        """Σ_points Π_axes w·value over the row-major points of the group's axes."""
        for axis in reversed(group.axes):
            size, weight = functional.grid[axis], functional.weights[axis]
            if weight is None:
                values = [sum(row) % self.modulus for row in _rows(values, size)]
            else:
                table = self._table(size, weight)
                values = [dot(table, row, self.modulus) for row in _rows(values, size)]
        return values[0]

    def _table(self, size: int, weight: Weight) -> list[int]:
        key = weight, size
        if key not in self._tables:
            self._tables[key] = [1] * size if weight is None else eq_table(weight, size, self.modulus)
        return self._tables[key]

    def _product(self, factors: Iterable[int]) -> int:
        value = 1
        for factor in factors:
            value = value * factor % self.modulus
        return value


def _rows(values: list[int], size: int) -> Iterable[list[int]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def axis_sum(size: int, weight: Weight, modulus: int = MODULUS) -> int:
    """Σ_t w(t)."""
    return size if weight is None else eq_prefix(weight, size, modulus)


def _index_sum(size: int, weight: Weight, modulus: int) -> int:
    """Σ_t t·w(t)."""
    return size * (size - 1) // 2 if weight is None else eq_prefix_index(weight, size, modulus)


def _as_it_stands(group: Group, sizes: Sequence[int]) -> bool:
    """Whether the points' numbers are the padded cells' numbers, and split into bits axis by axis."""
    if not sizes or any(size & (size - 1) for size in sizes[1:]):
        return False
    numbers = np.arange(len(group.cells))
    return np.array_equal(group.cells, numbers) and np.array_equal(group.padded[: len(numbers)], numbers)


def _eq_at_points(group: Group, point: Sequence[int], modulus: int) -> list[int]:
    """eq(point, cell) at every point of the group's axes; 0 where it is out of bounds."""
    places = np.where(group.cells < 0, -1, group.padded[group.cells])
    distinct, numbers = np.unique(places, return_inverse=True)
    # Two tables of half the variables: one of all would have a cell for all of the padding too.
    half = len(point) // 2
    low, high = (eq_table(part, modulus=modulus) for part in (point[:half], point[half:]))
    values = [
        high[place >> half] * low[place & (1 << half) - 1] % modulus if place >= 0 else 0 for place in distinct.tolist()
    ]
    return [values[number] for number in numbers.reshape(-1).tolist()]
