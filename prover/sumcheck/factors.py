"""A factor of a product as a table over the variables that both factors share (docs/protocol/sumcheck.md section 7)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.layout import box_bits, padded_strides
from circuits.lower.sumcheck.reading import box_sums
from circuits.program.indexing import strided_view
from circuits.program.refs import AffineMap
from prover.kernels import field
from prover.kernels.field import Vector
from prover.sumcheck.functionals import WeightBook
from prover.sumcheck.table import padded
from verifier.claims import Product, Weight

Integers = npt.NDArray[np.int64]
View = npt.NDArray[np.generic]


def factor_table(
    values: Integers, how: AffineMap, product: Product, summed: Mapping[int, Weight], book: WeightBook
) -> Vector:
    """A' at every cell of the padded box of the shared axes: the tensor read, and summed over the axes in `summed`."""
    grid, kept = product.grid, len(product.shared)
    alone = [axis for axis in summed if grid[axis] > 1]
    axes = (*product.shared, *alone)
    columns = tuple(tuple(row[axis] for axis in axes) for row in how.strides)
    view = strided_view(values, AffineMap(how.view, how.offsets, columns), [grid[axis] for axis in axes])
    if not alone:
        return Vector.from_integers(padded(view))
    weights = field.outer([book.axis(grid[axis], summed[axis]) for axis in alone])
    by_rows = kept > 0 and view.strides[kept - 1] < view.strides[-1]
    sums = _sum_rows(view, kept, weights) if by_rows else _sum_columns(view, kept, weights)
    return _spread(sums, product.shared_dims)


def _sum_rows(view: View, kept: int, weights: Vector) -> Vector:
    """Over all axes but the first `kept`, which lie together in memory: whole rows are added."""
    cells = math.prod(view.shape[:kept])
    rows = view.transpose((*range(kept, view.ndim), *range(kept))).reshape(-1, cells)
    return field.combine_integers(list(np.ascontiguousarray(rows, np.int64)), weights.scalars(), cells)


def _sum_columns(view: View, kept: int, weights: Vector) -> Vector:
    cells = math.prod(view.shape[:kept])
    return field.weighted_sum(np.ascontiguousarray(view, np.int64).reshape(cells, -1), weights)


def _spread(cells: Vector, sizes: Sequence[int]) -> Vector:
    """The cells of a box in its padded box, 0 elsewhere."""
    if len(cells) == 1 << box_bits(sizes):
        return cells
    target = Vector.zeros(1 << box_bits(sizes))
    field.scatter(target, 0, 1, [(box_sums(sizes, padded_strides(sizes)), cells)])
    return target
