"""Small ONNX models, and how compiling one is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InferproofError
from circuits.quantize import compile_model


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    constants: dict[str, np.ndarray] | None = None,
    shape: tuple[int | str | None, ...] = (1, 4),
    out: tuple[int, ...] | None = None,
    kind: int = TensorProto.FLOAT,
    extra: list[onnx.ValueInfoProto] | None = None,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, shape), *(extra or [])],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, out or ["a", "b"])],
        [numpy_helper.from_array(v, n) for n, v in (constants or {}).items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def node(op: str, *inputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), ["y"], name=f"the_{op}", **attributes)


def refusal(path: Path, *arguments: Any, **options: Any) -> InferproofError:
    with pytest.raises(InferproofError) as caught:
        compile_model(path, *arguments, **options)
    json.dumps(caught.value.as_dict())
    assert "\n" not in caught.value.message
    return caught.value
