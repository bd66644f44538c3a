"""Comparisons, choices and elements found by their index."""

from __future__ import annotations

from onnx import TensorProto

from circuits.onnx.coverage.checks import Check, always, constant, every
from circuits.onnx.graph import FLOATS, INTEGERS, FloatGraph, FloatNode, type_name

CASTS = {*FLOATS, *INTEGERS, TensorProto.BOOL}
# How many bits a whole number of this type needs; all those that programs compute with fit the widest.
WHOLE_BITS: dict[int, int] = {TensorProto.INT8: 8, TensorProto.UINT8: 9, TensorProto.INT16: 16}


def _cast(node: FloatNode, graph: FloatGraph) -> str | None:
    """between real numbers of 16 bits or more, integers of 8 or more and booleans; integers to none that is narrower. A
    real number out of the integer type's range, of which ONNX says nothing, stays the whole number it is"""
    source, target = graph.types[node.input(0)], node.attributes["to"]
    if target not in CASTS:
        return f"it makes a {type_name(target)}"
    narrows = graph.is_integer(node.input(0)) and WHOLE_BITS.get(target, 64) < WHOLE_BITS.get(source, 64)
    return "it narrows whole numbers, which wraps around" if narrows else None


def _scatter(node: FloatNode, graph: FloatGraph) -> str | None:
    """reduction is none or add, or input 1 constant"""
    kind = node.attributes["reduction"]
    if graph.is_constant(node.input(1)) or kind in ("none", "add"):
        return None
    return f"reduction={kind!r} at indices that are not constant"


def _chosen(node: FloatNode, graph: FloatGraph) -> str | None:
    """its outputs have elements"""
    made = next(name for name in node.outputs if name)
    return "its outputs have no elements" if 0 in graph.shapes[made] else None


CHECKS: dict[str, Check] = {
    **dict.fromkeys(("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"), always),
    **dict.fromkeys(("And", "Or", "Xor", "Not", "Where"), always),
    **dict.fromkeys(("Gather", "GatherElements", "GatherND"), always),
    **dict.fromkeys(("ScatterElements", "ScatterND"), _scatter),
    "OneHot": constant(1, 2),
    "TopK": every(constant(1), _chosen),
    "Trilu": constant(1),
    "Cast": _cast,
}
