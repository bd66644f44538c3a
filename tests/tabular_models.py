"""Models of tables for tests: nodes of ai.onnx.ml made by hand, and how near a program is to onnxruntime on rows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from circuits.errors import InputError
from circuits.execute import Executor
from circuits.onnx import import_onnx
from circuits.onnx.tabular_labels import index_labels
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.program.values import quantize_input, real_values
from circuits.quantize import CompileOptions, compile_model

ML = "ai.onnx.ml"
REAL, INTEGER, TEXT = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING


def model(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, tuple[int, list[Any]]],
    outputs: dict[str, tuple[int, list[Any]]],
    constants: list[onnx.TensorProto] | None = None,
    ml_opset: int = 3,
) -> onnx.ModelProto:
    """A model of nodes; inputs and outputs are {name: (element type, shape)}."""
    given = [helper.make_tensor_value_info(name, *rest) for name, rest in inputs.items()]
    made = [helper.make_tensor_value_info(name, *rest) for name, rest in outputs.items()]
    graph = helper.make_graph(nodes, "tabular", given, made, constants or [])
    opsets = [helper.make_opsetid(ML, ml_opset), helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def node(op: str, inputs: list[str], outputs: list[str], **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs, outputs, domain=ML, **attributes)


@dataclass(frozen=True)
class Compared:
    """A program against onnxruntime: integers and errors by output, one entry for each row."""

    program: Program
    integers: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]
    real: dict[str, np.ndarray]

    def error(self, name: str) -> float:
        return float(np.abs(self.real[name] - self.expected[name]).max())


def compared(
    path: Path,
    proto: onnx.ModelProto,
    calibration: np.ndarray,
    rows: np.ndarray,
    options: CompileOptions | None = None,
    interpreted: int = 2,
) -> Compared:
    """Compiles `proto` for one row at a time and runs `rows` through program and onnxruntime; the first `interpreted`
    through the interpreter as well."""
    file = path / "model.onnx"
    onnx.save(proto, file)
    name = proto.graph.input[0].name
    program, _ = compile_model(file, {name: calibration}, options)
    index_labels(proto)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    executor, port = Executor(program), program.inputs[0]
    outputs = [output.port for output in program.outputs]
    found: dict[str, list[np.ndarray]] = {p.name: [] for p in outputs}
    expected: dict[str, list[np.ndarray]] = {p.name: [] for p in outputs}
    for position, row in enumerate(rows):
        integers = [quantize_input(port, row.reshape(port.dims))]
        made = executor.run(integers)
        if position < interpreted:
            for one, other in zip(made, run(program, integers), strict=True):
                np.testing.assert_array_equal(one, other)
        answers = session.run([p.name for p in outputs], {name: row.reshape(port.dims)})
        for p, integer, answer in zip(outputs, made, answers, strict=True):
            found[p.name].append(integer)
            expected[p.name].append(np.asarray(answer, np.float64).reshape(p.dims))
    integers_of = {name: np.array(values) for name, values in found.items()}
    real = {p.name: np.array([real_values(p, v) for v in found[p.name]]) for p in outputs}
    return Compared(program, integers_of, {name: np.array(v) for name, v in expected.items()}, real)


def refused(path: Path, proto: onnx.ModelProto) -> str:
    """Why a model is not compiled: the message, which names the nodes."""
    file = path / "model.onnx"
    onnx.save(proto, file)
    with pytest.raises(InputError) as refusal:
        import_onnx(file)
    assert refusal.value.code == "onnx_unsupported_ops"
    return refusal.value.message
