"""Arithmetic of tensors, element by element."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, real
from circuits.onnx.graph import FloatGraph, FloatNode


def _divisor(node: FloatNode, graph: FloatGraph) -> str | None:
    """a constant divisor is not 0"""
    name = node.input(1)
    return "its divisor is 0" if graph.is_constant(name) and not graph.constant(name).all() else None


CHECKS: dict[str, Check] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Neg", "Abs", "Min", "Max", "Clip", "Relu"), always),
    **dict.fromkeys(("LeakyRelu", "PRelu", "Shrink"), real(0)),
    "Div": _divisor,
    "Mod": _divisor,
}
