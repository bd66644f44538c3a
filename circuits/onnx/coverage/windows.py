"""Pooling: a window that walks over the spatial axes."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, attribute, every, one_output
from circuits.onnx.graph import FloatGraph, FloatNode


def _average_pool(node: FloatNode, graph: FloatGraph) -> str | None:
    """With ceil_mode a window may hang over the padding; runtimes then disagree about its divisor."""
    return "ceil_mode=1 is not supported" if node.attributes.get("ceil_mode", 0) else None


CHECKS: dict[str, Check] = {
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), always),
    "MaxPool": every(attribute("storage_order", {0}, 0), one_output),
    "AveragePool": _average_pool,
}
