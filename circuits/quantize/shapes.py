"""Moving elements: most of it costs nothing, the rest is one index op."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.onnx.graph import FloatNode
from circuits.program.limits import MAX_BITS
from circuits.program.refs import AffineMap
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.elementwise import common_scale
from circuits.quantize.scales import integers_at


def view(b: Builder, node: FloatNode) -> None:
    """Reshape and its kin: the next op reads the same elements through other dims."""
    dims = b.graph.shapes[node.output]
    x = b.values[node.input(0)]
    if x.per_feature and (not dims or dims[-1] != x.dims[-1]):
        x = b.tensor(node.input(0))
    b.values[node.output] = Tensor(x.ref, dims, x.bits, x.scales)


def _axes_map(
    view_dims: Sequence[int], offsets: Sequence[int], walks: Sequence[tuple[int, int] | None], rank: int
) -> AffineMap:
    """`walks[axis]` is (output axis, stride), or None for an axis that stays at its offset."""
    rows = tuple(tuple(walk[1] * (d == walk[0]) if walk else 0 for d in range(rank)) for walk in walks)
    return AffineMap(tuple(view_dims), tuple(offsets), rows)


def transpose(b: Builder, node: FloatNode) -> None:
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    order = list(node.attributes.get("perm", range(len(dims))[::-1]))
    walks = [(order.index(axis), 1) for axis in range(len(dims))]
    how = _axes_map(x.dims, [0] * len(dims), walks, len(dims))
    b.values[node.output] = b.index([(x.ref, how)], dims, x.scale)


def concat(b: Builder, node: FloatNode) -> None:
    dims = b.graph.shapes[node.output]
    axis = node.attributes["axis"] % len(dims)
    tensors = common_scale(b, node.inputs)
    readings, start = [], 0
    for tensor in tensors:
        offsets = [-start if a == axis else 0 for a in range(len(dims))]
        walks = [(a, 1) for a in range(len(dims))]
        readings.append((tensor.ref, _axes_map(tensor.dims, offsets, walks, len(dims))))
        start += tensor.dims[axis]
    b.values[node.output] = b.index(readings, dims, tensors[0].scale)


def _sliced(b: Builder, x: Tensor, dims: tuple[int, ...], starts: dict[int, int], steps: dict[int, int]) -> Tensor:
    """Axis a of x from starts[a] in steps of steps[a]."""
    offsets = [starts.get(axis, 0) for axis in range(len(dims))]
    walks = [(axis, steps.get(axis, 1)) for axis in range(len(dims))]
    return b.index([(x.ref, _axes_map(x.dims, offsets, walks, len(dims)))], dims, x.scale)


def slice_(b: Builder, node: FloatNode) -> None:
    x, get = b.tensor(node.input(0)), node.attributes.get

    def given(position: int, name: str, default: list[int]) -> list[int]:
        return b.graph.integers(node.input(position)) if node.input(position) else list(get(name, default))

    starts, ends = given(1, "starts", []), given(2, "ends", [])
    axes = [axis % len(x.dims) for axis in given(3, "axes", list(range(len(starts))))]
    steps = given(4, "steps", [1] * len(starts))
    ranges = [slice(s, e, p).indices(x.dims[axis])[0] for s, e, p, axis in zip(starts, ends, steps, axes, strict=True)]
    firsts = dict(zip(axes, ranges, strict=True))
    b.values[node.output] = _sliced(b, x, b.graph.shapes[node.output], firsts, dict(zip(axes, steps, strict=True)))


def split(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    axis, start = node.attributes.get("axis", 0) % len(x.dims), 0
    for output in node.outputs:
        dims = b.graph.shapes[output]
        b.values[output] = _sliced(b, x, dims, {axis: start}, {})
        start += dims[axis]


def gather(b: Builder, node: FloatNode) -> None:
    """Evenly spaced constant indices along one axis; a scalar index drops the axis."""
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    axis = node.attributes.get("axis", 0) % len(x.dims)
    indices = [i % x.dims[axis] for i in b.graph.integers(node.input(1))]
    step = indices[1] - indices[0] if len(indices) > 1 else 0
    scalar = not b.graph.shapes[node.input(1)]
    walks: list[tuple[int, int] | None] = []
    for a in range(len(x.dims)):
        if a == axis:
            walks.append(None if scalar else (a, step))
        else:
            walks.append((a - 1 if scalar and a > axis else a, 1))
    offsets = [indices[0] if a == axis else 0 for a in range(len(x.dims))]
    how = _axes_map(x.dims, offsets, walks, len(dims))
    b.values[node.output] = b.index([(x.ref, how)], dims, x.scale)


def pad(b: Builder, node: FloatNode) -> None:
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    rank = len(x.dims)
    pads = b.graph.integers(node.input(1)) if node.input(1) else list(node.attributes["pads"])
    axes = b.graph.integers(node.input(3)) if node.input(3) else list(range(rank))
    before = {axis % rank: pads[i] for i, axis in enumerate(axes)}
    value = b.graph.constant(node.input(2)) if node.input(2) else np.array(node.attributes.get("value", 0.0))
    fill = int(integers_at(value.reshape(()), x.scale, MAX_BITS))
    walks = [(axis, 1) for axis in range(rank)]
    how = _axes_map(x.dims, [-before.get(axis, 0) for axis in range(rank)], walks, rank)
    b.values[node.output] = b.index([(x.ref, how)], dims, x.scale, fill)


def expand(b: Builder, node: FloatNode) -> None:
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    b.values[node.output] = b.index([x.broadcast(dims)], dims, x.scale)
