"""Functions of one number."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, constant, every, real
from circuits.onnx.graph import FloatGraph, FloatNode

SIGMOIDAL = frozenset(("Sigmoid", "Tanh", "Softsign", "HardSigmoid", "Erf"))
RECTIFYING = frozenset(("Softplus", "Gelu", "Celu", "Elu", "Selu", "HardSwish", "Mish"))
PERIODIC = frozenset(("Sin", "Cos", "Tan"))
OTHERS = frozenset(("Exp", "Atan", "Sinh", "Cosh", "Asinh"))
TABLE_FUNCTIONS = SIGMOIDAL | RECTIFYING | PERIODIC | OTHERS
# Those that need more than one table or line at the edge of their domain, and those with steps.
EDGED = frozenset(("Log", "Sqrt", "Reciprocal", "Acos", "Asin", "Acosh", "Atanh"))
STEPPED = frozenset(("Floor", "Ceil", "Round", "Sign"))


def _pow(node: FloatNode, graph: FloatGraph) -> str | None:
    """exponent one constant number, or base one positive constant number"""
    if graph.is_constant(node.input(0)):
        base = graph.constant(node.input(0))
        return None if base.size == 1 and base.min() > 0 else "its base is not one positive number"
    if reason := constant(1)(node, graph):
        return reason
    return None if graph.constants[node.input(1)].size == 1 else "its exponent is not one number"


CHECKS: dict[str, Check] = {
    **dict.fromkeys(sorted(TABLE_FUNCTIONS | EDGED), real(0)),
    **dict.fromkeys(sorted(STEPPED), real(0)),
    "Pow": every(real(0), _pow),
}
