"""The plain twins of the sumcheck kernels: each round adds up the whole sum at four places.

What is summed is a function of a box's cell; a free variable set to X replaces two neighbouring cells a, b by
a + X (b - a). Nothing that a faster kernel would keep between rounds is kept here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from verifier.field import MODULUS

Round = tuple[int, int, int]
Tables = list[list[int]]


def bind_lowest(values: Sequence[int], x: int, modulus: int) -> list[int]:
    return [(a + x * (b - a)) % modulus for a, b in zip(values[::2], values[1::2], strict=True)]


def eq_cells(point: Sequence[int], modulus: int) -> list[int]:
    """eq(point, i) for each index i (section 1)."""
    bits = range(len(point))
    return [math.prod(point[j] if i >> j & 1 else 1 - point[j] for j in bits) % modulus for i in range(1 << len(point))]


def round_of(at: Callable[[int], int], modulus: int) -> Round:
    """(c0, c2, c3) of the polynomial of degree 3 with these values, by its differences at 0, 1, 2, 3."""
    values = [at(x) for x in range(4)]
    second = values[2] - 2 * values[1] + values[0]
    third = values[3] - 3 * values[2] + 3 * values[1] - values[0]
    # f = f(0) + d1 X + d2 X(X-1)/2 + d3 X(X-1)(X-2)/6: c2 = d2/2 - d3/2, c3 = d3/6.
    half, sixth = pow(2, -1, modulus), pow(6, -1, modulus)
    return values[0] % modulus, (second - third) * half % modulus, third * sixth % modulus


def log2(length: int) -> int:
    if length < 1 or length & (length - 1):
        raise ValueError(f"{length} elements are no power of two")
    return length.bit_length() - 1


class ProductSumcheck:
    """A batch of sums of eq(point, top variables of x) a(x) b(x); sections 7 and 8."""

    def __init__(
        self,
        instances: Sequence[tuple[int, Sequence[int], Sequence[int], Sequence[int]]],
        modulus: int = MODULUS,
    ) -> None:
        self._modulus = modulus
        self._factors: list[int] = []
        self._tables: list[Tables] = []
        for factor, point, a, b in instances:
            if len(a) != len(b) or len(point) > log2(len(a)):
                raise ValueError(f"tables of {len(a)} and {len(b)} elements, a point of {len(point)}")
            repeat = len(a) >> len(point)
            weights = [weight for weight in eq_cells(point, modulus) for _ in range(repeat)]
            self._factors.append(factor)
            self._tables.append([weights, list(a), list(b)])
        self.rounds = max((log2(len(tables[0])) for tables in self._tables), default=0)
        self._bound = 0

    def total(self) -> int:
        if self._bound:
            raise ValueError(f"{self._bound} rounds are bound")
        total = 0
        for factor, tables in zip(self._factors, self._tables, strict=True):
            total += factor * sum(weight * a * b for weight, a, b in zip(*tables, strict=True))
        return total % self._modulus

    def round(self) -> Round:
        self._check_open()
        return round_of(self._at, self._modulus)

    def _at(self, x: int) -> int:
        total = 0
        for factor, tables in zip(self._factors, self._tables, strict=True):
            if len(tables[0]) == 1:  # its variables are bound: times 1 - X
                total += factor * (1 - x) * math.prod(table[0] for table in tables)
                continue
            bound = [bind_lowest(table, x, self._modulus) for table in tables]
            total += factor * sum(weight * a * b for weight, a, b in zip(*bound, strict=True))
        return total % self._modulus

    def bind(self, x: int) -> None:
        self._check_open()
        self._bound += 1
        for i, tables in enumerate(self._tables):
            if len(tables[0]) == 1:
                self._factors[i] = self._factors[i] * (1 - x) % self._modulus
            else:
                self._tables[i] = [bind_lowest(table, x, self._modulus) for table in tables]

    def finals(self) -> list[tuple[int, int]]:
        if self._bound < self.rounds:
            raise ValueError(f"{self._bound} of {self.rounds} rounds are bound")
        return [(a[0], b[0]) for _, a, b in self._tables]

    def _check_open(self) -> None:
        if self._bound == self.rounds:
            raise ValueError(f"all {self.rounds} rounds are over")


class LayerSumcheck:
    """The sum of eq(point, x) (p0 q1 + p1 q0 + combiner q0 q1)(x); section 6. Rounds leave out eq of what is bound."""

    def __init__(self, p: Sequence[int], q: Sequence[int], point: Sequence[int], combiner: int, modulus: int) -> None:
        half = len(p) // 2
        self._tables = [list(part) for part in (p[:half], p[half:], q[:half], q[half:])]
        self._free, self._combiner, self._modulus = list(point), combiner, modulus

    def round(self) -> tuple[int, int]:
        """(c1, c2) of the polynomial of degree 2, by its differences at 0, 1, 2."""
        self._check_open()
        values = [self._at(x) for x in range(3)]
        second = (values[2] - 2 * values[1] + values[0]) * pow(2, -1, self._modulus)
        return (values[1] - values[0] - second) % self._modulus, second % self._modulus

    def _at(self, x: int) -> int:
        bound = [bind_lowest(table, x, self._modulus) for table in self._tables]
        total = 0
        for weight, p0, p1, q0, q1 in zip(eq_cells(self._free[1:], self._modulus), *bound, strict=True):
            total += weight * (p0 * q1 + p1 * q0 + self._combiner * q0 * q1)
        return total % self._modulus

    def bind(self, x: int) -> None:
        self._check_open()
        self._tables = [bind_lowest(table, x, self._modulus) for table in self._tables]
        del self._free[0]

    def finals(self) -> tuple[int, int, int, int]:
        if self._free:
            raise ValueError("rounds of the layer are not bound yet")
        p0, p1, q0, q1 = (table[0] for table in self._tables)
        return p0, p1, q0, q1

    def _check_open(self) -> None:
        if not self._free:
            raise ValueError("all rounds of the layer are over")


class FractionTree:
    """Layers of numerators and denominators, from the one of one node to the leaves; section 6."""

    def __init__(self, numerators: Sequence[int], denominators: Sequence[int], modulus: int = MODULUS) -> None:
        self._modulus = modulus
        if len(numerators) != len(denominators):
            raise ValueError(f"{len(numerators)} numerators, {len(denominators)} denominators")
        self.depth = log2(len(numerators))
        if self.depth == 0:
            raise ValueError("one fraction is no tree")
        self._layers = [(list(numerators), list(denominators))]
        while len(self._layers) <= self.depth:
            self._layers.insert(0, self._parents(*self._layers[0]))
        self._consumed = 0

    def _parents(self, p: list[int], q: list[int]) -> tuple[list[int], list[int]]:
        half = len(p) // 2
        sums = [(p[i] * q[i + half] + p[i + half] * q[i]) % self._modulus for i in range(half)]
        return sums, [q[i] * q[i + half] % self._modulus for i in range(half)]

    def top(self) -> tuple[int, int, int, int]:
        (p0, p1), (q0, q1) = self._layers[1]
        return p0, p1, q0, q1

    def layer(self, layer: int, point: Sequence[int], combiner: int) -> LayerSumcheck:
        if not 0 < layer < self.depth or len(point) != layer:
            raise ValueError(f"layer {layer} at a point of {len(point)} of a tree of depth {self.depth}")
        if layer <= self._consumed:
            raise ValueError(f"layer {layer} is consumed")
        self._consumed = layer
        return LayerSumcheck(*self._layers[layer + 1], point, combiner, self._modulus)
