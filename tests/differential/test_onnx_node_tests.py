"""ONNX's own node tests: each is compiled near its reference or refused with a stable code, and none crashes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.backend.test.case.model import TestCase as NodeTest
from onnx.backend.test.loader import load_model_tests

from circuits.errors import InputError
from circuits.onnx.coverage import SUPPORTED
from circuits.quantize import CompileOptions, compile_model

# The logarithm of arguments near 0 beside others near 10: a table with evenly spaced arguments cannot follow.
COARSE = {"test_log"}
REFUSALS = {"onnx_unsupported_ops", "onnx_unsupported_input", "onnx_dynamic_shape"}


def usable(test: NodeTest) -> bool:
    """Only operators that programs have, and data that are plain arrays."""
    if test.model is None or not test.data_sets:
        return False
    operators = {node.op_type for node in test.model.graph.node}
    return operators <= set(SUPPORTED) and all(isinstance(v, np.ndarray) for v in test.data_sets[0][0])


def outcome(test: NodeTest, path: Path) -> str:
    """ "compiled", a refusal's code, or what is wrong."""
    onnx.save(test.model, path)
    given = dict(zip((value.name for value in test.model.graph.input), test.data_sets[0][0], strict=False))
    data = {name: np.repeat(values[None], 4, axis=0) for name, values in given.items() if values.dtype.kind == "f"}
    frozen = {name: values.tolist() for name, values in given.items() if values.dtype.kind != "f"}
    try:
        _, report = compile_model(path, data, CompileOptions(freeze=frozen, batch=None))
    except InputError as refusal:
        return refusal.code
    errors = [o.max_abs_error / max(o.max_abs_value, 1e-6) for o in report.outputs]
    return "compiled" if max(errors) < 0.01 or test.name in COARSE else f"off by {max(errors)}"


@pytest.mark.filterwarnings("ignore")  # NumPy's, about infinities in the data of onnx
def test_onnx_node_tests_are_near_or_refused(tmp_path: Path) -> None:
    tests = [test for test in load_model_tests(kind="node") if usable(test)]
    outcomes = {test.name: outcome(test, tmp_path / "node.onnx") for test in tests}
    counts = Counter(outcomes.values())
    unexpected = {name: found for name, found in outcomes.items() if found not in {"compiled", *REFUSALS}}
    assert not unexpected
    assert counts["compiled"] >= 200, counts
