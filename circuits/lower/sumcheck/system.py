"""A program as the sumcheck route proves it: tensors, identities and fractions (docs/protocol/sumcheck.md section 2).

The verifier reads a system and knows no ops; what an op becomes is in this package, beside how an honest prover fills
its witness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from circuits.program.refs import AffineMap


class Kind(IntEnum):
    """Who knows a tensor's elements."""

    INPUT = 0  # public: a program input, carried by the proof
    OUTPUT = 1  # public: a program output, carried by the proof
    ONES = 2  # every element is 1
    IOTA = 3  # rank 1; element i is i
    SETUP = 4  # committed by the key
    WITNESS = 5  # committed by the proof

    @property
    def committed(self) -> bool:
        return self >= Kind.SETUP


@dataclass(frozen=True)
class Tensor:
    """Integers of shape `dims`. `bits` bounds a public tensor's elements (two's complement); 0 for the others."""

    kind: Kind
    dims: tuple[int, ...]
    bits: int = 0

    @property
    def size(self) -> int:
        return math.prod(self.dims)


@dataclass(frozen=True)
class Reading:
    """Tensor number `tensor` at every point of a grid, through `how`; 0 where the map is out of bounds."""

    tensor: int
    how: AffineMap


@dataclass(frozen=True)
class Term:
    """coefficient · Σ_k Π_i readings_i(o, k), over the inner points k; one or two readings."""

    coefficient: int
    readings: tuple[Reading, ...]
    inner: tuple[int, ...] = ()


# A sum of terms.
Expression = tuple[Term, ...]


@dataclass(frozen=True)
class Identity:
    """The sum of `terms` is 0 at every point o of the box `dims`."""

    dims: tuple[int, ...]
    terms: Expression


@dataclass(frozen=True)
class Fractions:
    """numerator(o) / (α − fingerprint(tag, columns(o))) for every point o of the box `dims`.

    Numerator and columns have terms of one reading and no inner points. A lookup's numerator is 1 (or a map's "is in
    bounds"); a table's is minus its multiplicities. Over all fractions of a system the sum is 0.
    """

    tag: int
    dims: tuple[int, ...]
    numerator: Term
    columns: tuple[Expression, ...]


@dataclass(frozen=True)
class System:
    """What is committed and what has to hold. INPUT and OUTPUT tensors are in the program's order."""

    tensors: tuple[Tensor, ...]
    identities: tuple[Identity, ...]
    fractions: tuple[Fractions, ...]

    def of_kind(self, kind: Kind) -> list[int]:
        return [index for index, tensor in enumerate(self.tensors) if tensor.kind is kind]
