"""Every supported ONNX operator, compiled at 16 bits, against onnxruntime. The cases are in `cases_*.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from circuits.execute import execute
from circuits.onnx import import_onnx
from circuits.onnx.coverage import SUPPORTED
from circuits.program.interpreter import run
from circuits.program.values import quantize_clamped, quantize_input
from circuits.quantize import CompileOptions, compile_model
from circuits.quantize.calibration import samples_of
from circuits.quantize.lower import lower
from tests.differential.op_cases import Case, Whole, merged, node, samples, save

CASES, RANGES, TOLERANCES = merged("CASES"), merged("RANGES"), merged("TOLERANCES")
OPSETS = merged("OPSETS")
TOLERANCE, SHADOW_TOLERANCE = 3e-4, 1e-3


def test_there_is_a_case_for_every_supported_operator() -> None:
    """Those of ai.onnx.ml have real models of their own: test_tabular_models.py."""
    assert {name.partition("-")[0] for name in CASES} == {op for op in SUPPORTED if "::" not in op}


@pytest.mark.parametrize("name", CASES)
def test_compiled_operator_is_near_onnxruntime(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    data = samples(case[2], *RANGES.get(name, (-2.0, 2.0)))
    program, report = compile_model(save(tmp_path / "case.onnx", case, OPSETS.get(name, 20)), data)
    for output in report.outputs:
        tolerance = TOLERANCES.get(name, TOLERANCE) * max(1.0, output.max_abs_value)
        assert output.max_abs_error <= tolerance, output
    assert not report.saturated
    integers = [quantize_input(port, data[port.name][0]) for port in program.inputs]
    for fast, defined in zip(execute(program, integers), run(program, integers), strict=True):
        np.testing.assert_array_equal(fast, defined)


@pytest.mark.parametrize("name", CASES)
def test_without_rounding_a_rule_is_its_operator(name: str, tmp_path: Path) -> None:
    """The shadow of every output: the rule's formula in real numbers, apart from what quantization costs."""
    case, options = CASES[name], CompileOptions(bits=20, weight_bits=20)
    model = import_onnx(save(tmp_path / "case.onnx", case, OPSETS.get(name, 20)))
    given = samples_of(model.graph, samples(case[2], *RANGES.get(name, (-2.0, 2.0))), options).calibration
    builder = lower(model.graph, given, options, lambda done: None)
    expected = [model.reference.run(sample) for sample in given]
    for output in model.graph.outputs:
        shadow, real = builder.shadow(builder.values[output]), np.stack([values[output] for values in expected])
        peak = max(1.0, float(np.abs(real).max()))
        np.testing.assert_allclose(shadow.reshape(real.shape), real, rtol=0, atol=SHADOW_TOLERANCE * peak)


@pytest.mark.parametrize(
    "name",
    [
        "Conv-grouped",
        "Gemm",
        "Sigmoid",
        "Max",
        "Concat",
        "Mul-constant",
        "AveragePool-padded",
        "Softmax",
        "Softmax-masked",
        "LogSoftmax",
        "LayerNormalization",
        "Log-near-zero",
        "Sqrt-of-zero",
        "Div-computed",
        "Acos",
        "Round",
        "Mod-computed",
    ],
)
def test_wild_inputs_stay_exact_whatever_saturates(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    program, _ = compile_model(save(tmp_path / "case.onnx", case), samples(case[2], *RANGES.get(name, (-1.0, 1.0))))
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


def test_whole_products_take_the_bits_that_they_need(tmp_path: Path) -> None:
    case: Case = (
        [node("MatMul", "x", "w")],
        {"w": np.full((4, 3), 30_000, np.int32)},
        {"x": Whole((2, 4), -128, 127, TensorProto.INT32)},
    )
    options = CompileOptions(input_bits={"x": 8})
    program, report = compile_model(save(tmp_path / "case.onnx", case), samples(case[2], 0, 0), options)
    assert all(output.mismatches == 0 for output in report.outputs)
    ends = run(program, [np.full((2, 4), -128, np.int64)])
    np.testing.assert_array_equal(ends[0], -128 * 4 * 30_000)
