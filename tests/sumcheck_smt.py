"""Every way to satisfy a small system, as Z3 sees it: over the integers, for one input or for all of them.

That the field's solutions are these is what `Search.is_about_integers` says. None is then a proof, as far as Z3 is to
be believed. An assignment is found without multiplicities (`Lowering.recount` has them).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import z3

from circuits.lower.sumcheck.filling import Integers
from circuits.lower.sumcheck.system import Kind, System
from circuits.program.intervals import Interval
from tests.sumcheck_bounds import Bounds, Quotient
from tests.sumcheck_points import Cell, Cells, Lookup, Points, Polynomial, constants, is_known, known_tensors
from tests.sumcheck_smt_tables import KnownTable, Unknown

FLAG = Interval(0, 1)
# In Z3's own units of work, so that a slow machine changes nothing. What a process made before changes a search:
# of forty searches of the hardest system most took 25 million, one took 93.
EFFORT = 1_000_000_000

Assignment = list[Integers]


class Copy:
    """One assignment: an unknown for each cell, with all that the system says of them.

    `beside` is another copy with the same inputs.
    """

    def __init__(
        self, search: Search, solver: Unknown, bounds: dict[Cell, Interval], beside: Copy | None = None
    ) -> None:
        self._search, self._solver, self._bounds, self._beside = search, solver, bounds, beside
        self._products: dict[Cells, Unknown] = {}

    def product(self, cells: Cells) -> Unknown:
        tensors = self._search.system.tensors
        if self._beside and all(tensors[tensor].kind is Kind.INPUT for tensor, _ in cells):
            return self._beside.product(cells)
        if cells not in self._products:
            self._products[cells] = self._unknown(cells[0]) if len(cells) == 1 else self._multiplied(*cells)
        return self._products[cells]

    def _unknown(self, cell: Cell) -> Unknown:
        found, bound = z3.FreshInt(f"{cell[0]}_{cell[1]}_"), self._bounds.get(cell)
        if bound is not None:
            self._solver.add(found >= bound.lo, found <= bound.hi)
        return found

    def _multiplied(self, a: Cell, b: Cell) -> Unknown:
        """By a cell that is 0 or 1 it is a choice: that keeps Z3 out of what is not linear."""
        for flag, other in ((a, b), (b, a)):
            bound = self._bounds.get(flag)
            if bound is not None and bound.within(FLAG):
                return z3.If(self.product((flag,)) == 1, self.product((other,)), 0)
        return self.product((a,)) * self.product((b,))

    def value(self, polynomial: Polynomial) -> Unknown:
        parts = [factor * self.product(cells) if cells else factor for cells, factor in polynomial.items()]
        return z3.Sum([z3.IntVal(0), *parts])

    def found(self, lookup: Lookup) -> Unknown:
        """What is looked up is in its table."""
        values = [self.value(column) for column in lookup.columns]
        if lookup.tag in self._search.tables:
            return self._search.tables[lookup.tag].has(values)
        rows = self._search.points.tables[lookup.tag]
        same = [[value == self.value(entry) for value, entry in zip(values, row, strict=True)] for row in rows]
        return z3.Or([z3.And(columns) for columns in same])

    def require(self) -> None:
        for equation in self._search.points.equations:
            self._solver.add(self.value(equation) == 0)
        for lookup in self._search.points.lookups:
            self._solver.add(self.found(lookup))

    def all_of(self, kind: Kind) -> list[Unknown]:
        return [self.product((cell,)) for cell in self._search.cells(kind)]

    def read(self, model: Unknown) -> dict[Cell, int]:
        """What the model says of each cell."""
        own = {c[0]: model.eval(unknown, True).as_long() for c, unknown in self._products.items() if len(c) == 1}
        return {**self._beside.read(model), **own} if self._beside else own


class Search:
    """Of what satisfies a system, given the SETUP tensors."""

    def __init__(self, system: System, setup: Sequence[Integers] = ()) -> None:
        self.system = system
        self._known = known_tensors(system, setup)
        self.points = Points(system, self._known)
        self.bounds = Bounds(self.points)
        self.tables = {
            tag: KnownTable({constants(row) for row in rows})
            for tag, rows in self.points.tables.items()
            if all(map(is_known, rows))
        }

    def cells(self, kind: Kind) -> list[Cell]:
        sizes = [(n, self.system.tensors[n].size) for n in self.system.of_kind(kind)]
        return [(tensor, element) for tensor, size in sizes for element in range(size)]

    def is_about_integers(self) -> bool:
        """Whether every cell is bounded, every sum below the limit, and every quotient an integer."""
        return not self.bounds.failures and all(map(self._is_whole, self.bounds.quotients))

    def _is_whole(self, quotient: Quotient) -> bool:
        """By the lookups in known tables alone of what was bounded before: nothing that follows from the quotient."""
        solver = self._solver()
        copy = Copy(self, solver, self.bounds.first)
        for lookup in self.points.lookups:
            cells = {cell for column in lookup.columns for product in column for cell in product}
            if lookup.tag in self.tables and cells <= quotient.before:
                solver.add(copy.found(lookup))
        solver.add(copy.value(quotient.rest) % quotient.divisor != 0)
        return solved(solver) is None

    def having(self, inputs: Sequence[Integers], outputs: Sequence[Integers]) -> Assignment | None:
        """An assignment with these program inputs and outputs."""
        solver, copy = self._one(inputs)
        solver.add(z3.And(equal(copy.all_of(Kind.OUTPUT), outputs)))
        return self._assignment(solver, copy)

    def other_than(self, inputs: Sequence[Integers], outputs: Sequence[Integers]) -> Assignment | None:
        """An assignment with these program inputs and other outputs."""
        solver, copy = self._one(inputs)
        solver.add(z3.Not(z3.And(equal(copy.all_of(Kind.OUTPUT), outputs))))
        return self._assignment(solver, copy)

    def beyond(self, bounds: Sequence[Interval]) -> Assignment | None:
        """An assignment with a cell outside its tensor's bounds."""
        solver, copy = self._one()
        cells = [(copy.product((cell,)), bounds[cell[0]]) for cell in sorted(self.points.cells)]
        solver.add(z3.Or([z3.Or(unknown < bound.lo, unknown > bound.hi) for unknown, bound in cells]))
        return self._assignment(solver, copy)

    def two(self) -> tuple[Assignment, Assignment] | None:
        """Two assignments with the same inputs, whatever they are, and different outputs."""
        solver, one = self._one()
        other = Copy(self, solver, self.bounds.of, one)
        other.require()
        solver.add(z3.Or([a != b for a, b in zip(one.all_of(Kind.OUTPUT), other.all_of(Kind.OUTPUT), strict=True)]))
        model = solved(solver)
        return None if model is None else (self._filled(one.read(model)), self._filled(other.read(model)))

    def _solver(self) -> Unknown:
        solver = z3.Solver()
        for table in self.tables.values():
            solver.add(table.definitions)
        return solver

    def _one(self, inputs: Sequence[Integers] | None = None) -> tuple[Unknown, Copy]:
        solver = self._solver()
        copy = Copy(self, solver, self.bounds.of)
        copy.require()
        if inputs is not None:
            solver.add(equal(copy.all_of(Kind.INPUT), inputs))
        return solver, copy

    def _assignment(self, solver: Unknown, copy: Copy) -> Assignment | None:
        model = solved(solver)
        return None if model is None else self._filled(copy.read(model))

    def _filled(self, chosen: dict[Cell, int]) -> Assignment:
        assignment = [self._known.get(n, np.zeros(t.dims, np.int64)).copy() for n, t in enumerate(self.system.tensors)]
        for (tensor, element), value in chosen.items():
            assignment[tensor].reshape(-1)[element] = value
        return assignment


def equal(unknowns: Sequence[Unknown], arrays: Sequence[Integers]) -> list[Unknown]:
    values = [int(value) for array in arrays for value in array.reshape(-1)]
    return [unknown == value for unknown, value in zip(unknowns, values, strict=True)]


def solved(solver: Unknown) -> Unknown | None:
    """The model, or None if there is none."""
    solver.set("rlimit", EFFORT)
    answer = solver.check()
    if answer == z3.unknown:
        raise AssertionError(f"Z3 gave up: {solver.reason_unknown()}")
    return solver.model() if answer == z3.sat else None
