"""Convolutions of any rank and either direction, pools to the last window, matrices of integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from tests.differential.op_cases import Case, Whole, node, one, weights

Dims = tuple[int, ...]

BYTES = Whole((2, 3, 4), -128, 127, 3)
WHOLE = {"x": Whole((2, 3), -50, 50, 6)}
IMAGE = (1, 3, 7, 6)


def f32(*values: float) -> np.ndarray:
    """A number, or a vector of several."""
    return np.array(values if len(values) > 1 else values[0], np.float32)


def transposed(*, group: int = 1, size: Dims = (5, 4), kernel: Dims = (3, 2), **more: Any) -> Case:
    """ConvTranspose of 4 channels to 6."""
    constants = {"w": weights(4, 6 // group, *kernel), "b": weights(6)}
    return one("ConvTranspose", (2, 4, *size), constants, group=group, **more)


def einsum(equation: str, **operands: Dims | np.ndarray) -> Case:
    """Operands in their order: constants, and the dims of inputs."""
    constants = {name: given for name, given in operands.items() if isinstance(given, np.ndarray)}
    inputs = {name: given for name, given in operands.items() if isinstance(given, tuple)}
    return [node("Einsum", *operands, equation=equation)], constants, dict(inputs)


CASES: dict[str, Case] = {
    "Conv-1d-dilated-strided": one(
        "Conv", (1, 2, 11), {"w": weights(3, 2, 3), "b": weights(3)}, dilations=[2], strides=[2], pads=[3, 0]
    ),
    "Conv-1d-grouped": one("Conv", (1, 4, 9), {"w": weights(6, 2, 3), "b": weights(6)}, group=2, auto_pad="SAME_UPPER"),
    "Conv-3d": one("Conv", (1, 2, 5, 4, 6), {"w": weights(3, 2, 2, 3, 2), "b": weights(3)}, pads=[1, 0, 0, 0, 2, 1]),
    "Conv-3d-grouped": one(
        "Conv", (2, 4, 4, 4, 4), {"w": weights(4, 2, 2, 2, 2)}, group=2, strides=[2, 1, 2], dilations=[1, 2, 1]
    ),
    "Conv-dynamic": (
        [node("Conv", "x", "w", "b", pads=[1, 0, 1, 0])], {"b": weights(4)}, {"x": IMAGE, "w": (4, 3, 3, 2)}
    ),
    "Conv-dynamic-grouped": ([node("Conv", "x", "w", group=2)], {}, {"x": (2, 4, 6), "w": (6, 2, 3)}),
    "Conv-dynamic-then-BatchNormalization": (
        [helper.make_node("Conv", ["x", "w"], ["h"]), node("BatchNormalization", "h", "g", "s", "m", "v")],
        {"g": weights(2), "s": weights(2), "m": weights(2), "v": np.abs(weights(2)) + 0.5},
        {"x": (1, 2, 5), "w": (2, 2, 3)},
    ),
    "ConvTranspose": transposed(),
    "ConvTranspose-strided": transposed(strides=[2, 3]),
    "ConvTranspose-padded": transposed(strides=[2, 1], pads=[1, 0, 2, 1], output_padding=[1, 0]),
    "ConvTranspose-dilated": transposed(dilations=[2, 3], strides=[3, 2], pads=[0, 2, 1, 0]),
    "ConvTranspose-grouped": transposed(group=2, strides=[2, 2]),
    "ConvTranspose-shape": transposed(strides=[2, 2], output_shape=[10, 9]),
    "ConvTranspose-shape-smaller": transposed(strides=[2, 2], output_shape=[9, 6], output_padding=[1, 0]),
    "ConvTranspose-same-upper": transposed(strides=[2, 2], auto_pad="SAME_UPPER"),
    "ConvTranspose-same-lower": transposed(strides=[2, 3], auto_pad="SAME_LOWER"),
    "ConvTranspose-valid": transposed(strides=[2, 2], auto_pad="VALID"),
    "ConvTranspose-1d": transposed(size=(6,), kernel=(4,), strides=[2], pads=[1, 1]),
    "ConvTranspose-3d": transposed(size=(3, 2, 4), kernel=(2, 3, 2), strides=[2, 1, 3], group=2),
    "ConvTranspose-Add": (
        [helper.make_node("ConvTranspose", ["x", "w"], ["h"], strides=[2]), node("Add", "h", "c")],
        {"w": weights(2, 3, 3), "c": weights(3, 1)}, {"x": (1, 2, 5)},
    ),
    "MaxPool-1d": one("MaxPool", (1, 2, 9), kernel_shape=[3], strides=[2], ceil_mode=1),
    "MaxPool-3d": one("MaxPool", (1, 2, 5, 4, 6), kernel_shape=[2, 2, 3], strides=[2, 1, 2], pads=[1, 0, 0, 0, 1, 1]),
    "MaxPool-same-lower": one("MaxPool", IMAGE, kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_LOWER"),
    "MaxPool-whole": one("MaxPool", Whole((1, 2, 5, 5), -128, 127, 3), kernel_shape=[2, 2]),
    "AveragePool-1d": one("AveragePool", (1, 2, 9), kernel_shape=[4], strides=[3], pads=[2, 1]),
    "AveragePool-3d": one("AveragePool", (1, 2, 5, 4, 6), kernel_shape=[2, 2, 3], strides=[2, 1, 2]),
    "AveragePool-dilated": one("AveragePool", IMAGE, kernel_shape=[3, 2], dilations=[2, 3], pads=[1, 1, 0, 1]),
    "AveragePool-ceil": one("AveragePool", IMAGE, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1),
    "AveragePool-ceil-padded": one(
        "AveragePool", IMAGE, kernel_shape=[3, 3], strides=[3, 2], pads=[1, 1, 1, 1], ceil_mode=1
    ),
    "AveragePool-ceil-counts": one(
        "AveragePool", IMAGE, kernel_shape=[3, 4], strides=[3, 2], pads=[1, 1, 1, 0], ceil_mode=1, count_include_pad=1
    ),
    "AveragePool-dilated-ceil-counts": one(
        "AveragePool", (1, 1, 9, 9), kernel_shape=[3, 2], strides=[2, 3], dilations=[2, 2], pads=[1, 1, 1, 1],
        ceil_mode=1, count_include_pad=1,
    ),
    "AveragePool-same-counts": one(
        "AveragePool", IMAGE, kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_LOWER", count_include_pad=1
    ),
    "MatMul-whole": ([node("MatMul", "x", "w")], {"w": np.array([[3, -2], [7, 0], [-1, 5]], np.int32)}, WHOLE),
    "Einsum": einsum("bij,bjk->bik", x=(2, 3, 4), z=(2, 4, 5)),
    "Einsum-weights": einsum("bij,jhd->bhid", x=(1, 5, 4), w=weights(4, 2, 3)),
    "Einsum-weights-first": einsum("hdj,...j->...hd", w=weights(2, 3, 4), x=(2, 5, 4)),
    "Einsum-attention": einsum("bhid, bhjd -> bhij", x=(1, 2, 3, 4), z=(1, 2, 5, 4)),
    "Einsum-implicit": einsum("ij,kj", x=(3, 4), z=(2, 4)),
    "Einsum-inner": einsum("i,i", x=(6,), z=(6,)),
    "Einsum-outer": einsum("i,j->ji", x=(4,), w=weights(3)),
    "Einsum-product": einsum("ij,ij,ij->ij", x=(3, 4), z=(3, 4), w=weights(3, 4)),
    "Einsum-three": einsum("ij,jk,kl->il", x=(3, 4), z=(4, 5), w=weights(5, 2)),
    "Einsum-two-constants": einsum("ij,jk,kl->li", x=(3, 4), w=weights(4, 2), v=weights(2, 5)),
    "Einsum-transpose": einsum("ijk->kij", x=(2, 3, 4)),
    "Einsum-sum": einsum("ijk->ki", x=(2, 3, 4)),
    "Einsum-summed-apart": einsum("ij,kl->il", x=(3, 4), w=weights(2, 5)),
    "Einsum-diagonal": einsum("...ii->...i", x=(2, 3, 3)),
    "Einsum-trace": einsum("ii->", x=(4, 4)),
    "Einsum-diagonal-weights": einsum("ij,jj->i", x=(3, 4), w=weights(4, 4)),
    "Einsum-broadcast": einsum("...ij,...jk->...ik", x=(2, 1, 3, 4), z=(1, 5, 4, 2)),
    "Einsum-same": einsum("ij->ij", x=(2, 3)),
    "Einsum-whole": ([node("Einsum", "x", "w", equation="ij,j->i")], {"w": np.array([3, -2, 5], np.int32)}, WHOLE),
    "QuantizeLinear": one("QuantizeLinear", (3, 8), {"s": f32(0.013), "z": np.array(7, np.int8)}),
    "QuantizeLinear-unsigned": one("QuantizeLinear", (3, 8), {"s": f32(0.017), "z": np.array(120, np.uint8)}),
    "QuantizeLinear-saturated": one("QuantizeLinear", (3, 8), {"s": f32(0.008), "z": np.array(-20, np.int8)}),
    "QuantizeLinear-axis": one(
        "QuantizeLinear", (2, 3, 4), {"s": f32(0.02, 0.1, 0.017), "z": np.array([0, 5, -9], np.int8)}, axis=-2
    ),
    "QuantizeLinear-without-zero": one("QuantizeLinear", (3, 8), {"s": f32(0.02)}),
    "DequantizeLinear": one("DequantizeLinear", BYTES, {"s": f32(0.013), "z": np.array(7, np.int8)}),
    "DequantizeLinear-without-zero": one("DequantizeLinear", BYTES, {"s": f32(0.013)}),
    "DequantizeLinear-axis": one(
        "DequantizeLinear", BYTES, {"s": f32(0.0002, 0.1, 3), "z": np.array([0, 5, -9], np.int8)}, axis=1
    ),
    "DequantizeLinear-after-QuantizeLinear": (
        [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", "q", "s", "z")],
        {"s": f32(0.03125), "z": np.array(3, np.uint8)}, {"x": (3, 8)},
    ),
}  # fmt: skip
# An input near the middle between two integers may become the other one: a step of about 1/128 of the largest.
TOLERANCES = {name: 0.011 for name in CASES if "QuantizeLinear" in name}
