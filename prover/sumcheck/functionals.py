"""Functionals of tensors: products of weights over a reading's groups (docs/protocol/sumcheck.md sections 1, 8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.reading import Group, GroupBook
from prover.kernels import field
from prover.kernels.field import Vector
from verifier.claims import Functional, Weight
from verifier.field import MODULUS
from verifier.functionals import axis_sum

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Weights:
    """What a functional weighs a tensor's cells with: `factor` times a product of one weight from each group."""

    factor: int
    groups: tuple[Group, ...]
    vectors: tuple[Vector, ...]

    def scatter(self, rows: Sequence[Vector], start: int, coefficient: int) -> None:
        """Adds coefficient times the weight of every real cell to the tensor's block.

        The block starts at cell `start` of the rows, which are vectors of 2^row_bits cells. Groups own variables of
        their own, so a cell's row is the sum of its groups'.
        """
        width = len(rows[0])
        factor = coefficient * self.factor % MODULUS
        parts = [_by_row(group.offsets, vector, width) for group, vector in zip(self.groups, self.vectors, strict=True)]
        for choice in product(*parts):
            row = start // width + sum(part.row for part in choice)
            field.scatter(rows[row], start % width, factor, [(part.offsets, part.vector) for part in choice])


@dataclass(frozen=True, eq=False)
class _Part:
    """A group's cells in one row of its block."""

    row: int
    offsets: Integers
    vector: Vector


def _by_row(offsets: Integers, vector: Vector, width: int) -> list[_Part]:
    """Offsets ascend, so that a row's are next to each other."""
    last = int(offsets[-1]) // width
    if last == 0:
        return [_Part(0, offsets, vector)]
    bounds = np.searchsorted(offsets, np.arange(last + 2) * width).tolist()
    return [
        _Part(row, offsets[first:stop] - row * width, vector.slice(first, stop))
        for row, (first, stop) in enumerate(pairwise(bounds))
        if first < stop
    ]


class WeightBook:
    """Makes weights; what several functionals share is made once."""

    def __init__(self, groups: GroupBook) -> None:
        self._groups = groups
        self._axes: dict[tuple[int, Weight], Vector] = {}
        self._made: dict[tuple[object, ...], Weights] = {}

    def axis(self, size: int, weight: Weight) -> Vector:
        """eq(weight, ·), or 1 everywhere, on an axis."""
        found = self._axes.get((size, weight))
        if found is None:
            whole = Vector.ones(size) if weight is None else field.eq_table(list(weight))
            found = whole if len(whole) == size else whole.slice(0, size)
            self._axes[size, weight] = found
        return found

    def weights(self, functional: Functional, dims: tuple[int, ...]) -> Weights:
        """Of a functional of a tensor of `dims`."""
        key = (functional.how, functional.grid, functional.weights, dims)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._make(functional, dims)
        return found

    def _make(self, functional: Functional, dims: tuple[int, ...]) -> Weights:
        grid, weights = functional.grid, functional.weights
        found = self._groups.groups(dims, functional.how, grid)
        used = {axis for group in found for axis in group.axes}
        factor = math.prod(axis_sum(grid[axis], weights[axis]) for axis in range(len(grid)) if axis not in used)
        vectors = tuple(
            field.functional(
                group.cells, len(group.offsets), [self.axis(grid[axis], weights[axis]) for axis in group.axes]
            )
            for group in found
        )
        return Weights(factor % MODULUS, found, vectors)
