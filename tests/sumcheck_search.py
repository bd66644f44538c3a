"""Every way to satisfy a small system in the field: what the cleverest cheater could do.

`outputs(system, inputs)` finds the program outputs of all assignments over F (the BN254 scalar field) to what a prover
commits. Complete: a variable is enumerated over all values that some lookup lets it have, or solved for from an
identity that is linear in it; multiplicities are whatever they need to be. Meant for programs of one op, whose tables
hold only what is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from circuits.lower.sumcheck.satisfy import evaluate
from circuits.lower.sumcheck.system import Expression, Fractions, Kind, System, Term
from circuits.program.indexing import strided_view

MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617

Variable = tuple[int, int]  # tensor, element
Monomial = tuple[int, tuple[Variable, ...]]


class Rows:
    """A table's rows; `size` of one that holds exactly the integers below it."""

    def __init__(self, columns: Sequence[np.ndarray]) -> None:
        self.columns = [[int(entry) % MODULUS for entry in column.reshape(-1)] for column in columns]
        self.all = set(zip(*self.columns, strict=True))
        self.size = len(self.all) if self.columns == [list(range(len(self.all)))] else None


LIMB = Rows([np.arange(1 << 16)])


class Polynomial:
    """A sum of monomials in the variables; what is known is already multiplied in."""

    def __init__(self, monomials: Iterable[Monomial]) -> None:
        totals: dict[tuple[Variable, ...], int] = {}
        for coefficient, variables in monomials:
            key = tuple(sorted(variables))
            totals[key] = (totals.get(key, 0) + coefficient) % MODULUS
        self.monomials = [(c, v) for v, c in totals.items() if c]
        self.variables = {v for _, variables in self.monomials for v in variables}

    def at(self, values: dict[Variable, np.ndarray], count: int) -> np.ndarray:
        total = np.zeros(count, object)
        for coefficient, variables in self.monomials:
            total = total + coefficient * math.prod((values[v] for v in variables), start=np.ones(count, object))
        return total % MODULUS

    def solved_for(self, variable: Variable) -> tuple[Polynomial, Polynomial] | None:
        """(slope, rest) with self = slope·variable + rest, if it is linear in it."""
        inside = [(c, v) for c, v in self.monomials if variable in v]
        if any(v.count(variable) > 1 for _, v in inside):
            return None
        slope = [(c, tuple(other for other in v if other != variable)) for c, v in inside]
        return Polynomial(slope), Polynomial([(c, v) for c, v in self.monomials if variable not in v])


class Search:
    """The frontier: all partial assignments that contradict nothing yet, as columns of equal length."""

    def __init__(self, system: System, known: dict[int, np.ndarray]) -> None:
        self.system, self.known = system, known
        self.tables: dict[int, Rows] = {}
        self.equations = [
            Polynomial(self._point(identity.terms, identity.dims, at))
            for identity in system.identities
            for at in np.ndindex(identity.dims)
        ]
        self.lookups = [found for f in system.fractions if f.numerator.coefficient > 0 for found in self._lookups(f)]
        self.values: dict[Variable, np.ndarray] = {}
        self.count = 1
        self.open = {v for p in self._polynomials() for v in p.variables}
        self._drop_contradictions()

    def _polynomials(self) -> list[Polynomial]:
        return self.equations + [column for columns, _ in self.lookups for column in columns]

    def _point(self, terms: Expression, dims: Sequence[int], at: tuple[int, ...]) -> list[Monomial]:
        return [m for term in terms for inner in np.ndindex(term.inner) for m in self._monomial(term, dims, at + inner)]

    def _monomial(self, term: Term, dims: Sequence[int], at: tuple[int, ...]) -> list[Monomial]:
        coefficient, variables = term.coefficient, []
        for reading in term.readings:
            size = self.system.tensors[reading.tensor].size
            element = int(strided_view(np.arange(size), reading.how, (*dims, *term.inner), fill=-1)[at])
            if element < 0:
                return []
            if reading.tensor in self.known:
                coefficient *= int(self.known[reading.tensor].reshape(-1)[element])
            else:
                variables.append((reading.tensor, element))
        return [(coefficient, tuple(variables))]

    def _lookups(self, f: Fractions) -> list[tuple[list[Polynomial], Rows]]:
        found = []
        for at in np.ndindex(f.dims):
            if self._point((f.numerator,), f.dims, at):
                found.append(([Polynomial(self._point(column, f.dims, at)) for column in f.columns], self._rows(f.tag)))
        return found

    def _rows(self, tag: int) -> Rows:
        """A tag's tables, all of whose columns are known."""
        if tag not in self.tables:
            values = [self.known.get(number, np.zeros(0)) for number in range(len(self.system.tensors))]
            parts = []
            for table in self.system.fractions:
                if table.tag == tag and table.numerator.coefficient < 0:
                    read = {r.tensor for column in table.columns for term in column for r in term.readings}
                    assert read <= set(self.known), "a table of what a prover chooses"
                    parts.append([evaluate(column, table.dims, values).reshape(-1) for column in table.columns])
            columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
            is_limb = len(columns) == 1 and np.array_equal(columns[0], np.arange(1 << 16))
            self.tables[tag] = LIMB if is_limb else Rows(columns)
        return self.tables[tag]

    def run(self) -> dict[Variable, np.ndarray]:
        while self.open and self.count:
            self._solve() or self._enumerate()
            self._drop_contradictions()
        return self.values

    def _extend(self, variable: Variable, column: np.ndarray) -> None:
        self.values[variable] = column
        self.open.discard(variable)

    def _solve(self) -> bool:
        """Finds one variable that an equation gives from what is assigned."""
        for equation in self.equations:
            missing = equation.variables & self.open
            if len(missing) != 1:
                continue
            (variable,) = missing
            parts = equation.solved_for(variable)
            if parts is None:
                continue
            slope, rest = (part.at(self.values, self.count) for part in parts)
            if not slope.all():
                continue
            inverse = {value: pow(value, -1, MODULUS) for value in set(slope.tolist())}
            solved = [-r * inverse[s] % MODULUS for s, r in zip(slope.tolist(), rest.tolist(), strict=True)]
            self._extend(variable, np.array(solved, object))
            return True
        return False

    def _enumerate(self) -> None:
        """Tries everything that lookups let a variable have: of all variables, the one which they let have least."""
        choices = self._intervals() | self._entries()
        assert choices, f"nothing bounds any of {sorted(self.open)}"
        variable = min(choices, key=lambda v: sum(map(len, choices[v])))
        each = choices[variable]
        counts = [len(some) for some in each]
        assert sum(counts) < 1 << 18, "the search grows too large"
        self.values = {name: np.repeat(column, counts) for name, column in self.values.items()}
        self.count = sum(counts)
        self.values[variable] = np.array([value % MODULUS for some in each for value in some], object)
        self.open.discard(variable)

    def _free(self) -> Iterable[tuple[Variable, int, np.ndarray, Rows, int]]:
        """Columns of lookups in which one variable is open: it, its slope, what is added, the table, which column."""
        for columns, rows in self.lookups:
            for place, column in enumerate(columns):
                if len(column.variables & self.open) == 1:
                    (variable,) = column.variables & self.open
                    parts = column.solved_for(variable)
                    assert parts is not None, "a column is linear"
                    yield variable, parts[0].monomials[0][0], parts[1].at(self.values, self.count), rows, place

    def _intervals(self) -> dict[Variable, list[range]]:
        """Of variables that are in ranges: for each assignment so far what all of their ranges let them be.

        A range with a slope of 1 or -1 says which integers; beside it, one with another slope speaks of integers too,
        if what is added to `rest` is far below the modulus.
        """
        found: dict[Variable, tuple[np.ndarray, np.ndarray]] = {}
        free = [
            (variable, signed(slope), np.array([signed(c) for c in rest.tolist()], object), rows.size)
            for variable, slope, rest, rows, _ in self._free()
            if rows.size
        ]
        for variable, slope, rest, size in sorted(free, key=lambda entry: abs(entry[1])):
            first = -(rest // slope) if slope > 0 else -((rest - size + 1) // slope)
            last = (size - 1 - rest) // slope if slope > 0 else -rest // slope
            if abs(slope) == 1:
                known = found.get(variable, (first, last))
            elif variable in found:
                known = found[variable]
                most = max(abs(int(end)) for ends in known for end in ends)
                if abs(slope) * most + size > MODULUS // 4:  # |rest| is at most half the modulus
                    continue
            else:
                continue
            found[variable] = np.maximum(known[0], first), np.minimum(known[1], last)
        return {v: [range(a, b + 1) for a, b in zip(*ends, strict=True)] for v, ends in found.items()}

    def _entries(self) -> dict[Variable, list[list[int]]]:
        """Of variables in other tables."""
        found: dict[Variable, list[list[int]]] = {}
        for variable, slope, rest, rows, place in self._free():
            entries = set(rows.columns[place])
            if rows.size is None and (variable not in found or len(entries) < len(found[variable][0])):
                inverse = pow(slope, -1, MODULUS)
                found[variable] = [[(entry - c) * inverse for entry in entries] for c in rest.tolist()]
        return found

    def _drop_contradictions(self) -> None:
        """What is fully assigned has to hold."""
        kept = np.ones(self.count, np.bool_)
        for equation in [e for e in self.equations if not e.variables & self.open]:
            self.equations.remove(equation)
            kept &= equation.at(self.values, self.count) == 0
        for columns, rows in [entry for entry in self.lookups if not any(c.variables & self.open for c in entry[0])]:
            self.lookups.remove((columns, rows))
            tuples = zip(*(column.at(self.values, self.count) for column in columns), strict=True)
            kept &= np.array([row in rows.all for row in tuples], np.bool_)
        self.values = {name: column[kept] for name, column in self.values.items()}
        self.count = int(kept.sum())


def signed(value: int) -> int:
    return value if value <= MODULUS // 2 else value - MODULUS


def assignments(
    system: System, inputs: Sequence[np.ndarray], setup: Sequence[np.ndarray], output: Sequence[int] | None = None
) -> dict[Variable, np.ndarray]:
    """All satisfying values of everything a prover chooses; with `output`, of those with that first output."""
    known = dict(zip(system.of_kind(Kind.INPUT), inputs, strict=True))
    known |= dict(zip(system.of_kind(Kind.SETUP), setup, strict=True))
    for number, tensor in enumerate(system.tensors):
        if tensor.kind is Kind.ONES:
            known[number] = np.ones(tensor.dims, np.int64)
        elif tensor.kind is Kind.IOTA:
            known[number] = np.arange(tensor.size)
    if output is not None:
        known[system.of_kind(Kind.OUTPUT)[0]] = np.array(output)
    return Search(system, known).run()


def outputs(system: System, inputs: Sequence[np.ndarray], setup: Sequence[np.ndarray] = ()) -> set[tuple[int, ...]]:
    """The first program output, flat and signed, in all satisfying assignments."""
    found = assignments(system, inputs, setup)
    tensor = system.of_kind(Kind.OUTPUT)[0]
    columns = [found[(tensor, element)] for element in range(system.tensors[tensor].size)]
    return {tuple(signed(v) for v in row) for row in zip(*columns, strict=True)}
