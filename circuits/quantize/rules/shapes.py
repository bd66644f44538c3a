"""Moving elements: most of it costs nothing, the rest is one index op."""

from __future__ import annotations

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.onnx.resize import axis_matrices
from circuits.program.limits import MAX_BITS
from circuits.program.ops import Contract
from circuits.quantize.arithmetic import common_scale
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.moves import axes_map, concatenated, expanded, padded, sliced, taken, transposed
from circuits.quantize.rules import Rule
from circuits.quantize.scales import Reach, integers_at
from circuits.quantize.size import require_at_most
from circuits.quantize.weights import Weights, weighted

# Elements of the matrix that resizes an axis.
MAX_MATRIX = 2**24


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
    x = b.tensor(node.input(0))
    starts, ends = (b.graph.integers(node.input(position)) for position in (1, 2))
    axes = b.graph.integers(node.input(3)) if node.input(3) else list(range(len(starts)))
    axes = [axis % len(x.dims) for axis in axes]
    steps = b.graph.integers(node.input(4)) if node.input(4) else [1] * len(starts)
    # Backwards from before the first element is from the first; Python's slices would make nothing of it.
    firsts = {
        axis: max(0, slice(start, end, step).indices(x.dims[axis])[0])
        for axis, start, end, step in zip(axes, starts, ends, steps, strict=True)
    }
    b.values[node.output] = sliced(b, x, b.graph.shapes[node.output], firsts, dict(zip(axes, steps, strict=True)))


def split(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    axis, start = node.attributes["axis"] % len(x.dims), 0
    for output in node.outputs:
        dims = b.graph.shapes[output]
        b.values[output] = sliced(b, x, dims, {axis: start})
        start += dims[axis]


def pad(b: Builder, node: FloatNode) -> None:
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    rank, pads = len(x.dims), b.graph.integers(node.input(1))
    axes = [axis % rank for axis in b.graph.integers(node.input(3))] if node.input(3) else list(range(rank))
    around = {axis: (pads[i], pads[i + len(axes)]) for i, axis in enumerate(axes)}
    if node.attributes["mode"] == "constant":
        value = b.graph.constant(node.input(2)) if node.input(2) else np.zeros(())
        x = common_scale(b, [x, value])[0]
        fill = int(integers_at(value.reshape(()), x.scale, MAX_BITS))
        b.values[node.output] = padded(b, x, dims, {axis: before for axis, (before, _) in around.items()}, fill)
        return
    for axis, widths in around.items():
        if widths != (0, 0):
            x = taken(b, x, axis, _padded_places(x.dims[axis], widths, node.attributes["mode"]))
    b.values[node.output] = x


def _padded_places(size: int, widths: tuple[int, int], mode: str) -> list[int]:
    """Which element stands at every place of a padded axis; negative padding cuts off."""
    before, after = widths
    grown = np.pad(np.arange(size), (max(0, before), max(0, after)), mode=mode)  # type: ignore[call-overload]
    kept = grown[max(0, -before) : len(grown) - max(0, -after)]
    return [int(place) for place in kept]


def expand(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = expanded(b, b.tensor(node.input(0)), b.graph.shapes[node.output])


def tile(b: Builder, node: FloatNode) -> None:
    """Every repeated axis is read along an axis of its own before it."""
    x, made = b.tensor(node.input(0)), b.graph.shapes[node.output]
    for axis, repeats in enumerate(b.graph.integers(node.input(1))):
        if repeats != 1:
            walked = x.viewed((*x.dims[:axis], 1, *x.dims[axis:]))
            dims = (*x.dims[:axis], repeats, *x.dims[axis:])
            x = expanded(b, walked, dims).viewed((*x.dims[:axis], repeats * x.dims[axis], *x.dims[axis + 1 :]))
    b.values[node.output] = x.viewed(made)


def space_to_depth(b: Builder, node: FloatNode) -> None:
    x, size = b.tensor(node.input(0)), int(node.attributes["blocksize"])
    n, c, h, w = x.dims
    blocks = x.viewed((n, c, h // size, size, w // size, size))
    b.values[node.output] = transposed(b, blocks, (0, 3, 5, 1, 2, 4)).viewed(b.graph.shapes[node.output])


def depth_to_space(b: Builder, node: FloatNode) -> None:
    x, size = b.tensor(node.input(0)), int(node.attributes["blocksize"])
    n, c, h, w = x.dims
    if node.attributes["mode"] == "DCR":
        blocks, order = x.viewed((n, size, size, c // size**2, h, w)), (0, 3, 4, 1, 5, 2)
    else:
        blocks, order = x.viewed((n, c // size**2, size, size, h, w)), (0, 1, 4, 2, 5, 3)
    b.values[node.output] = transposed(b, blocks, order).viewed(b.graph.shapes[node.output])


def resize(b: Builder, node: FloatNode) -> None:
    """Along each axis by a constant matrix; where every row only picks one element, by moving it."""
    x, made = b.tensor(node.input(0)), b.graph.shapes[node.output]
    _require_small(b, node)
    for axis, matrix in axis_matrices(b.graph, node):
        if ((matrix == 1).sum(axis=1) == 1).all() and np.count_nonzero(matrix) == len(matrix):
            x = taken(b, x, axis, [int(place) for place in matrix.argmax(axis=1)])
        else:
            x = _along(b, f"{node.output}.axis{axis}", x, axis, matrix)
    b.values[node.output] = x.viewed(made)


def _require_small(b: Builder, node: FloatNode) -> None:
    """The matrices of the axes that change can be laid out."""
    before, after = b.graph.shapes[node.input(0)], b.graph.shapes[node.output]
    axes = [axis % len(before) for axis in node.attributes.get("axes") or range(len(before))]
    scales = b.graph.constant(node.input(2)).reshape(-1) if node.input(2) else np.ones(len(axes))
    cropped = node.attributes["coordinate_transformation_mode"] == "tf_crop_and_resize"
    for axis, scale in zip(axes, scales, strict=False):
        if cropped or before[axis] != after[axis] or scale != 1:
            require_at_most(before[axis] * after[axis], MAX_MATRIX, f"weights along axis {axis}")


def _along(b: Builder, name: str, x: Tensor, axis: int, matrix: Floats) -> Tensor:
    """Σ_i matrix[o, i] · x[…, i, …]."""
    rank = len(x.dims)
    dims = (*x.dims[:axis], len(matrix), *x.dims[axis + 1 :])
    read = axes_map(x.dims, [0] * rank, [(rank if a == axis else a, 1) for a in range(rank)], rank + 1)
    weights = Weights(matrix, axes_map(matrix.shape, [0, 0], [(axis, 1), (rank, 1)], rank + 1))
    want = Reach(b.options.bits)
    return weighted(b, name, Contract, (x, read), weights, dims, want, inner=(x.dims[axis],))


RULES: dict[str, Rule] = {
    **dict.fromkeys(("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"), view),
    "Transpose": transpose,
    "Concat": concat,
    "Slice": slice_,
    "Split": split,
    "Pad": pad,
    "Expand": expand,
    "Tile": tile,
    "SpaceToDepth": space_to_depth,
    "DepthToSpace": depth_to_space,
    "Resize": resize,
}
