"""What compiling refuses before it begins, so that no file and no number keeps it busy or ends it in a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InferproofError, InputError
from circuits.program.refs import Ref
from circuits.quantize import CompileOptions, compile_model
from circuits.quantize.builder import Builder
from circuits.quantize.rules.recurrent import STEP_OPS
from circuits.quantize.scales import MAX_SCALE, MIN_SCALE, Reach, Tops, quantize_weights, reached, scale_for
from circuits.quantize.shadow import Shadows

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


def chain(op: str, count: int) -> list[onnx.NodeProto]:
    names = ["x", *(f"r{place}" for place in range(count - 1)), "y"]
    return [helper.make_node(op, [names[place]], [names[place + 1]]) for place in range(count)]


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
    path = save(tmp_path, chain("Relu", 1), (1, 3), {"y": (1, 3)})
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
    path = save(tmp_path, chain("Relu", 1), (1, 3), {"y": (1, 3)})
    program, _ = compile_model(path, None, CompileOptions(input_ranges={"x": (-1e38, 1e38)}))
    assert program.inputs[0].scales == (MIN_SCALE,)


@pytest.mark.parametrize("declared", [(0.2, 0.8), (0.0, 1e10)])
def test_a_declared_range_of_whole_numbers_holds_some_within_32_bits(
    declared: tuple[float, float], tmp_path: Path
) -> None:
    path = save(tmp_path, [helper.make_node("Add", ["x", "x"], ["y"])], (1, 3), {"y": (1, 3)}, type=WHOLE)
    assert refusal(path, input_ranges={"x": declared}).code == "bad_option"


# Sizes.


def resizing(folder: Path) -> Path:
    scales = {"s": np.array([1, 1.5], np.float32)}
    return save(
        folder, [helper.make_node("Resize", ["x", "", "s"], ["y"], mode="linear")], (1, 5000), {"y": (1, 7500)}, scales
    )


def cumulating(folder: Path) -> Path:
    made = helper.make_node("CumSum", ["x", "a"], ["y"])
    return save(folder, [made], (200_000,), {"y": (200_000,)}, {"a": np.array(0)})


def choosing(folder: Path, size: int = 5000) -> Path:
    made = {"y": (1, 2), "i": (1, 2)}
    return save(folder, [helper.make_node("TopK", ["x", "k"], list(made))], (1, size), made, {"k": np.array([2])})


def walking(folder: Path, op: str = "LSTM", steps: int = 100_000) -> Path:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    weights = {name: np.full((1, gates, 1), 0.5, np.float32) for name in "wr"}
    made = helper.make_node(op, ["x", "w", "r"], ["y"], hidden_size=1)
    return save(folder, [made], (steps, 1, 1), {"y": (steps, 1, 1, 1)}, weights)


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (resizing, "37500000 weights along axis 1, at most 16777216"),
        (cumulating, "40000000000 additions, at most 268435456"),
        (choosing, "25000000 comparisons, at most 16777216"),
        (walking, "1000000 ops for 100000 steps, at most 65536"),
    ],
)
def test_what_would_take_too_much_is_refused_by_name_and_number(
    make: Callable[[Path], Path], number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def emitted(*_: object) -> None:
        raise AssertionError("it was begun")

    monkeypatch.setattr(Builder, "emit", emitted)
    error = refusal(make(tmp_path))
    assert error.code == "program_too_large"
    assert error.details["node_op"] in error.message
    assert number in error.message


def test_samples_count_where_they_are_held(tmp_path: Path) -> None:
    """3000 elements are 9 million pairs: possible, but not over the 52 of 64 samples that calibrate."""
    error = refusal(choosing(tmp_path, 3000))
    assert error.code == "program_too_large"
    assert "468000000 comparisons over 52 samples" in error.message


@pytest.mark.parametrize("op", STEP_OPS)
def test_a_recurrent_step_takes_no_fewer_ops_than_it_is_counted_for(op: str, tmp_path: Path) -> None:
    short, long = (len(compile_model(walking(tmp_path, op, steps))[0].ops) for steps in (10, 20))
    assert STEP_OPS[op] <= (long - short) // 10 <= STEP_OPS[op] + 2


# Work for every node.


class Counted(Shadows):
    """How many shadows are looked at to be forgotten, and how many are kept at most."""

    looked = most = 0

    def forget(self, refs: Iterable[Ref]) -> None:
        given = list(refs)
        super().forget(given)
        Counted.looked += len(given)
        Counted.most = max(Counted.most, len(self._known))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    monkeypatch.setattr("circuits.quantize.builder.Shadows", Counted)
    monkeypatch.setattr(Counted, "looked", 0)
    monkeypatch.setattr(Counted, "most", 0)
    return Counted


def test_forgetting_looks_at_each_value_once(counted: type[Counted], tmp_path: Path) -> None:
    """Every value but the output, which is kept; and never more than what is read next."""
    program, _ = compile_model(save(tmp_path, chain("Neg", 300), (1, 3), {"y": (1, 3)}))
    assert len(program.ops) == 300
    assert counted.looked == 300
    assert counted.most <= 3


def test_a_value_is_kept_while_another_name_of_it_is_read(counted: type[Counted], tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Identity", ["a"], ["b"]),
        helper.make_node("Relu", ["a"], ["c"]),
        helper.make_node("Add", ["b", "c"], ["y"]),
    ]
    _, report = compile_model(save(tmp_path, nodes, (1, 3), {"y": (1, 3)}))
    assert report.max_abs_error < 1e-3
    assert counted.looked


def test_forgetting_the_steps_of_a_recurrent_layer_grows_with_their_number(
    counted: type[Counted], tmp_path: Path
) -> None:
    looked = []
    for steps in (20, 40, 80):
        counted.looked = 0
        compile_model(walking(tmp_path, steps=steps))
        looked.append(counted.looked)
    assert looked[2] - looked[1] <= 2 * (looked[1] - looked[0]) + 8


# What calibration does not show.


@pytest.mark.parametrize(
    ("first", "options", "warned"),
    [(0.0, {}, True), (0.5, {}, False), (0.0, {"input_ranges": {"x": (0.0, 9.0)}}, False)],
)
def test_an_input_that_is_always_0_has_a_guessed_scale(
    first: float, options: dict[str, Any], warned: bool, tmp_path: Path
) -> None:
    data = np.zeros((6, 1, 3))
    data[0, 0, 0] = first
    path = save(tmp_path, chain("Relu", 1), (1, 3), {"y": (1, 3)})
    _, report = compile_model(path, {"x": data}, CompileOptions(**options))
    warning = "input 'x' is 0 in every calibration sample: its scale is a guess"
    assert (warning in report.warnings) is warned


def test_a_whole_number_that_is_always_0_needs_no_scale(tmp_path: Path) -> None:
    path = save(tmp_path, [helper.make_node("Add", ["x", "x"], ["y"])], (1, 3), {"y": (1, 3)}, type=WHOLE)
    _, report = compile_model(path, {"x": np.zeros((6, 1, 3), np.int64)})
    assert not any("guess" in warning for warning in report.warnings)
