"""Softmax and the normalizations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from circuits.onnx.graph import FloatNode
from circuits.program.ops import Mul, Relation
from circuits.program.refs import AffineMap
from circuits.quantize.arithmetic import product, signed_sum, times_number
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import argmax_over, compared
from circuits.quantize.normalizing import log_softmax, root_mean_squared, softmax, standardized
from circuits.quantize.rules import Rule
from circuits.quantize.rules.tables import wanted
from circuits.quantize.scales import Reach
from circuits.quantize.weights import Weights, weighted

# No probability is over 1.
CERTAIN = 1.0


def _axis(node: FloatNode, x: Tensor) -> int:
    return int(node.attributes.get("axis", -1)) % len(x.dims)


def soft_max(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = softmax(b, node.output, x, _axis(node, x), Reach(b.options.bits, CERTAIN))


def log_soft_max(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = log_softmax(b, node.output, x, _axis(node, x), wanted(b, node.output))


def hard_max(b: Builder, node: FloatNode) -> None:
    """1 at the lowest index of the largest element, else 0."""
    x = b.tensor(node.input(0))
    axis = _axis(node, x)
    shape = [-1 if a == axis else 1 for a in range(len(x.dims))]
    places = b.constant("places", np.arange(x.dims[axis], dtype=np.int64).reshape(shape), 0)
    b.values[node.output] = compared(b, Relation.EQUAL, argmax_over(b, x, axis), places, x.dims)


def layer_normalization(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    axes = range(_axis(node, x), len(x.dims))
    made = standardized(b, x, axes, _epsilon(node))
    _scaled(b, node, made, _count(x, axes), node.input(1), node.input(2), 0)


def rms_normalization(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    axes = range(_axis(node, x), len(x.dims))
    made = root_mean_squared(b, x, axes, _epsilon(node))
    _scaled(b, node, made, _count(x, axes), node.input(1), "", 0)


def instance_normalization(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    axes = range(2, len(x.dims))
    made = standardized(b, x, axes, _epsilon(node))
    _scaled(b, node, made, _count(x, axes), node.input(1), node.input(2), len(axes))


def group_normalization(b: Builder, node: FloatNode) -> None:
    """Each group of channels is standardized as a whole; scale and bias are those of the channels."""
    x = b.tensor(node.input(0))
    groups = int(node.attributes["num_groups"])
    grouped = x.viewed((x.dims[0], groups, x.dims[1] // groups, *x.dims[2:]))
    axes = range(2, len(grouped.dims))
    made = standardized(b, grouped, axes, _epsilon(node)).viewed(x.dims)
    _scaled(b, node, made, _count(grouped, axes), node.input(1), node.input(2), len(x.dims) - 2)


def mean_variance_normalization(b: Builder, node: FloatNode) -> None:
    """Without an epsilon: where all elements are equal, the result is 0."""
    x = b.tensor(node.input(0))
    axes = [axis % len(x.dims) for axis in node.attributes.get("axes", (0, 2, 3))]
    _scaled(b, node, standardized(b, x, axes, 0.0), _count(x, axes), "", "", 0)


def _epsilon(node: FloatNode) -> float:
    return float(node.attributes.get("epsilon", 1e-5))


def _count(x: Tensor, axes: Sequence[int]) -> int:
    return math.prod(x.dims[axis] for axis in axes)


def _scaled(b: Builder, node: FloatNode, x: Tensor, count: int, scale: str, bias: str, trailing: int) -> None:
    """x · sqrt(count) · scale + bias, of the ONNX inputs so named ("" for none), with `trailing` axes of 1 after."""
    want, root = wanted(b, node.output), math.sqrt(count)

    def seen(dims: Sequence[int]) -> tuple[int, ...]:
        return (*dims, *(1,) * trailing)

    if not all(b.graph.is_constant(name) for name in (scale, bias) if name):
        unit = times_number(b, x, root, Reach(b.options.bits))
        factor, offset = (b.tensor(name) if name else None for name in (scale, bias))
        if factor is not None:
            unit = product(b, unit, factor.viewed(seen(factor.dims)), x.dims, want)
        if offset is not None:
            unit = signed_sum(b, [(1, unit), (1, offset.viewed(seen(offset.dims)))], x.dims, want)
        b.values[node.output] = unit
        return
    factors, offsets = (
        b.graph.constant(name).reshape(seen(b.graph.shapes[name])) if name else np.array(default)
        for name, default in ((scale, 1.0), (bias, 0.0))
    )
    weights = Weights(factors * root, AffineMap.broadcast(factors.shape, x.dims))
    shift = (offsets, AffineMap.broadcast(offsets.shape, x.dims)) if bias else None
    read = (x, x.identity()[1])
    b.values[node.output] = weighted(b, node.output, Mul, read, weights, x.dims, want, bias=shift)


RULES: dict[str, Rule] = {
    "Softmax": soft_max,
    "LogSoftmax": log_soft_max,
    "Hardmax": hard_max,
    "LayerNormalization": layer_normalization,
    "RMSNormalization": rms_normalization,
    "InstanceNormalization": instance_normalization,
    "GroupNormalization": group_normalization,
    "MeanVarianceNormalization": mean_variance_normalization,
}
