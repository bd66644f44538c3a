"""What quantization costs on real models: every program against onnxruntime on rows that calibration never saw.

Classifiers are judged by their classes (and, where labels are known, by accuracy beside the float model's), everything
else by its largest error over the range of the float model's outputs. All at the default options: 16 bits.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from bench import models
from circuits.execute import Executor
from circuits.onnx import import_onnx
from circuits.program.graph import Program
from circuits.program.values import quantize_clamped, real_values
from circuits.quantize import CompileOptions, compile_model

Say = Callable[[str], None]
Rows = dict[str, npt.NDArray[Any]]
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
REFERENCE_MODELS = ("mlp91k", "lenet", "credit-3.4m", "lstm", "block128")
REFERENCE_ROWS, HELD_OUT_ROWS = 96, 32
# The market's input is made on-chain at this scale: examples/lending.
LENDING = CompileOptions(input_scales={"returns": 15})


def run(say: Say) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return {"networks": _networks(folder, say), "classifiers": _classifiers(folder, say)}


def _networks(folder: Path, say: Say) -> list[dict[str, Any]]:
    measured = [_lending(say)]
    for name in REFERENCE_MODELS:
        onnx.save(models.build(name), folder / f"{name}.onnx")
        rows = models.calibration(name, REFERENCE_ROWS + HELD_OUT_ROWS)
        given = {key: values[:REFERENCE_ROWS] for key, values in rows.items()}
        held_out = {key: values[REFERENCE_ROWS:] for key, values in rows.items()}
        measured.append(_network(name, folder / f"{name}.onnx", given, held_out, CompileOptions(), say))
    return measured


def _lending(say: Say) -> dict[str, Any]:
    given, held_out = (_arrays(EXAMPLES / "lending" / f"{part}.npz") for part in ("calibration", "holdout"))
    return _network("lending", EXAMPLES / "lending" / "lending.onnx", given, held_out, LENDING, say)


def _network(name: str, path: Path, given: Rows, held_out: Rows, options: CompileOptions, say: Say) -> dict[str, Any]:
    made, expected, program = _both(path, given, held_out, options)
    errors, spans = [], []
    for output, real in expected.items():
        errors.append(float(np.abs(made[output] - real).max()))
        spans.append(float(real.max() - real.min()))
    relative = max(error / span for error, span in zip(errors, spans, strict=True))
    say(f"{name}: error at most {relative:.2e} of the output's range over {len(next(iter(held_out.values())))} rows")
    return {
        "model": name,
        "ops": len(program.ops),
        "rows": len(next(iter(held_out.values()))),
        "max_abs_error": max(errors),
        "max_error_over_range_ratio": relative,
    }


def _classifiers(folder: Path, say: Say) -> list[dict[str, Any]]:
    measured = [_digits(say)]
    for name, (proto, given, held_out, labels) in _tables().items():
        path = folder / f"{name}.onnx"
        onnx.save(proto, path)
        table = proto.graph.input[0].name
        measured.append(_classifier(name, path, {table: given}, {table: held_out}, labels, say))
    return measured


def _digits(say: Say) -> dict[str, Any]:
    given, held_out = (_arrays(EXAMPLES / "digits" / f"{part}.npz") for part in ("calibration", "holdout"))
    labels = held_out.pop("labels")
    return _classifier("digits", EXAMPLES / "digits" / "digits.onnx", given, held_out, labels, say)


def _classifier(
    name: str, path: Path, given: Rows, held_out: Rows, labels: npt.NDArray[Any], say: Say
) -> dict[str, Any]:
    made, expected, program = _both(path, given, held_out, CompileOptions())
    output = next(iter(expected))
    ours, theirs = (_classes(values[output]) for values in (made, expected))
    scores = list(expected)[-1]
    figures = {
        "model": name,
        "ops": len(program.ops),
        "rows": len(labels),
        "different_classes": int((ours != theirs).sum()),
        "accuracy": float((ours == labels).mean()),
        "float_accuracy": float((theirs == labels).mean()),
        "max_abs_score_error": float(np.abs(made[scores] - expected[scores]).max()),
    }
    say(f"{name}: {figures['different_classes']} of {len(labels)} classes differ, accuracy {figures['accuracy']:.4f}")
    return figures


def _classes(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The classes of an output that is one already, or of a row of scores."""
    rows = values.reshape(len(values), -1)
    return rows[:, 0].astype(np.int64) if rows.shape[1] == 1 else rows.argmax(axis=1)


def _tables() -> dict[str, tuple[onnx.ModelProto, npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]]:
    """Tree ensembles on breast cancer at their libraries' default options, exported as their users do."""
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from skl2onnx import to_onnx
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    x, y = load_breast_cancer(return_X_y=True)
    train, held_out, targets, labels = train_test_split(x.astype(np.float32), y, test_size=0.25, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boosted = xgboost.XGBClassifier(random_state=0).fit(train, targets)
        forest = RandomForestClassifier(random_state=0).fit(train, targets)
        found = {
            "xgboost": convert_xgboost(boosted, initial_types=[("input", FloatTensorType([None, train.shape[1]]))]),
            "random_forest": to_onnx(forest, train[:1]),
        }
    return {name: (proto, train, held_out, labels) for name, proto in found.items()}


def _both(
    path: Path, given: Rows, held_out: Rows, options: CompileOptions
) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, npt.NDArray[np.float64]], Program]:
    """Every output of the program and of the float model on the held-out rows, by name, in graph order."""
    program, _ = compile_model(path, given, options)
    executor, reference = Executor(program), import_onnx(path).reference
    made: dict[str, list[npt.NDArray[np.float64]]] = {}
    expected: dict[str, list[npt.NDArray[np.float64]]] = {}
    for row in range(len(next(iter(held_out.values())))):
        sample = {port.name: held_out[port.name][row].reshape(port.dims) for port in program.inputs}
        results = executor.run([quantize_clamped(port, sample[port.name]) for port in program.inputs])
        real = reference.run(sample)
        for output, integers in zip(program.outputs, results, strict=True):
            made.setdefault(output.port.name, []).append(real_values(output.port, integers))
            expected.setdefault(output.port.name, []).append(real[output.port.name])
    return {k: np.stack(v) for k, v in made.items()}, {k: np.stack(v) for k, v in expected.items()}, program


def _arrays(path: Path) -> Rows:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}
