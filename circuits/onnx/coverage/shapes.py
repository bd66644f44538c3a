"""Elements moved, none changed."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, attribute, constant, every
from circuits.onnx.graph import FLOATS, FloatGraph, FloatNode


def _split(node: FloatNode, graph: FloatGraph) -> str | None:
    missing = [o for o in node.outputs if o not in graph.shapes]
    return f"the shape of {missing[0]!r} is not known" if missing else constant(1)(node, graph)


def _trains(node: FloatNode, graph: FloatGraph) -> str | None:
    """Inference's Dropout is Identity by now."""
    return "training_mode is not false"


CHECKS: dict[str, Check] = {
    **dict.fromkeys(("Identity", "Flatten", "Transpose", "Concat"), always),
    **dict.fromkeys(("Squeeze", "Unsqueeze", "Reshape", "Expand"), constant(1)),
    "Slice": constant(1, 2, 3, 4),
    "Dropout": _trains,
    "Pad": every(attribute("mode", {"constant"}, "constant"), constant(1, 2, 3)),
    "Cast": attribute("to", set(FLOATS), None),
    "Split": _split,
}
