"""A small file that says a lot by repeating itself is refused before anybody holds what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InputError
from circuits.onnx import import_onnx
from circuits.onnx.functions import MAX_BYTES, MAX_NODES

OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    functions: list[onnx.FunctionProto] | None = None,
    constants: dict[str, np.ndarray] | None = None,
) -> Path:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, (1,)) for name in "xy")
    stored = [numpy_helper.from_array(values, name) for name, values in (constants or {}).items()]
    graph = helper.make_graph(nodes, "growth", [x], [y], stored)
    onnx.save(helper.make_model(graph, opset_imports=OPSETS, ir_version=8, functions=functions or []), path)
    return path


def call(name: str, *values: str) -> onnx.NodeProto:
    return helper.make_node(name, [values[0]], [values[1]], domain="local")


def function(name: str, nodes: list[onnx.NodeProto]) -> onnx.FunctionProto:
    return helper.make_function("local", name, ["a"], ["c"], nodes, OPSETS)


def doubling(depth: int, leaf: list[onnx.NodeProto]) -> list[onnx.FunctionProto]:
    made = [function("F0", leaf)]
    for level in range(depth):
        made.append(function(f"F{level + 1}", [call(f"F{level}", "a", "b"), call(f"F{level}", "b", "c")]))
    return made


RELU = [helper.make_node("Relu", ["a"], ["c"])]


def test_functions_stand_in_the_place_of_their_calls(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [call("F5", "x", "y")], doubling(5, RELU))
    assert [node.op for node in import_onnx(path).graph.nodes] == ["Relu"] * 32


@pytest.mark.parametrize("depth", [17, 24, 90])
def test_rejects_functions_that_double(depth: int, tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [call(f"F{depth}", "x", "y")], doubling(depth, RELU))
    with pytest.raises(InputError, match=str(MAX_NODES)) as caught:
        import_onnx(path)
    assert caught.value.code == "onnx_unreadable"


def test_rejects_functions_that_repeat_a_large_constant(tmp_path: Path) -> None:
    large = numpy_helper.from_array(np.ones(2**16, np.float32))
    leaf = [helper.make_node("Constant", [], ["k"], value=large), helper.make_node("Add", ["a", "k"], ["c"])]
    path = save(tmp_path / "m.onnx", [call("F13", "x", "y")], doubling(13, leaf))
    with pytest.raises(InputError, match=str(MAX_BYTES)):
        import_onnx(path)


def test_calls_within_a_branch_count(tmp_path: Path) -> None:
    branch = helper.make_graph([call("F17", "x", "z")], "b", [], [helper.make_empty_tensor_value_info("z")])
    nodes = [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]
    path = save(tmp_path / "m.onnx", nodes, doubling(17, RELU), {"c": np.array(True)})
    with pytest.raises(InputError, match=str(MAX_NODES)):
        import_onnx(path)


def test_rejects_a_function_that_calls_itself(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [call("F0", "x", "y")], [function("F0", [call("F0", "a", "c")])])
    with pytest.raises(InputError) as caught:
        import_onnx(path)
    assert caught.value.code == "onnx_unreadable"


def test_rejects_constants_that_double(tmp_path: Path) -> None:
    """None of them too large, all together."""
    nodes = [helper.make_node("Expand", ["one", "size"], [f"k{i}"], name=f"large{i}") for i in range(40)]
    nodes.append(helper.make_node("Relu", ["x"], ["y"]))
    constants = {"one": np.ones(1, np.bool_), "size": np.array([2**23])}
    with pytest.raises(InputError, match="large32") as caught:
        import_onnx(save(tmp_path / "m.onnx", nodes, None, constants))
    assert caught.value.code == "onnx_unreadable"
