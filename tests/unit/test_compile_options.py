"""Calibration data, ranges and bits: what is refused, and what each of them changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper
from onnx_models import node, refusal, save

from circuits.errors import InferproofError
from circuits.quantize import CompileOptions, compile_model

CALIBRATION = np.zeros((8, 1, 4), np.float32)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"z": CALIBRATION}, "calibration_wrong_names"),
        ({"x": np.zeros((8, 5), np.float32)}, "calibration_wrong_shape"),
        ({"x": np.zeros((0, 4), np.float32)}, "calibration_wrong_shape"),
        ({"x": np.float32(1)}, "calibration_wrong_shape"),
        ({"x": np.full((8, 4), np.nan)}, "input_not_finite"),
        ({"x": np.array([["a"] * 4] * 8)}, "input_not_finite"),
    ],
)
def test_rejects_calibration_data(data: dict[str, np.ndarray], code: str, tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", "x")])
    compile_model(path, {"x": CALIBRATION, "labels": np.zeros(8)})
    assert refusal(path, data).code == code


@pytest.mark.parametrize(
    "options",
    [
        {"bits": 7},
        {"bits": 25},
        {"weight_bits": 0},
        {"table_bits": 17},
        {"headroom": 0.5},
        {"held_out": 1.0},
        {"input_scales": {"nobody": 3}},
        {"input_scales": {"x": 200}},
        {"input_bits": {"nobody": 16}},
        {"input_bits": {"x": 33}},
        {"per_feature": ("nobody",)},
        {"input_ranges": {"nobody": (0.0, 1.0)}},
    ],
)
def test_rejects_options(options: dict[str, Any], tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", "x")])
    with pytest.raises(InferproofError) as caught:
        compile_model(path, options=CompileOptions(**options))
    assert caught.value.code == "bad_option"


def test_warns_loudly_without_calibration_data(tmp_path: Path) -> None:
    _, report = compile_model(save(tmp_path / "m.onnx", [node("Relu", "x")]))
    assert "no calibration data" in report.warnings[0]
    json.dumps(report.as_dict())


def test_declared_range_replaces_calibration(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", "x")])
    program, _ = compile_model(path, options=CompileOptions(input_ranges={"x": (-100.0, 50.0)}))
    # 100 with a headroom of 2 needs 8 bits before the point: 16 - 1 - 8.
    assert program.inputs[0].scales == (7,)


def test_an_input_may_have_bits_of_its_own(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": np.full((4, 4), 0.9, np.float32)})
    program, wide = compile_model(path, options=CompileOptions(bits=20, input_bits={"x": 24}))
    _, narrow = compile_model(path, options=CompileOptions(bits=20, input_bits={"x": 8}))
    assert (program.inputs[0].bits, program.ops[0].bits) == (24, 20)
    assert wide.outputs[0].max_abs_error < 1e-4 < narrow.outputs[0].max_abs_error


def test_saturation_is_counted_and_told(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": np.full((4, 4), 0.9, np.float32)})
    data = {"x": np.concatenate([np.full((40, 1, 4), 0.01), np.full((10, 1, 4), 1.0)])}
    options = CompileOptions(input_scales={"x": 14})
    _, report = compile_model(path, data, options)  # the last fifth is held out, and a hundred times larger
    assert report.saturated == {0: 40}
    assert any("40 elements saturated" in warning for warning in report.warnings)


def test_tabular_features_of_wild_magnitudes_need_a_scale_each(tmp_path: Path) -> None:
    spread = np.array([1e-4, 1.0, 1e4, 1.0])
    weights = (1 / spread).reshape(4, 1).astype(np.float32)
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": weights})
    data = {"x": np.random.default_rng(0).uniform(-1, 1, (50, 4)) * spread}
    _, one_scale = compile_model(path, data)
    program, per_feature = compile_model(path, data, CompileOptions(per_feature=("x",)))
    assert len(set(program.inputs[0].scales)) > 1
    assert per_feature.outputs[1].max_abs_error < 1e-3
    assert one_scale.outputs[1].max_abs_error > 10 * per_feature.outputs[1].max_abs_error


@pytest.mark.parametrize("op", ["Relu", "Neg", "Abs", "Flatten"])
def test_a_scale_each_through_any_first_op(op: str, tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node(op, "x")])
    data = {"x": np.random.default_rng(0).uniform(-1, 1, (50, 4)) * np.array([0.5, 1.0, 2.0, 4.0])}
    program, report = compile_model(path, data, CompileOptions(per_feature=("x",)))
    assert len(program.inputs[0].scales) == 4
    assert report.outputs[0].max_abs_error < 1e-3


def test_an_output_that_is_constant_has_nothing_to_prove(tmp_path: Path) -> None:
    nodes = [helper.make_node("Constant", [], ["y"], value_floats=[1.0, 2.0])]
    assert refusal(save(tmp_path / "m.onnx", nodes)).code == "onnx_constant_output"


def test_rejects_a_model_that_is_not_finite_on_its_calibration_data(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Log", "x")])
    assert refusal(path, {"x": np.full((5, 4), -1.0)}).code == "calibration_not_finite"
