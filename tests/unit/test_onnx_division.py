"""Divisions of whole numbers that the processor stops at: refused, and never reached in onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InputError
from circuits.onnx import import_onnx

LEAST = {TensorProto.INT32: -(2**31), TensorProto.INT64: -(2**63)}


def save(path: Path, nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], kind: int, opset: int = 18) -> Path:
    graph = helper.make_graph(
        nodes,
        "division",
        [helper.make_tensor_value_info("x", kind, (3,))],
        [helper.make_tensor_value_info("y", kind, (3,))],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(made, path)
    return path


@pytest.mark.parametrize("op", ["Div", "Mod"])
@pytest.mark.parametrize(("dividend", "divisor"), [(-(2**31), -1), (1, 0)])
def test_rejects_constants_without_a_quotient(op: str, dividend: int, divisor: int, tmp_path: Path) -> None:
    nodes = [helper.make_node(op, ["a", "b"], ["q"], name="split"), helper.make_node("Add", ["x", "q"], ["y"])]
    constants = {"a": np.array([dividend], np.int32), "b": np.array([divisor], np.int32)}
    with pytest.raises(InputError, match="split") as caught:
        import_onnx(save(tmp_path / "m.onnx", nodes, constants, TensorProto.INT32))
    assert caught.value.code == "onnx_unreadable"


def test_a_dead_branch_is_not_run(tmp_path: Path) -> None:
    dead = helper.make_graph(
        [helper.make_node("Div", ["a", "b"], ["q"])], "dead", [], [helper.make_empty_tensor_value_info("q")]
    )
    nodes = [
        helper.make_node("If", ["c"], ["z"], then_branch=dead, else_branch=dead),
        helper.make_node("Abs", ["x"], ["y"]),
    ]
    constants = {"a": np.array([-(2**31)], np.int32), "b": np.array([-1], np.int32), "c": np.array(True)}
    model = import_onnx(save(tmp_path / "m.onnx", nodes, constants, TensorProto.INT32))
    assert model.reference.run({"x": np.array([-1, 0, 2])})["y"].tolist() == [1, 0, 2]


@pytest.mark.parametrize("opset", [7, 18])
@pytest.mark.parametrize("kind", LEAST)
def test_a_sample_without_a_quotient_is_refused_and_others_are_divided(kind: int, opset: int, tmp_path: Path) -> None:
    nodes = [helper.make_node("Neg", ["x"], ["n"]), helper.make_node("Div", ["n", "d"], ["y"])]
    divisor = np.array([-1, 2, -3], helper.tensor_dtype_to_np_dtype(kind))
    model = import_onnx(save(tmp_path / "m.onnx", nodes, {"d": divisor}, kind, opset)).reference
    assert model.run({"x": np.array([5, 7, 7])})["y"].tolist() == [5, -3, 2]
    for sample in ([LEAST[kind], 0, 0], [0, LEAST[kind], 0]):
        given = {"x": np.array(sample)}
        if sample[0]:  # its negative is itself
            with pytest.raises(InputError, match="'y'") as caught:
                model.run(given)
            assert caught.value.code == "onnxruntime_cannot_run"
        else:
            model.run(given)


def test_a_sample_that_divides_by_zero_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Mod", ["d", "x"], ["y"])]
    divided = np.array([7, 8, -9], np.int32)
    model = import_onnx(save(tmp_path / "m.onnx", nodes, {"d": divided}, TensorProto.INT32)).reference
    assert model.run({"x": np.array([2, 3, 4])})["y"].tolist() == [1, 2, 3]
    with pytest.raises(InputError, match="'y'"):
        model.run({"x": np.array([2, 0, 4])})
