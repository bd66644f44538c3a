"""How far a system alone lets each cell go, and with them each sum: whether what holds in the field holds of integers.

Nothing of the lowering is believed but its system. First every cell gets a bound from lookups: a column that is in a
table and has one unbounded cell, times ±1, bounds it, and so does an identity. That is sound in the field as long as
every sum stays far below its order; then all is about integers, and bounds may be made narrower by division.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce

from circuits.lower.sumcheck.context import MAGNITUDE_LIMIT
from circuits.lower.sumcheck.system import Kind
from circuits.program.intervals import ZERO, Interval
from tests.sumcheck_points import Cell, Cells, Lookup, Points, Polynomial, constants, is_known

ROUNDS = 12


@dataclass(frozen=True)
class Fact:
    """The polynomial is one of `among`; of 0 alone, it is an equation."""

    polynomial: Polynomial
    among: tuple[Polynomial, ...] = ({},)


@dataclass(frozen=True)
class Quotient:
    """A cell that is ±rest / divisor: no integer, unless the divisor divides the rest, of cells bounded before."""

    rest: Polynomial
    divisor: int
    before: frozenset[Cell]


def over(interval: Interval, divisor: int) -> Interval:
    """The integers that are in the interval, times the divisor."""
    first, last = (interval.lo, interval.hi) if divisor > 0 else (interval.hi, interval.lo)
    return Interval(-(-first // divisor), last // divisor)


class Bounds:
    """`of` has every cell's interval, if `failures` has nothing; `first`, what it was before anything was divided."""

    def __init__(self, points: Points, limit: int = MAGNITUDE_LIMIT) -> None:
        self._limit, self._points = limit, points
        self.quotients: list[Quotient] = []
        self.of: dict[Cell, Interval] = {}
        for kind in (Kind.INPUT, Kind.OUTPUT):
            for number in points.system.of_kind(kind):
                tensor = points.system.tensors[number]
                self.of |= {(number, element): Interval.of_bits(tensor.bits) for element in range(tensor.size)}
        self._facts = [Fact(equation) for equation in points.equations]
        for lookup in points.lookups:
            self._facts += self._columns(lookup)
        while self._first(True) or self._first(False):
            pass
        self.failures = self._failures()
        self.first = dict(self.of)
        for _ in range(ROUNDS):
            self._narrow()

    def _columns(self, lookup: Lookup) -> Iterable[Fact]:
        rows = self._points.tables[lookup.tag]
        for place, column in enumerate(lookup.columns):
            among = [row[place] for row in rows]
            if all(is_known([entry]) for entry in among):
                entries = sorted(constants(among))
                self._alone(column, entries)
                among = [{(): entries[0]}, {(): entries[-1]}]
            yield Fact(column, tuple(among))

    def _alone(self, column: Polynomial, entries: list[int]) -> None:
        """A cell times a divisor of all entries, and nothing else, is bounded at once."""
        if len(column) == 1:
            ((cells, coefficient),) = column.items()
            if len(cells) == 1 and all(entry % coefficient == 0 for entry in entries):
                found = over(Interval(entries[0], entries[-1]), coefficient)
                self.of[cells[0]] = self._both(cells[0], found)

    def _both(self, cell: Cell, found: Interval) -> Interval:
        known = self.of.get(cell, found)
        return Interval(max(known.lo, found.lo), min(known.hi, found.hi))

    def interval(self, polynomial: Polynomial, without: Cells | None = None) -> Interval | None:
        """Where it lies; None if a cell in it has no bound."""
        total = ZERO
        for cells, coefficient in polynomial.items():
            if cells == without:
                continue
            if any(cell not in self.of for cell in cells):
                return None
            total += reduce(Interval.times, (self.of[cell] for cell in cells), Interval(1, 1)).scaled(coefficient)
        return total

    def _among(self, fact: Fact) -> Interval | None:
        found = [self.interval(polynomial) for polynomial in fact.among]
        intervals = [interval for interval in found if interval is not None]
        return reduce(Interval.hull, intervals) if len(intervals) == len(found) else None

    def _first(self, unit: bool) -> bool:
        """Whether cells get their first bound: all that are members times ±1, or else one that is a quotient."""
        before = frozenset(self.of)
        for fact, cells, coefficient in self._unbounded(unit):
            left = self._left(fact, cells)
            if left is not None:
                self.of[cells[0]] = over(left, coefficient)
                if not unit:
                    rest = {other: factor for other, factor in fact.polynomial.items() if other != cells}
                    self.quotients.append(Quotient(rest, abs(coefficient), before))
                    break
        return len(self.of) > len(before)

    def _unbounded(self, unit: bool) -> Iterator[tuple[Fact, Cells, int]]:
        """Members of facts that are cells without a bound; those times more than ±1 of equations only."""
        for fact in self._facts:
            for cells, coefficient in fact.polynomial.items():
                fits = abs(coefficient) == 1 if unit else fact.among == ({},)
                if fits and len(cells) == 1 and cells[0] not in self.of:
                    yield fact, cells, coefficient

    def _left(self, fact: Fact, cells: Cells) -> Interval | None:
        """What the others leave of a fact for the product of `cells`: a single one that stands in no other product."""
        rest, among = self.interval(fact.polynomial, cells), self._among(fact)
        if rest is None or among is None or any(cells[0] in other for other in fact.polynomial if other != cells):
            return None
        left = among + rest.scaled(-1)
        return left if left.magnitude < self._limit else None

    def _failures(self) -> list[Polynomial]:
        """Sums that are not known to stay below the limit."""
        found = []
        for fact in self._facts:
            own, among = self.interval(fact.polynomial), self._among(fact)
            if own is None or among is None or own.magnitude + among.magnitude >= self._limit:
                found.append(fact.polynomial)
        return found

    def _narrow(self) -> None:
        """All sums are integers now, so members with factors are told by division too."""
        for fact in self._facts:
            for cells, coefficient in fact.polynomial.items():
                if len(cells) == 1 and (left := self._left(fact, cells)) is not None and cells[0] in self.of:
                    self.of[cells[0]] = self._both(cells[0], over(left, coefficient))
