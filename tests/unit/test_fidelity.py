"""The fidelity report says what a program really is off by: its figures are recomputed here, and moved by doctoring."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.onnx import ImportedModel, import_onnx
from circuits.program.graph import Program
from circuits.program.interpreter import run as interpret
from circuits.program.values import quantize_input, real_values
from circuits.quantize import CompileOptions, FidelityReport, compile_model
from circuits.quantize.builder import Builder
from circuits.quantize.calibration import Samples, samples_of
from circuits.quantize.fidelity import fidelity
from circuits.quantize.lower import lower

Arrays = dict[str, np.ndarray]


def save(
    path: Path, nodes: list[onnx.NodeProto], constants: Arrays, kind: int = TensorProto.FLOAT, size: int = 4
) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, (1, size))],
        [helper.make_tensor_value_info(nodes[-1].output[0], kind, ("a", "b"))],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def network(path: Path) -> Path:
    """x → first → relu → second → y, with three classes."""
    rng = np.random.default_rng(1)
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], name="first"),
        helper.make_node("Relu", ["h"], ["r"], name="between"),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["y"], name="second"),
    ]
    constants = {"w1": rng.normal(size=(4, 8)), "b1": rng.normal(size=8), "w2": rng.normal(size=(8, 3))}
    constants["b2"] = np.zeros(3)
    return save(path, nodes, {name: values.astype(np.float32) for name, values in constants.items()})


def data(count: int = 50, seed: int = 0) -> Arrays:
    return {"x": np.random.default_rng(seed).uniform(-1, 1, (count, 1, 4)).astype(np.float32)}


class Bench:
    """A compiled model with everything that `fidelity` is given, so that one thing at a time can be changed."""

    def __init__(self, path: Path, given: Arrays) -> None:
        options = CompileOptions()
        self.model: ImportedModel = import_onnx(path)
        self.samples: Samples = samples_of(self.model.graph, given, options)
        self.builder: Builder = lower(self.model.graph, self.samples.calibration, options, lambda done: None)
        self.program: Program = self.builder.finish(self.model.graph.outputs)

    def report(self, program: Program | None = None) -> FidelityReport:
        return fidelity(self.model, program or self.program, self.builder.values, self.samples, lambda done: None)

    def with_constant(self, name: str, change: np.ndarray) -> Program:
        """The program with `change` added to the constant whose name begins so."""
        (index,) = (i for i, constant in enumerate(self.program.constants) if constant.name.startswith(name))
        constants = list(self.program.constants)
        constants[index] = replace(constants[index], values=constants[index].values + change)
        return replace(self.program, constants=tuple(constants))


def test_errors_are_those_of_the_interpreter_against_onnxruntime(tmp_path: Path) -> None:
    path, given = network(tmp_path / "m.onnx"), data()
    program, report = compile_model(path, given)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    errors, values = [], []
    for sample in given["x"]:
        (made,) = interpret(program, [quantize_input(program.inputs[0], sample)])
        (expected,) = session.run(None, {"x": sample})
        errors.append(np.abs(real_values(program.outputs[0].port, made) - expected))
        values.append(np.abs(expected))
    for found, part in zip(report.outputs, (slice(0, 40), slice(40, 50)), strict=True):
        assert found.samples == part.stop - part.start
        assert found.elements == 3 * found.samples
        assert found.max_abs_error == pytest.approx(np.max(errors[part]), rel=1e-6)
        assert found.mean_abs_error == pytest.approx(np.mean(errors[part]), rel=1e-6)
        assert found.max_abs_value == pytest.approx(np.max(values[part]), rel=1e-6)
        assert found.mismatches is None
    assert [found.split for found in report.outputs] == ["calibration", "held_out"]
    assert report.max_abs_error == max(found.max_abs_error for found in report.outputs)


def test_agreement_counts_the_samples_whose_class_moved(tmp_path: Path) -> None:
    path, given = network(tmp_path / "m.onnx"), data()
    bench = Bench(path, given)
    assert {found.argmax_agreement for found in bench.report().outputs} == {1.0}
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    classes = np.array([session.run(None, {"x": sample})[0].argmax() for sample in given["x"]])
    always_first = bench.report(bench.with_constant("y.bias", np.array([1, 0, 0]) << 40)).outputs
    assert [found.argmax_agreement for found in always_first] == [
        np.mean(classes[:40] == 0),
        np.mean(classes[40:] == 0),
    ]
    assert 0 < np.mean(classes == 0) < 1


def test_the_worst_op_is_the_one_that_was_spoilt(tmp_path: Path) -> None:
    bench = Bench(network(tmp_path / "m.onnx"), data())
    spoilt = bench.report(bench.with_constant("h.bias", np.int64(1) << 24)).worst_ops
    assert {(worst.value, worst.node, worst.node_op) for worst in spoilt} == {
        ("h", "first", "Gemm"), ("r", "between", "Relu"), ("y", "second", "Gemm")
    }  # fmt: skip
    late = bench.report(bench.with_constant("y.weights", np.int64(1) << 12)).worst_ops
    assert late[0].node == "second"
    assert late[0].relative_error > 100 * late[1].relative_error


def test_clamped_inputs_are_counted(tmp_path: Path) -> None:
    given = data()
    given["x"][45:] *= 8  # held out, and far outside what calibration showed
    program, report = compile_model(network(tmp_path / "m.onnx"), given)
    reach = 2.0 ** (program.inputs[0].bits - 1 - program.inputs[0].scales[0])
    outside = int((np.abs(given["x"][45:]) > reach).sum())
    assert outside > 0
    assert [(found.kind, found.value, found.elements, found.of) for found in report.saturations] == [
        ("input", "x", outside, 200)
    ]
    assert report.saturated == {}
    assert any("were clamped" in warning and "'x'" in warning for warning in report.warnings)
    assert compile_model(tmp_path / "m.onnx", data())[1].saturations == []


def test_saturated_elements_are_counted_by_op(tmp_path: Path) -> None:
    given = data()
    given["x"][45:] *= 30  # within the input's range, far outside the calibrated one
    program, report = compile_model(network(tmp_path / "m.onnx"), given, CompileOptions(input_scales={"x": 10}))
    made = [interpret(program, [quantize_input(program.inputs[0], sample)])[0] for sample in given["x"]]
    top = 2 ** (program.outputs[0].port.bits - 1)
    ends = int(np.isin(made, [-top, top - 1]).sum())
    assert ends > 0
    (found,) = [found for found in report.saturations if found.value == "y"]
    assert (found.kind, found.index, found.elements, found.of) == ("contract", program.outputs[0].ref.index, ends, 150)
    assert report.saturated[found.index] == ends
    assert any("elements saturated" in warning and "'y'" in warning for warning in report.warnings)


def test_integers_are_equal_or_counted(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [helper.make_node("Neg", ["x"], ["y"], name="minus")], {}, TensorProto.INT64)
    given = {"x": np.arange(-100, 100).reshape(50, 1, 4)}
    bench = Bench(path, given)
    assert [(found.mismatches, found.elements) for found in bench.report().outputs] == [(0, 160), (0, 40)]
    assert bench.report().outputs[0].argmax_agreement is None
    (op,) = bench.program.ops
    kept = replace(op, coefficients=(1,))  # x instead of −x: right for 0 alone
    wrong = bench.report(replace(bench.program, ops=(kept,)))
    assert [found.mismatches for found in wrong.outputs] == [159, 40]
    assert wrong.outputs[0].row()[3] == "159 of 160 differ"
    assert any("differs at 159 of 160" in warning for warning in wrong.warnings)


def test_an_output_that_is_infinite_by_itself_is_left_out_and_told(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [helper.make_node("Log", ["x"], ["y"], name="log")], {})
    given = {"x": np.random.default_rng(0).uniform(0.5, 2.0, (50, 1, 4))}
    given["x"][49, 0, 0] = 0.0
    _, report = compile_model(path, given)
    assert report.outputs[1].elements == 39
    assert any("at 1 elements, which are left out" in warning for warning in report.warnings)
    json.dumps(report.as_dict(), allow_nan=False)


def test_a_table_says_how_far_it_may_be_off(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [helper.make_node("Tanh", ["x"], ["y"], name="tanh")], {})
    for options in (CompileOptions(bits=8), CompileOptions(table_bits=8)):  # a table of values, a table of lines
        program, report = compile_model(path, data(), options)
        (table,) = report.tables
        assert table.entries <= 256
        assert program.outputs[0].ref.index == table.op
        rounding_of_x = 2.0 ** -(program.inputs[0].scales[0] + 1)
        assert 0 < report.max_abs_error <= table.max_abs_error + rounding_of_x
        assert table.max_abs_error < 2.0 ** (2 - options.bits)


def test_warns_where_there_is_nothing_to_judge_by(tmp_path: Path) -> None:
    path = network(tmp_path / "m.onnx")
    assert "no calibration data" in compile_model(path)[1].warnings[0]
    (warning,) = compile_model(path, data(4))[1].warnings
    assert "too few samples" in warning
    assert compile_model(path, data())[1].warnings == []


def test_a_program_that_is_no_stand_in_for_its_model_is_called_poor(tmp_path: Path) -> None:
    bench = Bench(network(tmp_path / "m.onnx"), data())
    poor = bench.report(bench.with_constant("y.bias", np.int64(1) << 28)).warnings
    assert any(warning.startswith("POOR FIDELITY: output 'y' (held_out)") for warning in poor)


def test_draws_any_name_and_any_values(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from prover.cli.model_plot import plot_fidelity

    report = Bench(network(tmp_path / "m.onnx"), data()).report()
    picture = plot_fidelity(report, "a $title$ \\frac{")
    assert picture.startswith(b"\x89PNG")
    many = [replace(points, output=f"$y_{i}$\\frac{{") for i in range(12) for points in report.points]
    assert len(plot_fidelity(replace(report, points=many), "many")) > len(picture)
    still = [replace(points, program=np.zeros(5), model=np.zeros(5)) for points in report.points]
    nothing = replace(report.points[0], output="empty", program=np.zeros(0), model=np.zeros(0))
    assert plot_fidelity(replace(report, points=[*still, nothing]), "zeros").startswith(b"\x89PNG")
