"""The virtual table as its present rows of 2^M integers (docs/protocol/sumcheck.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.layout import Layout, axis_bits, last_cell
from circuits.lower.sumcheck.system import Kind, System

Integers = npt.NDArray[np.int64]


def padded(values: npt.NDArray[np.generic]) -> Integers:
    """The cells of the padded box of an array: 0 beyond it; one axis."""
    sizes = tuple(1 << axis_bits(size) for size in values.shape)
    if sizes == values.shape:
        return np.ascontiguousarray(values, np.int64).reshape(-1)
    box = np.zeros(sizes, np.int64)
    box[tuple(slice(size) for size in values.shape)] = values
    return box.reshape(-1)


def block_starts(layout: Layout) -> dict[int, int]:
    """Where each block begins in the present rows, one after the other: those that a block spans are neighbours."""
    present = {row: index for index, row in enumerate((*layout.setup_rows, *layout.witness_rows))}
    inside = (1 << layout.row_bits) - 1
    return {
        tensor: (present[block.offset >> layout.row_bits] << layout.row_bits) + (block.offset & inside)
        for tensor, block in layout.blocks.items()
    }


def fill_rows(system: System, layout: Layout, values: Mapping[int, Integers], kind: Kind) -> Integers:
    """The present rows of the SETUP or of the WITNESS tensors, in order: int64[rows, 2^M], 0 outside real cells."""
    setup = kind is Kind.SETUP
    table = np.zeros((len(layout.setup_rows if setup else layout.witness_rows), 1 << layout.row_bits), np.int64)
    first = 0 if setup else len(layout.setup_rows) << layout.row_bits
    flat, starts = table.reshape(-1), block_starts(layout)
    for tensor in system.of_kind(kind):
        if tensor not in layout.blocks:
            continue
        dims = system.tensors[tensor].dims
        real = last_cell(dims) + 1  # the rest of the block need not have rows of its own
        start = starts[tensor] - first
        flat[start : start + real] = padded(values[tensor].reshape(dims))[:real]
    return table
