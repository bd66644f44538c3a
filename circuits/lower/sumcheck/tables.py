"""Tables, each offered once under its own tag, and what is looked up in them (docs/protocol/sumcheck.md section 4).

A table's first column counts in steps from its least entry, so that the row which a lookup finds is known by that
column; the others are functions of it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from circuits.lower.sumcheck.expressions import plus, points
from circuits.lower.sumcheck.filling import Integers, Values
from circuits.lower.sumcheck.layout import box_bits
from circuits.lower.sumcheck.owners import Owner
from circuits.lower.sumcheck.system import Expression, Reading
from circuits.program.intervals import Interval

MAX_RESULTS = 1 << 7  # columns of a lookup beside its first; section 11 counts on it

Dims = tuple[int, ...]

# The columns that are functions of the first, given the first's least entry over the step, over the table's box.
Columns = Callable[[int, Dims], list[Expression]]


@dataclass(frozen=True)
class Lookup:
    """`columns` at the points of a box where `when` is 1, or at all of them."""

    dims: Dims
    columns: tuple[Expression, ...]
    when: Reading | None
    owner: Owner = field(default=None, compare=False)  # of equal lookups that of the first


@dataclass
class Table:
    """Rows (step·i, columns_1(i), …) for i in `rows`; or (step·i, j, columns_1(i), …), for every j of `minor` bits."""

    rows: Interval
    step: int = 1
    columns: Columns = lambda low, dims: []
    minor: int = 0
    lookups: dict[Lookup, None] = field(default_factory=dict)  # in order, each once

    @property
    def dims(self) -> Dims:
        size = self.rows.hi - self.rows.lo + 1
        return (size, 1 << self.minor) if self.minor else (size,)

    def leaves(self) -> int:
        """That its lookups take."""
        return sum(1 << box_bits(lookup.dims) for lookup in self.lookups)

    def count(self, values: Values) -> Integers:
        """How often each row is looked up; what is not in the table is not counted."""
        size = points(self.dims)
        total = np.zeros(size, np.int64)
        for lookup in self.lookups:
            row, rest = np.divmod(values.evaluate(lookup.columns[0], lookup.dims), self.step)
            row -= self.rows.lo
            found = rest == 0
            if self.minor:
                second = values.evaluate(lookup.columns[1], lookup.dims)
                found &= (second >= 0) & (second < 1 << self.minor)
                row = (row << self.minor) + second
            found &= (row >= 0) & (row < size)
            if lookup.when is not None:
                found &= values.read(lookup.when, lookup.dims) == 1
            total += np.bincount(row[found], minlength=size)
        return total.reshape(self.dims)


def range_table(width: int) -> tuple[Hashable, Table]:
    """The integers of `width` bits: LIMB for a limb's, BITS below."""
    return ("range", width), Table(Interval(0, (1 << width) - 1))


def cheaper_ranges(
    tables: dict[Hashable, Table], limb_bits: int, constant: Callable[[int], Expression]
) -> dict[Hashable, Table]:
    """The tables, less those ranges which cost more rows than looking everything up twice in LIMB.

    Of limbs of κ bits, x is in [0, 2^t) iff x and x + 2^κ − 2^t are both in [0, 2^κ).
    """
    limb, kept = tables.get(("range", limb_bits)), dict(tables)
    for width in range(1, limb_bits):
        table = kept.get(("range", width))
        if limb is None or table is None or table.leaves() >= points(table.dims):
            continue
        del kept["range", width]
        shift = constant((1 << limb_bits) - (1 << width))
        for lookup in table.lookups:
            limb.lookups[lookup] = None
            shifted = (plus(lookup.columns[0], shift),)
            limb.lookups[Lookup(lookup.dims, shifted, lookup.when, lookup.owner)] = None
    return kept
