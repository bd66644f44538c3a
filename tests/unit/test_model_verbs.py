"""`inferproof model compile / run / inspect / check`: documents, exit codes, and nothing half-written."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.program.file import load_program, save_program
from circuits.program.interpreter import run as interpret
from circuits.program.ops import Argmax
from circuits.program.refs import AffineMap, Output, Port, Ref, Source, Visibility
from circuits.program.values import quantize_input
from prover.cli.model import app
from verifier.console import run


def chain(path: Path, *ops: str, kind: int = TensorProto.FLOAT) -> Path:
    """x → the ops, one after the other → y."""
    names = ["x", *(f"v{i}" for i in range(len(ops) - 1)), "y"]
    nodes = [helper.make_node(op, [names[i]], [names[i + 1]], name=f"node{i}") for i, op in enumerate(ops)]
    inputs = [helper.make_tensor_value_info("x", kind, (1, 3))]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("y", kind, ("a", "b"))])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def model(path: Path, op: str = "Gemm") -> Path:
    weights = numpy_helper.from_array(np.array([[1, -2], [0.5, 3], [2, 0]], np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node(op, ["x", "w"] if op == "Gemm" else ["x"], ["y"], name="node")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 3))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 2))],
        [weights],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any]:
    code = run(app, [*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def compiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).uniform(-1, 1, (30, 3)))
    output = tmp_path / "m.program"
    code, document = call(
        capsys, "compile", model(tmp_path / "m.onnx"), "--calibration", tmp_path / "data.npz", "-o", output
    )
    assert code == 0
    assert document["model_id"] == "0x" + load_program(output).model_id().hex()
    assert document["fidelity"]["warnings"] == []
    assert {o["split"] for o in document["fidelity"]["outputs"]} == {"calibration", "held_out"}
    return output


def test_run_prints_the_interpreters_integers(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.json").write_text(json.dumps({"input_data": [[0.5, -0.25, 1]]}))
    code, document = call(capsys, "run", compiled, tmp_path / "in.json")
    program = load_program(compiled)
    expected = interpret(program, [quantize_input(program.inputs[0], [[0.5, -0.25, 1]])])[0]
    assert code == 0
    assert list(document) == ["outputs"]
    assert document["outputs"]["y"]["integers"] == expected.reshape(-1).tolist()
    assert document["outputs"]["y"]["values"] == pytest.approx([2.375, -1.75], abs=1e-3)


def test_inspect_shows_every_op_with_its_range(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = call(capsys, "inspect", compiled, "--no-costs")
    assert code == 0
    assert [op["kind"] for op in document["ops"]] == ["contract"]
    assert document["ops"][0]["accumulator_magnitude"] < 2**53
    assert document["inputs"][0]["shape"] == [1, 3]
    assert (document["parameters"], document["table_entries"], document["values"]) == (6, 0, 2)
    assert document["multiply_accumulates"] == 6
    assert document["file_bytes"] == compiled.stat().st_size
    assert "routes" not in document


def test_inspect_tells_what_a_route_costs(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = call(capsys, "inspect", compiled)
    assert (code, list(document["routes"])) == (0, ["halo2", "optimistic", "sumcheck"])
    cost = document["routes"]["halo2"]
    assert cost["provable"] is True
    assert 2 ** cost["srs_k"] > cost["rows"] > 0
    assert run(app, ["inspect", str(compiled)]) == 0
    told = capsys.readouterr().out
    assert f"an SRS of k = {cost['srs_k']}" in told
    assert (document["routes"]["optimistic"]["rows"], document["routes"]["optimistic"]["srs_k"]) == (None, None)


def test_inspect_counts_rows_where_setup_looks(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERPROOF_CACHE_DIR", str(tmp_path / "cache"))
    assert call(capsys, "inspect", compiled, "--route", "halo2")[0] == 0
    assert list((tmp_path / "cache" / "settings").glob("*/settings.json"))


def test_inspect_says_why_a_route_refuses(compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = load_program(compiled)
    hidden = replace(program.outputs[0], port=replace(program.outputs[0].port, visibility=Visibility.HASHED))
    save_program(replace(program, outputs=(hidden,)), tmp_path / "hidden.program")
    code, document = call(capsys, "inspect", tmp_path / "hidden.program")
    assert code == 0
    assert document["routes"]["halo2"]["provable"] is False
    assert document["routes"]["halo2"]["reason"]["code"] == "halo2_hidden_output"


def test_inspect_counts_tables_apart_from_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--input-range", "x=-1:1", "--bits", "8", "-o", tmp_path / "m.program"]
    assert call(capsys, "compile", chain(tmp_path / "m.onnx", "Tanh"), *arguments)[0] == 0
    _, document = call(capsys, "inspect", tmp_path / "m.program", "--no-costs")
    assert document["parameters"] == 0
    assert 128 < document["table_entries"] <= 256


def test_check_counts_the_nodes_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = call(capsys, "check", model(tmp_path / "yes.onnx"))
    assert code == 0
    assert document["nodes"] == {"Gemm": 1}  # not what the compiler makes of it
    assert document["inputs"] == {"x": {"type": "float", "shape": [1, 3]}}
    assert document["outputs"] == {"y": {"type": "float", "shape": [1, 2]}}


def test_check_names_every_node_that_cannot_be_compiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = call(capsys, "check", chain(tmp_path / "no.onnx", "Bernoulli", "Relu", "Det"))
    assert code == 1
    assert document["supported"] is False
    named = [(node["position"], node["op"], node["node"]) for node in document["unsupported"]]
    assert named == [(0, "Bernoulli", "node0"), (2, "Det", "node2")]
    assert all(node["reason"] for node in document["unsupported"])
    assert run(app, ["check", str(tmp_path / "no.onnx")]) == 1
    printed = capsys.readouterr().out
    assert "Bernoulli" in printed
    assert "Det" in printed


def test_check_says_no_to_a_model_without_a_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1,))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1,))],
        [numpy_helper.from_array(np.ones(1, np.float32), "c")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "c.onnx")
    code, document = call(capsys, "check", tmp_path / "c.onnx")
    assert (code, document["supported"], document["reason"]["code"]) == (1, False, "onnx_constant_output")


def test_run_names_the_class_of_a_label(compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = load_program(compiled)
    op = Argmax(
        (Ref(Source.OP, 0),), (AffineMap((1, 2), (0, 0), ((1, 0), (0, 1))),), (1,), (2,), 8, 0
    )  # over the two outputs
    port = Port("class", (1,), 8, (0,), labels=("refused", "granted"))
    labelled = replace(program, ops=(*program.ops, op), outputs=(Output(Ref(Source.OP, 1), port),))
    save_program(labelled, tmp_path / "labelled.program")
    (tmp_path / "in.json").write_text(json.dumps({"input_data": [[0.5, 1.5, -1]]}))
    _, document = call(capsys, "run", tmp_path / "labelled.program", tmp_path / "in.json")
    assert document["outputs"]["class"]["integers"] == [1]
    assert document["outputs"]["class"]["labels"] == ["granted"]
    assert run(app, ["run", str(tmp_path / "labelled.program"), str(tmp_path / "in.json")]) == 0
    assert "granted" in capsys.readouterr().out


def test_integer_and_boolean_arrays_are_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = chain(tmp_path / "m.onnx", "Neg", kind=TensorProto.INT64)
    assert call(capsys, "compile", path, "-o", tmp_path / "m.program")[0] == 0
    for values in (np.array([[3, -1, 0]], np.int64), np.array([[True, False, True]])):
        np.savez(tmp_path / "in.npz", x=values)
        (tmp_path / "in.json").write_text(json.dumps({"inputs": {"x": values.tolist()}}))
        for file in ("in.npz", "in.json"):
            code, document = call(capsys, "run", tmp_path / "m.program", tmp_path / file)
            assert code == 0
            assert document["outputs"]["y"]["integers"] == (-values.astype(np.int64)).reshape(-1).tolist()


def test_truth_is_no_real_number(compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "in.npz", x=np.array([[True, False, True]]))
    (tmp_path / "in.json").write_text('{"inputs": {"x": [[true, false, 0.5]]}}')
    for file in ("in.npz", "in.json"):
        code, document = call(capsys, "run", compiled, tmp_path / file)
        assert (code, document["error"]["code"]) == (2, "input_malformed")


def test_report_and_plot_are_files_of_their_own(compiled: Path, tmp_path: Path) -> None:
    arguments = ["compile", tmp_path / "m.onnx", "--calibration", tmp_path / "data.npz", "-o", tmp_path / "r.program"]
    files = ["--report", tmp_path / "r.json", "--plot", tmp_path / "r.png"]
    assert run(app, [str(argument) for argument in (*arguments, *files)]) == 0
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["model_id"] == "0x" + load_program(tmp_path / "r.program").model_id().hex()
    assert document["setting"] == {"bits": 16, "weight_bits": 16, "table_bits": 12}
    assert document["fidelity"]["worst_ops"][0]["node"] == "node"
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_the_cheapest_setting_within_an_error_is_found_and_told(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [tmp_path / "m.onnx", "--calibration", tmp_path / "data.npz", "-o", tmp_path / "s.program"]
    code, document = call(capsys, "compile", *arguments, "--max-error", 0.02, "--weight-bits", 12)
    assert code == 0
    assert document["setting"] == document["search"]["chosen"]
    assert document["setting"]["bits"] < 16
    assert document["setting"]["weight_bits"] == 12
    assert all(output["max_abs_error"] <= 0.02 for output in document["fidelity"]["outputs"])
    assert document["search"]["complete"] is True
    explicit = [f"--{name.replace('_', '-')}={bits}" for name, bits in document["setting"].items()]
    again = call(capsys, "compile", *arguments, *explicit)[1]
    assert again["model_id"] == document["model_id"]
    assert run(app, ["compile", *map(str, arguments), "--max-error", "0.02"]) == 0
    assert "chosen: --bits" in capsys.readouterr().out


def test_an_error_that_cannot_be_met_is_told_and_nothing_is_written(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.iterdir())
    files = ["-o", tmp_path / "s.program", "--report", tmp_path / "s.json"]
    code, document = call(capsys, "compile", tmp_path / "m.onnx", *files, "--max-error", "1e-12")
    assert (code, document["error"]["code"]) == (2, "max_error_not_met")
    assert set(document["error"]["details"]["nearest"]) == {"bits", "weight_bits", "table_bits"}
    assert sorted(tmp_path.iterdir()) == before


def test_a_plot_without_matplotlib_is_refused_before_the_work(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    before = sorted(tmp_path.iterdir())
    arguments = [tmp_path / "m.onnx", "-o", tmp_path / "p.program", "--plot", tmp_path / "p.png"]
    code, document = call(capsys, "compile", *arguments)
    assert (code, document["error"]["code"]) == (3, "plot_needs_matplotlib")
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_is_written_where_one_file_cannot_be(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(program: object, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("prover.cli.output_files.save_program", full)
    before = sorted(tmp_path.iterdir())
    arguments = [tmp_path / "m.onnx", "-o", tmp_path / "p.program", "--report", tmp_path / "p.json"]
    code, document = call(capsys, "compile", *arguments)
    assert (code, document["error"]["code"]) == (2, "output_unwritable")
    assert "No space left" in document["error"]["message"]
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("verb", ["compile", "run", "inspect", "check"])
def test_human_readable_forms_print_something(
    verb: str, compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.json").write_text(json.dumps({"inputs": {"x": [[0.5, -0.25, 1]]}}))
    arguments = {
        "compile": [tmp_path / "m.onnx", "-o", tmp_path / "again.program"],
        "run": [compiled, tmp_path / "in.json"],
        "inspect": [compiled],
        "check": [tmp_path / "m.onnx"],
    }[verb]
    assert run(app, [verb, *map(str, arguments)]) == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["compile", "{onnx}", "-o", "{out}", "--bits", "7"], "bad_option"),
        (["compile", "{onnx}", "-o", "{out}", "--max-error", "0"], "bad_option"),
        (["compile", "{onnx}", "-o", "{out}", "--freeze", "x"], "bad_option"),
        (["compile", "{onnx}", "-o", "{out}", "--freeze", "x=__import__('os')"], "bad_option"),
        (["compile", "{onnx}", "-o", "{out}", "--input-scale", "x=high"], "bad_option"),
        (["compile", "{onnx}", "-o", "{out}", "--input-range", "x=3:1"], "bad_option"),
        (["compile", "{onnx}", "-o", "{out}", "--calibration", "{absent}"], "input_unreadable"),
        (["compile", "{absent}", "-o", "{out}"], "onnx_unreadable"),
        (["compile", "{onnx}", "-o", "{absent}/deeper/m.program"], "output_unwritable"),
        (["compile", "{onnx}", "-o", "{folder}"], "output_unwritable"),
        (["compile", "{onnx}", "-o", "/dev/null"], "output_unwritable"),
        (["compile", "{onnx}", "-o", "{out}", "--report", "{absent}/report.json"], "output_unwritable"),
        (["compile", "{onnx}", "-o", "{out}", "--report", "{out}"], "bad_option"),
        (["run", "{onnx}", "{onnx}"], "program_unreadable"),
        (["run", "{program}", "{absent}"], "input_unreadable"),
        (["inspect", "{absent}"], "program_unreadable"),
        (["check", "{program}"], "onnx_unreadable"),
        (["compile", "{onnx}"], "usage"),
    ],
)
def test_refusals_exit_2_with_one_document_and_leave_no_file(
    arguments: list[str], code: str, compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {
        "onnx": tmp_path / "m.onnx",
        "program": compiled,
        "out": tmp_path / "out.program",
        "absent": tmp_path / "absent",
        "folder": tmp_path,
    }
    before = sorted(tmp_path.iterdir())
    exit_code, document = call(capsys, *(argument.format(**places) for argument in arguments))
    assert exit_code == 2
    assert document["error"]["code"] == code
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("taken", ["m.onnx", "data.npz"])
def test_rejects_an_output_in_the_place_of_an_input(
    taken: str, compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (tmp_path / taken).read_bytes()
    files = (tmp_path / "m.onnx", "--calibration", tmp_path / "data.npz")
    code, document = call(capsys, "compile", *files, "-o", tmp_path / taken)
    assert (code, document["error"]["code"]) == (2, "output_unwritable")
    assert (tmp_path / taken).read_bytes() == before
