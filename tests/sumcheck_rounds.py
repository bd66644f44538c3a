"""Rounds of a sumcheck over dense tables, by evaluating and interpolating."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


def interpolate_coefficients(values: Sequence[int], p: int) -> list[int]:
    """Of the polynomial with these values at 0, 1, 2 …: Lagrange, coefficient by coefficient."""
    total = [0] * len(values)
    for i, value in enumerate(values):
        basis, scale = [1], 1
        for j in range(len(values)):
            if j != i:
                basis = [(low - j * high) % p for low, high in zip([0, *basis], [*basis, 0], strict=True)]
                scale = scale * (i - j) % p
        factor = value * pow(scale, -1, p)
        total = [(t + factor * b) % p for t, b in zip(total, basis, strict=True)]
    return total


@dataclass
class Summand:
    """scalar · Π tables; all tables have as many variables. Once they are constants, more variables count (1 − X)."""

    scalar: int
    tables: list[list[int]]

    def at(self, x: int, p: int) -> int:
        """Summed over all but the lowest variable, which is x."""
        if len(self.tables[0]) == 1:
            return self.scalar * (1 - x) * math.prod(table[0] for table in self.tables) % p
        folded = (fold(table, x, p) for table in self.tables)
        return self.scalar * sum(math.prod(cells) for cells in zip(*folded, strict=True)) % p

    def bind(self, x: int, p: int) -> None:
        if len(self.tables[0]) == 1:
            self.scalar = self.scalar * (1 - x) % p
        else:
            self.tables = [fold(table, x, p) for table in self.tables]


def fold(table: Sequence[int], x: int, p: int) -> list[int]:
    return [(low + x * (high - low)) % p for low, high in zip(table[::2], table[1::2], strict=True)]
