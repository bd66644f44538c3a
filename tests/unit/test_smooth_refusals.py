"""What functions of one number, division and normalizations cannot be asked, each with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InferproofError
from circuits.quantize import compile_model

Arrays = dict[str, np.ndarray]


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    constants: Arrays | None = None,
    inputs: tuple[str, ...] = ("x",),
    type: int = TensorProto.FLOAT,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "case",
        [helper.make_tensor_value_info(name, type, (2, 4)) for name in inputs],
        [helper.make_tensor_value_info(name, type, None) for name in nodes[-1].output if name],
        [numpy_helper.from_array(values, name) for name, values in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(onnx.shape_inference.infer_shapes(model, data_prop=True), path)
    return path


def refusal(path: Path, data: Arrays | None = None) -> InferproofError:
    with pytest.raises(InferproofError) as caught:
        compile_model(path, data)
    return caught.value


def node(op: str, *inputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), ["y"], **attributes)


def row(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("made", "constants", "inputs", "reason"),
    [
        (node("Pow", "x", "z"), {}, ("x", "z"), "input 1 ('z') is not a constant"),
        (node("Pow", "x", "c"), {"c": row(1, 2, 3, 4)}, ("x",), "its exponent is not one number"),
        (node("Pow", "c", "x"), {"c": row(-2)}, ("x",), "its base is not one positive number"),
        (node("Div", "x", "c"), {"c": row(0)}, ("x",), "its divisor is 0"),
        (node("Mod", "x", "c", fmod=1), {"c": row(1, 0, 1, 1)}, ("x",), "its divisor is 0"),
    ],
)
def test_rejects_what_has_no_value_or_no_constant(
    made: onnx.NodeProto, constants: Arrays, inputs: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    error = refusal(save(tmp_path / "m.onnx", [made], constants, inputs))
    assert error.code == "onnx_unsupported_ops"
    assert [found["reason"] for found in error.details["nodes"]] == [reason]


def test_rejects_a_power_of_whole_numbers_that_is_none(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Pow", "x", "c")], {"c": np.array(-1)}, type=TensorProto.INT64)
    assert refusal(path).details["nodes"][0]["reason"] == "its exponent -1 is not one of 1 to 16"


def test_rejects_the_second_output_of_a_normalization(tmp_path: Path) -> None:
    made = helper.make_node("LayerNormalization", ["x", "c"], ["y", "mean"])
    error = refusal(save(tmp_path / "m.onnx", [made], {"c": row(1, 1, 1, 1)}))
    assert error.details["nodes"][0]["reason"] == "its second output is used"


def test_rejects_groups_that_channels_do_not_fill(tmp_path: Path) -> None:
    made = node("GroupNormalization", "x", "c", "c", num_groups=3)
    graph = helper.make_graph(
        [made],
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4, 2))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4, 2))],
        [numpy_helper.from_array(row(1, 1, 1, 1), "c")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=9), tmp_path / "m.onnx")
    assert refusal(tmp_path / "m.onnx").details["nodes"][0]["reason"] == "its 4 channels are not 3 equal groups"


@pytest.mark.parametrize(
    ("op", "value"), [("Log", 0.0), ("Sqrt", -1.0), ("Acosh", 0.5), ("Asin", 1.5), ("Atanh", -2.0)]
)
def test_rejects_calibration_data_outside_a_functions_domain(op: str, value: float, tmp_path: Path) -> None:
    data = {"x": np.full((5, 2, 4), value, np.float32)}
    assert refusal(save(tmp_path / "m.onnx", [node(op, "x")]), data).code == "calibration_not_finite"


def test_a_mask_may_be_infinite_where_a_softmax_alone_reads_it(tmp_path: Path) -> None:
    masked = helper.make_node("Add", ["x", "c"], ["h"])
    mask = {"c": row(0, 0, -np.inf, 0)}
    program, _ = compile_model(save(tmp_path / "m.onnx", [masked, node("Softmax", "h")], mask))
    assert program.outputs[0].port.dims == (2, 4)
    refused = refusal(save(tmp_path / "n.onnx", [masked, node("Tanh", "h")], mask))
    assert refused.code == "onnx_bad_constant"
    above = {"c": row(0, 0, np.inf, 0)}
    assert refusal(save(tmp_path / "o.onnx", [masked, node("Softmax", "h")], above)).code == "onnx_bad_constant"
