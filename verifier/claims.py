"""What a sumcheck proof claims and in which order (docs/protocol/sumcheck.md sections 7 and 8).

Prover and verifier both take their order from here, so that they cannot disagree silently. Nothing here computes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from circuits.lower.sumcheck.layout import axis_bits, box_bits
from circuits.lower.sumcheck.system import Reading, System, Term
from circuits.program.indexing import used_axes
from circuits.program.refs import AffineMap
from verifier.field import MODULUS

# What an axis of a grid is weighed with: eq(point, ·), or 1 everywhere.
Weight = tuple[int, ...] | None


@dataclass(frozen=True)
class Functional:
    """Σ_g Π_j w_j(g_j)·T(map(g)) over the points g of `grid`: linear in tensor T (section 1)."""

    tensor: int
    how: AffineMap
    grid: tuple[int, ...]
    weights: tuple[Weight, ...]


# Σ coefficient·functional, of committed tensors.
Terms = tuple[tuple[Functional, int], ...]


@dataclass(frozen=True)
class Claim:
    """An entry of the ledger: `terms` add up to `value`."""

    terms: Terms
    value: int


def weighed(claims: Sequence[Terms], weights: Sequence[int], modulus: int = MODULUS) -> dict[Functional, int]:
    """Σ weight·claim: every functional once, with its coefficient."""
    total: dict[Functional, int] = {}
    for terms, weight in zip(claims, weights, strict=True):
        for functional, coefficient in terms:
            total[functional] = (total.get(functional, 0) + weight * coefficient) % modulus
    return total


@dataclass(frozen=True)
class LinearReading:
    """A reading that is summed by itself: with eq(ζ_axis, ·) on the axes of `box` and 1 on those of `inner`."""

    reading: Reading
    box: tuple[int, ...]
    inner: tuple[int, ...] = ()

    def functional(self, zeta: Sequence[int]) -> Functional:
        weights = (*axis_points(self.box, zeta), *(None for _ in self.inner))
        return Functional(self.reading.tensor, self.reading.how, self.box + self.inner, weights)


@dataclass(frozen=True)
class Product:
    """A term of two readings, as the product sumcheck proves it: an *instance* (section 7).

    Its variables are those of the grid's `shared` axes, which both readings depend on, the last axis lowest; so the
    output axes' are above the inner ones'. `summed[i]` are the axes that only reading i depends on.
    """

    identity: int
    term: Term
    box: tuple[int, ...]

    @property
    def coefficient(self) -> int:
        return self.term.coefficient

    @property
    def readings(self) -> tuple[Reading, ...]:
        return self.term.readings

    @cached_property
    def grid(self) -> tuple[int, ...]:
        return self.box + self.term.inner

    @cached_property
    def _used(self) -> tuple[list[bool], list[bool]]:
        first, second = (used_axes(reading.how, len(self.grid)) for reading in self.term.readings)
        return first, second

    @cached_property
    def shared(self) -> tuple[int, ...]:
        first, second = self._used
        return tuple(axis for axis in range(len(self.grid)) if first[axis] and second[axis])

    @cached_property
    def summed(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        first, second = self._used
        axes = range(len(self.grid))
        return (
            tuple(axis for axis in axes if first[axis] and not second[axis]),
            tuple(axis for axis in axes if second[axis] and not first[axis]),
        )

    @cached_property
    def shared_dims(self) -> tuple[int, ...]:
        return tuple(self.grid[axis] for axis in self.shared)

    @cached_property
    def rounds(self) -> int:
        """n_i: the instance's variables."""
        return box_bits(self.shared_dims)

    def unused(self) -> tuple[tuple[int, ...], int]:
        """Axes of the box that neither reading depends on, and how many inner points those of `inner` have."""
        first, second = self._used
        free = [axis for axis in range(len(self.grid)) if not first[axis] and not second[axis]]
        outer = tuple(axis for axis in free if axis < len(self.box))
        return outer, math.prod(self.grid[axis] for axis in free if axis >= len(self.box))

    def eq_point(self, zeta: Sequence[int]) -> tuple[int, ...]:
        """ζ on the shared output axes: eq of it and the instance's top variables weighs the sum."""
        points = axis_points(self.box, zeta)
        outer = [axis for axis in self.shared if axis < len(self.box)]
        return tuple(z for axis in reversed(outer) for z in points[axis])

    def summed_weights(self, which: int, zeta: Sequence[int]) -> dict[int, Weight]:
        """What reading `which` is summed with on the axes that only it depends on."""
        points = axis_points(self.box, zeta)
        return {axis: points[axis] if axis < len(self.box) else None for axis in self.summed[which]}

    def functional(self, which: int, zeta: Sequence[int], rho: Sequence[int]) -> Functional:
        """A'(ρ) or B'(ρ): eq(ρ_axis, ·) on the shared axes, 1 point on the axes that the reading does not depend on."""
        reading = self.readings[which]
        weights = self.summed_weights(which, zeta)
        weights |= dict(zip(self.shared, axis_points(self.shared_dims, rho), strict=True))
        grid = tuple(size if used else 1 for size, used in zip(self.grid, self._used[which], strict=True))
        return Functional(reading.tensor, reading.how, grid, tuple(weights.get(axis) for axis in range(len(grid))))


def axis_points(dims: Sequence[int], point: Sequence[int]) -> list[tuple[int, ...]]:
    """A point's coordinates axis by axis; the last axis has the lowest. Coordinates above the box are left out."""
    points, start = [], 0
    for size in reversed(dims):
        stop = start + axis_bits(size)
        points.append(tuple(point[start:stop]))
        start = stop
    if start > len(point):
        raise ValueError(f"a point of {len(point)} coordinates for a box of {start} variables")
    return points[::-1]


def product_instances(system: System) -> tuple[Product, ...]:
    """The terms of two readings, in order."""
    return tuple(
        Product(number, term, identity.dims)
        for number, identity in enumerate(system.identities)
        for term in identity.terms
        if len(term.readings) == 2
    )


def factor_positions(system: System, products: Sequence[Product]) -> tuple[tuple[int, int], ...]:
    """Whose values step 7 sends: (instance, 0 for A or 1 for B) of every factor of a committed tensor, in order."""
    return tuple(
        (number, which)
        for number, product in enumerate(products)
        for which, reading in enumerate(product.readings)
        if system.tensors[reading.tensor].kind.committed
    )


def extra_coordinates(system: System, depth: int) -> int:
    """How many coordinates of ζ step 4 draws beyond the fraction tree's `depth`."""
    return max(0, max((box_bits(identity.dims) for identity in system.identities), default=0) - depth)
