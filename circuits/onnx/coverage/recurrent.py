"""Layers that walk along a sequence."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, attribute, constant, every, real
from circuits.onnx.graph import FloatGraph, FloatNode

# What each operator's activations are if none are named, and which parameters an activation takes.
NAMES = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
BOTH = ("alpha", "beta")
PARAMETERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("relu", "sigmoid", "softplus", "softsign", "tanh"), ()),
    **dict.fromkeys(("elu", "leakyrelu", "thresholdedrelu"), BOTH[:1]),
    **dict.fromkeys(("affine", "hardsigmoid", "scaledtanh"), BOTH),
}
DEFAULTS = {
    "elu": {"alpha": 1.0},
    "leakyrelu": {"alpha": 0.01},
    "hardsigmoid": {"alpha": 0.2, "beta": 0.5},
}


def activations_of(node: FloatNode) -> list[tuple[str, dict[str, float]]]:
    """The name, in small letters, and the parameters of every activation of every direction.

    Each takes its alpha and beta, if it has one, from the lists of those; a parameter that is nowhere is left out.
    """
    directions = 2 if node.attributes.get("direction") == "bidirectional" else 1
    given = {which: list(node.attributes.get(f"activation_{which}", [])) for which in BOTH}
    made = []
    for name in map(str.lower, node.attributes.get("activations") or NAMES[node.op] * directions):
        parameters = dict(DEFAULTS.get(name, {}))
        for which in PARAMETERS.get(name, ()):
            if given[which]:
                parameters[which] = given[which].pop(0)
        made.append((name, parameters))
    return made


def _activations(node: FloatNode, graph: FloatGraph) -> str | None:
    """parameters of activations are given where onnxruntime takes 0 for them, or defines the activation otherwise"""
    for name, parameters in activations_of(node):
        if name not in PARAMETERS:
            return f"its activation {name!r} is not supported"
        missing = [which for which in PARAMETERS[name] if which not in parameters]
        if missing:
            return f"its activation {name!r} needs activation_{missing[0]}"
    return None


def _lengths(node: FloatNode, graph: FloatGraph) -> str | None:
    """lengths of sequences lie between 1 and the number of steps"""
    steps = graph.shapes[node.input(0)][1 if node.attributes.get("layout", 0) else 0]
    wrong = [length for length in graph.integers(node.input(4)) if not 0 < length <= steps] if node.input(4) else []
    return f"a sequence of {wrong[0]} steps is none of 1 to {steps}" if wrong else None


def _steps(node: FloatNode, graph: FloatGraph) -> str | None:
    """its input has elements"""
    return "its input has no elements" if 0 in graph.shapes[node.input(0)] else None


def _clip(node: FloatNode, graph: FloatGraph) -> str | None:
    """a clip that is not negative"""
    clip = node.attributes.get("clip", 0.0)
    return None if clip >= 0 else f"clip={clip:g} is not supported"


LAYOUT, CONSTANTS = attribute("layout", {0, 1}, 0), constant(1, 2, 3, 4, 7)
RECURRENT = every(LAYOUT, real(0), _steps, _clip, CONSTANTS, _activations, _lengths)

CHECKS: dict[str, Check] = dict.fromkeys(("LSTM", "GRU", "RNN"), RECURRENT)
