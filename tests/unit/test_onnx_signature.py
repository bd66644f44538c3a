"""Whatever opset wrote an operator, the graph has it in its newest signature, and the program computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InputError
from circuits.onnx.coverage import check_coverage
from circuits.onnx.fold import float_graph
from circuits.onnx.graph import FloatGraph
from circuits.onnx.load import load_onnx
from circuits.onnx.signature import newest
from circuits.quantize import compile_model

Constants = dict[str, np.ndarray]


def model(
    path: Path, opset: int, op: str, shape: tuple[int, ...], constants: Constants, outputs: int = 1, **attributes: Any
) -> Path:
    """One node of an old opset over input x and constants."""
    names = [f"y{i}" for i in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(op, ["x", *constants], names, **attributes)],
        "old",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info(name) for name in names],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(made), path)
    return path


def graph_of(path: Path) -> FloatGraph:
    return float_graph(load_onnx(path))


def inputs_of(graph: FloatGraph) -> list[Any]:
    """The constants that the only node reads, None for one left out."""
    (node,) = graph.nodes
    return [graph.constants[name].tolist() if name else None for name in node.inputs[1:]]


TWO = np.array([1.0, 1.0, 2.0, 2.0], np.float32)


@pytest.mark.parametrize(
    ("opset", "op", "attributes", "expected"),
    [
        (10, "Clip", {"min": -0.5}, [-0.5, None]),
        (10, "Clip", {"min": -0.5, "max": 0.25}, [-0.5, 0.25]),
        (10, "Pad", {"pads": [0, 0, 1, 0, 0, 0, 0, 2], "value": 0.5}, [[0, 0, 1, 0, 0, 0, 0, 2], 0.5]),
        (9, "Slice", {"starts": [1], "ends": [4], "axes": [3]}, [[1], [4], [3]]),
        (9, "Slice", {"starts": [0, 1], "ends": [1, 2]}, [[0, 1], [1, 2], None]),
        (11, "Squeeze", {"axes": [0]}, [[0]]),
        (12, "Unsqueeze", {"axes": [0, 2]}, [[0, 2]]),
        (12, "ReduceSum", {"axes": [1, -1], "keepdims": 0}, [[1, -1]]),
        (17, "ReduceMean", {"axes": [2]}, [[2]]),
        (17, "ReduceL2", {}, [None]),
        (13, "ReduceSum", {}, []),
        (8, "Upsample", {"scales": [1.0, 1.0, 2.0, 2.0]}, [None, TWO.tolist()]),
    ],
)
def test_attributes_of_older_opsets_are_inputs(
    opset: int, op: str, attributes: dict[str, Any], expected: list[Any], tmp_path: Path
) -> None:
    path = model(tmp_path / "m.onnx", opset, op, (1, 2, 4, 4), {}, **attributes)
    graph = graph_of(path)
    assert inputs_of(graph) == expected
    assert not {"axes", "pads", "value", "min", "max", "starts", "ends", "scales"} & set(graph.nodes[0].attributes)
    check_coverage(graph)
    _, report = compile_model(path)
    assert max(output.max_abs_error for output in report.outputs) < 1e-3


@pytest.mark.parametrize(
    ("op", "constants", "expected"),
    [
        ("Upsample", {"scales": TWO}, "floor"),
        ("Resize", {"scales": TWO}, "floor"),
        ("Resize", {"scales": np.array([1, 1, 0.5, 0.5], np.float32)}, "ceil"),
    ],
)
def test_the_first_resizes_round_as_onnxruntime_does(
    op: str, constants: Constants, expected: str, tmp_path: Path
) -> None:
    path = model(tmp_path / "m.onnx", 9 if op == "Upsample" else 10, op, (1, 2, 4, 6), constants)
    (node,) = graph_of(path).nodes
    assert (node.op, node.inputs) == ("Resize", ("x", "", "scales"))
    assert node.attributes["coordinate_transformation_mode"] == "asymmetric"
    assert node.attributes["nearest_mode"] == expected
    _, report = compile_model(path)
    assert max(output.max_abs_error for output in report.outputs) < 1e-3


def test_a_first_resize_that_shrinks_and_grows_is_refused(tmp_path: Path) -> None:
    constants = {"scales": np.array([1, 1, 0.5, 2], np.float32)}
    with pytest.raises(InputError, match="nearest_mode") as caught:
        compile_model(model(tmp_path / "m.onnx", 10, "Resize", (1, 2, 4, 6), constants))
    assert caught.value.code == "onnx_unsupported_ops"


def test_a_split_without_sizes_counts_its_outputs(tmp_path: Path) -> None:
    graph = graph_of(model(tmp_path / "m.onnx", 12, "Split", (1, 6), {}, outputs=3, axis=1))
    assert graph.nodes[0].attributes["num_outputs"] == 3
    assert [graph.shapes[f"y{i}"] for i in range(3)] == [(1, 2)] * 3


def test_topk_of_opset_9_reads_its_k_as_an_input(tmp_path: Path) -> None:
    graph = graph_of(model(tmp_path / "m.onnx", 9, "TopK", (1, 6), {}, outputs=2, k=3))
    assert inputs_of(graph) == [[3]]
    assert graph.nodes[0].attributes == {"axis": -1, "largest": 1, "sorted": 1}


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize("axis", [None, 2, -1])
def test_an_old_softmax_over_several_axes_is_one_over_a_matrix(op: str, axis: int | None, tmp_path: Path) -> None:
    given = {} if axis is None else {"axis": axis}
    old = model(tmp_path / "m.onnx", 11, op, (2, 3, 4), {}, **given)
    graph = graph_of(old)
    kept = axis in (2, -1)
    assert [node.op for node in graph.nodes] == ([op] if kept else ["Reshape", op, "Reshape"])
    softmax = graph.nodes[0 if kept else 1]
    assert softmax.attributes["axis"] == -1
    assert graph.shapes[softmax.output] == ((2, 3, 4) if kept else (2, 12))
    _, report = compile_model(old, {"x": np.random.default_rng(0).uniform(-2, 2, (20, 2, 3, 4))})
    assert max(output.max_abs_error for output in report.outputs) < 0.01 * report.outputs[0].max_abs_value


def test_dropout_is_identity_and_its_mask_is_true(tmp_path: Path) -> None:
    graph = graph_of(model(tmp_path / "m.onnx", 13, "Dropout", (2, 3), {}, outputs=2))
    assert [(node.op, node.outputs) for node in graph.nodes] == [("Identity", ("y0",))]
    assert graph.constants["y1"].dtype == np.bool_
    assert graph.constants["y1"].all()


@pytest.mark.parametrize("opset", [7, 10])
def test_an_older_mask_of_dropout_is_refused_where_it_is_read(opset: int, tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", opset, "Dropout", (2, 3), {}, outputs=2)
    with pytest.raises(InputError, match="mask"):
        check_coverage(graph_of(path))
    unread = onnx.load(path)
    del unread.graph.output[1]
    onnx.save(unread, path)
    assert [node.op for node in graph_of(path).nodes] == ["Identity"]
    check_coverage(graph_of(path))


def test_rejects_dropout_that_trains(tmp_path: Path) -> None:
    constants = {"ratio": np.array(0.5, np.float32), "training": np.array(True)}
    with pytest.raises(InputError, match="training_mode"):
        check_coverage(graph_of(model(tmp_path / "m.onnx", 13, "Dropout", (2, 3), constants)))


def test_every_attribute_that_has_a_default_is_there(tmp_path: Path) -> None:
    graph = graph_of(model(tmp_path / "m.onnx", 13, "Gemm", (2, 3), {"w": np.ones((3, 2), np.float32)}))
    assert graph.nodes[0].attributes == {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}


def test_the_newest_form_stays_as_it_is(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", 22, "ReduceSum", (2, 3), {"axes": np.array([1])}, keepdims=0)
    graph = graph_of(path)
    (node,) = graph.nodes
    assert newest(graph, node, 22) == [node]
