"""`inferproof model compile / run / inspect / check`: documents, exit codes, and nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.program.file import load_program
from circuits.program.interpreter import run as interpret
from circuits.program.values import quantize_input
from prover.cli.model import app
from verifier.console import run


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
    code, document = call(capsys, "inspect", compiled)
    assert code == 0
    assert [op["kind"] for op in document["ops"]] == ["contract"]
    assert document["ops"][0]["accumulator_magnitude"] < 2**53
    assert document["inputs"][0]["shape"] == [1, 3]


def test_check_says_yes_or_names_every_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "check", model(tmp_path / "yes.onnx"))[0] == 0
    code, document = call(capsys, "check", model(tmp_path / "no.onnx", "Softmax"))
    assert code == 1
    assert document["supported"] is False
    assert document["unsupported"][0]["node"] == "node"


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
        (["compile", "{onnx}", "-o", "{out}", "--freeze", "x"], "bad_option"),
        (["compile", "{onnx}", "-o", "{out}", "--freeze", "x=__import__('os')"], "bad_option"),
        (["compile", "{onnx}", "-o", "{out}", "--input-scale", "x=high"], "bad_option"),
        (["compile", "{onnx}", "-o", "{out}", "--input-range", "x=3:1"], "bad_option"),
        (["compile", "{onnx}", "-o", "{out}", "--calibration", "{absent}"], "input_unreadable"),
        (["compile", "{absent}", "-o", "{out}"], "onnx_unreadable"),
        (["compile", "{onnx}", "-o", "{absent}/deeper/m.program"], "output_unwritable"),
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
    }
    before = sorted(tmp_path.iterdir())
    exit_code, document = call(capsys, *(argument.format(**places) for argument in arguments))
    assert exit_code == 2
    assert document["error"]["code"] == code
    assert sorted(tmp_path.iterdir()) == before
