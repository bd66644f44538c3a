"""Weights against activations."""

from __future__ import annotations

from onnx import TensorProto

from circuits.onnx.coverage.checks import Check, always, attribute, constant, every, one_output, real
from circuits.onnx.einsum import equation_of, sizes_of
from circuits.onnx.graph import FloatGraph, FloatNode


def _einsum(node: FloatNode, graph: FloatGraph) -> str | None:
    """an equation that fits its operands"""
    try:
        sizes_of(equation_of(node, graph).operands, [graph.shapes[name] for name in node.inputs])
    except ValueError as error:
        return f"its {error}"
    return None


SCALED = {TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16}


def _quantizes(node: FloatNode, graph: FloatGraph) -> str | None:
    """output of int8, uint8, int16 or uint16"""
    kind = graph.type_name(node.output)
    return None if graph.types[node.output] in SCALED else f"its output is {kind}, not int8, uint8, int16 or uint16"


def _dequantizes(node: FloatNode, graph: FloatGraph) -> str | None:
    """input 0 of int8, uint8, int16, uint16 or int32"""
    name = node.input(0)
    known = graph.types[name] in SCALED | {TensorProto.INT32}
    return None if known else f"input 0 ({name!r}) is {graph.type_name(name)}, not int8, uint8, int16, uint16 or int32"


def _scale(node: FloatNode, graph: FloatGraph) -> str | None:
    """one scale, or one for every slice of an axis"""
    scale = graph.constant(node.input(1))
    if scale.ndim > 1 or node.attributes.get("block_size", 0):
        return "a scale for every block is not supported"
    return None if (scale > 0).all() else f"its scale {scale.min():g} is not positive"


CHECKS: dict[str, Check] = {
    "MatMul": always,
    "Gemm": real(0),
    "Conv": every(real(0), constant(2)),
    "ConvTranspose": every(real(0), constant(1, 2)),
    "Einsum": _einsum,
    "QuantizeLinear": every(real(0), constant(1, 2), _quantizes, _scale),
    "DequantizeLinear": every(constant(1, 2), _dequantizes, _scale),
    "BatchNormalization": every(real(0), attribute("training_mode", {0}, 0), constant(1, 2, 3, 4), one_output),
}
