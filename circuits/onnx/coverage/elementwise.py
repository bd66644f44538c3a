"""Arithmetic of tensors, element by element."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, every, real
from circuits.onnx.graph import FloatGraph, FloatNode


def _divisor(node: FloatNode, graph: FloatGraph) -> str | None:
    """a constant divisor is not 0"""
    name = node.input(1)
    return "its divisor is 0" if graph.is_constant(name) and not graph.constant(name).all() else None


def _mod(node: FloatNode, graph: FloatGraph) -> str | None:
    """real numbers with fmod alone"""
    if graph.is_real(node.input(0)) and not node.attributes.get("fmod", 0):
        return "fmod=0 is for whole numbers"
    return None


CHECKS: dict[str, Check] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Neg", "Abs", "Min", "Max", "Clip", "Relu"), always),
    **dict.fromkeys(("LeakyRelu", "PRelu"), real(0)),
    "Div": _divisor,
    "Mod": every(_divisor, _mod),
}
