"""Weights against activations."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, attribute, constant, every, one_output, real
from circuits.onnx.einsum import equation_of, sizes_of
from circuits.onnx.graph import FloatGraph, FloatNode


def _einsum(node: FloatNode, graph: FloatGraph) -> str | None:
    try:
        sizes_of(equation_of(node, graph).operands, [graph.shapes[name] for name in node.inputs])
    except ValueError as error:
        return f"its {error}"
    return None


CHECKS: dict[str, Check] = {
    "MatMul": always,
    "Gemm": real(0),
    "Conv": every(real(0), constant(2)),
    "ConvTranspose": every(real(0), constant(1, 2)),
    "Einsum": _einsum,
    "BatchNormalization": every(real(0), attribute("training_mode", {0}, 0), constant(1, 2, 3, 4), one_output),
}
