"""A system written out point by point: polynomials in cells, what is known already multiplied in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.filling import Integers
from circuits.lower.sumcheck.system import Expression, Fractions, Kind, Reading, System, Term
from circuits.program.indexing import strided_view

Cell = tuple[int, int]  # tensor, element
Cells = tuple[Cell, ...]
Polynomial = dict[Cells, int]  # by a product of cells, its coefficient; the constant's product is ()
Row = list[Polynomial]


@dataclass(frozen=True)
class Lookup:
    """The tuple `columns` is a row of the table `tag`."""

    tag: int
    columns: Row


def is_known(row: Row) -> bool:
    return all(not any(column) for column in row)


def constants(row: Row) -> tuple[int, ...]:
    """A known row's integers."""
    return tuple(column.get((), 0) for column in row)


def known_tensors(system: System, setup: Sequence[Integers]) -> dict[int, Integers]:
    """What everybody knows without a proof."""
    known = dict(zip(system.of_kind(Kind.SETUP), setup, strict=True))
    known |= {n: np.ones(system.tensors[n].dims, np.int64) for n in system.of_kind(Kind.ONES)}
    return known | {n: np.arange(system.tensors[n].size) for n in system.of_kind(Kind.IOTA)}


class Points:
    """`equations` are 0, and every one of `lookups` is among the rows of its table.

    How often a row is looked up is left out: a cheater may say what he likes, and no other lookup is the less bound.
    """

    def __init__(self, system: System, known: dict[int, Integers]) -> None:
        self.system = system
        self._known = {tensor: values.reshape(-1).tolist() for tensor, values in known.items()}
        self._views: dict[tuple[Reading, tuple[int, ...]], npt.NDArray[np.int64]] = {}
        points = (self._at(i.terms, i.dims, at) for i in system.identities for at in np.ndindex(i.dims))
        self.equations = [equation for equation in points if equation]
        self.tables: dict[int, list[Row]] = {}
        self.lookups: list[Lookup] = []
        widths = {f.tag: max(len(g.columns) for g in system.fractions if g.tag == f.tag) for f in system.fractions}
        for f in system.fractions:
            rows = list(self._rows(f, widths[f.tag]))
            if f.numerator.coefficient < 0:
                self.tables.setdefault(f.tag, []).extend(rows)
            else:
                self.lookups += [Lookup(f.tag, row) for row in rows]
        self.cells = {
            cell
            for polynomial in (*self.equations, *(column for look in self.lookups for column in look.columns))
            for cells in polynomial
            for cell in cells
        }

    def _rows(self, f: Fractions, width: int) -> Iterator[Row]:
        """At the points where the numerator is not 0, with zeros for columns that are not there."""
        for at in np.ndindex(f.dims):
            numerator = self._at((f.numerator,), f.dims, at)
            if numerator:
                assert (f.numerator.coefficient < 0) == any(numerator), "a cheater chooses multiplicities, nothing else"
                yield [self._at(column, f.dims, at) for column in f.columns] + [{}] * (width - len(f.columns))

    def _at(self, terms: Expression, dims: Sequence[int], at: tuple[int, ...]) -> Polynomial:
        total: Polynomial = {}
        for term in terms:
            for inner in np.ndindex(term.inner):
                cells, coefficient = self._product(term, (*dims, *term.inner), at + inner)
                total[cells] = total.get(cells, 0) + coefficient
        return {cells: coefficient for cells, coefficient in total.items() if coefficient}

    def _product(self, term: Term, grid: tuple[int, ...], at: tuple[int, ...]) -> tuple[Cells, int]:
        coefficient, cells = term.coefficient, []
        for reading in term.readings:
            element = int(self._elements(reading, grid)[at])
            if element < 0:
                return (), 0
            if reading.tensor in self._known:
                coefficient *= self._known[reading.tensor][element]
            else:
                cells.append((reading.tensor, element))
        return tuple(sorted(cells)), coefficient

    def _elements(self, reading: Reading, grid: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """Which element is read at every point; −1 where the map misses."""
        if (reading, grid) not in self._views:
            numbers = np.arange(self.system.tensors[reading.tensor].size, dtype=np.int64)
            self._views[reading, grid] = np.asarray(strided_view(numbers, reading.how, grid, fill=-1), np.int64)
        return self._views[reading, grid]
