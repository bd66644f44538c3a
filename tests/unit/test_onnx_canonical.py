"""Fewer ways to say the same: what the quantizer sees of graphs that say it in many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from circuits.onnx import import_onnx
from circuits.onnx.graph import FloatGraph
from circuits.quantize import compile_model


def canonical_graph(path: Path, nodes: list[onnx.NodeProto], outputs: tuple[str, ...] = ("y",)) -> FloatGraph:
    rng = np.random.default_rng(0)
    stored = {"w": rng.standard_normal((4, 3)), "b": rng.standard_normal(3), "v": np.ones(3)}
    constants = [numpy_helper.from_array(values.astype(np.float32), name) for name, values in stored.items()]
    graph = helper.make_graph(
        nodes,
        "many",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 4))],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [*constants, numpy_helper.from_array(np.array([1]), "axes")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(onnx.shape_inference.infer_shapes(made), path)
    return import_onnx(path).graph


def operators(graph: FloatGraph) -> list[str]:
    return [node.op for node in graph.nodes]


def test_what_changes_nothing_stands_between_no_layers(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Identity", ["a"], ["i"]),
        helper.make_node("Cast", ["i"], ["c"], to=TensorProto.DOUBLE),
        helper.make_node("Cast", ["c"], ["d"], to=TensorProto.FLOAT),
        helper.make_node("BatchNormalization", ["d", "b", "b", "b", "v"], ["y"]),
    ]
    assert operators(canonical_graph(tmp_path / "m.onnx", nodes)) == ["MatMul"]


def test_an_output_keeps_its_name_and_a_cast_that_changes_something_its_place(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Identity", ["a"], ["y"]),
        helper.make_node("Cast", ["a"], ["z"], to=TensorProto.INT32),
    ]
    graph = canonical_graph(tmp_path / "m.onnx", nodes, ("y", "z"))
    assert operators(graph) == ["Relu", "Identity", "Cast"]
    assert graph.outputs == ["y", "z"]


def test_a_logarithm_of_summed_exponentials_is_one_operator(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Exp", ["x"], ["e"]),
        helper.make_node("ReduceSum", ["e", "axes"], ["s"], keepdims=0),
        helper.make_node("Log", ["s"], ["y"]),
    ]
    assert operators(canonical_graph(tmp_path / "m.onnx", nodes)) == ["ReduceLogSumExp"]
    far = {"x": np.random.default_rng(0).uniform(-40, 40, (20, 2, 4))}
    _, report = compile_model(tmp_path / "m.onnx", far)
    assert max(output.max_abs_error for output in report.outputs) < 0.02


def test_exponentials_that_somebody_else_reads_stay(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Exp", ["x"], ["e"]),
        helper.make_node("ReduceSum", ["e", "axes"], ["s"]),
        helper.make_node("Log", ["s"], ["l"]),
        helper.make_node("Sub", ["e", "l"], ["y"]),
    ]
    assert operators(canonical_graph(tmp_path / "m.onnx", nodes)) == ["Exp", "ReduceSum", "Log", "Sub"]


def test_what_is_added_to_a_scaled_product_of_inputs_is_scaled_itself(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"]),
        helper.make_node("Gemm", ["x", "t", "c"], ["y"], alpha=2.0, beta=0.5),
    ]
    constants = [numpy_helper.from_array(np.array([3.0, -1.0], np.float32), "c")]
    declared = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 4))]
    graph = helper.make_graph(nodes, "gemm", declared, [helper.make_empty_tensor_value_info("y")], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(onnx.shape_inference.infer_shapes(made), tmp_path / "m.onnx")
    _, report = compile_model(tmp_path / "m.onnx")
    assert max(output.max_abs_error for output in report.outputs) < 0.01 * report.outputs[0].max_abs_value


def test_a_long_chain_of_added_constants_is_one_bias(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a0"])]
    nodes += [helper.make_node("Add", [f"a{i}", "v"], [f"a{i + 1}"]) for i in range(300)]
    graph = canonical_graph(tmp_path / "m.onnx", nodes, ("a300",))
    assert operators(graph) == ["MatMul"]
    assert sorted(graph.constants) == ["a300.bias", "w"]
    np.testing.assert_array_equal(graph.constants["a300.bias"], np.full(3, 300.0))
