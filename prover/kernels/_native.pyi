"""The Rust module. Points have a reference string file's layout, scalars are 32 big-endian bytes; see reference.py.

From Vector on, scalars and coordinates are ints; see field.py and field_reference.py.
"""

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
G1 = tuple[int, int]
G2 = tuple[int, int, int, int]

class PointError(ValueError):
    """Bytes that are no point of the group; args are (index, reason)."""

def keccak256(data: bytes) -> bytes: ...
def trace_roots(tensors: list[tuple[Any, tuple[int, ...]]]) -> list[bytes]: ...
def chunk_levels(data: bytes) -> list[bytes]: ...
def g2_pair(tau: bytes) -> bytes: ...

@final
class KnownTauSrs:
    def __init__(self, k: int, tau: bytes) -> None: ...
    def monomial(self, start: int, count: int) -> bytes: ...
    def lagrange(self, start: int, count: int) -> bytes: ...

@final
class NarrowMatrix:
    def __init__(self, columns: int, weights: bytes) -> None: ...
    def times(self, vector: bytes) -> bytes: ...

@final
class SrsCheck:
    def __init__(self, k: int, rho: bytes) -> None: ...
    def monomial(self, points: bytes) -> None: ...
    def lagrange(self, points: bytes) -> None: ...
    def finish(self, g2: bytes, s_g2: bytes) -> tuple[bool, bool]: ...

@final
class Vector:
    """Elements of the field, kept outside Python. What shares them copies before it writes."""

    @staticmethod
    def zeros(count: int) -> Vector: ...
    @staticmethod
    def ones(count: int) -> Vector: ...
    @staticmethod
    def from_integers(integers: Integers) -> Vector: ...
    @staticmethod
    def from_scalars(scalars: Sequence[int]) -> Vector: ...
    def scalars(self) -> list[int]: ...
    def __len__(self) -> int: ...
    def slice(self, start: int, stop: int) -> Vector: ...
    def write_integers(self, offset: int, integers: Integers, factor: int) -> None:
        """v[offset + i] = factor * integers[i]"""

def eq_table(point: Sequence[int]) -> Vector:
    """eq(point, i) for each of 2^len(point) indices; section 1."""

def outer(weights: Sequence[Vector]) -> Vector:
    """Products of one weight of each vector over a row-major grid, the first vector's axis the slowest."""

def weighted_sum(matrix: Integers, weights: Vector) -> Vector:
    """int64 [kept, summed] times the weights: [kept]."""

def functional(cells: Integers, count: int, weights: Sequence[Vector]) -> Vector:
    """For each point of the row-major grid of the weights' lengths, their product added to result[cells[point]].

    Points of cell -1 are dropped; section 8's weights of a group.
    """

def scatter(target: Vector, offset: int, factor: int, groups: Sequence[tuple[Integers, Vector]]) -> None:
    """For each choice of a member per group, target[offset + sum of positions] += factor * product of values."""

def fingerprints(
    target: Vector,
    offset: int,
    alpha: int,
    tag: int,
    factors: Sequence[int],
    columns: Sequence[Integers],
    mask: Integers,
) -> None:
    """target[offset + i] = alpha - tag * mask[i] - sum of factors[j] * columns[j][i]; section 6."""

def combine_integers(rows: Sequence[Integers], factors: Sequence[int], length: int) -> Vector:
    """The sum of factor times row, rows continued by zeros to `length`."""

def linear_combination(vectors: Sequence[Vector], factors: Sequence[int]) -> Vector:
    """The sum of factor times vector, as long as the longest, the others continued by zeros."""

def fold(vector: Vector, x: int) -> Vector:
    """(1 - x) * v[2i] + x * v[2i + 1]; section 9."""

def evaluate(vector: Vector, x: int) -> int:
    """The polynomial with these coefficients, lowest first, at x."""

def divide_by_linear(vector: Vector, a: int) -> Vector:
    """The quotient of f(X) - f(a) by X - a, one coefficient shorter than f."""

@final
class ProductSumcheck:
    """The sum over instances (factor, point, a, b) of factor * sum of eq(point, top variables of x) * a(x) * b(x).

    Rounds bind the lowest variable; sections 7 and 8. An instance without variables left is a number times 1 - X.
    Integers for a take a quarter of a vector's memory.
    """

    def __init__(self, instances: Sequence[tuple[int, Sequence[int], Vector | Integers, Vector]]) -> None: ...
    @property
    def rounds(self) -> int: ...
    def total(self) -> int: ...
    def round(self) -> tuple[int, int, int]:
        """(c0, c2, c3)"""

    def bind(self, x: int) -> None: ...
    def finals(self) -> list[tuple[int, int]]:
        """a and b of each instance at the point reached."""

@final
class LayerSumcheck:
    """The sum over x of eq(point, x) * (p0 * q1 + p1 * q0 + combiner * q0 * q1)(x); section 6."""

    def round(self) -> tuple[int, int]:
        """(c1, c2), without eq of the variables that are bound or being bound."""

    def bind(self, x: int) -> None: ...
    def finals(self) -> tuple[int, int, int, int]:
        """(p0, p1, q0, q1) at the point reached."""

@final
class FractionTree:
    """Fractions added up in a binary tree: node i has children i and i + 2^l of layer l + 1; section 6."""

    def __init__(self, numerators: Vector, denominators: Vector) -> None: ...
    @property
    def depth(self) -> int: ...
    def top(self) -> tuple[int, int, int, int]:
        """(p0, p1, q0, q1) of the layer of two nodes."""

    def layer(self, layer: int, point: Sequence[int], combiner: int) -> LayerSumcheck:
        """The sumcheck of a layer, 1 <= layer < depth. It frees what is above: ask from the top down, once each."""

@final
class ReferenceString:
    """Powers of tau in G1, in a reference string file's layout. Commitments are x and y, 32 big-endian bytes each."""

    def __init__(self, points: bytes) -> None: ...
    def commit(self, polynomials: Sequence[Vector]) -> list[bytes]: ...
    def commit_integers(self, rows: Sequence[Integers]) -> list[bytes]: ...

def msm(points: Sequence[G1], scalars: Sequence[int]) -> G1:
    """The sum of scalar times point; (0, 0) is the identity."""

def pairing_check(pairs: Sequence[tuple[G1, G2]]) -> bool:
    """Whether the product of the pairings is 1. A G2 point is in the precompile's order: imaginary parts first."""
