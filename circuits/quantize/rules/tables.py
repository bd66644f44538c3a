"""Smooth functions of one number as lookup tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from circuits.onnx.coverage import TABLE_FUNCTIONS
from circuits.onnx.graph import FloatNode, Floats
from circuits.quantize.builder import Builder
from circuits.quantize.functions import apply, argument_want
from circuits.quantize.normalizing import depth
from circuits.quantize.rules import Rule
from circuits.quantize.scales import Tops, Want

Function = Callable[[Floats, Mapping[str, Any]], Floats]
TABLE_OPS = TABLE_FUNCTIONS | {"Pow"}

# Beyond these arguments a function is flat to 2^-16: no table needs to reach further.
FLAT_BEYOND = {"Sigmoid": 11.5, "Tanh": 6.0, "Erf": 3.25, "HardSigmoid": 32.0}

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


SELU_ALPHA = 1.67326319217681884765625
SELU_GAMMA = 1.05070102214813232421875

FUNCTIONS: dict[str, Function] = {
    "Sigmoid": lambda x, a: 1 / (1 + np.exp(-x)),
    "Tanh": lambda x, a: np.tanh(x),
    "Softplus": lambda x, a: np.logaddexp(x, 0),
    "Softsign": lambda x, a: x / (1 + np.abs(x)),
    "Exp": lambda x, a: np.exp(x),
    "Log": lambda x, a: np.log(x),
    "Sqrt": lambda x, a: np.sqrt(x),
    "Erf": lambda x, a: _erf(x),
    "Gelu": _gelu,
    "Elu": lambda x, a: _elu(x, a.get("alpha", 1.0)),
    "Selu": lambda x, a: _elu(x, a.get("alpha", SELU_ALPHA), a.get("gamma", SELU_GAMMA)),
    "HardSigmoid": lambda x, a: _hard_sigmoid(x, a.get("alpha", 0.2), a.get("beta", 0.5)),
    "HardSwish": lambda x, a: x * _hard_sigmoid(x, 1 / 6, 0.5),
    "Mish": lambda x, a: x * np.tanh(np.logaddexp(x, 0)),
    "Sin": lambda x, a: np.sin(x),
    "Cos": lambda x, a: np.cos(x),
    "Pow": lambda x, a: np.power(x, a["exponent"]),
}


def wanted(b: Builder, name: str) -> Want:
    """What a layer should make `name` to be: an argument ready for the table that alone reads it, or an activation."""
    reader = b.graph.sole_consumer(name, b.consumers)
    if reader is not None and reader.op == "Softmax" and b.graph.is_real(name):
        dims = b.graph.shapes[name]
        axis = reader.attributes["axis"] % len(dims)
        return Tops(b.options.bits, dims=dims, axis=axis, depth=depth(b, dims[axis]))
    if reader is not None and reader.op in TABLE_OPS and b.graph.is_real(name):
        return argument_want(b, FLAT_BEYOND.get(reader.op, math.inf))
    return b.want(name)


def table(b: Builder, node: FloatNode) -> None:
    """y = table[x]."""
    x = b.tensor(node.input(0))
    b.values[node.output] = apply(
        b,
        node.output,
        x,
        lambda argument: FUNCTIONS[node.op](argument, node.attributes),
        b.want(node.output),
        flat_beyond=FLAT_BEYOND.get(node.op, math.inf),
        least={"Log": 2.0 ** -(x.scale + 1), "Sqrt": 0.0}.get(node.op, -math.inf),
    )


RULES: dict[str, Rule] = dict.fromkeys(TABLE_OPS, table)
