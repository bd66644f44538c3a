"""Moving elements: most of it costs nothing, the rest is one index op."""

from __future__ import annotations

import numpy as np

from circuits.onnx.graph import FloatNode
from circuits.program.limits import MAX_BITS
from circuits.quantize.builder import Builder
from circuits.quantize.moves import concatenated, expanded, padded, sliced, taken, transposed
from circuits.quantize.rules import Rule
from circuits.quantize.scales import integers_at


def view(b: Builder, node: FloatNode) -> None:
    """Reshape and its kin: the next op reads the same elements through other dims."""
    dims = b.graph.shapes[node.output]
    x = b.values[node.input(0)]
    if x.per_feature and (not dims or dims[-1] != x.dims[-1]):
        x = b.tensor(node.input(0))
    b.values[node.output] = x.viewed(dims)


def transpose(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = transposed(b, x, list(node.attributes.get("perm", range(len(x.dims))[::-1])))


def concat(b: Builder, node: FloatNode) -> None:
    given = [b.graph.constant(name) if b.graph.is_constant(name) else b.tensor(name) for name in node.inputs]
    b.values[node.output] = concatenated(b, given, node.attributes["axis"])


def slice_(b: Builder, node: FloatNode) -> None:
    x, get = b.tensor(node.input(0)), node.attributes.get

    def given(position: int, name: str, default: list[int]) -> list[int]:
        return b.graph.integers(node.input(position)) if node.input(position) else list(get(name, default))

    starts, ends = given(1, "starts", []), given(2, "ends", [])
    axes = [axis % len(x.dims) for axis in given(3, "axes", list(range(len(starts))))]
    steps = given(4, "steps", [1] * len(starts))
    ranges = [slice(s, e, p).indices(x.dims[axis])[0] for s, e, p, axis in zip(starts, ends, steps, axes, strict=True)]
    firsts = dict(zip(axes, ranges, strict=True))
    b.values[node.output] = sliced(b, x, b.graph.shapes[node.output], firsts, dict(zip(axes, steps, strict=True)))


def split(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    axis, start = node.attributes.get("axis", 0) % len(x.dims), 0
    for output in node.outputs:
        dims = b.graph.shapes[output]
        b.values[output] = sliced(b, x, dims, {axis: start}, {})
        start += dims[axis]


def gather(b: Builder, node: FloatNode) -> None:
    """Constant indices along one axis, of any shape."""
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    made = taken(b, x, node.attributes.get("axis", 0), b.graph.integers(node.input(1)))
    b.values[node.output] = made.viewed(dims)


def pad(b: Builder, node: FloatNode) -> None:
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    rank = len(x.dims)
    pads = b.graph.integers(node.input(1)) if node.input(1) else list(node.attributes["pads"])
    axes = b.graph.integers(node.input(3)) if node.input(3) else list(range(rank))
    before = {axis % rank: pads[i] for i, axis in enumerate(axes)}
    value = b.graph.constant(node.input(2)) if node.input(2) else np.array(node.attributes.get("value", 0.0))
    fill = int(integers_at(value.reshape(()), x.scale, MAX_BITS))
    b.values[node.output] = padded(b, x, dims, before, fill)


def expand(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = expanded(b, b.tensor(node.input(0)), b.graph.shapes[node.output])


RULES: dict[str, Rule] = {
    **dict.fromkeys(("Identity", "Dropout", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"), view),
    "Transpose": transpose,
    "Concat": concat,
    "Slice": slice_,
    "Split": split,
    "Gather": gather,
    "Pad": pad,
    "Expand": expand,
}
