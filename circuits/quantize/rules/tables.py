"""Functions of one number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from circuits.onnx.coverage import TABLE_FUNCTIONS
from circuits.onnx.graph import FloatNode, Floats
from circuits.program.limits import MAX_BITS
from circuits.program.ops import Relation
from circuits.quantize.arithmetic import (
    at_least,
    common_scale,
    floor,
    plus_constant,
    product,
    reciprocal_sqrt,
    signed_sum,
    square_root,
)
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import compared, selected
from circuits.quantize.division import below_zero, ceiling, direction, divided, rounded, sign, size, turned
from circuits.quantize.functions import apply, argument_want, logarithm, require_domain
from circuits.quantize.normalizing import depth
from circuits.quantize.rules import Rule
from circuits.quantize.scales import Exact, Reach, Target, Tops, Want

Function = Callable[[Floats, Mapping[str, Any]], Floats]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _gelu(x: Floats, attributes: Mapping[str, Any]) -> Floats:
    if attributes.get("approximate", "none") == "tanh":
        inner: Floats = 1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    else:
        inner = 1 + _erf(x / math.sqrt(2))
    return 0.5 * x * inner


def _elu(x: Floats, alpha: float, gamma: float = 1.0) -> Floats:
    return gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _hard_sigmoid(x: Floats, alpha: float, beta: float) -> Floats:
    return np.clip(alpha * x + beta, 0, 1)


def _softplus(x: Floats) -> Floats:
    return np.logaddexp(x, 0)


SELU_ALPHA = 1.67326319217681884765625
SELU_GAMMA = 1.05070102214813232421875

FUNCTIONS: dict[str, Function] = {
    "Sigmoid": lambda x, a: 1 / (1 + np.exp(-x)),
    "Tanh": lambda x, a: np.tanh(x),
    "Softplus": lambda x, a: _softplus(x),
    "Softsign": lambda x, a: x / (1 + np.abs(x)),
    "Exp": lambda x, a: np.exp(x),
    "Erf": lambda x, a: _erf(x),
    "Gelu": _gelu,
    "Celu": lambda x, a: np.maximum(x, 0) + np.minimum(0, a["alpha"] * np.expm1(np.minimum(x, 0) / a["alpha"])),
    "Elu": lambda x, a: _elu(x, a.get("alpha", 1.0)),
    "Selu": lambda x, a: _elu(x, a.get("alpha", SELU_ALPHA), a.get("gamma", SELU_GAMMA)),
    "HardSigmoid": lambda x, a: _hard_sigmoid(x, a.get("alpha", 0.2), a.get("beta", 0.5)),
    "HardSwish": lambda x, a: x * _hard_sigmoid(x, 1 / 6, 0.5),
    "Mish": lambda x, a: x * np.tanh(_softplus(x)),
    "Sin": lambda x, a: np.sin(x),
    "Cos": lambda x, a: np.cos(x),
    "Tan": lambda x, a: np.tan(x),
    "Atan": lambda x, a: np.arctan(x),
    "Sinh": lambda x, a: np.sinh(x),
    "Cosh": lambda x, a: np.cosh(x),
    "Asinh": lambda x, a: np.arcsinh(x),
}


def _flat_beyond(b: Builder, op: str) -> float:
    """From where on a function is flat to half a step of the result: nothing needs to reach further."""
    steps = (b.options.bits + 1) * math.log(2)
    return {"Sigmoid": steps, "Tanh": (steps + math.log(2)) / 2, "Erf": math.sqrt(steps)}.get(op, math.inf)


def wanted(b: Builder, name: str) -> Want:
    """What a layer should make `name` to be: an argument ready for what alone reads it, or an activation."""
    reader = b.graph.sole_consumer(name, b.consumers)
    if reader is None or not b.graph.is_real(name):
        return b.want(name)
    if reader.op == "Softmax":
        dims = b.graph.shapes[name]
        axis = reader.attributes["axis"] % len(dims)
        return Tops(b.options.bits, dims=dims, axis=axis, depth=depth(b, dims[axis]))
    if reader.op in TABLE_FUNCTIONS:
        return argument_want(b, _flat_beyond(b, reader.op))
    return b.want(name)


def table(b: Builder, node: FloatNode) -> None:
    """y = f(x) for a function that is smooth wherever its arguments are."""

    def function(x: Floats) -> Floats:
        return FUNCTIONS[node.op](x, node.attributes)

    x, flat = b.tensor(node.input(0)), _flat_beyond(b, node.op)
    b.values[node.output] = apply(b, node.output, x, function, b.want(node.output), flat_beyond=flat)


# Functions that bend most, or end, at the edge of their domain.


def logarithm_of(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = logarithm(b, node.output, b.tensor(node.input(0)), b.want(node.output))


def root(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = _root(b, b.tensor(node.input(0)))


def _root(b: Builder, x: Tensor) -> Tensor:
    """0 stays 0."""
    require_domain(b, x, "a square root", 0.0, math.inf)
    made = square_root(b, x, Reach(b.options.bits))
    zero = b.constant("zero", np.zeros((), np.int64), made.scale)
    least = b.constant("least", np.array(1), x.scale)
    return selected(b, compared(b, Relation.LESS, x, least, x.dims), zero, made, x.dims)


def reciprocal(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = _reciprocal(b, b.tensor(node.input(0)))


def _reciprocal(b: Builder, x: Tensor) -> Tensor:
    one = b.constant("one", np.array(1), 0)
    return divided(b, one, x, x.dims, Reach(b.options.bits))


def power(b: Builder, node: FloatNode) -> None:
    """x to a constant exponent; a constant to x."""
    name, want = node.output, b.want(node.output)
    if isinstance(want, Exact):
        made = x = b.tensor(node.input(0))
        for _ in range(b.graph.integers(node.input(1))[0] - 1):
            made = product(b, made, x, x.dims, want)
    elif b.graph.is_constant(node.input(0)):
        base = float(b.graph.constant(node.input(0)).reshape(-1)[0])
        made = apply(b, name, b.tensor(node.input(1)), lambda t: np.power(base, t), want)
    else:
        made = _power(b, name, b.tensor(node.input(0)), node.attributes["exponent"], want)
    b.values[name] = made.viewed(b.graph.shapes[name])


def _power(b: Builder, name: str, x: Tensor, exponent: float, want: Want) -> Tensor:
    step = np.array(2.0**-x.scale)
    if exponent == 1:
        return x
    if exponent == 0.5:
        return _root(b, x)
    if exponent == -0.5:
        return reciprocal_sqrt(b, at_least(b, x, step), Reach(b.options.bits))
    if exponent == -1:
        return _reciprocal(b, x)
    if exponent < 0 and exponent == int(exponent) and b.interval(x).lo < 0:
        return _power(b, name, _reciprocal(b, x), -exponent, want)
    if exponent < 0 or exponent != int(exponent):
        require_domain(b, x, f"a power of {exponent:g}", 0.0, math.inf)
        x = at_least(b, x, step if exponent < 0 else np.zeros(()))
        return apply(b, name, x, lambda t: np.power(t, exponent), want, graded=True)
    return apply(b, name, x, lambda t: np.power(t, exponent), want)


def inverse_cosine(b: Builder, node: FloatNode) -> None:
    """The angle of |x|, which bends most near |x| = 1; on the other side for an x below 0."""
    x = b.tensor(node.input(0))
    angle = _angle(b, node.output, x)
    other = signed_sum(b, [(-1, angle)], x.dims, b.want(node.output), np.array(np.pi))
    other, angle = common_scale(b, [other, angle])
    b.values[node.output] = selected(b, below_zero(b, x), other, angle, x.dims)


def inverse_sine(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    angle = _angle(b, node.output, x)
    made = signed_sum(b, [(-1, angle)], x.dims, b.want(node.output), np.array(np.pi / 2))
    b.values[node.output] = turned(b, made, direction(b, x), x.dims)


def _angle(b: Builder, name: str, x: Tensor) -> Tensor:
    """acos |x|; what is beyond 1 counts as 1."""
    return apply(b, name, _from_one(b, x, 0), lambda u: np.arccos(1 - u), Reach(b.options.bits), graded=True)


def _from_one(b: Builder, x: Tensor, steps: int) -> Tensor:
    """1 − |x|, at least so many steps."""
    require_domain(b, x, "an inverse function", -1.0, 1.0)
    rest = signed_sum(b, [(-1, size(b, x))], x.dims, Target(x.scale, MAX_BITS), np.ones(()))
    return at_least(b, rest, np.array(steps * 2.0**-x.scale))


def area_cosine(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    require_domain(b, x, "acosh", 1.0, math.inf)
    above = at_least(b, plus_constant(b, x, np.array(-1.0), Target(x.scale, MAX_BITS)), np.zeros(()))
    b.values[node.output] = apply(b, node.output, above, lambda u: np.arccosh(1 + u), b.want(node.output), graded=True)


def area_tangent(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    want = b.want(node.output)
    made = apply(b, node.output, _from_one(b, x, 1), lambda u: np.log((2 - u) / u) / 2, want, graded=True)
    b.values[node.output] = turned(b, made, direction(b, x), x.dims)


# Functions with steps: exact for the number that x is.


def floor_of(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = floor(b, b.tensor(node.input(0)))


def ceiling_of(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = ceiling(b, b.tensor(node.input(0)))


def nearest(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = rounded(b, b.tensor(node.input(0)))


def sign_of(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = sign(b, b.tensor(node.input(0)))


RULES: dict[str, Rule] = {
    **dict.fromkeys(FUNCTIONS, table),
    "Log": logarithm_of,
    "Sqrt": root,
    "Reciprocal": reciprocal,
    "Pow": power,
    "Acos": inverse_cosine,
    "Asin": inverse_sine,
    "Acosh": area_cosine,
    "Atanh": area_tangent,
    "Floor": floor_of,
    "Ceil": ceiling_of,
    "Round": nearest,
    "Sign": sign_of,
}
