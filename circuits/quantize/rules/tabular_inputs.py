"""How a table becomes integers: each column has a unit of its own, and so a scale of its own (docs/decisions/0077)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from circuits.onnx.graph import FloatGraph, FloatNode, Floats
from circuits.onnx.tabular_trees import Inner, Trees
from circuits.program.limits import MAX_BITS
from circuits.quantize.options import CompileOptions

# What compares a column with thresholds takes all bits that an input can have.
COMPARED_BITS = MAX_BITS
# A table's model is small: what it reads and adds up can be this much finer than the activations of a network.
SPARE_BITS = 6
MOST_BITS = 24
# Columns of small numbers: their scale may be finer than an activation's.
MAX_COLUMN_SCALE = 64
# A threshold beyond stands for "always" or "never".
MOST_THRESHOLD = 1e9
THROUGH = {"Identity", "Cast", "Reshape"}
BY_COLUMN = {"Trees", "Over", "Columns", "Dense", "Scale", "MatMul", "Mul"}
COMPARING = {"Trees", "Over"}
# Sums over columns of 32 bits would not stay below 2^53.
SUMMING = {"Dense", "MatMul"}


def fine_bits(options: CompileOptions) -> int:
    """The bits of a table's columns, and of the scores that a linear model makes of them."""
    return max(options.bits, min(options.bits + SPARE_BITS, MOST_BITS))


@dataclass(frozen=True)
class Table:
    """An input that is a table: its bits, how far each column has to reach at least, and whether each has its own scale
    (a norm adds columns up: for it they share one)."""

    bits: int
    reach: Floats
    by_column: bool = True


def table_of(graph: FloatGraph, name: str, options: CompileOptions) -> Table | None:
    """The input `name` as a table, if all that reads it can take it so."""
    shape = graph.inputs[name]
    if not graph.of_tables or not graph.is_real(name) or len(shape) not in (1, 2):
        return None
    readers = list(_readers(graph, name))
    if readers and all(node.op == "Normalize" for node, _ in readers):
        return Table(fine_bits(options), np.zeros(shape[-1]), by_column=False)
    if not readers or not all(_by_column(graph, node, value) for node, value in readers):
        return None
    read_by = {node.op for node, _ in readers}
    bits = COMPARED_BITS if read_by & COMPARING and not read_by & SUMMING else fine_bits(options)
    reach = np.zeros(shape[-1])
    for node, _ in readers:
        if node.op == "Over":
            reach = np.maximum(reach, abs(node.attributes["threshold"]))
        elif node.op == "Trees":
            trees: Trees = node.attributes["trees"]
            for inner in (n for tree in trees.trees for n in tree.nodes if isinstance(n, Inner)):
                known = [abs(value) for value in inner.values if abs(value) <= MOST_THRESHOLD]
                reach[inner.feature] = max(reach[inner.feature], *known, 0.0)
    return Table(bits, reach)


def _readers(graph: FloatGraph, name: str) -> Iterator[tuple[FloatNode, str]]:
    """The nodes that read a value, or the same columns under another name, and as what."""
    for node in graph.nodes:
        if name in node.inputs:
            same = node.input(0) == name and graph.shapes[node.output][-1:] == graph.shapes[name][-1:]
            if node.op in THROUGH and same and graph.is_real(node.output) and node.output not in graph.outputs:
                yield from _readers(graph, node.output)
            else:
                yield node, name


def _by_column(graph: FloatGraph, node: FloatNode, value: str) -> bool:
    others = [name for name in node.inputs if name and name != value]
    first = node.op == "Mul" or node.input(0) == value
    return node.op in BY_COLUMN and first and all(map(graph.is_constant, others)) and node.inputs.count(value) == 1
