"""ONNX's own node tests through the compiler: what passes, what is refused and why, and what would be wrong."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.backend.test.case.model import TestCase as NodeTest
from onnx.backend.test.loader import load_model_tests

from circuits.errors import InferproofError
from circuits.execute import execute
from circuits.onnx.coverage import FAMILIES
from circuits.onnx.graph import FLOATS, Floats
from circuits.program.graph import Program
from circuits.program.values import quantize_clamped
from circuits.quantize import CompileOptions, compile_model

# Of the largest expected value: what a program may be off where it only adds, moves and multiplies, and elsewhere.
LINEAR, SMOOTH = 1e-3, 1e-2
SMOOTH_FAMILIES = ("tables", "normalize", "recurrent", "tabular")
# A product of many numbers is as far off as all of them together.
SMOOTH_OPERATORS = {"LpPool", "GlobalLpPool", "ReduceLogSum", "ReduceLogSumExp", "ReduceProd"}
# onnxruntime, which the compiler measures against, and the expected values are both rounded to the output's type.
ROUNDING = {onnx.TensorProto.FLOAT16: 2e-3, onnx.TensorProto.BFLOAT16: 1.6e-2}
OTHER_ROUNDING = 3e-5
# Expected values that onnx writes with four decimals.
ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 2e-4}
BFLOAT16 = onnx.TensorProto.BFLOAT16
WHOLE = {onnx.TensorProto.INT64, onnx.TensorProto.INT32}
NOT_CONSTANT = re.compile(r"input \d+ \('([^']*)'\) is not a constant")


# Tests that quantization alone turns into others, and why: a step of the function within half a unit of the input.
DISCONTINUOUS: dict[str, str] = {}


@dataclass(frozen=True)
class Outcome:
    """One node test. `result` is passed, refused (then `code` and `reason`) or wrong (then `reason`).

    `nodes` are the refused nodes as (operator, reason), where a refusal is about nodes.
    """

    name: str
    operators: tuple[str, ...]
    result: str
    code: str = ""
    reason: str = ""
    nodes: tuple[tuple[str, str], ...] = ()
    frozen: tuple[str, ...] = ()


def node_tests() -> list[NodeTest]:
    """All of them, in the order of their names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, about infinities in the data of onnx
        return sorted(load_model_tests(kind="node"), key=lambda test: test.name)


def outcome(test: NodeTest) -> Outcome:
    """Compiles with the test's inputs as calibration, shape-deciding ones frozen, and compares with its outputs."""
    operators = tuple(sorted({_operator(node) for node in test.model.graph.node}))
    inputs = [value.name for value in test.model.graph.input]
    data = {name: _array(values) for name, values in zip(inputs, test.data_sets[0][0], strict=False)}
    frozen: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "node.onnx"
        onnx.save(test.model, path)
        while True:
            try:
                reason = _compare(test, path, data, frozen)
            except InferproofError as refusal:
                more = _to_freeze(test.model, refusal) - set(frozen)
                if more:
                    frozen |= {name: np.asarray(data[name]).tolist() for name in more}
                    continue
                nodes = tuple((node["op"], node["reason"]) for node in refusal.details.get("nodes", []))
                names = tuple(sorted(frozen))
                return Outcome(test.name, operators, "refused", refusal.code, refusal.message, nodes, names)
            return Outcome(test.name, operators, "wrong" if reason else "passed", "", reason, (), tuple(sorted(frozen)))


def _array(values: Any) -> Any:
    """What NumPy has no type of its own for, as float32; sequences and the like as they are."""
    if isinstance(values, onnx.TensorProto):
        values = onnx.numpy_helper.to_array(values)
    if isinstance(values, list | tuple) or values is None:
        return values
    array = np.asarray(values)
    return array.astype(np.float32) if array.dtype == onnx.helper.tensor_dtype_to_np_dtype(BFLOAT16) else array


def _operator(node: onnx.NodeProto) -> str:
    return f"{node.domain}::{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type


def _to_freeze(model: onnx.ModelProto, refusal: InferproofError) -> set[str]:
    """The graph inputs that the compiler says have to be constants, or that decide a value that has to be one."""
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    makers = {output: node for node in model.graph.node for output in node.output}
    found: set[str] = set()
    for refused in refusal.details.get("nodes", []):
        for name in NOT_CONSTANT.findall(refused["reason"]):
            found |= {name} & set(kinds) or {n for n in _deciding(name, makers) if kinds.get(n) in WHOLE}
    return found


def _deciding(name: str, makers: Mapping[str, onnx.NodeProto]) -> set[str]:
    """All that `name` is computed from."""
    if name not in makers:
        return {name}
    return set().union(*(_deciding(read, makers) for read in makers[name].input if read))


def _compare(test: NodeTest, path: Path, data: Mapping[str, Any], frozen: Mapping[str, Any]) -> str:
    """What is wrong, "" if nothing is."""
    given = {name: values for name, values in data.items() if name not in frozen}
    samples = {name: values[None] for name, values in given.items() if isinstance(values, np.ndarray)}
    program, report = compile_model(path, samples, CompileOptions(freeze=frozen, batch=None))
    stated = {output.output: output.max_abs_error for output in report.outputs}
    kinds = {value.name: value.type.tensor_type.elem_type for value in test.model.graph.output}
    expected = dict(zip(kinds, test.data_sets[0][1], strict=True))
    used = {_operator(node) for node in test.model.graph.node}
    bound = LINEAR if used <= linear_operators() else SMOOTH
    for name, made in _outputs(program, given).items():
        want = np.asarray(_array(expected[name]), np.float64)
        rounding = ROUNDED.get(test.name, ROUNDING.get(kinds[name], OTHER_ROUNDING))
        if reason := _wrong(made, want, kinds[name], stated[name], bound, rounding):
            return f"{name} {reason}"
    return ""


def _wrong(made: Floats, want: Floats, kind: int, stated: float, bound: float, rounding: float) -> str:
    if made.shape != want.shape:
        return f"has shape {made.shape}, expected {want.shape}"
    error, peak = (float(np.abs(values).max(initial=0.0)) for values in (made - want, want))
    if kind not in FLOATS:
        return f"is off by {error:g} and should be exact" if error else ""
    if error > stated + rounding * peak:
        return f"is off by {error:.3g}, and the report states {stated:.3g}"
    if error > max(bound, rounding) * max(peak, 1e-3):
        return f"is off by {error:.3g}, over {bound:g} of {peak:.3g}"
    return ""


@cache
def linear_operators() -> set[str]:
    smooth = SMOOTH_OPERATORS.union(*(FAMILIES[family] for family in SMOOTH_FAMILIES))
    return set().union(*FAMILIES.values()) - smooth


def _outputs(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    integers = execute(program, [quantize_clamped(port, given[port.name]) for port in program.inputs])
    ports = [output.port for output in program.outputs]
    return {port.name: made / 2.0 ** port.scales[0] for port, made in zip(ports, integers, strict=True)}


@cache
def outcomes() -> tuple[Outcome, ...]:
    """Every node test's, once a process."""
    return tuple(outcome(test) for test in node_tests())
