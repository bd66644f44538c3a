"""Inputs of every type that programs have, frozen values and sizes, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from circuits.errors import InputError
from circuits.execute import execute
from circuits.onnx import import_onnx
from circuits.program.values import quantize_clamped
from circuits.quantize import CompileOptions, compile_model

Shape = tuple[int | str | None, ...]


def model(
    path: Path,
    inputs: dict[str, tuple[int, Shape | None]],
    op: str = "Identity",
    opset: int = 20,
    **attributes: Any,
) -> Path:
    graph = helper.make_graph(
        [helper.make_node(op, list(inputs), ["y"], **attributes)],
        "inputs",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_empty_tensor_value_info("y")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.save(onnx.shape_inference.infer_shapes(made), path)
    return path


def refusal(path: Path, freeze: dict[str, Any] | None = None, batch: int | None = 1) -> InputError:
    with pytest.raises(InputError) as caught:
        import_onnx(path, freeze=freeze, batch=batch)
    assert "\n" not in caught.value.message
    return caught.value


WHOLE = {
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT8: (0, 255),
    TensorProto.INT16: (-(2**15), 2**15 - 1),
    TensorProto.INT32: (-(2**31), 2**31 - 1),
    TensorProto.INT64: (-(2**31), 2**31 - 1),
    TensorProto.BOOL: (0, 1),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_numbers_and_truth_values_pass_through_exactly(kind: int, tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", {"x": (kind, (2,))})
    values = np.array([WHOLE[kind]], np.int64)
    program, report = compile_model(path, {"x": values})
    made = execute(program, [quantize_clamped(port, values[0]) for port in program.inputs])
    np.testing.assert_array_equal(made[0], values[0])
    assert program.outputs[0].port.scales == (0,)
    assert report.outputs[0].max_abs_error == 0


@pytest.mark.parametrize(
    ("kind", "values"),
    [(TensorProto.INT8, [[0.5, 1]]), (TensorProto.INT8, [[300, 1]]), (TensorProto.BOOL, [[2, 1]])],
)
def test_rejects_samples_that_the_type_does_not_have(kind: int, values: list[list[float]], tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        compile_model(model(tmp_path / "m.onnx", {"x": (kind, (2,))}), {"x": np.array(values)})
    assert caught.value.code == "input_wrong_type"


def test_rejects_an_input_that_is_no_tensor(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("SequenceLength", ["s"], ["y"])],
        "sequence",
        [helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", TensorProto.INT64, ())],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), tmp_path / "m.onnx")
    error = refusal(tmp_path / "m.onnx")
    assert (error.code, error.details["type"]) == ("onnx_unsupported_input", "sequence")
    assert refusal(tmp_path / "m.onnx", {"s": [1]}).code == "onnx_bad_freeze"


def test_an_open_batch_is_the_same_wherever_its_name_stands(tmp_path: Path) -> None:
    inputs = {"a": (TensorProto.FLOAT, ("n", 3)), "b": (TensorProto.FLOAT, (3, "n"))}
    path = model(tmp_path / "m.onnx", inputs, "MatMul")
    assert import_onnx(path).graph.inputs == {"a": (1, 3), "b": (3, 1)}
    assert import_onnx(path, batch=4).graph.shapes["y"] == (4, 4)
    assert import_onnx(path, freeze={"n": 2}).graph.shapes["y"] == (2, 2)


@pytest.mark.parametrize("batch", [1, None])
def test_a_size_of_zero_is_no_open_batch(batch: int | None, tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", {"x": (TensorProto.FLOAT, (0, 3))})
    assert import_onnx(path, batch=batch).graph.inputs == {"x": (0, 3)}


@pytest.mark.parametrize("batch", [0, -1])
def test_rejects_a_batch_of_nothing(batch: int, tmp_path: Path) -> None:
    assert refusal(model(tmp_path / "m.onnx", {"x": (TensorProto.FLOAT, ("n",))}), batch=batch).code == "bad_option"


@pytest.mark.parametrize(
    ("shape", "hint"),
    [(("n", "length"), "--freeze length=SIZE"), ((2, None), "a name to freeze")],
)
def test_an_open_size_says_how_to_fix_it(shape: Shape, hint: str, tmp_path: Path) -> None:
    error = refusal(model(tmp_path / "m.onnx", {"x": (TensorProto.FLOAT, shape)}))
    assert error.code == "onnx_dynamic_shape"
    assert hint in error.message


def test_an_unnamed_batch_is_asked_for_where_none_is_given(tmp_path: Path) -> None:
    error = refusal(model(tmp_path / "m.onnx", {"x": (TensorProto.FLOAT, (None, 3))}), batch=None)
    assert error.code == "onnx_dynamic_shape"
    assert "--batch" in error.message


@pytest.mark.parametrize(
    ("shape", "freeze", "batch"),
    [((2**20, 2**20), None, 1), ((2**20, 2**20), {"x": 0.0}, 1), (("n", 4), None, 2**40), (("n", 4), {"n": 2**40}, 1)],
)
def test_rejects_inputs_that_would_fill_the_memory(
    shape: Shape, freeze: dict[str, Any] | None, batch: int, tmp_path: Path
) -> None:
    inputs = {"x": (TensorProto.FLOAT, shape), "z": (TensorProto.FLOAT, (1,))}
    assert refusal(model(tmp_path / "m.onnx", inputs, "Add"), freeze, batch).code == "onnx_unsupported_input"


def test_rejects_an_input_without_a_shape(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", {"x": (TensorProto.FLOAT, None)})
    assert refusal(path).code == "onnx_unreadable"


@pytest.mark.parametrize("size", [0, -1, 2.5, True, [3], "three"])
def test_rejects_sizes_that_are_none(size: Any, tmp_path: Path) -> None:
    error = refusal(model(tmp_path / "m.onnx", {"x": (TensorProto.FLOAT, (1, "n"))}), {"n": size})
    assert error.code == "onnx_bad_freeze"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (TensorProto.INT64, 1.5),
        (TensorProto.UINT8, -1),
        (TensorProto.BOOL, 2),
        (TensorProto.INT8, [[1], [2, 3]]),
        (TensorProto.INT32, "one"),
    ],
)
def test_rejects_frozen_values_that_the_type_does_not_have(kind: int, value: Any, tmp_path: Path) -> None:
    inputs = {"x": (TensorProto.FLOAT, (2,)), "k": (kind, (2,))}
    assert refusal(model(tmp_path / "m.onnx", inputs, "Gather"), {"k": value}).code == "onnx_bad_freeze"


def test_a_frozen_integer_input_decides_shapes(tmp_path: Path) -> None:
    inputs = {"x": (TensorProto.FLOAT, (2, 3)), "s": (TensorProto.INT64, (2,))}
    path = model(tmp_path / "m.onnx", inputs, "Reshape")
    error = refusal(path)
    assert error.code == "onnx_unsupported_ops"
    assert "input 1 ('s') is not a constant" in error.message
    assert import_onnx(path, freeze={"s": [3, 2]}).graph.shapes["y"] == (3, 2)


def test_unknown_names_are_told_with_those_that_there_are(tmp_path: Path) -> None:
    error = refusal(model(tmp_path / "m.onnx", {"x": (TensorProto.FLOAT, ("n", 3))}), {"m": 3})
    assert error.code == "onnx_unknown_name"
    assert "inputs x and dimensions n" in error.message


def test_opsets_that_mean_something_else_are_refused(tmp_path: Path) -> None:
    two = {"x": (TensorProto.FLOAT, (2,)), "z": (TensorProto.FLOAT, (2,))}
    assert refusal(model(tmp_path / "a.onnx", two, "Add", opset=6)).code == "onnx_unsupported_opset"
    # The same operator as today's, though its opset is as old.
    truth = model(tmp_path / "b.onnx", {"x": (TensorProto.BOOL, (2,))}, "Not", opset=1)
    assert [node.op for node in import_onnx(truth).graph.nodes] == ["Not"]


def test_rejects_a_type_that_onnxruntime_has_no_kernel_for(tmp_path: Path) -> None:
    two = {"x": (TensorProto.INT16, (2,)), "z": (TensorProto.INT16, (2,))}
    error = refusal(model(tmp_path / "m.onnx", two, "Max"))
    assert error.code == "onnxruntime_cannot_run"
    assert "Max" in error.message


def test_options_reach_the_import(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", {"x": (TensorProto.FLOAT, ("n", "length"))}, "Relu")
    program, _ = compile_model(path, options=CompileOptions(freeze={"length": 3}, batch=2))
    assert program.inputs[0].dims == (2, 3)
