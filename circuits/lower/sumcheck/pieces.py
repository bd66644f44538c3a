"""Large constants in pieces that padding hardly grows (docs/protocol/sumcheck.md section 4).

A tensor is padded to powers of two on every axis: a matrix of 540 by 540 to three and a half times its cells. Cut at
512 on both axes it grows by a fiftieth. A reading is then the sum of the pieces' readings, each 0 outside its piece.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from circuits.lower.sumcheck.layout import axis_bits, box_bits
from circuits.lower.sumcheck.tables import Dims
from circuits.program.graph import Program
from circuits.program.ops import Contract
from circuits.program.refs import AffineMap, Ref, Source

# Smaller ones are not worth the values that a proof carries for each piece.
WORTH_CELLS = 1 << 16


@dataclass(frozen=True)
class Piece:
    """A box of `dims` elements from `origin` on."""

    origin: Dims
    dims: Dims

    def slices(self) -> tuple[slice, ...]:
        return tuple(slice(start, start + size) for start, size in zip(self.origin, self.dims, strict=True))

    def moved(self, how: AffineMap) -> AffineMap:
        """A map of the whole tensor as one of this piece, out of bounds outside it."""
        offsets = tuple(offset - start for offset, start in zip(how.offsets, self.origin, strict=True))
        return AffineMap(self.dims, offsets, how.strides)


def pieces(dims: Sequence[int]) -> list[Piece]:
    """Cut on each axis at the largest power of two, where that leaves less padding."""
    cuts = [_cuts(size) for size in dims]
    boxes = itertools.product(*cuts)
    return [Piece(tuple(start for start, _ in box), tuple(size for _, size in box)) for box in boxes]


def _cuts(size: int) -> list[tuple[int, int]]:
    first = 1 << max(0, size.bit_length() - 1)
    if size and first + (1 << axis_bits(size - first)) < 1 << axis_bits(size):
        return [(0, first), (first, size - first)]
    return [(0, size)]


def cut_constants(program: Program) -> dict[int, list[Piece]]:
    """The constants that are committed in pieces: large ones, only ever factors of a contraction in their own dims."""
    found = {}
    for index, constant in enumerate(program.constants):
        whole, parts = 1 << box_bits(constant.values.shape), pieces(constant.values.shape)
        if whole >= WORTH_CELLS and 3 * whole >= 4 * sum(1 << box_bits(piece.dims) for piece in parts):
            found[index] = parts
    for op in program.ops:
        for number, (ref, how) in enumerate(zip(op.operands, op.maps, strict=True)):
            factor = isinstance(op, Contract) and number < 2
            if ref.source is Source.CONST and not (factor and how.view == program.constants[ref.index].values.shape):
                found.pop(ref.index, None)
    return found


def is_cut(ref: Ref, cut: dict[int, list[Piece]]) -> bool:
    return ref.source is Source.CONST and ref.index in cut
