"""Recurrent models: near onnxruntime however many steps there are, weights and tables stored once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from circuits.errors import InputError
from circuits.execute import Executor
from circuits.program.interpreter import run
from circuits.program.values import quantize_clamped
from circuits.quantize import CompileOptions, compile_model
from tests.differential.cases_recurrent import GATES, layer
from tests.differential.op_cases import Whole, save

SIZE, HIDDEN, OUTPUTS, SAMPLES = 8, 16, 3, 40


def recurrent_model(path: Path, op: str, steps: int, spread: float) -> Path:
    """A recurrent layer over [steps, 1, SIZE], then a dense layer over its last state; weights within ± `spread`."""
    rng = np.random.default_rng(1)
    rows = GATES[op] * HIDDEN
    shapes = {"w": (1, rows, SIZE), "r": (1, rows, HIDDEN), "b": (1, 2 * rows), "v": (HIDDEN, OUTPUTS), "c": (OUTPUTS,)}
    constants = {name: rng.uniform(-spread, spread, shape).astype(np.float32) for name, shape in shapes.items()}
    nodes = [
        helper.make_node(op, ["x", "w", "r", "b"], ["", "last"], hidden_size=HIDDEN),
        helper.make_node("Reshape", ["last", "shape"], ["row"]),
        helper.make_node("Gemm", ["row", "v", "c"], ["y"]),
    ]
    constants["shape"] = np.array([1, HIDDEN])
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (steps, 1, SIZE))],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, (1, OUTPUTS))],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def sequences(steps: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(2).uniform(-2, 2, (SAMPLES, steps, 1, SIZE))}


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize(("steps", "spread"), [(20, 0.25), (20, 0.6), (80, 0.4)])
def test_recurrent_model_is_near_onnxruntime_after_many_steps(
    op: str, steps: int, spread: float, tmp_path: Path
) -> None:
    path = recurrent_model(tmp_path / "model.onnx", op, steps, spread)
    _, report = compile_model(path, sequences(steps))
    for output in report.outputs:
        assert output.max_abs_error <= 2e-3 * output.max_abs_value, output


@pytest.mark.parametrize("op", GATES)
def test_weights_and_tables_are_stored_once_for_all_steps(op: str, tmp_path: Path) -> None:
    weights = []
    for steps in (2, 30):
        path = recurrent_model(tmp_path / "model.onnx", op, steps, 0.4)
        program, _ = compile_model(path, sequences(steps))
        tables = [c for c in program.constants if c.name.endswith(".table")]
        assert len(tables) <= len(("sigmoid", "tanh", "tanh of the cell"))
        weights.append(len(program.constants) - len(tables))
    assert weights[0] == weights[1]


@pytest.mark.parametrize("op", GATES)
def test_wild_sequences_stay_exact_whatever_saturates(op: str, tmp_path: Path) -> None:
    case = layer(op, directions=2, more={"lengths": np.array([5, 3], np.int32)})
    program, _ = compile_model(save(tmp_path / "case.onnx", case), {"x": np.ones((4, *case[2]["x"]))})
    fast = Executor(program)
    for value in (1e9, -1e9):
        integers = [quantize_clamped(port, np.full(port.dims, value)) for port in program.inputs]
        for made, defined in zip(fast.run(integers), run(program, integers), strict=True):
            np.testing.assert_array_equal(made, defined)


@pytest.mark.parametrize(("bits", "tolerance"), [(8, 0.1), (12, 0.01), (24, 2e-3)])
def test_lstm_at_other_widths(bits: int, tolerance: float, tmp_path: Path) -> None:
    path = recurrent_model(tmp_path / "model.onnx", "LSTM", 20, 0.25)
    _, report = compile_model(path, sequences(20), CompileOptions(bits=bits, weight_bits=min(bits, 16)))
    for output in report.outputs:
        assert output.max_abs_error <= tolerance * output.max_abs_value, output


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"more": {"lengths": np.array([0, 3], np.int32)}}, "a sequence of 0 steps"),
        ({"more": {"lengths": np.array([5, 6], np.int32)}}, "a sequence of 6 steps is none of 1 to 5"),
        ({"activations": ["Softmax", "Tanh", "Tanh"]}, "its activation 'softmax' is not supported"),
        ({"clip": -1.0}, "clip=-1 is not supported"),
        ({"layout": 7}, "layout=7 is not supported"),
        ({"activations": ["Affine", "Tanh", "Tanh"], "activation_alpha": [0.5]}, "needs activation_beta"),
    ],
)
def test_rejects_what_a_recurrent_layer_cannot_be_asked(
    attributes: dict[str, object], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        compile_model(save(tmp_path / "case.onnx", layer("LSTM", **attributes)))  # type: ignore[arg-type]
    assert caught.value.code == "onnx_unsupported_ops"


@pytest.mark.parametrize("name", ["w", "r", "b", "lengths", "p"])
def test_rejects_parameters_that_are_no_constants(name: str, tmp_path: Path) -> None:
    nodes, constants, inputs = layer("LSTM", peepholes=True, more={"lengths": np.array([5, 3], np.int32)})
    shape = constants.pop(name).shape
    given = Whole(shape, 1, 5, onnx.TensorProto.INT32) if name == "lengths" else shape
    with pytest.raises(InputError, match=f"'{name}'\\) is not a constant"):
        compile_model(save(tmp_path / "case.onnx", (nodes, constants, inputs | {name: given})))
