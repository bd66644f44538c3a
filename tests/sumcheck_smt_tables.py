"""Tables of known rows for Z3: few products of progressions, or functions of the first column."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import z3

Unknown = Any  # z3 has no types
Run = range  # integers in even steps
# What is more pieces than this, and a function of its first column, is given as one: of equal arguments Z3 then knows
# at once that the results are equal.
FEW = 16


def runs(values: Sequence[int]) -> list[Run]:
    """Different integers as progressions, all of the least step there is."""
    ordered = sorted(values)
    step = min((b - a for a, b in itertools.pairwise(ordered)), default=1)
    starts = [n for n in range(len(ordered)) if n == 0 or ordered[n] - ordered[n - 1] != step]
    return [range(ordered[a], ordered[b - 1] + 1, step) for a, b in itertools.pairwise([*starts, len(ordered)])]


def boxes(rows: set[tuple[int, ...]]) -> list[tuple[Run, ...]]:
    """The rows, as products of runs: of what is equal in all columns but one, that one's entries are joined."""
    found: list[tuple[Run, ...]] = [tuple(range(entry, entry + 1) for entry in row) for row in rows]
    for place in range(len(found[0])):
        groups: defaultdict[tuple[Run, ...], list[int]] = defaultdict(list)
        for box in found:
            groups[box[:place] + box[place + 1 :]].append(box[place][0])
        found = [(*rest[:place], run, *rest[place:]) for rest, entries in groups.items() for run in runs(entries)]
    return found


def inside(value: Unknown, run: Run) -> Unknown:
    if len(run) == 1:
        return value == run[0]
    if run.step == 1:
        return z3.And(value >= run[0], value <= run[-1])
    number = z3.FreshInt("step")
    return z3.And(value == run[0] + run.step * number, number >= 0, number < len(run))


class KnownTable:
    """`definitions` have to hold wherever `has` is used."""

    def __init__(self, rows: set[tuple[int, ...]]) -> None:
        self._boxes = boxes(rows)
        self._keys = runs(sorted({row[0] for row in rows}))
        self._functions: list[Unknown] = []
        if len(self._boxes) > FEW and len({row[0] for row in rows}) == len(rows):
            self._functions = [z3.FreshFunction(z3.IntSort(), z3.IntSort()) for _ in next(iter(rows))[1:]]
        self.definitions = [
            function(row[0]) == entry
            for row in sorted(rows)
            for function, entry in zip(self._functions, row[1:] if self._functions else (), strict=True)
        ]

    def has(self, row: Sequence[Unknown]) -> Unknown:
        """One of the rows is this one."""
        if self._functions:
            is_key = z3.Or([inside(row[0], run) for run in self._keys])
            results = [function(row[0]) == entry for function, entry in zip(self._functions, row[1:], strict=True)]
            return z3.And(is_key, *results)
        pieces = [[inside(*pair) for pair in zip(row, box, strict=True)] for box in self._boxes]
        return z3.Or([z3.And(piece) for piece in pieces])
