"""Sums, products and maxima of tensors, and with constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.limits import MAX_BITS, MAX_SHIFT
from circuits.program.ops import Relation
from circuits.quantize.arithmetic import (
    absolute,
    at_least,
    at_most,
    brought_to,
    common_scale,
    finest_scale,
    largest,
    negated,
    plus_constant,
    product,
    signed_sum,
    smallest,
    times_number,
)
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import compared, selected
from circuits.quantize.division import divided, remainder, whole_quotient, wrapped
from circuits.quantize.rules import Rule
from circuits.quantize.rules.tables import wanted
from circuits.quantize.scales import Exact, Reach, Target, Tops, quantize_weights
from circuits.quantize.weights import times_constant

ZERO = np.zeros(())
# Bits and least number of the element types that wrap around; those of 32 and 64 bits are clamped to 32.
NARROW: dict[int, tuple[int, int]] = {
    TensorProto.INT8: (8, -(2**7)),
    TensorProto.UINT8: (8, 0),
    TensorProto.INT16: (16, -(2**15)),
    TensorProto.UINT16: (16, 0),
}


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
    _whole(b, node, signed_sum(b, terms, dims, want, constant))


def above_depth(b: Builder, mask: Floats, terms: Sequence[tuple[int, Tensor]], want: Tops) -> Floats:
    """A mask may be −∞, or a number as large as that: here it is low enough to be so wherever the tops are."""
    reach = sum(b.interval(t).magnitude * 2.0**-t.scale for _, t in terms)
    return np.maximum(mask, -2.0 * (reach + want.depth))


def _whole(b: Builder, node: FloatNode, made: Tensor) -> None:
    """The node's output; whole numbers of 8 and 16 bits wrap around, as they do in ONNX."""
    b.values[node.output] = wrapped(b, made, *NARROW.get(b.graph.types[node.output], (0, 0)))


def multiply(b: Builder, node: FloatNode) -> None:
    left, right = node.inputs
    if b.graph.is_constant(left):
        left, right = right, left
    dims, want = b.graph.shapes[node.output], wanted(b, node.output)
    if not b.graph.is_constant(right) or isinstance(want, Exact):
        _whole(b, node, product(b, b.tensor(left), b.tensor(right), dims, want))
        return
    x, factor = b.values[left], b.graph.constant(right)
    if factor.size == 1 and not x.per_feature:
        b.values[node.output] = times_number(b, x, float(factor.reshape(-1)[0]), want).viewed(dims)
    else:
        b.values[node.output] = times_constant(b, node.output, x, factor, dims, want)


def divide(b: Builder, node: FloatNode) -> None:
    """Whole numbers are divided towards 0. Division of real ones by a constant is a product by now."""
    x, divisor = (b.tensor(name) for name in node.inputs)
    dims, want = b.graph.shapes[node.output], wanted(b, node.output)
    if isinstance(want, Exact):
        _whole(b, node, whole_quotient(b, x, divisor, dims))
    else:
        b.values[node.output] = divided(b, x, divisor, dims, want)


def modulo(b: Builder, node: FloatNode) -> None:
    """Of the divisor's sign, or with fmod of the dividend's."""
    x, divisor = (b.tensor(name) for name in node.inputs)
    as_dividend = bool(node.attributes.get("fmod", 0))
    b.values[node.output] = remainder(b, x, divisor, b.graph.shapes[node.output], as_dividend=as_dividend)


def negate(b: Builder, node: FloatNode) -> None:
    _whole(b, node, negated(b, b.tensor(node.input(0))))


def absolute_value(b: Builder, node: FloatNode) -> None:
    _whole(b, node, absolute(b, b.tensor(node.input(0))))


def relu(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = at_least(b, b.tensor(node.input(0)), ZERO)


def leaky_relu(b: Builder, node: FloatNode) -> None:
    """max(x, slope·x) for a slope of 0 to 1, else as `prelu`."""
    slope = float(node.attributes.get("alpha", 0.01))
    x = b.tensor(node.input(0))
    if 0 <= slope <= 1:
        x = brought_to(b, x, finest_scale(b, x)) if 0 < slope < 1 else x
        weights = quantize_weights(np.array(slope), b.options.weight_bits, MAX_SHIFT)
        below = b.linear([(int(weights.values), x)], x.dims, x.scale + weights.scale, Target(x.scale, x.bits))
        b.values[node.output] = largest(b, [x, below], x.dims)
    else:
        b.values[node.output] = _two_slopes(b, node.output, x, np.array(slope))


def prelu(b: Builder, node: FloatNode) -> None:
    x, slope = b.tensor(node.input(0)), node.input(1)
    if b.graph.is_constant(slope):
        b.values[node.output] = _two_slopes(b, node.output, x, b.graph.constant(slope))
        return
    below = at_least(b, negated(b, x), ZERO)
    sloped = product(b, below, b.tensor(slope), x.dims, Reach(b.options.bits))
    b.values[node.output] = signed_sum(b, [(1, at_least(b, x, ZERO)), (-1, sloped)], x.dims, Reach(b.options.bits))


def _two_slopes(b: Builder, name: str, x: Tensor, slope: Floats) -> Tensor:
    """max(x, 0) − slope · max(−x, 0)."""
    want = Reach(b.options.bits)
    above = at_least(b, x, ZERO)
    below = at_least(b, negated(b, x), ZERO)
    scaled = times_constant(b, name, below, -slope, x.dims, want)
    return signed_sum(b, [(1, above), (1, scaled)], x.dims, want)


def shrink(b: Builder, node: FloatNode) -> None:
    """x moved by the bias towards 0, and 0 within ±lambd; exact for the number that x is."""
    x = b.tensor(node.input(0))
    bias, bound = (np.array(float(node.attributes[name])) for name in ("bias", "lambd"))
    x = common_scale(b, [x, bias, bound])[0]
    low, high, zero = (b.fixed("bound", value, x.scale) for value in (-bound, bound, ZERO))
    raised, lowered = (plus_constant(b, x, by, Target(x.scale, min(x.bits + 1, MAX_BITS))) for by in (bias, -bias))
    made = selected(b, compared(b, Relation.LESS, high, x, x.dims), lowered, zero, x.dims)
    b.values[node.output] = selected(b, compared(b, Relation.LESS, x, low, x.dims), raised, made, x.dims)


def clip(b: Builder, node: FloatNode) -> None:
    """Bounds are inputs, each of them left out, constant or computed; where they cross, the upper one counts."""
    x = b.tensor(node.input(0))
    low, high = node.input(1), node.input(2)
    x = common_scale(b, [x, *(b.graph.constant(name) for name in (low, high) if b.graph.is_constant(name))])[0]
    if b.graph.is_constant(low):
        x = at_least(b, x, b.graph.constant(low))
    elif low:
        x = largest(b, common_scale(b, [x, b.tensor(low)]), x.dims)
    if b.graph.is_constant(high):
        x = at_most(b, x, b.graph.constant(high))
    elif high:
        x = smallest(b, common_scale(b, [x, b.tensor(high)]), x.dims)
    b.values[node.output] = x


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
    "Div": divide,
    "Mod": modulo,
    "Neg": negate,
    "Abs": absolute_value,
    "Relu": relu,
    "LeakyRelu": leaky_relu,
    "PRelu": prelu,
    "Shrink": shrink,
    "Clip": clip,
    "Max": maximum,
    "Min": minimum,
}
