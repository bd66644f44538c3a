"""Models as the compiler makes them, on the halo2 route: trees, a recurrent layer, attention; witness = interpreter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

from circuits.program.values import quantize_input
from circuits.quantize import CompileOptions, compile_model
from tests.differential.op_cases import RNG, Case, node, samples, save, weights
from tests.differential.test_halo2_witness import check


def attention() -> Case:
    """Softmax over scores of a LayerNorm's output, and which token they favour."""
    nodes = [
        node("LayerNormalization", "x", "scale", outputs=("normal",), axis=-1, epsilon=1e-3),
        node("Transpose", "normal", outputs=("turned",), perm=[1, 0]),
        node("MatMul", "normal", "turned", outputs=("scores",)),
        node("Softmax", "scores", outputs=("share",), axis=-1),
        node("ArgMax", "share", outputs=("y",), axis=-1, keepdims=0),
    ]
    return nodes, {"scale": 1 + weights(4, spread=0.2)}, {"x": (3, 4)}


def recurrent() -> Case:
    shapes = {"w": (1, 8, 3), "r": (1, 8, 2), "b": (1, 16)}
    constants = {name: RNG.uniform(-0.5, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    return [node("LSTM", "x", *constants, outputs=("", "y"), hidden_size=2)], constants, {"x": (3, 1, 3)}


@pytest.mark.parametrize("make", [attention, recurrent])
def test_witness_of_a_compiled_network_is_the_interpreters_output(make: Callable[[], Case], tmp_path: Path) -> None:
    case = make()
    data = samples(case[2], -2.0, 2.0)
    program, _ = compile_model(save(tmp_path / "case.onnx", case), data, CompileOptions(table_bits=8))
    several = [[quantize_input(program.inputs[0], data["x"][row])] for row in range(2)]
    check(program, tmp_path, 12, *several)


def test_witness_of_a_compiled_forest_is_the_interpreters_output(tmp_path: Path) -> None:
    rows, classes = load_breast_cancer(return_X_y=True)
    rows = rows.astype(np.float32)
    forest = RandomForestClassifier(6, max_depth=3, random_state=0).fit(rows, classes)
    model = to_onnx(forest, rows[:1], target_opset={"": 17, "ai.onnx.ml": 3})
    onnx.save(model, tmp_path / "forest.onnx")
    (name,) = (given.name for given in model.graph.input)
    program, _ = compile_model(tmp_path / "forest.onnx", {name: rows[:200]}, CompileOptions(per_feature=(name,)))
    several = [[quantize_input(program.inputs[0], row.reshape(program.inputs[0].dims))] for row in rows[300:303]]
    check(program, tmp_path, 10, *several)
