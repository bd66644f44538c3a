"""Functions of one number."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, constant, real
from circuits.onnx.graph import FloatGraph, FloatNode

SIGMOIDAL = frozenset(("Sigmoid", "Tanh", "Softsign", "HardSigmoid", "Erf"))
RECTIFYING = frozenset(("Softplus", "Gelu", "Celu", "Elu", "Selu", "HardSwish", "Mish"))
PERIODIC = frozenset(("Sin", "Cos", "Tan"))
OTHERS = frozenset(("Exp", "Atan", "Sinh", "Cosh", "Asinh"))
TABLE_FUNCTIONS = SIGMOIDAL | RECTIFYING | PERIODIC | OTHERS
# Those that need more than one table or line at the edge of their domain, and those with steps.
EDGED = frozenset(("Log", "Sqrt", "Reciprocal", "Acos", "Asin", "Acosh", "Atanh"))
WHOLE_POWERS = range(1, 17)
STEPPED = frozenset(("Floor", "Ceil", "Round", "Sign"))


def _pow(node: FloatNode, graph: FloatGraph) -> str | None:
    """exponent one constant number, for a whole base one from 1 to 16; or base one positive constant number"""
    if graph.is_constant(node.input(0)):
        base = graph.constant(node.input(0))
        return None if base.size == 1 and base.min() > 0 else "its base is not one positive number"
    if reason := constant(1)(node, graph):
        return reason
    exponent = graph.constant(node.input(1))
    if exponent.size != 1:
        return "its exponent is not one number"
    whole = not graph.is_real(node.input(0))
    return f"its exponent {exponent.item():g} is not one of 1 to 16" if whole and exponent not in WHOLE_POWERS else None


CHECKS: dict[str, Check] = {
    **dict.fromkeys(sorted(TABLE_FUNCTIONS | EDGED), real(0)),
    **dict.fromkeys(sorted(STEPPED), real(0)),
    "Pow": _pow,
}
