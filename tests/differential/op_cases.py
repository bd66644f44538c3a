"""What the cases of every operator are made of: one small model each. Families of cases are `cases_*.py` beside this.

A family module has `CASES` by name ("Operator" or "Operator-variant"), and where it needs them `RANGES` of its inputs'
values, `OPSETS` other than 20, and `TOLERANCES`, as fractions of the largest output or of 1.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(7)
SAMPLES = 40


@dataclass(frozen=True)
class Whole:
    """An input of whole numbers (or truth values), low to high."""

    shape: tuple[int, ...]
    low: int
    high: int
    type: int = TensorProto.INT64


Inputs = dict[str, "tuple[int, ...] | Whole"]
Case = tuple[list[onnx.NodeProto], dict[str, np.ndarray], Inputs]


def weights(*shape: int, spread: float = 0.5) -> np.ndarray:
    return (RNG.standard_normal(shape) * spread).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def node(op: str, *inputs: str, outputs: tuple[str, ...] = ("y",), **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), list(outputs), **attributes)


def one(
    op: str, shape: tuple[int, ...] | Whole, constants: dict[str, np.ndarray] | None = None, **attributes: Any
) -> Case:
    """One node over input x and constants."""
    given = constants or {}
    return [node(op, "x", *given, **attributes)], given, {"x": shape}


def save(path: Path, case: Case, opset: int = 20) -> Path:
    """The case as an ONNX file; its outputs are the last node's."""
    nodes, constants, inputs = case
    declared = [
        helper.make_tensor_value_info(name, given.type, given.shape)
        if isinstance(given, Whole)
        else helper.make_tensor_value_info(name, TensorProto.FLOAT, given)
        for name, given in inputs.items()
    ]
    made = [helper.make_empty_tensor_value_info(name) for name in nodes[-1].output if name]
    stored = [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "case", declared, made, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    for output in model.graph.output:
        if not output.type.tensor_type.HasField("shape"):  # onnx does not infer these: they are as the first input
            output.type.CopyFrom(declared[0].type)
    onnx.save(model, path)
    return path


def samples(inputs: Inputs, low: float, high: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        name: rng.integers(given.low, given.high, (SAMPLES, *given.shape), endpoint=True)
        if isinstance(given, Whole)
        else rng.uniform(low, high, (SAMPLES, *given)).astype(np.float32)
        for name, given in inputs.items()
    }


def families() -> list[Any]:
    """Every module of cases."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("cases_*.py"))
    return [importlib.import_module(f"tests.differential.{name}") for name in names]


def merged(attribute: str) -> dict[str, Any]:
    """One table of all families; no case has two definitions."""
    found: dict[str, Any] = {}
    for family in families():
        given = getattr(family, attribute, {})
        assert not found.keys() & given.keys()
        found |= given
    return found
