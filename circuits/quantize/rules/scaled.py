"""QuantizeLinear and DequantizeLinear: integers that ONNX itself scales."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from circuits.errors import InputError
from circuits.onnx.graph import FloatNode, Floats
from circuits.program.limits import MAX_SHIFT
from circuits.program.ops import Divide, Linear, Mul, Relation
from circuits.program.refs import AffineMap
from circuits.quantize.arithmetic import DIVIDE_BITS, at_least, at_most, negated
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import both, compared
from circuits.quantize.rules import Rule
from circuits.quantize.rules.tables import wanted
from circuits.quantize.scales import Exact, Target
from circuits.quantize.weights import Weights, weighted

Dims = tuple[int, ...]
RANGES: dict[int, tuple[int, int]] = {
    TensorProto.INT8: (-(2**7), 2**7 - 1),
    TensorProto.UINT8: (0, 2**8 - 1),
    TensorProto.INT16: (-(2**15), 2**15 - 1),
    TensorProto.UINT16: (0, 2**16 - 1),
}
# A scale as an integer divisor: room for all bits of a float32.
DIVISOR_BITS = 30


def quantize_linear(b: Builder, node: FloatNode) -> None:
    """y = saturate(round(x / scale) + zero point), halves to even."""
    x, (low, high) = b.tensor(node.input(0)), RANGES[b.graph.types[node.output]]
    scale, zero = _parameters(b, node, x.dims)
    if scale.min() < 2.0**-x.scale:
        raise InputError(
            "quantization_too_coarse",
            f"its scale {scale.min():.3g} is finer than its input, which has steps of {2.0**-x.scale:.3g}; "
            "use more bits",
            scale=float(scale.min()),
        )
    # Beyond twice the range all is saturated, whatever the zero point.
    bits = (high - low).bit_length() + 2
    whole = _quotient_half_to_even(b, x, scale, bits)
    offset = b.bias(f"{node.output}.zero", zero, 0)
    made = b.linear([(1, whole)], x.dims, 0, Exact(), offset)
    b.values[node.output] = at_most(b, at_least(b, made, np.array(float(low))), np.array(float(high)))


def _parameters(b: Builder, node: FloatNode, dims: Dims) -> tuple[Floats, Floats]:
    """Scale and zero point, each a number or one for every slice of the axis."""
    scale = b.graph.constant(node.input(1))
    zero = b.graph.constant(node.input(2)) if node.input(2) else np.zeros(scale.shape)
    if scale.size == 1:
        return scale.reshape(()), zero.reshape(())
    shape = [1] * len(dims)
    shape[node.attributes.get("axis", 1)] = scale.size
    return scale.reshape(shape), zero.reshape(shape)


def _quotient_half_to_even(b: Builder, x: Tensor, scale: Floats, bits: int) -> Tensor:
    """round(x / scale), exact for the integers that x is: where rounding up and down differ, the even one."""
    finest = DIVISOR_BITS - 1 - int(np.floor(np.log2(scale.max())))
    room = min(MAX_SHIFT, DIVIDE_BITS - max(b.interval(x).magnitude, 1).bit_length())
    up = max(0, min(finest - x.scale, room))
    largest = 2.0 ** (DIVISOR_BITS + 1) - 1
    divisor = b.constant("scale", np.minimum(np.rint(scale * 2.0 ** (x.scale + up)), largest).astype(np.int64), 0)
    half_up = _quotient(b, x, divisor, up, bits)
    half_down = negated(b, _quotient(b, negated(b, x), divisor, up, bits))
    one = b.constant("one", np.array(-1, np.int64), 1, width=8)
    halved = b.linear([(1, half_up)], x.dims, 1, Target(0, bits), one)
    odd = compared(b, Relation.LESS, b.linear([(2, halved)], x.dims, 0, Exact()), half_up, x.dims)
    tie = compared(b, Relation.LESS, half_down, half_up, x.dims)
    readings = [t.identity() for t in (half_up, both(b, tie, odd, x.dims))]
    shadow = np.rint(b.shadow(x) / scale)
    return b.accumulate(Linear, readings, x.dims, 0, Exact(), shadow=shadow, coefficients=(1, -1))


def _quotient(b: Builder, x: Tensor, divisor: Tensor, up: int, bits: int) -> Tensor:
    (x_ref, x_how), (d_ref, d_how) = x.broadcast(x.dims), divisor.broadcast(x.dims)
    op = Divide((x_ref, d_ref), (x_how, d_how), x.dims, (), bits, 0, up, False)
    return b.emit(replace(op, saturates=b.bound(op).saturates))


def dequantize_linear(b: Builder, node: FloatNode) -> None:
    """y = (x − zero point) · scale."""
    x = b.tensor(node.input(0))
    scale, zero = _parameters(b, node, x.dims)
    weights = Weights(scale, AffineMap.broadcast(scale.shape, x.dims), tuple(range(scale.ndim)))
    bias = -zero * scale, AffineMap.broadcast(scale.shape, x.dims)
    want = wanted(b, node.output)
    b.values[node.output] = weighted(b, node.output, Mul, (x, x.identity()[1]), weights, x.dims, want, bias=bias)


RULES: dict[str, Rule] = {"QuantizeLinear": quantize_linear, "DequantizeLinear": dequantize_linear}
