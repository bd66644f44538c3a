"""MatMul and ScaleShift: weights against activations, ended by one rescale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.ops import Contract, Mul
from circuits.program.refs import AffineMap
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.rules import Rule
from circuits.quantize.rules.tables import wanted
from circuits.quantize.weights import Weights, weighted

Dims = tuple[int, ...]
Bias = tuple[Floats, AffineMap] | None


def _bias(b: Builder, node: FloatNode, shape: Sequence[int], dims: Dims, inner_rank: int) -> Bias:
    """The node's bias, which broadcasts over the float output `shape`, read over the op's `dims`."""
    if not node.input(2):
        return None
    values = b.graph.constant(node.input(2))
    if tuple(shape) != dims:
        values = np.broadcast_to(values, tuple(shape)).reshape(dims)
    return read_over(values, dims, inner_rank)


def read_over(values: Floats, dims: Dims, inner_rank: int) -> Bias:
    how = AffineMap.broadcast(values.shape, dims)
    rows = tuple((*row, *(0,) * inner_rank) for row in how.strides)
    return values, AffineMap(how.view, how.offsets, rows)


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
        x = b.values[left]
        stored = np.swapaxes(b.graph.constant(right).reshape(b_view), -1, -2)  # contracted axis innermost
        divisors = 2.0 ** -np.array(x.scales, np.float64) if x.per_feature else None
        how = _matrix_map(stored.shape, count, count + 1, rank - 1, rank)
        weights, read = Weights(stored, how, (stored.ndim - 2,), divisors), a_map
    elif b.graph.is_constant(left):
        x = b.tensor(right)
        values = b.graph.constant(left).reshape(a_view)
        weights, read = Weights(values, a_map, (values.ndim - 2,), first=True), b_map
    else:
        b.values[node.output] = _product(b, node, (left, right), (a_map, b_map), dims, a_view[-1]).viewed(shape)
        return
    bias = _bias(b, node, shape, dims, 1)
    made = weighted(b, node.output, Contract, (x, read), weights, dims, want, inner=(a_view[-1],), bias=bias)
    b.values[node.output] = made.viewed(shape)


def _product(
    b: Builder, node: FloatNode, names: tuple[str, str], maps: tuple[AffineMap, AffineMap], dims: Dims, size: int
) -> Tensor:
    """The product of two tensors, neither of them constant."""
    x, y = (b.tensor(name) for name in names)
    acc_scale = x.scale + y.scale
    readings = [(x.ref, maps[0]), (y.ref, maps[1])]
    bias = _bias(b, node, b.graph.shapes[node.output], dims, 1)
    if bias is not None:
        readings.append((b.bias(f"{node.output}.bias", bias[0], acc_scale).ref, bias[1]))
    return b.accumulate(Contract, readings, dims, acc_scale, wanted(b, node.output), inner=(size,))


def scale_shift(b: Builder, node: FloatNode) -> None:
    """x · scale + shift, both constants that broadcast over the output."""
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    factor, shift = (b.graph.constant(node.input(position)) for position in (1, 2))
    weights = Weights(factor, AffineMap.broadcast(factor.shape, dims))
    bias = shift, AffineMap.broadcast(shift.shape, dims)
    read = (x, x.broadcast(dims)[1])
    b.values[node.output] = weighted(b, node.output, Mul, read, weights, dims, wanted(b, node.output), bias=bias)


RULES: dict[str, Rule] = {"MatMul": matmul, "ScaleShift": scale_shift}
