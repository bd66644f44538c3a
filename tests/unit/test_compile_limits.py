"""What compiling refuses before it begins, so that no file and no number keeps it busy or ends it in a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InferproofError, InputError
from circuits.quantize import CompileOptions, compile_model
from circuits.quantize.scales import MAX_SCALE, MIN_SCALE, Reach, Tops, quantize_weights, reached, scale_for

Dims = tuple[int, ...]
Arrays = dict[str, np.ndarray]
WHOLE, REAL = TensorProto.INT64, TensorProto.FLOAT


def save(
    folder: Path,
    nodes: list[onnx.NodeProto],
    dims: Dims,
    outputs: dict[str, Dims],
    constants: Arrays | None = None,
    type: int = REAL,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "case",
        [helper.make_tensor_value_info("x", type, dims)],
        [helper.make_tensor_value_info(name, WHOLE if name == "i" else type, made) for name, made in outputs.items()],
        [numpy_helper.from_array(values, name) for name, values in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, folder / "case.onnx")
    return folder / "case.onnx"


def refusal(path: Path, data: Arrays | None = None, **options: Any) -> InferproofError:
    with pytest.raises(InferproofError) as caught:
        compile_model(path, data, CompileOptions(**options))
    return caught.value


def relus(count: int) -> list[onnx.NodeProto]:
    names = ["x", *(f"r{place}" for place in range(count - 1)), "y"]
    return [helper.make_node("Relu", [names[place]], [names[place + 1]]) for place in range(count)]


# Nothing to choose from.


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Hardmax"])
def test_what_is_relative_to_the_largest_needs_elements(op: str, tmp_path: Path) -> None:
    path = save(tmp_path, [helper.make_node(op, ["x"], ["y"])], (2, 0), {"y": (2, 0)})
    error = refusal(path)
    assert error.code == "onnx_unsupported_ops"
    assert "its input has no elements" in error.message


def test_the_largest_none_are_refused_and_the_largest_one_is_not(tmp_path: Path) -> None:
    def largest(k: int) -> Path:
        made = {"y": (1, k), "i": (1, k)}
        return save(tmp_path, [helper.make_node("TopK", ["x", "k"], list(made))], (1, 3), made, {"k": np.array([k])})

    error = refusal(largest(0))
    assert error.code == "onnx_unsupported_ops"
    assert "its outputs have no elements" in error.message
    program, _ = compile_model(largest(1))
    assert [output.port.dims for output in program.outputs] == [(1, 1), (1, 1)]


# Magnitudes.


@pytest.mark.parametrize("bits", [8, 24, 32])
@pytest.mark.parametrize("magnitude", [5e-324, 1e-323, 1e-300, 1e300, 1.7976931348623157e308, float("inf")])
def test_every_magnitude_has_a_scale(magnitude: float, bits: int) -> None:
    assert scale_for(magnitude, bits) == (MAX_SCALE if magnitude < 1 else MIN_SCALE)


@pytest.mark.parametrize("value", [1e-323, 1e307])
def test_values_at_either_end_of_float64_have_a_scale(value: float) -> None:
    values = np.full((2, 3), value)
    scale = MAX_SCALE if value < 1 else MIN_SCALE
    for want in (Reach(16), Tops(16, dims=(3,), axis=0, depth=1.0)):
        assert reached(want, values, headroom=2.0).scale == scale
    assert quantize_weights(values, 16, MAX_SCALE, channels=(1,)).scale == scale


@pytest.mark.parametrize(("value", "scale"), [(1e308, MIN_SCALE), (1e-323, MAX_SCALE)])
def test_calibration_at_either_end_of_float64_compiles(value: float, scale: int, tmp_path: Path) -> None:
    path = save(tmp_path, relus(1), (1, 3), {"y": (1, 3)})
    program, _ = compile_model(path, {"x": np.full((6, 1, 3), value)})
    assert program.inputs[0].scales == (scale,)


@pytest.mark.parametrize(
    "declared", [(-np.inf, np.inf), (0.0, np.inf), (0.0, 1e308), (-1e39, 0.0), (np.nan, 1.0), (1.0, 0.0)]
)
def test_a_declared_range_is_finite(declared: tuple[float, float]) -> None:
    with pytest.raises(InputError) as caught:
        CompileOptions(input_ranges={"x": declared})
    assert caught.value.code == "bad_option"
    assert "'x'" in caught.value.message


def test_the_widest_range_that_may_be_declared_compiles(tmp_path: Path) -> None:
    path = save(tmp_path, relus(1), (1, 3), {"y": (1, 3)})
    program, _ = compile_model(path, None, CompileOptions(input_ranges={"x": (-1e38, 1e38)}))
    assert program.inputs[0].scales == (MIN_SCALE,)


@pytest.mark.parametrize("declared", [(0.2, 0.8), (0.0, 1e10)])
def test_a_declared_range_of_whole_numbers_holds_some_within_32_bits(
    declared: tuple[float, float], tmp_path: Path
) -> None:
    path = save(tmp_path, [helper.make_node("Add", ["x", "x"], ["y"])], (1, 3), {"y": (1, 3)}, type=WHOLE)
    assert refusal(path, input_ranges={"x": declared}).code == "bad_option"
