"""Many elements to one: sums, norms, products, extremes, and what is made of them along axes."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, constant, every, real
from circuits.onnx.graph import FloatGraph, FloatNode


def not_empty(node: FloatNode, graph: FloatGraph) -> str | None:
    """its input has elements: nothing is the largest of none"""
    return "its input has no elements" if 0 in graph.shapes.get(node.input(0), ()) else None


CHECKS: dict[str, Check] = {
    **dict.fromkeys(("ReduceSum", "ReduceProd", "ReduceL1", "ReduceSumSquare"), constant(1)),
    **dict.fromkeys(
        ("ReduceMean", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp"), every(real(0), constant(1), not_empty)
    ),
    **dict.fromkeys(("ReduceMax", "ReduceMin"), every(constant(1), not_empty)),
    **dict.fromkeys(("ArgMax", "ArgMin"), not_empty),
    **dict.fromkeys(("Sum", "Mean"), always),
    **dict.fromkeys(("GlobalLpPool", "LpPool", "LpNormalization"), real(0)),
    "CumSum": constant(1),
}
