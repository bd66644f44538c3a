"""The reference models of the benchmarks and the committed example models: what others rely on when they use them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest

from bench import models
from circuits.errors import InputError

ROOT = Path(__file__).parents[2]
LENDING = ROOT / "examples" / "lending"
DIGITS = ROOT / "examples" / "digits"
TRANSFORMER = {"LayerNormalization", "MatMul", "Add", "Mul", "Reshape", "Transpose", "Softmax", "Erf"}
GPT = TRANSFORMER | {"Gather"}
MASKED = -1e3  # what a causal mask has taken out of a softmax lies below
RECURRENT = {"Transpose", "LSTM", "Squeeze", "Gemm"}
FIRST_SLICE = {
    *("Gemm", "MatMul", "Add", "Sub", "Mul", "Relu", "Clip", "Min", "Max", "ReduceMean", "ReduceSum", "Sqrt"),
    *("Sigmoid", "Tanh", "Softplus", "Concat", "Slice", "Flatten", "Reshape", "Abs", "Conv", "MaxPool"),
}

Floats = npt.NDArray[np.float32]


def outputs(model: onnx.ModelProto, rows: Floats) -> Floats:
    """onnxruntime's only output for each row, run as a batch of 1."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, one_input(session, row))[0] for row in rows])


def one_input(session: onnxruntime.InferenceSession, row: Floats) -> dict[str, npt.NDArray[np.generic]]:
    """A batch of 1, as whole numbers where the model reads token ids."""
    port = session.get_inputs()[0]
    return {port.name: row[None].astype(np.int64 if port.type == "tensor(int64)" else np.float32)}


def ports(model: onnx.ModelProto) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Shapes of the inputs and the outputs by name; a symbolic dimension reads 0."""

    def shapes(values: list[onnx.ValueInfoProto]) -> dict[str, tuple[int, ...]]:
        return {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values}

    return shapes(list(model.graph.input)), shapes(list(model.graph.output))


def with_every_value_as_output(model: onnx.ModelProto) -> onnx.ModelProto:
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    for node in model.graph.node[:-1]:
        watched.graph.output.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None))
    return watched


DENSE_128 = 128 * 128 + 128
VOCABULARY = 1024


def gpt_parameters(width: int, layers: int) -> int:
    block = 4 * (width * width + width) + 2 * 4 * width * width + 5 * width + 4 * width
    return layers * block + VOCABULARY * width + 32 * width + 2 * width + width * VOCABULARY + VOCABULARY + 32 * 32


SIZES = [
    ("mlp91k", 256 * 256 + 256 + 256 * 96 + 96 + 96 * 10 + 10, (1, 256), (1, 10), FIRST_SLICE),
    ("lenet", 61_706, (1, 1, 32, 32), (1, 10), FIRST_SLICE),
    ("credit-3.4m", 96 * 540 + 540 + 12 * (540 * 540 + 540) + 541, (1, 96), (1, 1), FIRST_SLICE),
    ("wide1024", 1024 * 4 + 4, (1, 1024), (1, 4), FIRST_SLICE),
    ("block128", 4 * 128 + 4 * DENSE_128 + 2 * 128 * 512 + 640, (1, 64, 128), (1, 64, 128), TRANSFORMER),
    ("gpt1m", gpt_parameters(128, 4), (1, 32), (1, 1, VOCABULARY), GPT),
    ("gpt30m", gpt_parameters(512, 9), (1, 32), (1, 1, VOCABULARY), GPT),
    ("lstm", 128 * (8 + 32 + 2) + 33, (1, 24, 8), (1, 1), RECURRENT),
]


@pytest.mark.parametrize(("name", "parameters", "input_shape", "output_shape", "ops"), SIZES)
def test_reference_model_has_its_documented_size(
    name: str, parameters: int, input_shape: tuple[int, ...], output_shape: tuple[int, ...], ops: set[str]
) -> None:
    model = models.build(name)
    onnx.checker.check_model(model, full_check=True)
    assert models.parameter_count(model) == parameters
    assert f"{parameters:,}" in (models.__doc__ or "")
    assert ports(model) == ({"input": input_shape}, {"output": output_shape})
    assert {node.op_type for node in model.graph.node} <= ops


def test_every_reference_model_has_its_size_checked() -> None:
    assert {name for name, *_ in SIZES} == set(models.MODELS)


@pytest.mark.parametrize("name", sorted(models.MODELS))
def test_reference_model_stays_in_a_range_that_16_bits_hold(name: str) -> None:
    """No layer explodes or dies: every intermediate value is alive and within ±16 on the calibration samples."""
    session = onnxruntime.InferenceSession(with_every_value_as_output(models.build(name)).SerializeToString())
    for sample in models.calibration(name, 8)["input"]:
        for value in session.run(None, one_input(session, sample)):
            assert 0 < np.abs(value[value > MASKED]).max() < 16


@pytest.mark.parametrize("name", sorted(models.MODELS))
def test_reference_model_answers_differently_to_different_inputs(name: str) -> None:
    answers = outputs(models.build(name), models.calibration(name, 8)["input"])
    assert (answers.std(axis=0) > 0.01).all()


def test_reference_models_and_samples_are_the_same_every_time() -> None:
    assert models.build("mlp91k").SerializeToString() == models.build("mlp91k").SerializeToString()
    first, second = models.calibration("lenet", 3)["input"], models.calibration("lenet", 3)["input"]
    assert first.shape == (3, 1, 32, 32)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("call", [models.build, lambda name: models.calibration(name, 1)])
def test_refuses_a_name_that_is_no_reference_model(call: object) -> None:
    with pytest.raises(InputError, match="no reference model 'mlp'") as refusal:
        call("mlp")  # type: ignore[operator]
    assert refusal.value.code == "reference_model_unknown"
    assert "mlp91k" in refusal.value.details["known"]


@pytest.mark.parametrize(
    ("path", "inputs", "results"),
    [
        (LENDING / "lending.onnx", {"returns": (1, 60)}, {"drawdown": (1, 1)}),
        (DIGITS / "digits.onnx", {"pixels": (1, 1, 8, 8)}, {"logits": (1, 10)}),
    ],
    ids=["lending", "digits"],
)
def test_committed_model_is_fixed_batch_and_within_the_first_op_slice(
    path: Path, inputs: dict[str, tuple[int, ...]], results: dict[str, tuple[int, ...]]
) -> None:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert ports(model) == (inputs, results)
    assert {node.op_type for node in model.graph.node} <= FIRST_SLICE
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]


@pytest.mark.parametrize("path", [LENDING / "lending.onnx", DIGITS / "digits.onnx"], ids=["lending", "digits"])
def test_committed_model_tells_nothing_of_the_machine_that_exported_it(path: Path) -> None:
    model = onnx.load(path)
    assert not model.metadata_props
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)


def load(path: Path, name: str) -> Floats:
    with np.load(path) as stored:
        values: Floats = stored[name]
    return values


@pytest.mark.parametrize("file", ["calibration.npz", "holdout.npz"])
def test_lending_model_predicts_a_drawdown_between_0_and_a_half(file: str) -> None:
    windows = load(LENDING / file, "returns")
    assert windows.shape == (512, 60)
    assert windows.dtype == np.float32
    drawdown = outputs(onnx.load(LENDING / "lending.onnx"), windows)
    assert drawdown.min() > 0.005
    assert drawdown.max() < 0.5


def test_lending_model_fears_a_louder_market() -> None:
    model, windows = onnx.load(LENDING / "lending.onnx"), load(LENDING / "holdout.npz", "returns")
    assert (outputs(model, 2 * windows) > outputs(model, windows)).mean() > 0.99


def test_lending_model_weighs_the_last_days_more_than_the_first() -> None:
    """Oldest first is part of the interface: the same shock counts more when it is recent."""
    model, calm = onnx.load(LENDING / "lending.onnx"), np.zeros((2, 60), np.float32)
    calm[:, ::2], calm[:, 1::2] = 0.005, -0.005
    calm[0, :5] *= 8
    calm[1, -5:] *= 8
    early, late = outputs(model, calm)[:, 0]
    assert late > early


def test_lending_holdout_shares_no_window_with_calibration() -> None:
    seen = {window.tobytes() for window in load(LENDING / "calibration.npz", "returns")}
    held_out = {window.tobytes() for window in load(LENDING / "holdout.npz", "returns")}
    assert not seen & held_out
    assert len(held_out) == 512


def test_lending_prices_are_90_real_closes_with_a_fall_in_them() -> None:
    feed = json.loads((LENDING / "prices.json").read_text())
    days = [date.fromisoformat(entry["date"]) for entry in feed["prices"]]
    prices = [entry["price"] for entry in feed["prices"]]
    assert (feed["decimals"], len(prices)) == (8, 90)
    assert days == sorted(set(days))
    assert all(isinstance(price, int) and price > 0 for price in prices)
    assert min(prices) < 0.6 * max(prices)


def test_digits_model_reads_held_out_digits() -> None:
    with np.load(DIGITS / "holdout.npz") as stored:
        pixels, labels = stored["pixels"], stored["labels"]
    logits = outputs(onnx.load(DIGITS / "digits.onnx"), pixels)
    assert (logits.argmax(axis=1) == labels).mean() > 0.95
    assert np.abs(logits).max() < 64


def test_digits_calibration_images_are_not_held_out() -> None:
    seen = {image.tobytes() for image in load(DIGITS / "calibration.npz", "pixels")}
    held_out = {image.tobytes() for image in load(DIGITS / "holdout.npz", "pixels")}
    assert not seen & held_out
