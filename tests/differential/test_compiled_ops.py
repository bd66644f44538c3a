"""Every supported ONNX operator, compiled at 16 bits, against onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.execute import execute
from circuits.onnx.coverage import SUPPORTED
from circuits.program.interpreter import run
from circuits.program.values import quantize_clamped, quantize_input
from circuits.quantize import CompileOptions, compile_model

RNG = np.random.default_rng(7)
Case = tuple[list[onnx.NodeProto], dict[str, np.ndarray], dict[str, tuple[int, ...]]]


def weights(*shape: int, spread: float = 0.5) -> np.ndarray:
    return (RNG.standard_normal(shape) * spread).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def save(path: Path, case: Case, opset: int = 20) -> Path:
    nodes, constants, inputs = case
    graph = helper.make_graph(
        nodes,
        "case",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.save(onnx.shape_inference.infer_shapes(model, data_prop=True), path)
    return path


def samples(inputs: dict[str, tuple[int, ...]], low: float, high: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {name: rng.uniform(low, high, (40, *shape)).astype(np.float32) for name, shape in inputs.items()}


def node(op: str, *inputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), ["y"], **attributes)


def one(op: str, shape: tuple[int, ...], constants: dict[str, np.ndarray] | None = None, **attributes: Any) -> Case:
    """One node over input x and constants."""
    given = constants or {}
    return (
        [node(op, "x", *(name if np.ndim(v) or name else "" for name, v in given.items()), **attributes)],
        given,
        {"x": shape},
    )


IMAGE = (1, 3, 7, 6)
CONV = {"w": weights(4, 3, 3, 2), "b": weights(4)}
NORM = {"g": weights(3) + 1, "s": weights(3), "m": weights(3), "v": np.abs(weights(3)) + 0.5}

CASES: dict[str, Case] = {
    "Conv": one("Conv", IMAGE, CONV),
    "Conv-strided-padded": one("Conv", IMAGE, CONV, strides=[2, 1], pads=[1, 0, 2, 1]),
    "Conv-dilated": one("Conv", IMAGE, CONV, dilations=[2, 3]),
    "Conv-same-upper": one("Conv", IMAGE, CONV, auto_pad="SAME_UPPER", strides=[2, 2]),
    "Conv-same-lower": one("Conv", IMAGE, CONV, auto_pad="SAME_LOWER"),
    "Conv-valid": one("Conv", IMAGE, CONV, auto_pad="VALID"),
    "Conv-grouped": one("Conv", (1, 4, 5, 5), {"w": weights(6, 2, 3, 3), "b": weights(6)}, group=2, pads=[1, 1, 1, 1]),
    "Conv-depthwise": one("Conv", (1, 4, 5, 5), {"w": weights(4, 1, 3, 3)}, group=4),
    "Conv-1d": one("Conv", (1, 2, 9), {"w": weights(3, 2, 4), "b": weights(3)}, pads=[2, 1]),
    "Conv-batch": one("Conv", (2, 3, 5, 5), {"w": weights(2, 3, 2, 2)}),
    "MatMul": one("MatMul", (1, 8), {"w": weights(8, 5)}),
    "MatMul-stack": one("MatMul", (2, 3, 8), {"w": weights(8, 5)}),
    "MatMul-stacked-weights": one("MatMul", (2, 3, 4), {"w": weights(2, 4, 5)}),
    "MatMul-vector": one("MatMul", (8,), {"w": weights(8, 5)}),
    "MatMul-to-vector": one("MatMul", (3, 8), {"w": weights(8)}),
    "MatMul-constant-left": ([node("MatMul", "w", "x")], {"w": weights(5, 4)}, {"x": (4, 3)}),
    "MatMul-dynamic": ([node("MatMul", "x", "z")], {}, {"x": (2, 3, 4), "z": (4, 5)}),
    "Gemm": one("Gemm", (2, 4), {"w": weights(4, 3), "c": weights(3)}),
    "Gemm-everything": (
        [node("Gemm", "x", "w", "c", alpha=0.5, beta=2.0, transA=1, transB=1)],
        {"w": weights(3, 4), "c": weights(2, 1)}, {"x": (4, 2)},
    ),
    "Gemm-dynamic": (
        [node("Gemm", "x", "z", "c", alpha=0.5, beta=2.0, transB=1)], {}, {"x": (2, 4), "z": (3, 4), "c": (2, 3)}
    ),
    "Add": ([node("Add", "x", "z")], {}, {"x": (2, 3), "z": (3,)}),
    "Add-constant": one("Add", (2, 3), {"c": weights(2, 1)}),
    "Sub": ([node("Sub", "x", "z")], {}, {"x": (2, 3), "z": (2, 3)}),
    "Sub-constant": one("Sub", (2, 3), {"c": weights(3)}),
    "Sub-from-constant": ([node("Sub", "c", "x")], {"c": weights(3)}, {"x": (2, 3)}),
    "Mul": ([node("Mul", "x", "z")], {}, {"x": (2, 3), "z": (2, 1)}),
    "Mul-constant": one("Mul", (2, 3), {"c": weights(3)}),
    "Mul-number": one("Mul", (2, 3), {"c": np.array(0.3, np.float32)}),
    "Mul-power-of-two": one("Mul", (2, 3), {"c": np.array(-8.0, np.float32)}),
    "Mul-only-scales": one("Mul", (2, 3), {"c": np.array(0.125, np.float32)}),
    "Div": one("Div", (2, 3), {"c": np.array([3.0, -7.0, 0.1], np.float32)}),
    "Pow-square": one("Pow", (2, 3), {"c": np.array(2.0, np.float32)}),
    "Pow-cube": one("Pow", (2, 3), {"c": np.array(3.0, np.float32)}),
    "Neg": one("Neg", (5,)),
    "Abs": one("Abs", (5,)),
    "Relu": one("Relu", (5,)),
    "LeakyRelu": one("LeakyRelu", (5,), alpha=0.2),
    "LeakyRelu-steep": one("LeakyRelu", (5,), alpha=1.7),
    "PRelu": one("PRelu", (2, 3), {"c": weights(3)}),
    "Clip": one("Clip", (5,), {"a": np.array(-0.5, np.float32), "b": np.array(1.25, np.float32)}),
    "Clip-below": one("Clip", (5,), {"a": np.array(0.1, np.float32)}),
    "Clip-infinite": one("Clip", (5,), {"a": np.array(-np.inf, np.float32), "b": np.array(0.5, np.float32)}),
    "Min": ([node("Min", "x", "z", "c")], {"c": weights(3)}, {"x": (2, 3), "z": (2, 3)}),
    "Max": ([node("Max", "x", "z", "c")], {"c": weights(3)}, {"x": (2, 3), "z": (2, 1)}),
    "MaxPool": one("MaxPool", IMAGE, kernel_shape=[2, 2], strides=[2, 2]),
    "MaxPool-padded": one("MaxPool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1], dilations=[1, 2]),
    "MaxPool-ceil": one("MaxPool", IMAGE, kernel_shape=[2, 4], strides=[2, 3], ceil_mode=1),
    "AveragePool": one("AveragePool", IMAGE, kernel_shape=[2, 3]),
    "AveragePool-padded": one("AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    "AveragePool-counts": one("AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 0, 1, 2], count_include_pad=1),
    "AveragePool-same": one("AveragePool", IMAGE, kernel_shape=[2, 2], auto_pad="SAME_UPPER", strides=[2, 2]),
    "GlobalAveragePool": one("GlobalAveragePool", IMAGE),
    "GlobalMaxPool": one("GlobalMaxPool", IMAGE),
    "ReduceMean": one("ReduceMean", (2, 3, 5), {"axes": ints(1, -1)}),
    "ReduceMean-dropped": one("ReduceMean", (2, 3, 5), {"axes": ints(1)}, keepdims=0),
    "ReduceSum": one("ReduceSum", (2, 3, 5), {"axes": ints(0, 2)}, keepdims=0),
    "ReduceSum-all": one("ReduceSum", (2, 3), keepdims=0),
    "ReduceMax": one("ReduceMax", (2, 3, 5), {"axes": ints(-1)}, keepdims=0),
    "ReduceMin": one("ReduceMin", (2, 3, 5), {"axes": ints(0)}),
    "BatchNormalization": one("BatchNormalization", IMAGE, NORM, epsilon=1e-3),
    "BatchNormalization-after-Conv": (
        [helper.make_node("Conv", ["x", "w", "b"], ["h"]), node("BatchNormalization", "h", *NORM)],
        {"w": weights(3, 3, 2, 2), "b": weights(3), **NORM}, {"x": IMAGE},
    ),
    "BatchNormalization-after-Gemm": (
        [helper.make_node("Gemm", ["x", "w"], ["h"]), node("BatchNormalization", "h", *NORM)],
        {"w": weights(4, 3), **NORM}, {"x": (2, 4)},
    ),
    "MatMul-Add": (
        [helper.make_node("MatMul", ["x", "w"], ["h"]), node("Add", "c", "h")],
        {"w": weights(4, 3), "c": weights(3)}, {"x": (2, 4)},
    ),
    "Conv-Add-grouped": (
        [helper.make_node("Conv", ["x", "w"], ["h"], group=2), node("Add", "h", "c")],
        {"w": weights(4, 2, 2, 2), "c": weights(1, 4, 1, 1)}, {"x": (1, 4, 4, 4)},
    ),
    "Flatten": one("Flatten", (2, 3, 4), axis=2),
    "Reshape": one("Reshape", (2, 3, 4), {"s": ints(0, -1)}),
    "Squeeze": one("Squeeze", (1, 3, 1), {"a": ints(0)}),
    "Unsqueeze": one("Unsqueeze", (3,), {"a": ints(0, -1)}),
    "Transpose": one("Transpose", (2, 3, 4), perm=[2, 0, 1]),
    "Transpose-default": one("Transpose", (2, 3, 4)),
    "Concat": ([node("Concat", "x", "c", "z", axis=-1)], {"c": weights(2, 1)}, {"x": (2, 3), "z": (2, 2)}),
    "Slice": one("Slice", (4, 6), {"s": ints(1, -1), "e": ints(4, -100), "a": ints(0, 1), "p": ints(2, -2)}),
    "Split": (
        [helper.make_node("Split", ["x", "s"], ["p", "q"], axis=1), node("Sub", "q", "p")],
        {"s": ints(3, 3)}, {"x": (2, 6)},
    ),
    "Gather": one("Gather", (4, 3), {"i": ints(3, 1)}),
    "Gather-number": one("Gather", (4, 3), {"i": np.array(-2)}, axis=1),
    "Pad": one("Pad", (2, 3), {"p": ints(1, -1, 0, 2), "v": np.array(0.7, np.float32)}),
    "Expand": one("Expand", (2, 1), {"s": ints(3, 2, 4)}),
    "Identity": one("Identity", (3,)),
    "Dropout": one("Dropout", (3,)),
    "Cast": one("Cast", (3,), to=TensorProto.FLOAT),
    "Sigmoid": one("Sigmoid", (2, 3)),
    "Tanh": one("Tanh", (5,)),
    "Softplus": one("Softplus", (5,)),
    "Softsign": one("Softsign", (5,)),
    "Exp": one("Exp", (5,)),
    "Erf": one("Erf", (5,)),
    "Gelu": one("Gelu", (5,)),
    "Gelu-tanh": one("Gelu", (5,), approximate="tanh"),
    "Elu": one("Elu", (5,), alpha=0.7),
    "Selu": one("Selu", (5,)),
    "HardSigmoid": one("HardSigmoid", (5,), alpha=0.3),
    "HardSwish": one("HardSwish", (5,)),
    "Mish": one("Mish", (5,)),
    "Sin": one("Sin", (5,)),
    "Cos": one("Cos", (5,)),
    "Log": one("Log", (5,)),
    "Sqrt": one("Sqrt", (5,)),
}  # fmt: skip
POSITIVE = {"Log": (0.5, 2.0), "Sqrt": (0.1, 2.0)}
# A smooth function's argument has 12 bits over twice the calibrated range.
TABLE_TOLERANCE, TOLERANCE = 4e-3, 3e-4


def test_there_is_a_case_for_every_supported_operator() -> None:
    assert {name.partition("-")[0] for name in CASES} == set(SUPPORTED)


@pytest.mark.parametrize("name", CASES)
def test_compiled_operator_is_near_onnxruntime(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    data = samples(case[2], *POSITIVE.get(name, (-2.0, 2.0)))
    program, report = compile_model(save(tmp_path / "case.onnx", case), data)
    smooth = any(op.opcode.name == "LOOKUP" for op in program.ops)
    for output in report.outputs:
        tolerance = (TABLE_TOLERANCE if smooth else TOLERANCE) * max(1.0, output.max_abs_value)
        assert output.max_abs_error <= tolerance, output
    assert not report.saturated
    integers = [quantize_input(port, data[port.name][0]) for port in program.inputs]
    for fast, defined in zip(execute(program, integers), run(program, integers), strict=True):
        np.testing.assert_array_equal(fast, defined)


@pytest.mark.parametrize(
    "name", ["Conv-grouped", "Gemm", "Sigmoid", "Max", "Concat", "Mul-constant", "AveragePool-padded"]
)
def test_wild_inputs_stay_exact_whatever_saturates(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    program, _ = compile_model(save(tmp_path / "case.onnx", case), samples(case[2], -1.0, 1.0))
    for value in (1e9, -1e9):
        integers = [quantize_clamped(port, np.full(port.dims, value)) for port in program.inputs]
        for fast, defined in zip(execute(program, integers), run(program, integers), strict=True):
            np.testing.assert_array_equal(fast, defined)


@pytest.mark.parametrize(
    ("bits", "weight_bits", "tolerance"), [(8, 8, 0.1), (12, 8, 0.03), (20, 20, 4e-5), (24, 8, 0.02)]
)
def test_other_widths(bits: int, weight_bits: int, tolerance: float, tmp_path: Path) -> None:
    case = CASES["Gemm"]
    options = CompileOptions(bits=bits, weight_bits=weight_bits)
    _, report = compile_model(save(tmp_path / "case.onnx", case), samples(case[2], -2, 2), options)
    assert all(output.max_abs_error <= tolerance for output in report.outputs)
