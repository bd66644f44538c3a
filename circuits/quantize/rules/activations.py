"""The activations of recurrent layers that ONNX names, clipped where the layer says so."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from circuits.onnx.graph import FloatNode, Floats

# The place of an LSTM's third activation, that of its cell.
CELLS = 2
NAMES = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}


@dataclass(frozen=True)
class Activation:
    """`flat_beyond`: an argument from which on it hardly changes. `largest` is its limit. Relu alone is no table."""

    name: str
    function: Callable[[Floats], Floats]
    tabulated: bool
    flat_beyond: float
    largest: float


# Function of (x, alpha, beta), the defaults of alpha and beta (None where it has none), and its properties as above.
Known = tuple[Callable[[Floats, float, float], Floats], float | None, float | None, float, float]
KNOWN: dict[str, Known] = {
    "affine": (lambda x, a, b: a * x + b, 1.0, 0.0, math.inf, math.inf),
    "relu": (lambda x, a, b: np.maximum(x, 0), None, None, math.inf, math.inf),
    "leakyrelu": (lambda x, a, b: np.where(x >= 0, x, a * x), 0.01, None, math.inf, math.inf),
    "thresholdedrelu": (lambda x, a, b: np.where(x > a, x, 0), 1.0, None, math.inf, math.inf),
    "tanh": (lambda x, a, b: np.tanh(x), None, None, 6.0, 1.0),
    "scaledtanh": (lambda x, a, b: a * np.tanh(b * x), 1.0, 1.0, math.inf, math.inf),
    "sigmoid": (lambda x, a, b: 1 / (1 + np.exp(-x)), None, None, 11.5, 1.0),
    "hardsigmoid": (lambda x, a, b: np.clip(a * x + b, 0, 1), 0.2, 0.5, math.inf, 1.0),
    "elu": (lambda x, a, b: np.where(x >= 0, x, a * np.expm1(np.minimum(x, 0))), 1.0, None, math.inf, math.inf),
    "softsign": (lambda x, a, b: x / (1 + np.abs(x)), None, None, math.inf, 1.0),
    "softplus": (lambda x, a, b: np.logaddexp(x, 0), None, None, math.inf, math.inf),
}


def names_of(node: FloatNode) -> list[str]:
    """The activations of all directions; without a list each direction has the operator's own."""
    directions = 2 if node.attributes.get("direction") == "bidirectional" else 1
    return [name.lower() for name in node.attributes.get("activations") or NAMES[node.op] * directions]


def activations_of(node: FloatNode) -> list[Activation]:
    """In the order of the list; each takes its alpha and its beta, if it has one, from the lists of those.

    An LSTM's cell is not clipped before its activation: so onnxruntime reads the clip of "the input of activations".
    """
    given = {which: list(node.attributes.get(f"activation_{which}", [])) for which in ("alpha", "beta")}
    clip = float(node.attributes.get("clip", 0.0)) or math.inf
    each = len(NAMES[node.op])
    made = []
    for place, name in enumerate(names_of(node)):
        _, alpha, beta, _, _ = KNOWN[name]
        parameters = _next(given["alpha"], alpha), _next(given["beta"], beta)
        made.append(_activation(name, *parameters, math.inf if place % each == CELLS else clip))
    return made


def _next(given: list[float], default: float | None) -> float:
    if default is None:
        return 0.0
    return given.pop(0) if given else default


def _activation(name: str, alpha: float, beta: float, clip: float) -> Activation:
    known, _, _, flat_beyond, largest = KNOWN[name]

    def function(x: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return known(np.clip(x, -clip, clip), alpha, beta)

    return Activation(name, function, name != "relu" or clip < math.inf, flat_beyond, largest)
