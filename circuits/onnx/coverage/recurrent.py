"""Layers that walk along a sequence."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, constant, every, real
from circuits.onnx.graph import FloatGraph, FloatNode

ACTIVATIONS = frozenset((
    "affine", "elu", "hardsigmoid", "leakyrelu", "relu", "scaledtanh", "sigmoid", "softplus", "softsign", "tanh",
    "thresholdedrelu",
))  # fmt: skip


def _activations(node: FloatNode, graph: FloatGraph) -> str | None:
    unknown = [name for name in node.attributes.get("activations", []) if name.lower() not in ACTIVATIONS]
    return f"its activation {unknown[0]!r} is not supported" if unknown else None


def _lengths(node: FloatNode, graph: FloatGraph) -> str | None:
    """Steps are unrolled: how many there are is part of the program."""
    steps = graph.shapes[node.input(0)][0]
    wrong = [length for length in graph.integers(node.input(4)) if not 0 < length <= steps] if node.input(4) else []
    return f"a sequence of {wrong[0]} steps is none of 1 to {steps}" if wrong else None


RECURRENT = every(real(0), constant(1, 2, 3, 4, 7), _activations, _lengths)

CHECKS: dict[str, Check] = dict.fromkeys(("LSTM", "GRU", "RNN"), RECURRENT)
