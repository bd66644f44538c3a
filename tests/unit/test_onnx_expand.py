"""Operators that ONNX defines by simpler ones compile by their definition, or are refused by their own name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from circuits.errors import InputError
from circuits.onnx import import_onnx
from circuits.onnx.coverage import SUPPORTED
from circuits.quantize import compile_model


def model(path: Path, nodes: list[onnx.NodeProto], shape: tuple[int, ...] = (2, 6)) -> Path:
    graph = helper.make_graph(
        nodes,
        "defined",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("y")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(onnx.shape_inference.infer_shapes(made), path)
    return path


def one(op: str, **attributes: Any) -> list[onnx.NodeProto]:
    return [helper.make_node(op, ["x"], ["y"], **attributes)]


@pytest.mark.parametrize("nodes", [one("ThresholdedRelu", alpha=0.5), one("ThresholdedRelu")])
def test_an_operator_compiles_by_its_definition(nodes: list[onnx.NodeProto], tmp_path: Path) -> None:
    assert nodes[0].op_type not in SUPPORTED
    data = {"x": np.random.default_rng(0).uniform(-2, 2, (20, 2, 6)).astype(np.float32)}
    imported = import_onnx(model(tmp_path / "m.onnx", nodes))
    assert {node.op for node in imported.graph.nodes} <= {*SUPPORTED, "ScaleShift"}
    _, report = compile_model(tmp_path / "m.onnx", data)
    assert max(output.max_abs_error for output in report.outputs) < 0.01


def test_a_refusal_names_what_the_file_says(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ThresholdedRelu", ["x"], ["a"], name="defined"),
        helper.make_node("Det", ["a"], ["y"], name="unknown"),
    ]
    with pytest.raises(InputError) as caught:
        import_onnx(model(tmp_path / "m.onnx", nodes, (3, 3)))
    assert caught.value.code == "onnx_unsupported_ops"
    assert [(node["node"], node["op"]) for node in caught.value.details["nodes"]] == [
        ("defined", "ThresholdedRelu"),
        ("unknown", "Det"),
    ]
