"""Smooth functions of one number."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, constant
from circuits.onnx.graph import FloatGraph, FloatNode

SIGMOIDAL = frozenset(("Sigmoid", "Tanh", "Softsign", "HardSigmoid", "Erf"))
RECTIFYING = frozenset(("Softplus", "Gelu", "Elu", "Selu", "HardSwish", "Mish"))
TABLE_FUNCTIONS = SIGMOIDAL | RECTIFYING | {"Exp", "Log", "Sqrt", "Sin", "Cos"}


def _pow(node: FloatNode, graph: FloatGraph) -> str | None:
    if reason := constant(1)(node, graph):
        return reason
    return None if graph.constants[node.input(1)].size == 1 else "its exponent is not one number"


CHECKS: dict[str, Check] = {**dict.fromkeys(sorted(TABLE_FUNCTIONS), always), "Pow": _pow}
