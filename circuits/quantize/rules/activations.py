"""The activations of recurrent layers that ONNX names, clipped where the layer says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from circuits.onnx.coverage import recurrent
from circuits.onnx.coverage.recurrent import NAMES
from circuits.onnx.graph import FloatNode, Floats

# The place of an LSTM's third activation, that of its cell.
CELLS = 2


@dataclass(frozen=True)
class Activation:
    """`flat_beyond`: an argument from which on it hardly changes. `largest` is its limit. Relu alone is no table."""

    name: str
    function: Callable[[Floats], Floats]
    tabulated: bool
    flat_beyond: float
    largest: float


# Function of (x, alpha, beta), and its properties as above.
Known = tuple[Callable[[Floats, float, float], Floats], float, float]
KNOWN: dict[str, Known] = {
    "affine": (lambda x, a, b: a * x + b, math.inf, math.inf),
    "relu": (lambda x, a, b: np.maximum(x, 0), math.inf, math.inf),
    "leakyrelu": (lambda x, a, b: np.where(x >= 0, x, a * x), math.inf, math.inf),
    "thresholdedrelu": (lambda x, a, b: np.where(x > a, x, 0), math.inf, math.inf),
    "tanh": (lambda x, a, b: np.tanh(x), 6.0, 1.0),
    "scaledtanh": (lambda x, a, b: a * np.tanh(b * x), math.inf, math.inf),
    "sigmoid": (lambda x, a, b: 1 / (1 + np.exp(-x)), 11.5, 1.0),
    "hardsigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), math.inf, 1.0),
    "elu": (lambda x, a, b: np.where(x >= 0, x, a * np.expm1(np.minimum(x, 0))), math.inf, math.inf),
    "softsign": (lambda x, a, b: x / (1 + np.abs(x)), math.inf, 1.0),
    "softplus": (lambda x, a, b: np.logaddexp(x, 0), math.inf, math.inf),
}


def activations_of(node: FloatNode) -> list[Activation]:
    """Those of all directions, in the order of ONNX's list.

    An LSTM's cell is not clipped before its activation: so onnxruntime reads the clip of "the input of activations".
    """
    clip = float(node.attributes.get("clip", 0.0)) or math.inf
    each = len(NAMES[node.op])
    return [
        _activation(name, parameters, math.inf if place % each == CELLS else clip)
        for place, (name, parameters) in enumerate(recurrent.activations_of(node))
    ]


def _activation(name: str, parameters: Mapping[str, float], clip: float) -> Activation:
    known, flat_beyond, largest = KNOWN[name]

    def function(x: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return known(np.clip(x, -clip, clip), parameters.get("alpha", 0.0), parameters.get("beta", 0.0))

    return Activation(name, function, name != "relu" or clip < math.inf, flat_beyond, largest)
