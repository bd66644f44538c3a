"""Comparisons, choices and elements found by their index."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, constant
from circuits.onnx.graph import FloatGraph, FloatNode


def _gather(node: FloatNode, graph: FloatGraph) -> str | None:
    if reason := constant(1)(node, graph):
        return reason
    indices = graph.constants[node.input(1)]
    if indices.ndim > 1:
        return f"its indices have rank {indices.ndim}; at most 1 is supported"
    steps = {int(b) - int(a) for a, b in zip(indices.reshape(-1), indices.reshape(-1)[1:], strict=False)}
    return None if len(steps) <= 1 else "its indices are not evenly spaced"


CHECKS: dict[str, Check] = {"Gather": _gather}
