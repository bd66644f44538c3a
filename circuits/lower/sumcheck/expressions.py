"""Sums of terms, as the ops' lowerings write them (docs/protocol/sumcheck.md section 2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from circuits.lower.sumcheck.system import Expression, Reading, Term
from circuits.program.intervals import Interval
from circuits.program.refs import AffineMap

# What an operand is at every point: a reading, or an integer where the program leaves no other.
Value = Reading | int
NOTHING: Expression = ()


def times(factor: int, expression: Expression) -> Expression:
    return tuple(Term(factor * t.coefficient, t.readings, t.inner) for t in expression) if factor else NOTHING


def plus(*parts: Expression) -> Expression:
    """The sum, with equal terms brought together."""
    totals: dict[tuple[tuple[Reading, ...], tuple[int, ...]], int] = {}
    for term in (term for part in parts for term in part):
        key = term.readings, term.inner
        totals[key] = totals.get(key, 0) + term.coefficient
    return tuple(Term(total, *key) for key, total in totals.items() if total)


def minus(a: Expression, b: Expression) -> Expression:
    return plus(a, times(-1, b))


def is_linear(expression: Expression) -> bool:
    """Whether it may be a fraction's column: readings alone, nothing summed."""
    return all(len(term.readings) == 1 and not term.inner for term in expression)


def over_axes(how: AffineMap, axes: Sequence[int]) -> AffineMap:
    """The same reading over these axes of the grid alone, in this order; it does not depend on the others."""
    return AffineMap(how.view, how.offsets, tuple(tuple(row[axis] for axis in axes) for row in how.strides))


def without(reading: Reading, summed: Sequence[bool]) -> Reading:
    """A reading over its grid without those of the last axes that are not summed: it does not depend on them."""

    def kept(row: tuple[int, ...]) -> tuple[int, ...]:
        outer = len(row) - len(summed)
        return row[:outer] + tuple(stride for stride, used in zip(row[outer:], summed, strict=True) if used)

    how = reading.how
    return Reading(reading.tensor, AffineMap(how.view, how.offsets, tuple(kept(row) for row in how.strides)))


@lru_cache(maxsize=1 << 14)
def canonical(how: AffineMap, iteration: tuple[int, ...]) -> AffineMap:
    """An equal map, the same for maps that differ only in what they do on axes of size 1.

    The more readings are the same, the fewer values a proof has to carry.
    """
    rows = [
        tuple(stride if size > 1 else 0 for stride, size in zip(row, iteration, strict=True)) for row in how.strides
    ]
    kept = [a for a, row in enumerate(rows) if how.view[a] != 1 or how.offsets[a] or any(row)]
    return AffineMap(
        tuple(how.view[a] for a in kept), tuple(how.offsets[a] for a in kept), tuple(rows[a] for a in kept)
    )


def points(dims: Sequence[int]) -> int:
    return math.prod(dims)


class KnownSums:
    """What is proven of sums of readings on a box beyond what their operands tell; `one` is how the constant 1 is read.

    The box belongs to a sum: on a larger one the same maps may miss, and read 0.
    """

    def __init__(self, one: tuple[Reading, ...]) -> None:
        self._one = one
        self._intervals: dict[tuple[tuple[int, ...], frozenset[Term]], Interval] = {}  # without their constants

    def learn(self, dims: tuple[int, ...], terms: Expression, within: Interval) -> None:
        """Other sums may be the same but for their sign and a constant."""
        for sign in (1, -1):
            readings, constant = self._apart(times(sign, terms))
            self._intervals[dims, readings] = within.scaled(sign) + Interval(-constant, -constant)

    def interval(self, dims: tuple[int, ...], terms: Expression, otherwise: Interval) -> Interval:
        """Where a sum lies that lies in `otherwise` by its operands."""
        readings, constant = self._apart(terms)
        known = self._intervals.get((dims, readings))
        return otherwise if known is None else otherwise.clamped(known + Interval(constant, constant))

    def _apart(self, terms: Expression) -> tuple[frozenset[Term], int]:
        """The readings, and the constant beside them."""
        rest = frozenset(term for term in terms if term.readings != self._one)
        return rest, sum(term.coefficient for term in terms if term.readings == self._one)
