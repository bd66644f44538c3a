"""Sums, products and maxima of tensors, and with constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.limits import MAX_SHIFT
from circuits.quantize.arithmetic import (
    absolute,
    at_least,
    at_most,
    common_scale,
    largest,
    negated,
    product,
    signed_sum,
    smallest,
    times_number,
)
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.rules import Rule
from circuits.quantize.rules.tables import wanted
from circuits.quantize.scales import Exact, Reach, Target, Tops, quantize_weights
from circuits.quantize.weights import times_constant

ZERO = np.zeros(())


def add(b: Builder, node: FloatNode) -> None:
    _sum(b, node, (1, 1))


def subtract(b: Builder, node: FloatNode) -> None:
    _sum(b, node, (1, -1))


def _sum(b: Builder, node: FloatNode, signs: Sequence[int]) -> None:
    pairs = list(zip(signs, node.inputs, strict=True))
    terms = [(sign, b.tensor(name)) for sign, name in pairs if not b.graph.is_constant(name)]
    constants = [sign * b.graph.constant(name) for sign, name in pairs if b.graph.is_constant(name)]
    dims, want = b.graph.shapes[node.output], wanted(b, node.output)
    constant = None
    if constants:
        constant = above_depth(b, constants[0], terms, want) if isinstance(want, Tops) else constants[0]
    b.values[node.output] = signed_sum(b, terms, dims, want, constant)


def above_depth(b: Builder, mask: Floats, terms: Sequence[tuple[int, Tensor]], want: Tops) -> Floats:
    """A mask may be −∞, or a number as large as that: here it is low enough to be so wherever the tops are."""
    reach = sum(b.interval(t).magnitude * 2.0**-t.scale for _, t in terms)
    return np.maximum(mask, -2.0 * (reach + want.depth))


def multiply(b: Builder, node: FloatNode) -> None:
    left, right = node.inputs
    if b.graph.is_constant(left):
        left, right = right, left
    dims, want = b.graph.shapes[node.output], wanted(b, node.output)
    if not b.graph.is_constant(right) or isinstance(want, Exact):
        b.values[node.output] = product(b, b.tensor(left), b.tensor(right), dims, want)
        return
    x, factor = b.values[left], b.graph.constant(right)
    if factor.size == 1 and not x.per_feature:
        b.values[node.output] = times_number(b, x, float(factor.reshape(-1)[0]), want).viewed(dims)
    else:
        b.values[node.output] = times_constant(b, node.output, x, factor, dims, want)


def negate(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = negated(b, b.tensor(node.input(0)))


def absolute_value(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = absolute(b, b.tensor(node.input(0)))


def relu(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = at_least(b, b.tensor(node.input(0)), ZERO)


def leaky_relu(b: Builder, node: FloatNode) -> None:
    """max(x, slope·x) for a slope of 0 to 1, else as `prelu`."""
    slope = float(node.attributes.get("alpha", 0.01))
    x = b.tensor(node.input(0))
    if 0 <= slope <= 1:
        weights = quantize_weights(np.array(slope), b.options.weight_bits, MAX_SHIFT)
        below = b.linear([(int(weights.values), x)], x.dims, x.scale + weights.scale, Target(x.scale, x.bits))
        b.values[node.output] = largest(b, [x, below], x.dims)
    else:
        b.values[node.output] = _two_slopes(b, node.output, x, np.array(slope))


def prelu(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = _two_slopes(b, node.output, b.tensor(node.input(0)), b.graph.constant(node.input(1)))


def _two_slopes(b: Builder, name: str, x: Tensor, slope: Floats) -> Tensor:
    """max(x, 0) − slope · max(−x, 0)."""
    want = Reach(b.options.bits)
    above = at_least(b, x, ZERO)
    below = at_least(b, negated(b, x), ZERO)
    scaled = times_constant(b, name, below, -slope, x.dims, want)
    return signed_sum(b, [(1, above), (1, scaled)], x.dims, want)


def clip(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    low, high = (_bound(b, node, position, name) for position, name in ((1, "min"), (2, "max")))
    if low is not None:
        x = at_least(b, x, low)
    if high is not None:
        x = at_most(b, x, high)
    b.values[node.output] = x


def _bound(b: Builder, node: FloatNode, position: int, name: str) -> Floats | None:
    """A bound of Clip, an input since opset 11 and an attribute before; None for none."""
    if node.input(position):
        return b.graph.constant(node.input(position))
    return np.array(node.attributes[name], np.float64) if name in node.attributes else None


def _operands(b: Builder, node: FloatNode) -> list[Tensor]:
    given = [b.graph.constant(name) if b.graph.is_constant(name) else b.tensor(name) for name in node.inputs]
    return common_scale(b, given)


def maximum(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = largest(b, _operands(b, node), b.graph.shapes[node.output])


def minimum(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = smallest(b, _operands(b, node), b.graph.shapes[node.output])


RULES: dict[str, Rule] = {
    "Add": add,
    "Sub": subtract,
    "Mul": multiply,
    "Neg": negate,
    "Abs": absolute_value,
    "Relu": relu,
    "LeakyRelu": leaky_relu,
    "PRelu": prelu,
    "Clip": clip,
    "Max": maximum,
    "Min": minimum,
}
