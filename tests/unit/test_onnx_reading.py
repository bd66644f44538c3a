"""Models as older opsets and exporters wrote them, and what is fused and folded on the way in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx_models import node, save

from circuits.onnx import import_onnx
from circuits.quantize import CompileOptions, compile_model


def older(path: Path, opset: int, nodes: list[onnx.NodeProto], shape: tuple[int, ...], listed: bool = False) -> Path:
    """A model of an older opset; `listed`: its initializers are listed as inputs, as IR 3 wanted."""
    weights = numpy_helper.from_array(np.full((4, 4), 0.5, np.float32), "w")
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    if listed:
        inputs.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (4, 4)))
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 2)
    graph = helper.make_graph(nodes, "g", inputs, [output], [weights])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3 if listed else 4), path
    )
    return path


def test_reads_operators_as_older_opsets_wrote_them(tmp_path: Path) -> None:
    def pair(op: str, source: str, made: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(op, [source], [made], **attributes)

    nodes = [
        pair("Clip", "x", "a", min=-0.5, max=0.5),
        pair("Unsqueeze", "a", "b", axes=[0]),
        pair("Slice", "b", "c", starts=[1], ends=[5], axes=[2]),
        pair("Pad", "c", "d", pads=[0, 0, 1, 0, 0, 1], value=0.25),
        pair("ReduceSum", "d", "e", axes=[0], keepdims=0),
        pair("Dropout", "e", "f", ratio=0.5),
        helper.make_node("Split", ["f"], ["g", "h"], axis=1, split=[4, 2]),
        pair("ReduceMean", "h", "i", axes=[1], keepdims=1),
        helper.make_node("MatMul", ["g", "w"], ["j"]),
        helper.make_node("Sub", ["j", "i"], ["k"]),
        pair("Unsqueeze", "k", "l", axes=[2]),
        pair("Squeeze", "l", "y", axes=[2]),
    ]
    for opset, listed in ((9, False), (8, True)):
        _, report = compile_model(older(tmp_path / "m.onnx", opset, nodes, (1, 6), listed))
        assert max(output.max_abs_error for output in report.outputs) < 1e-3


def test_folds_the_shape_arithmetic_that_exporters_write(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axis"], ["u"]),
        helper.make_node("Concat", ["u", "minus"], ["t"], axis=0),
        node("Reshape", "x", "t"),
    ]
    constants = {"zero": np.array(0), "axis": np.array([0]), "minus": np.array([-1])}
    graph = import_onnx(save(tmp_path / "m.onnx", nodes, constants, ("batch", 2, 3))).graph
    assert [n.op for n in graph.nodes] == ["Reshape"]
    assert graph.shapes["y"] == (1, 6)


def test_fuses_what_is_one_layer(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("BatchNormalization", ["c", "b", "b", "b", "v"], ["d"]),
        node("Sigmoid", "d"),
    ]
    rng = np.random.default_rng(0)
    constants = {"w": rng.standard_normal((4, 3)), "b": rng.standard_normal(3), "v": np.ones(3)}
    path = save(tmp_path / "m.onnx", nodes, {n: v.astype(np.float32) for n, v in constants.items()})
    program, report = compile_model(path, options=CompileOptions(table_bits=16))
    assert [op.opcode.name for op in program.ops] == ["CONTRACT", "LOOKUP"]
    assert max(output.max_abs_error for output in report.outputs) < 1e-3


def test_a_value_read_twice_is_not_fused_away(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        node("Mul", "a", "c"),
    ]
    constants = {"w": np.full((4, 3), 0.5, np.float32), "b": np.array([1, 2, 3], np.float32)}
    _, report = compile_model(save(tmp_path / "m.onnx", nodes, constants))
    assert max(output.max_abs_error for output in report.outputs) < 2e-3


def test_a_channel_of_zeros_does_not_coarsen_the_others(tmp_path: Path) -> None:
    weights = np.array([[1e-3, 0], [-1e-3, 0], [5e-4, 0], [1e-3, 0]], np.float32)
    program, report = compile_model(save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": weights}))
    assert np.abs(program.constants[0].values).max() >= 2**14
    assert max(output.max_abs_error for output in report.outputs) < 1e-6
