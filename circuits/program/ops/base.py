"""What every op has: operands read through affine maps over one iteration space, and an output tensor.

The iteration space is the output index followed by the inner index (`inner` is empty for elementwise ops). Every op
output has width 4. The accumulating ops (contract, linear, mul, reduce_sum) sum in int64 and end in their own rescale.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from circuits.program.refs import AffineMap, Ref


class Opcode(IntEnum):
    """The closed set; numbers are hashed into model ids and never change."""

    CONTRACT = 1
    LINEAR = 2
    MUL = 3
    REDUCE_SUM = 4
    LOOKUP = 5
    MAX = 6
    INDEX = 10


def _u32s(values: tuple[int, ...]) -> bytes:
    return bytes([len(values)]) + b"".join(v.to_bytes(4, "big") for v in values)


@dataclass(frozen=True)
class Op:
    """One node. `dims`, `bits`, `scale` describe the output; `maps[i]` says how operand i is read."""

    opcode: ClassVar[Opcode]

    operands: tuple[Ref, ...]
    maps: tuple[AffineMap, ...]
    dims: tuple[int, ...]
    inner: tuple[int, ...]
    bits: int
    scale: int

    def attributes(self) -> bytes:
        """Op-specific scalars, after the common part."""
        return b""

    def encode(self) -> bytes:
        """The descriptor of docs/protocol/statement.md section 5."""
        head = bytes([self.opcode, 4, self.bits]) + self.scale.to_bytes(1, "big", signed=True) + _u32s(self.dims)
        operands = bytes([len(self.operands)]) + b"".join(r.encode() for r in self.operands)
        maps = b"".join(m.encode() for m in self.maps)
        return head + operands + _u32s(self.inner) + maps + self.attributes()


@dataclass(frozen=True)
class Accumulating(Op):
    """An op that ends in `saturate(rescale_half_up(acc, shift), bits)`.

    `saturates` is False exactly where intervals prove that the clamp never acts; routes then drop it.
    """

    shift: int
    saturates: bool

    def rescale_attributes(self) -> bytes:
        return bytes([self.shift, self.saturates])

    def attributes(self) -> bytes:
        return self.rescale_attributes()
