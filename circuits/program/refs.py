"""The nouns of a program: references, affine maps, ports. Encodings as docs/protocol/statement.md section 5 says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Source(IntEnum):
    """Where an operand comes from."""

    INPUT = 0
    CONST = 1
    OP = 2


class Visibility(IntEnum):
    """How the statement binds a port."""

    PUBLIC = 0
    HASHED = 1


@dataclass(frozen=True)
class Ref:
    """An operand: tensor `index` of the program's inputs, constants or op outputs."""

    source: Source
    index: int

    def encode(self) -> bytes:
        return bytes([self.source]) + self.index.to_bytes(4, "big")


@dataclass(frozen=True)
class AffineMap:
    """How an op reads one operand.

    The operand's elements, in row-major order, are seen as a tensor of dims `view`. At iteration point t (the output
    index followed by the inner index) axis a of the view is read at `offsets[a] + sum_d strides[a][d] * t[d]`. A point
    outside the view is *out of bounds*; each op says what it reads there.
    """

    view: tuple[int, ...]
    offsets: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]

    @classmethod
    def identity(cls, dims: Sequence[int]) -> AffineMap:
        return cls.broadcast(dims, dims)

    @classmethod
    def broadcast(cls, dims: Sequence[int], iteration: Sequence[int]) -> AffineMap:
        """NumPy broadcasting of a tensor of `dims` over `iteration` (aligned at the last axis; dim 1 repeats)."""
        lead = len(iteration) - len(dims)
        rows = tuple(
            tuple(int(d == lead + axis and size != 1) for d in range(len(iteration))) for axis, size in enumerate(dims)
        )
        return cls(tuple(dims), (0,) * len(dims), rows)

    @classmethod
    def reshape(cls, dims: Sequence[int]) -> AffineMap:
        """Reads a tensor of any shape with prod(dims) elements in row-major order."""
        strides = tuple(math.prod(dims[d + 1 :]) for d in range(len(dims)))
        return cls((math.prod(dims),), (0,), (strides,))

    def encode(self) -> bytes:
        head = bytes([len(self.view)]) + b"".join(v.to_bytes(4, "big") for v in self.view)
        rows = (
            off.to_bytes(4, "big", signed=True) + b"".join(s.to_bytes(4, "big", signed=True) for s in row)
            for off, row in zip(self.offsets, self.strides, strict=True)
        )
        return head + b"".join(rows)


# The map of an operand that is not read at iteration points: a lookup's table.
UNMAPPED = AffineMap((), (), ())


@dataclass(frozen=True)
class Port:
    """A program input or output: signed `bits`-bit integers of shape `dims`, real value q / 2^scale.

    `scales` has one entry, or (inputs only) one for each element of the last axis. `labels` (outputs only) name what
    each integer of an index stands for, the classes of a classifier. Like the name they are not hashed.
    """

    name: str
    dims: tuple[int, ...]
    bits: int
    scales: tuple[int, ...]
    visibility: Visibility = Visibility.PUBLIC
    width: int = 4
    labels: tuple[str, ...] = ()

    def encode(self) -> bytes:
        dims = bytes([len(self.dims)]) + b"".join(d.to_bytes(4, "big") for d in self.dims)
        scales = len(self.scales).to_bytes(4, "big") + b"".join(s.to_bytes(1, "big", signed=True) for s in self.scales)
        return dims + bytes([self.width, self.bits, self.visibility]) + scales


@dataclass(frozen=True)
class Output:
    """A program output: which operand it is, and its port."""

    ref: Ref
    port: Port

    def encode(self) -> bytes:
        return self.ref.encode() + self.port.encode()
