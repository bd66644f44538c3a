"""The plain twin of each kernel of field.py, by the same name: lists of ints, one element at a time, nothing clever.

A vector is a list of ints in [0, modulus), an array of integers any sequence of ints. Sections are those of
docs/protocol/sumcheck.md. `modulus` lets tests run where cheating can be tried exhaustively. Sumchecks are in
sumcheck_reference.py, curve arithmetic in curve_reference.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from prover.kernels.curve_reference import ReferenceString, msm, pairing_check
from prover.kernels.sumcheck_reference import FractionTree, LayerSumcheck, ProductSumcheck
from verifier.field import MODULUS

Integers = Sequence[int]


class Vector(list[int]):
    """Elements of the field."""

    @classmethod
    def zeros(cls, count: int) -> Vector:
        return cls([0] * count)

    @classmethod
    def ones(cls, count: int) -> Vector:
        return cls([1] * count)

    @classmethod
    def from_integers(cls, integers: Integers, modulus: int = MODULUS) -> Vector:
        return cls(int(x) % modulus for x in integers)

    @classmethod
    def from_scalars(cls, scalars: Sequence[int], modulus: int = MODULUS) -> Vector:
        if any(abs(x) >= modulus for x in scalars):
            raise ValueError("an int outside the field")
        return cls(x % modulus for x in scalars)

    def scalars(self) -> list[int]:
        return list(self)

    def slice(self, start: int, stop: int) -> Vector:
        if not 0 <= start <= stop <= len(self):
            raise ValueError(f"elements {start} to {stop} of a vector of {len(self)}")
        return Vector(self[start:stop])

    def write_integers(self, offset: int, integers: Integers, factor: int, modulus: int = MODULUS) -> None:
        check_room(self, offset, len(integers))
        for i, x in enumerate(integers):
            self[offset + i] = factor * int(x) % modulus


def check_room(target: Sequence[int], offset: int, count: int) -> None:
    if not 0 <= offset <= offset + count <= len(target):
        raise ValueError(f"{count} elements from {offset} are outside a vector of {len(target)}")


def check_lengths(one: Sequence[object], other: Sequence[object]) -> None:
    if len(one) != len(other):
        raise ValueError(f"lengths {len(one)} and {len(other)}")


def eq_table(point: Sequence[int], modulus: int = MODULUS) -> Vector:
    """Index i: the product over j of point[j] where bit j of i is 1, and of 1 - point[j] where it is 0 (section 1)."""
    table = Vector()
    for i in range(1 << len(point)):
        table.append(math.prod(z if i >> j & 1 else 1 - z for j, z in enumerate(point)) % modulus)
    return table


def outer(weights: Sequence[Sequence[int]], modulus: int = MODULUS) -> Vector:
    """The product of the weights at each point of a row-major grid."""
    return Vector(math.prod(chosen) % modulus for chosen in itertools.product(*weights))


def weighted_sum(matrix: Sequence[Integers], weights: Sequence[int], modulus: int = MODULUS) -> Vector:
    """One sum of integer times weight a row."""
    sums = Vector()
    for row in matrix:
        check_lengths(row, weights)
        sums.append(sum(int(x) * w for x, w in zip(row, weights, strict=True)) % modulus)
    return sums


def functional(cells: Integers, count: int, weights: Sequence[Sequence[int]], modulus: int = MODULUS) -> Vector:
    """The weight of each point of the grid added to its cell; a negative cell drops the point (section 8)."""
    products = outer(weights, modulus)
    check_lengths(cells, products)
    result = Vector.zeros(count)
    for cell, product in zip(cells, products, strict=True):
        if cell >= count:
            raise ValueError(f"cell {cell} is none of {count}")
        if cell >= 0:
            result[cell] = (result[cell] + product) % modulus
    return result


def scatter(
    target: Vector,
    offset: int,
    factor: int,
    groups: Sequence[tuple[Integers, Sequence[int]]],
    modulus: int = MODULUS,
) -> None:
    """For every choice of one member per group, the product of values added at the sum of positions (section 8)."""
    for positions, values in groups:
        check_lengths(positions, values)
    chosen = list(_choices(offset, factor, groups))
    for cell, _ in chosen:
        if not 0 <= cell < len(target):
            raise ValueError(f"cell {cell} is outside a vector of {len(target)}")
    for cell, value in chosen:
        target[cell] = (target[cell] + value) % modulus


def _choices(offset: int, factor: int, groups: Sequence[tuple[Integers, Sequence[int]]]) -> Iterator[tuple[int, int]]:
    """(cell, value) of every choice."""
    members = [list(zip((int(p) for p in positions), values, strict=True)) for positions, values in groups]
    for chosen in itertools.product(*members):
        yield offset + sum(position for position, _ in chosen), factor * math.prod(value for _, value in chosen)


def fingerprints(
    target: Vector,
    offset: int,
    alpha: int,
    tag: int,
    factors: Sequence[int],
    columns: Sequence[Integers],
    mask: Integers,
    modulus: int = MODULUS,
) -> None:
    """What tuples of fractions are told apart by: alpha - tag mask_i - sum of factor_j column_j[i] (section 6)."""
    check_lengths(factors, columns)
    for column in columns:
        check_lengths(column, mask)
    check_room(target, offset, len(mask))
    for i in range(len(mask)):
        print_ = tag * int(mask[i])
        print_ += sum(factor * int(column[i]) for factor, column in zip(factors, columns, strict=True))
        target[offset + i] = (alpha - print_) % modulus


def combine_integers(rows: Sequence[Integers], factors: Sequence[int], length: int, modulus: int = MODULUS) -> Vector:
    """The sum of factor times row, rows continued by zeros to `length`."""
    if any(len(row) > length for row in rows):
        raise ValueError(f"a row is longer than {length}")
    whole = [[int(x) for x in row] + [0] * (length - len(row)) for row in rows]
    combined = linear_combination(whole, factors, modulus)
    return combined if rows else Vector.zeros(length)


def linear_combination(vectors: Sequence[Sequence[int]], factors: Sequence[int], modulus: int = MODULUS) -> Vector:
    """The sum of factor times vector, shorter ones continued by zeros."""
    check_lengths(vectors, factors)
    total = Vector.zeros(max((len(vector) for vector in vectors), default=0))
    for vector, factor in zip(vectors, factors, strict=True):
        for i, value in enumerate(vector):
            total[i] = (total[i] + factor * value) % modulus
    return total


def fold(vector: Sequence[int], x: int, modulus: int = MODULUS) -> Vector:
    """(1 - x) v[2i] + x v[2i+1] (section 9)."""
    if len(vector) % 2:
        raise ValueError(f"a vector of {len(vector)} elements has no halves")
    return Vector(((1 - x) * vector[i] + x * vector[i + 1]) % modulus for i in range(0, len(vector), 2))


def evaluate(vector: Sequence[int], x: int, modulus: int = MODULUS) -> int:
    """The polynomial with these coefficients at x."""
    return sum(coefficient * pow(x, i, modulus) for i, coefficient in enumerate(vector)) % modulus


def divide_by_linear(vector: Sequence[int], a: int, modulus: int = MODULUS) -> Vector:
    """The quotient of f(X) - f(a) by X - a: coefficient i is the sum of f_j a^(j-i-1) over j > i."""
    if not vector:
        raise ValueError("a polynomial without coefficients")
    quotient = Vector()
    for i in range(len(vector) - 1):
        quotient.append(sum(vector[j] * pow(a, j - i - 1, modulus) for j in range(i + 1, len(vector))) % modulus)
    return quotient


__all__ = [
    "FractionTree",
    "LayerSumcheck",
    "ProductSumcheck",
    "ReferenceString",
    "Vector",
    "combine_integers",
    "divide_by_linear",
    "eq_table",
    "evaluate",
    "fingerprints",
    "fold",
    "functional",
    "linear_combination",
    "msm",
    "outer",
    "pairing_check",
    "scatter",
    "weighted_sum",
]
