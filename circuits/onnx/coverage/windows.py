"""Pooling: a window that walks over the spatial axes."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, attribute, every, one_output, real
from circuits.onnx.graph import FloatGraph, FloatNode


def _starts_inside(node: FloatNode, graph: FloatGraph) -> str | None:
    """no window starts behind the elements and the padding before them, where onnx and onnxruntime disagree"""
    sizes, outputs = graph.shapes[node.input(0)][2:], graph.shapes[node.output][2:]
    strides = node.attributes.get("strides", [1] * len(sizes))
    padded = node.attributes.get("auto_pad", "NOTSET") == "NOTSET"
    begins = node.attributes.get("pads", [0] * len(sizes))[: len(sizes)] if padded else [0] * len(sizes)
    for size, out, stride, begin in zip(sizes, outputs, strides, begins, strict=True):
        if (out - 1) * stride >= size + begin:
            return f"its last window starts at {(out - 1) * stride} of {size + begin} elements, behind all of them"
    return None


CHECKS: dict[str, Check] = {
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), always),
    "MaxPool": every(attribute("storage_order", {0}, 0), one_output, _starts_inside),
    "AveragePool": every(real(0), _starts_inside),
}
