"""Sums, products and maxima of tensors of one shape, and with constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.limits import MAX_SHIFT
from circuits.program.ops import Mul
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.scales import Target, quantize_weights
from circuits.quantize.tables import wanted

# Scales further apart than this are brought nearer first: a coefficient is 2^(difference) and has 32 bits.
MAX_APART = 30


def add(b: Builder, node: FloatNode) -> None:
    _sum(b, node, (1, 1))


def subtract(b: Builder, node: FloatNode) -> None:
    _sum(b, node, (1, -1))


def _sum(b: Builder, node: FloatNode, signs: Sequence[int]) -> None:
    pairs = list(zip(signs, node.inputs, strict=True))
    tensors = [(sign, b.tensor(name)) for sign, name in pairs if not b.graph.is_constant(name)]
    coarsest = min(t.scale for _, t in tensors)
    near = [(s, t if t.scale - coarsest <= MAX_APART else _nearer(b, t, coarsest)) for s, t in tensors]
    acc_scale = max(t.scale for _, t in near)
    terms = [(sign << (acc_scale - t.scale), t) for sign, t in near]
    constants = [sign * b.graph.constant(name) for sign, name in pairs if b.graph.is_constant(name)]
    bias = [b.bias(f"{node.output}.bias", values, acc_scale) for values in constants]
    dims = b.graph.shapes[node.output]
    b.values[node.output] = b.linear(terms, dims, acc_scale, wanted(b, node.output), *bias)


def _nearer(b: Builder, tensor: Tensor, coarsest: int) -> Tensor:
    return b.rescaled(tensor, Target(coarsest + MAX_APART, tensor.bits))


def multiply(b: Builder, node: FloatNode) -> None:
    left, right = node.inputs
    if b.graph.is_constant(left):
        left, right = right, left
    dims, want = b.graph.shapes[node.output], wanted(b, node.output)
    if not b.graph.is_constant(right):
        x, y = b.tensor(left), b.tensor(right)
        b.values[node.output] = b.accumulate(Mul, [x.broadcast(dims), y.broadcast(dims)], dims, x.scale + y.scale, want)
        return
    factor = b.graph.constant(right)
    x = b.values[left]
    if factor.size == 1 and not x.per_feature:
        b.values[node.output] = _times_number(b, x, float(factor.reshape(-1)[0]), dims, want)
        return
    x_scale = x.scale
    if x.per_feature:
        x_scale, factor = 0, factor * 2.0 ** -np.array(x.scales, np.float64)
    b.values[node.output] = _times_constant(b, node.output, x, x_scale, factor, dims, want)


def _times_number(b: Builder, x: Tensor, factor: float, dims: tuple[int, ...], want: Target) -> Tensor:
    """A power of two only changes what the integers mean; any other number is one coefficient."""
    mantissa, exponent = np.frexp(factor)
    scale = x.scale - int(exponent) + 1
    if mantissa == 0.5 and -128 <= scale <= 127 and want.bits >= x.bits:
        return Tensor(x.ref, dims, x.bits, (scale,))
    weights = quantize_weights(np.array(factor), b.options.weight_bits, want.scale + MAX_SHIFT - x.scale)
    return b.linear([(int(weights.values), x)], dims, x.scale + weights.scale, want)


def _times_constant(
    b: Builder, name: str, x: Tensor, x_scale: int, factor: Floats, dims: tuple[int, ...], want: Target
) -> Tensor:
    weights = quantize_weights(factor, b.options.weight_bits, want.scale + MAX_SHIFT - x_scale)
    stored = b.constant(f"{name}.factors", weights.values, weights.scale)
    readings = [x.broadcast(dims), stored.broadcast(dims)]
    return b.accumulate(Mul, readings, dims, x_scale + weights.scale, want)


def negate(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = b.negated(b.tensor(node.input(0)))


def absolute(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = b.maximum([x, b.negated(x)], x.dims)


def at_least(b: Builder, x: Tensor, bound: Floats, dims: tuple[int, ...]) -> Tensor:
    """max(x, bound) for a constant bound; x itself if it can never be below."""
    constant = b.fixed("bound", bound, x.scale)
    if x.dims == dims and b.interval(constant).hi <= b.interval(x).lo:
        return x
    return b.maximum([x, constant], dims)


def at_most(b: Builder, x: Tensor, bound: Floats, dims: tuple[int, ...]) -> Tensor:
    """min(x, bound) = −max(−x, −bound)."""
    constant = b.fixed("bound", bound, x.scale)
    if x.dims == dims and b.interval(constant).lo >= b.interval(x).hi:
        return x
    return b.negated(at_least(b, b.negated(x), -bound, dims))


ZERO = np.zeros(())


def relu(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = at_least(b, x, ZERO, x.dims)


def leaky_relu(b: Builder, node: FloatNode) -> None:
    """max(x, slope·x) for a slope of 0 to 1, else as `prelu`."""
    slope = float(node.attributes.get("alpha", 0.01))
    x = b.tensor(node.input(0))
    if 0 <= slope <= 1:
        weights = quantize_weights(np.array(slope), b.options.weight_bits, MAX_SHIFT)
        below = b.linear([(int(weights.values), x)], x.dims, x.scale + weights.scale, Target(x.scale, x.bits))
        b.values[node.output] = b.maximum([x, below], x.dims)
    else:
        b.values[node.output] = _two_slopes(b, node.output, x, np.array(slope))


def prelu(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = _two_slopes(b, node.output, b.tensor(node.input(0)), b.graph.constant(node.input(1)))


def _two_slopes(b: Builder, name: str, x: Tensor, slope: Floats) -> Tensor:
    """max(x, 0) − slope · max(−x, 0)."""
    want = b.target(name)
    above = at_least(b, x, ZERO, x.dims)
    below = at_least(b, b.negated(x), ZERO, x.dims)
    scaled = _times_constant(b, name, below, below.scale, -slope, x.dims, want)
    finest = max(above.scale, scaled.scale)
    return b.linear(
        [(1 << (finest - above.scale), above), (1 << (finest - scaled.scale), scaled)], x.dims, finest, want
    )


def clip(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    low, high = (_bound(b, node, position, name) for position, name in ((1, "min"), (2, "max")))
    if low is not None:
        x = at_least(b, x, low, x.dims)
    if high is not None:
        x = at_most(b, x, high, x.dims)
    b.values[node.output] = x


def _bound(b: Builder, node: FloatNode, position: int, name: str) -> Floats | None:
    """A bound of Clip, an input since opset 11 and an attribute before; None for none."""
    if node.input(position):
        return b.graph.constant(node.input(position))
    return np.array(node.attributes[name], np.float64) if name in node.attributes else None


def common_scale(b: Builder, names: Sequence[str], *, negated: bool = False) -> list[Tensor]:
    """Tensors and constants (or their negatives) at the coarsest scale of the tensors: nothing is cut off for it."""
    tensors = {name: b.tensor(name) for name in names if not b.graph.is_constant(name)}
    scale = min(t.scale for t in tensors.values())
    made = []
    for name in names:
        if name not in tensors:
            values = b.graph.constant(name)
            made.append(b.fixed(name, -values if negated else values, scale))
            continue
        near = b.rescaled(tensors[name], Target(scale, tensors[name].bits))
        made.append(b.negated(near) if negated else near)
    return made


def maximum(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = b.maximum(common_scale(b, node.inputs), b.graph.shapes[node.output])


def minimum(b: Builder, node: FloatNode) -> None:
    """min x = −max −x."""
    largest = b.maximum(common_scale(b, node.inputs, negated=True), b.graph.shapes[node.output])
    b.values[node.output] = b.negated(largest)
