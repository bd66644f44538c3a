"""The bytes of a system (docs/protocol/sumcheck.md section 10): one encoding each, and no way to make a reader work
longer than the bytes are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from circuits.lower.sumcheck.system import Expression, Fractions, Identity, Kind, Reading, System, Tensor, Term
from circuits.program.refs import AffineMap
from circuits.statement import MAX_RANK

COEFFICIENT_BYTES = 16
MAX_AXES = 2 * MAX_RANK  # of a tensor, of a view, of a grid: a witness may range over an op's output and inner points

T = TypeVar("T")


def encode_system(system: System) -> bytes:
    """Tensors, maps, identities, fractions. Raises OverflowError for a number that its place cannot hold."""
    maps: dict[AffineMap, int] = {}
    boxes = [_list([_identity(identity, maps) for identity in system.identities])]
    boxes.append(_list([_fractions(fractions, maps) for fractions in system.fractions]))
    # The maps come before those that speak of them, numbered as these do so first.
    return b"".join((_list(map(_tensor, system.tensors)), _list(map(_map, maps)), *boxes))


def decode_system(raw: bytes) -> System:
    """The inverse; raises ValueError for anything but an encoding of a system, and for another than the one it has.

    What the system means is not looked at, except that what it names is there.
    """
    reader = _Reader(raw)
    reader.tensors = reader.many(reader.tensor)
    reader.maps = reader.many(reader.affine_map)
    system = System(tuple(reader.tensors), tuple(reader.many(reader.identity)), tuple(reader.many(reader.fractions)))
    reader.end()
    if encode_system(system) != raw:
        raise ValueError("the system has another encoding than this")
    return system


def _list(parts: Iterable[bytes]) -> bytes:
    encoded = list(parts)
    return len(encoded).to_bytes(4, "big") + b"".join(encoded)


def _dims(dims: tuple[int, ...]) -> bytes:
    return bytes([len(dims)]) + b"".join(size.to_bytes(4, "big") for size in dims)


def _tensor(tensor: Tensor) -> bytes:
    return bytes([tensor.kind, tensor.bits]) + _dims(tensor.dims)


def _map(how: AffineMap) -> bytes:
    """With the rank of the grids that it is for; a map of rank 0 is for all."""
    return bytes([len(how.strides[0]) if how.strides else 0]) + how.encode()


def _reading(reading: Reading, maps: dict[AffineMap, int]) -> bytes:
    number = maps.setdefault(reading.how, len(maps))
    return reading.tensor.to_bytes(4, "big") + number.to_bytes(4, "big")


def _term(term: Term, maps: dict[AffineMap, int]) -> bytes:
    head = term.coefficient.to_bytes(COEFFICIENT_BYTES, "big", signed=True) + _dims(term.inner)
    return head + bytes([len(term.readings)]) + b"".join(_reading(reading, maps) for reading in term.readings)


def _expression(expression: Expression, maps: dict[AffineMap, int]) -> bytes:
    return _list([_term(term, maps) for term in expression])


def _identity(identity: Identity, maps: dict[AffineMap, int]) -> bytes:
    return _dims(identity.dims) + _expression(identity.terms, maps)


def _fractions(fractions: Fractions, maps: dict[AffineMap, int]) -> bytes:
    head = fractions.tag.to_bytes(4, "big") + _dims(fractions.dims) + _term(fractions.numerator, maps)
    return head + _list([_expression(column, maps) for column in fractions.columns])


@dataclass
class _Reader:
    """Takes from the front; every item of a list takes at least a byte, so no count can promise more than is there."""

    raw: bytes
    position: int = 0
    tensors: list[Tensor] = field(default_factory=list)
    maps: list[AffineMap] = field(default_factory=list)

    def take(self, count: int) -> bytes:
        if count > len(self.raw) - self.position:
            raise ValueError(
                f"the system ends at byte {len(self.raw)}, within something that begins at {self.position}"
            )
        self.position += count
        return self.raw[self.position - count : self.position]

    def integer(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "big", signed=signed)

    def end(self) -> None:
        if self.position != len(self.raw):
            raise ValueError(f"the system goes on after its end: {len(self.raw) - self.position} bytes")

    def many(self, item: Callable[[], T]) -> list[T]:
        return [item() for _ in range(self.integer(4))]

    def rank(self) -> int:
        rank = self.integer(1)
        if rank > MAX_AXES:
            raise ValueError(f"something of {rank} axes: at most {MAX_AXES}")
        return rank

    def dims(self) -> tuple[int, ...]:
        return tuple(self.integer(4) for _ in range(self.rank()))

    def tensor(self) -> Tensor:
        kind, bits = self.integer(1), self.integer(1)
        return Tensor(Kind(kind), self.dims(), bits)

    def affine_map(self) -> AffineMap:
        axes, view = self.rank(), self.dims()
        rows = [(self.signed(), tuple(self.signed() for _ in range(axes))) for _ in view]
        return AffineMap(view, tuple(offset for offset, _ in rows), tuple(row for _, row in rows))

    def signed(self) -> int:
        return self.integer(4, signed=True)

    def reading(self) -> Reading:
        tensor, how = self.integer(4), self.integer(4)
        if tensor >= len(self.tensors) or how >= len(self.maps):
            raise ValueError(f"a reading names tensor {tensor} of {len(self.tensors)}, map {how} of {len(self.maps)}")
        return Reading(tensor, self.maps[how])

    def term(self) -> Term:
        coefficient, inner = self.integer(COEFFICIENT_BYTES, signed=True), self.dims()
        return Term(coefficient, tuple(self.reading() for _ in range(self.integer(1))), inner)

    def expression(self) -> Expression:
        return tuple(self.many(self.term))

    def identity(self) -> Identity:
        return Identity(self.dims(), self.expression())

    def fractions(self) -> Fractions:
        tag, dims, numerator = self.integer(4), self.dims(), self.term()
        return Fractions(tag, dims, numerator, tuple(self.many(self.expression)))
