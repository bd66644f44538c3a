"""Where tensors lie in the committed table, and fractions in the tree (docs/protocol/sumcheck.md sections 1, 3, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from circuits.lower.sumcheck.system import Kind, System

MIN_ROW_BITS, MAX_ROW_BITS = 4, 28
ROWS_WANTED = 64


@dataclass(frozen=True)
class Block:
    """A padded box of 2^bits cells, the first of them at `offset`, which is a multiple of 2^bits."""

    offset: int
    bits: int

    @property
    def end(self) -> int:
        return self.offset + (1 << self.bits)


@dataclass(frozen=True)
class Layout:
    """The table W: 2^variables cells in rows of 2^row_bits (N and M of section 3).

    `blocks` are by tensor, present rows ascend.
    """

    row_bits: int
    variables: int
    blocks: dict[int, Block]
    setup_rows: tuple[int, ...]
    witness_rows: tuple[int, ...]


@dataclass(frozen=True)
class FractionLayout:
    """The 2^depth leaves of the tree (L of section 6); `blocks` in the order of the system's fractions."""

    depth: int
    blocks: tuple[Block, ...]


def axis_bits(size: int) -> int:
    """Variables of an axis of `size` elements."""
    return max(0, size - 1).bit_length()


def box_bits(dims: Sequence[int]) -> int:
    """Variables of a padded box."""
    return sum(axis_bits(size) for size in dims)


def padded_strides(dims: Sequence[int]) -> list[int]:
    """Distance in cells between neighbours on each axis of a padded box."""
    return [1 << box_bits(dims[axis + 1 :]) for axis in range(len(dims))]


def last_cell(dims: Sequence[int]) -> int:
    """The number of a box's last real cell; the box has one."""
    return sum((size - 1) * stride for size, stride in zip(dims, padded_strides(dims), strict=True))


def _place(bits: Sequence[int], start: int) -> tuple[list[Block], int]:
    """Blocks of these sizes from `start` on, the largest first and each at the next cell; and where they end."""
    blocks = [Block(start, 0)] * len(bits)
    for index in sorted(range(len(bits)), key=lambda index: -bits[index]):
        blocks[index] = Block(start, bits[index])
        start = blocks[index].end
    return blocks, start


def layout(system: System, row_bits: int) -> Layout:
    """Section 3."""
    placed: dict[int, Block] = {}
    setup = _place_kind(system, Kind.SETUP, 0, placed)
    widest = max((box_bits(system.tensors[t].dims) for t in _with_cells(system, Kind.WITNESS)), default=0)
    unit = 1 << max(row_bits, widest)
    _place_kind(system, Kind.WITNESS, -(-setup // unit) * unit, placed)
    end = max((block.end for block in placed.values()), default=0)
    return Layout(
        row_bits,
        max(row_bits, axis_bits(end)),
        placed,
        _present(system, Kind.SETUP, row_bits, placed),
        _present(system, Kind.WITNESS, row_bits, placed),
    )


def _with_cells(system: System, kind: Kind) -> list[int]:
    return [index for index in system.of_kind(kind) if system.tensors[index].size]


def _place_kind(system: System, kind: Kind, start: int, placed: dict[int, Block]) -> int:
    tensors = _with_cells(system, kind)
    blocks, end = _place([box_bits(system.tensors[index].dims) for index in tensors], start)
    placed.update(zip(tensors, blocks, strict=True))
    return end


def _present(system: System, kind: Kind, row_bits: int, placed: dict[int, Block]) -> tuple[int, ...]:
    rows: set[int] = set()
    for index in _with_cells(system, kind):
        first = placed[index].offset
        last = first + last_cell(system.tensors[index].dims)
        rows.update(range(first >> row_bits, (last >> row_bits) + 1))
    return tuple(sorted(rows))


def choose_row_bits(system: System) -> int:
    """The least M for which few rows are present."""
    for row_bits in range(MIN_ROW_BITS, MAX_ROW_BITS):
        if _row_estimate(system, row_bits) <= ROWS_WANTED and _row_count(system, row_bits) <= ROWS_WANTED:
            return row_bits
    return MAX_ROW_BITS


def _row_estimate(system: System, row_bits: int) -> int:
    """At most as many as are present, without listing them."""
    committed = [t for t in system.tensors if t.kind.committed and t.size]
    return sum(last_cell(t.dims) >> row_bits for t in committed)


def _row_count(system: System, row_bits: int) -> int:
    table = layout(system, row_bits)
    return len(table.setup_rows) + len(table.witness_rows)


def fraction_layout(system: System) -> FractionLayout:
    """Section 6."""
    blocks, end = _place([box_bits(fractions.dims) for fractions in system.fractions], 0)
    return FractionLayout(max(1, axis_bits(end)), tuple(blocks))
