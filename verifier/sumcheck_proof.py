"""A sumcheck proof's messages, parsed strictly (docs/protocol/sumcheck.md section 10).

How many of everything there are follows from the key: a proof has nothing to say about its own shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.layout import Layout, fraction_layout
from circuits.lower.sumcheck.system import Kind, System, Tensor
from verifier.claims import factor_positions, product_instances
from verifier.curve import G1, POINT_BYTES, decode_point, encode_point
from verifier.errors import VerificationError
from verifier.field import MODULUS, SCALAR_BYTES, scalar_bytes
from verifier.kzg import Opening

Integers = npt.NDArray[np.int64]

CUBIC, QUADRATIC, LAYER_ROUND = 3, 2, 2  # scalars of a round: c0, c2, c3 and c0, c2 and c1, c2
LAYER_VALUES = 4  # p0, p1, q0, q1


@dataclass(frozen=True)
class ProofShape:
    """How many of everything a proof under one key holds. `rows` are those of the WITNESS tensors."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    rows: int
    depth: int
    products: int
    product_rounds: int
    factors: int
    variables: int
    row_bits: int

    @classmethod
    def of(cls, system: System, table: Layout) -> ProofShape:
        products = product_instances(system)
        return cls(
            inputs=tuple(system.tensors[index] for index in system.of_kind(Kind.INPUT)),
            outputs=tuple(system.tensors[index] for index in system.of_kind(Kind.OUTPUT)),
            rows=len(table.witness_rows),
            depth=fraction_layout(system).depth,
            products=len(products),
            product_rounds=max((product.rounds for product in products), default=0),
            factors=len(factor_positions(system, products)),
            variables=table.variables,
            row_bits=table.row_bits,
        )

    @property
    def length(self) -> int:
        """Bytes of every proof of this shape."""
        elements = sum(element_bytes(tensor) * tensor.size for tensor in self.inputs + self.outputs)
        scalars = sum(LAYER_ROUND * layer + LAYER_VALUES for layer in range(self.depth))
        scalars += (self.products > 0) + CUBIC * self.product_rounds + self.factors
        scalars += QUADRATIC * self.variables + 1 + 3 * self.row_bits
        points = self.rows + self.row_bits - 1 + 2
        return elements + SCALAR_BYTES * scalars + POINT_BYTES * points


@dataclass(frozen=True)
class LayerProof:
    """One layer of the fraction tree: (c1, c2) of its rounds, and p0, p1, q0, q1 at the end."""

    rounds: tuple[tuple[int, ...], ...]
    values: tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class SumcheckProof:
    """The messages of steps 1 to 13, in order; `top` is step 2's, `layers` step 3's.

    `product_sum` is there if the system has products.
    """

    shape: ProofShape
    inputs: tuple[Integers, ...]
    outputs: tuple[Integers, ...]
    rows: tuple[G1, ...]
    top: tuple[int, int, int, int]
    layers: tuple[LayerProof, ...]
    product_sum: int | None
    product_rounds: tuple[tuple[int, ...], ...]
    factors: tuple[int, ...]
    evaluation_rounds: tuple[tuple[int, ...], ...]
    evaluation: int
    opening: Opening

    def encode(self) -> bytes:
        public = public_bytes(self.shape.inputs + self.shape.outputs, self.inputs + self.outputs)
        return b"".join((public, points_bytes(self.rows), *self._messages()))

    def _messages(self) -> list[bytes]:
        messages = [scalar_bytes(self.top)]
        for layer in self.layers:
            messages += [*map(scalar_bytes, layer.rounds), scalar_bytes(layer.values)]
        if self.product_sum is not None:
            messages += [scalar_bytes((self.product_sum,))]
        messages += [*map(scalar_bytes, self.product_rounds), scalar_bytes(self.factors)]
        messages += [*map(scalar_bytes, self.evaluation_rounds), scalar_bytes((self.evaluation,))]
        messages += [points_bytes(self.opening.folds), *map(scalar_bytes, self.opening.values)]
        return [*messages, points_bytes((self.opening.quotient, self.opening.last))]

    @classmethod
    def decode(cls, raw: bytes, shape: ProofShape) -> SumcheckProof:
        """Raises VerificationError unless `raw` is the canonical encoding of a proof of this shape."""
        if len(raw) != shape.length:
            message = f"the proof has {len(raw)} bytes, the key says {shape.length}"
            raise VerificationError("proof_malformed", message, expected=shape.length, got=len(raw))
        reader = _Reader(raw)
        return cls(
            shape=shape,
            inputs=tuple(reader.tensor(tensor, "input") for tensor in shape.inputs),
            outputs=tuple(reader.tensor(tensor, "output") for tensor in shape.outputs),
            rows=reader.points(shape.rows),
            top=reader.four(),
            layers=tuple(reader.layer(number) for number in range(1, shape.depth)),
            product_sum=reader.scalar() if shape.products else None,
            product_rounds=reader.rounds(shape.product_rounds, CUBIC),
            factors=reader.scalars(shape.factors),
            evaluation_rounds=reader.rounds(shape.variables, QUADRATIC),
            evaluation=reader.scalar(),
            opening=reader.opening(shape.row_bits),
        )


def element_bytes(tensor: Tensor) -> int:
    """Of a public tensor's elements on the wire."""
    return 2 if tensor.bits <= 16 else 4


def public_bytes(tensors: Sequence[Tensor], values: Sequence[Integers]) -> bytes:
    """The elements of public tensors as a proof begins with them."""
    pairs = zip(tensors, values, strict=True)
    return b"".join(elements.astype(f">i{element_bytes(tensor)}").tobytes() for tensor, elements in pairs)


def points_bytes(points: Sequence[G1]) -> bytes:
    return b"".join(map(encode_point, points))


class _Reader:
    """Takes bytes of a known length from the front."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def _take(self, count: int) -> bytes:
        taken = self._raw[self._at : self._at + count]
        self._at += count
        return taken

    def tensor(self, tensor: Tensor, what: str) -> Integers:
        width = element_bytes(tensor)
        values = np.frombuffer(self._take(width * tensor.size), f">i{width}").astype(np.int64)
        half = 1 << (tensor.bits - 1)
        if values.size and not (-half <= values.min() and values.max() < half):
            message = f"an element of an {what} does not fit {tensor.bits} signed bits"
            raise VerificationError("value_out_of_range", message, bits=tensor.bits)
        return values.reshape(tensor.dims)

    def scalar(self) -> int:
        at, value = self._at, int.from_bytes(self._take(SCALAR_BYTES), "big")
        if value >= MODULUS:
            message = f"the scalar at byte {at} of the proof is not below the field's order"
            raise VerificationError("proof_malformed", message, position=at)
        return value

    def scalars(self, count: int) -> tuple[int, ...]:
        return tuple(self.scalar() for _ in range(count))

    def four(self) -> tuple[int, int, int, int]:
        return self.scalar(), self.scalar(), self.scalar(), self.scalar()

    def rounds(self, count: int, width: int) -> tuple[tuple[int, ...], ...]:
        return tuple(self.scalars(width) for _ in range(count))

    def layer(self, number: int) -> LayerProof:
        return LayerProof(self.rounds(number, LAYER_ROUND), self.four())

    def point(self) -> G1:
        at = self._at
        try:
            return decode_point(self._take(POINT_BYTES))
        except ValueError as error:
            message = f"the point at byte {at} of the proof is none: {error}"
            raise VerificationError("proof_malformed", message, position=at) from error

    def points(self, count: int) -> tuple[G1, ...]:
        return tuple(self.point() for _ in range(count))

    def opening(self, row_bits: int) -> Opening:
        folds = self.points(row_bits - 1)
        values = tuple((self.scalar(), self.scalar(), self.scalar()) for _ in range(row_bits))
        return Opening(folds, values, self.point(), self.point())
