"""MatMul, Conv and ScaleShift: weights against activations, ended by one rescale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.limits import MAX_SHIFT
from circuits.program.ops import Contract, Mul
from circuits.program.refs import AffineMap
from circuits.quantize.builder import Builder, Reading, Tensor
from circuits.quantize.scales import MAX_WEIGHT_SCALE, Target, quantize_weights
from circuits.quantize.tables import wanted
from circuits.quantize.windows import window_of


def _over_inner(reading: Reading, inner_rank: int) -> Reading:
    """The same reading in an iteration space with inner dims, on which it does not depend."""
    ref, how = reading
    rows = tuple(row + (0,) * inner_rank for row in how.strides)
    return ref, AffineMap(how.view, how.offsets, rows)


def _weights(
    b: Builder, node: FloatNode, values: Floats, x_scale: int, want: Target, channels: tuple[int, ...]
) -> Tensor:
    """A constant operand, no finer than the rescale's shift allows."""
    largest = min(MAX_WEIGHT_SCALE, want.scale + MAX_SHIFT - x_scale)
    weights = quantize_weights(values, b.options.weight_bits, largest, channels if b.options.per_channel else ())
    return b.constant(f"{node.output}.weights", weights.values, weights.scale)


def _bias(
    b: Builder, node: FloatNode, shape: Sequence[int], dims: tuple[int, ...], acc_scale: int, inner_rank: int
) -> list[Reading]:
    """The node's bias, which broadcasts over the float output `shape`, read over the op's `dims`."""
    if not node.input(2):
        return []
    values = b.graph.constant(node.input(2))
    if tuple(shape) != dims:
        values = np.broadcast_to(values, tuple(shape)).reshape(dims)
    bias = b.bias(f"{node.output}.bias", values, acc_scale)
    return [_over_inner(bias.broadcast(dims), inner_rank)]


def _matrix_map(view: tuple[int, ...], batch: int, row: int, column: int, rank: int) -> AffineMap:
    """A stack of matrices: iteration axes `row` and `column` walk its last two axes, the first `batch` the stack."""
    lead = batch - (len(view) - 2)
    walks = [lead + axis if view[axis] != 1 else None for axis in range(len(view) - 2)] + [row, column]
    strides = tuple(tuple(int(d == walk) for d in range(rank)) for walk in walks)
    return AffineMap(view, (0,) * len(view), strides)


def matmul(b: Builder, node: FloatNode) -> None:
    left, right = node.inputs[:2]
    a_dims, b_dims = (b.graph.shapes[name] for name in (left, right))
    a_view = a_dims if len(a_dims) > 1 else (1, *a_dims)
    b_view = b_dims if len(b_dims) > 1 else (*b_dims, 1)
    stack = np.broadcast_shapes(a_view[:-2], b_view[:-2])
    dims, count = (*stack, a_view[-2], b_view[-1]), len(stack)
    rank, want, shape = len(dims) + 1, wanted(b, node.output), b.graph.shapes[node.output]
    a_map = _matrix_map(a_view, count, count, rank - 1, rank)
    b_map = _matrix_map(b_view, count, rank - 1, count + 1, rank)
    if b.graph.is_constant(right):
        x, x_scale, weights = _folded_scales(b, left, b.graph.constant(right).reshape(b_view))
        stored = np.swapaxes(weights, -1, -2)  # contracted axis innermost
        other = _weights(b, node, stored, x_scale, want, (stored.ndim - 2,))
        readings = [(x.ref, a_map), (other.ref, _matrix_map(stored.shape, count, count + 1, rank - 1, rank))]
    elif b.graph.is_constant(left):
        x = b.tensor(right)
        x_scale = x.scale
        other = _weights(b, node, b.graph.constant(left).reshape(a_view), x_scale, want, (len(a_view) - 2,))
        readings = [(other.ref, a_map), (x.ref, b_map)]
    else:
        x, other = b.tensor(left), b.tensor(right)
        x_scale = x.scale
        readings = [(x.ref, a_map), (other.ref, b_map)]
    acc_scale = x_scale + other.scale
    readings += _bias(b, node, shape, dims, acc_scale, 1)
    made = b.accumulate(Contract, readings, dims, acc_scale, want, inner=(a_view[-1],))
    b.values[node.output] = Tensor(made.ref, shape, made.bits, made.scales)


def _folded_scales(b: Builder, name: str, weights: Floats) -> tuple[Tensor, int, Floats]:
    """An input with a scale for each contracted element puts those scales into the weights [..., K, N]."""
    x = b.values[name]
    if not x.per_feature:
        return x, x.scale, weights
    return x, 0, weights * 2.0 ** -np.array(x.scales, np.float64)[:, None]


def conv(b: Builder, node: FloatNode) -> None:
    x, out = b.tensor(node.input(0)), b.graph.shapes[node.output]
    values = b.graph.constant(node.input(1))
    kernel, group = values.shape[2:], int(node.attributes.get("group", 1))
    window = window_of(node, x.dims[2:], out[2:], kernel)
    # With groups, channels are seen as (group, channel of the group) on both sides: then every map is affine.
    lead = (group,) if group > 1 else ()
    per_group = out[1] // group
    dims = (out[0], *lead, per_group, *out[2:])
    inner = (values.shape[1], *kernel)
    rank, space = len(dims) + len(inner), len(kernel)

    def walk(axis: int) -> tuple[int, ...]:
        return tuple(int(d == axis) for d in range(rank))

    leads = [walk(1)] if lead else []
    pixels = tuple(
        tuple(
            window.strides[s] * (d == len(dims) - space + s) + window.dilations[s] * (d == len(dims) + 1 + s)
            for d in range(rank)
        )
        for s in range(space)
    )
    x_view = (x.dims[0], *lead, inner[0], *x.dims[2:])
    x_map = AffineMap(
        x_view,
        (0,) * (len(x_view) - space) + tuple(-begin for begin in window.begins),
        (walk(0), *leads, walk(len(dims)), *pixels),
    )
    w_view = (*lead, per_group, *inner)
    w_rows = (*leads, walk(1 + len(lead)), *(walk(len(dims) + i) for i in range(len(inner))))
    want = wanted(b, node.output)
    weights = _weights(b, node, values.reshape(w_view), x.scale, want, tuple(range(len(lead) + 1)))
    acc_scale = x.scale + weights.scale
    readings = [(x.ref, x_map), (weights.ref, AffineMap(w_view, (0,) * len(w_view), w_rows))]
    readings += _conv_bias(b, node, dims, len(lead), acc_scale, len(inner))
    made = b.accumulate(Contract, readings, dims, acc_scale, want, inner=inner)
    b.values[node.output] = Tensor(made.ref, out, made.bits, made.scales)


def _conv_bias(
    b: Builder, node: FloatNode, dims: tuple[int, ...], groups: int, acc_scale: int, inner_rank: int
) -> list[Reading]:
    """A bias that broadcasts over (batch, channels, pixels), its channel axis split when there are groups."""
    if not node.input(2):
        return []
    values = b.graph.constant(node.input(2))
    if groups and values.ndim >= len(dims) - 2:
        axis = values.ndim - (len(dims) - 2)
        split = dims[1:3] if values.shape[axis] != 1 else (1, 1)
        values = values.reshape(*values.shape[:axis], *split, *values.shape[axis + 1 :])
    bias = b.bias(f"{node.output}.bias", values, acc_scale)
    return [_over_inner(bias.broadcast(dims), inner_rank)]


def scale_shift(b: Builder, node: FloatNode) -> None:
    """x · scale + shift, both constants that broadcast over the output."""
    x, dims, want = b.tensor(node.input(0)), b.graph.shapes[node.output], wanted(b, node.output)
    factors = _weights(b, node, b.graph.constant(node.input(1)), x.scale, want, ())
    acc_scale = x.scale + factors.scale
    shift = b.bias(f"{node.output}.shift", b.graph.constant(node.input(2)), acc_scale)
    readings = [x.broadcast(dims), factors.broadcast(dims), shift.broadcast(dims)]
    b.values[node.output] = b.accumulate(Mul, readings, dims, acc_scale, want)
