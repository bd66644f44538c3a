"""The command line from end to end on a tiny model, and the table of bad input: one clear error, a stable code each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from cli_calls import Invoke
from onnx import TensorProto, helper, numpy_helper
from other_srs import write_other_srs

from circuits.program.file import load_program
from prover.cli.app import run_cli
from prover.srs import generate_dev_srs
from verifier.console import run


def save_model(path: Path, op: str = "Relu", size: int = 4) -> None:
    """A Gemm and an activation."""
    rng = np.random.default_rng(1)
    weights = numpy_helper.from_array(rng.standard_normal((size, 3)).astype(np.float32), "w")
    bias = numpy_helper.from_array(rng.standard_normal(3).astype(np.float32), "b")
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["h"]), helper.make_node(op, ["h"], ["y"])]
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, size])
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])
    graph = helper.make_graph(nodes, "tiny", [source], [target], [weights, bias])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@dataclass(frozen=True)
class Bench:
    """Files of a model that went the whole way once."""

    folder: Path
    onnx: Path
    program: Path
    key: Path
    input: Path
    proof: Path
    outputs: Path

    def model_id(self) -> str:
        return load_program(self.program).model_id().hex()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    made = Bench(folder, *(folder / n for n in ("m.onnx", "m.program", "m.key", "in.json", "proof.json", "out.json")))
    save_model(made.onnx)
    np.savez(folder / "cal.npz", x=np.random.default_rng(2).uniform(-1, 1, (64, 1, 4)).astype(np.float32))
    made.input.write_text(json.dumps({"input_data": [[0.5, -0.25, 0.125, -1.0]]}))
    steps = [
        ["model", "compile", made.onnx, "--calibration", folder / "cal.npz", "-o", made.program],
        ["setup", made.program, "--route", "halo2", "-o", made.key],
        ["prove", made.program, made.input, "--key", made.key, "-o", made.proof],
    ]
    for step in steps:
        assert run_cli([str(part) for part in step]) == 0
    return made


def verify_arguments(bench: Bench, *extra: object) -> list[object]:
    return ["verify", bench.proof, "--key", bench.key, "--program", bench.program, *extra]


def test_proof_verifies_for_its_model_input_and_output(bench: Bench, invoke: Invoke) -> None:
    code, outputs = invoke("model", "run", bench.program, bench.input)
    assert code == 0
    bench.outputs.write_text(json.dumps(outputs))
    wanted = ["--input", bench.input, "--output", bench.outputs, "--allow-insecure-srs"]
    code, answer = invoke(*verify_arguments(bench, *wanted))
    assert (code, answer["valid"]) == (0, True)
    assert answer["outputs"] == outputs["outputs"]


def test_verifier_alone_says_the_same(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    from verifier.cli import app as verifier_app

    arguments = [str(a) for a in verify_arguments(bench, "--allow-insecure-srs", "--json")]
    assert run(verifier_app, arguments) == 0
    assert json.loads(capsys.readouterr().out)["valid"] is True


def test_rejects_development_srs_unless_the_caller_allows_it(bench: Bench, invoke: Invoke) -> None:
    code, answer = invoke(*verify_arguments(bench))
    assert (code, answer["valid"], answer["reason"]["code"]) == (1, False, "srs_not_accepted")


def test_rejects_proof_for_another_input(bench: Bench, invoke: Invoke) -> None:
    other = bench.folder / "other.json"
    other.write_text(json.dumps({"input_data": [[0.5, -0.25, 0.125, 1.0]]}))
    code, answer = invoke(*verify_arguments(bench, "--input", other, "--allow-insecure-srs"))
    assert (code, answer["reason"]["code"]) == (1, "input_differs")


def test_rejects_proof_for_another_output(bench: Bench, invoke: Invoke) -> None:
    _, outputs = invoke("model", "run", bench.program, bench.input)
    outputs["outputs"]["y"]["integers"][0] += 1
    claimed = bench.folder / "claimed.json"
    claimed.write_text(json.dumps(outputs))
    code, answer = invoke(*verify_arguments(bench, "--output", claimed, "--allow-insecure-srs"))
    assert (code, answer["reason"]["code"]) == (1, "output_differs")


def test_rejects_proof_for_another_model(bench: Bench, invoke: Invoke) -> None:
    arguments = ["verify", bench.proof, "--key", bench.key, "--model", "ab" * 32, "--allow-insecure-srs"]
    code, answer = invoke(*arguments)
    assert (code, answer["reason"]["code"]) == (1, "model_differs")


@pytest.mark.parametrize("change", ["tampered", "appended", "truncated", "unknown field", "no json"])
def test_rejects_corrupt_proof_file(bench: Bench, invoke: Invoke, tmp_path: Path, change: str) -> None:
    body = json.loads(bench.proof.read_text())
    proof = body["proof"]
    if change == "tampered":
        body["proof"] = proof[:-3] + ("1" if proof[-3] != "1" else "2") + proof[-2:]
    elif change == "appended":
        body["proof"] = proof + "00" * 7
    elif change == "truncated":
        body["proof"] = proof[:-64]
    elif change == "unknown field":
        body["valid"] = True
    text = json.dumps(body) if change != "no json" else bench.proof.read_text()[:100]
    corrupt = tmp_path / "corrupt.json"
    corrupt.write_text(text)
    arguments = ["verify", corrupt, "--key", bench.key, "--program", bench.program, "--allow-insecure-srs"]
    code, answer = invoke(*arguments)
    assert (code, answer["valid"]) == (1, False)


def test_audit_matches_the_key_and_tells_another(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    code, answer = invoke("model", "audit", bench.program, "--key", bench.key)
    assert (code, answer["matches"], answer["keys"][0]["insecure_srs"]) == (0, True, True)
    hashed = tmp_path / "hashed.key"
    assert invoke("setup", bench.program, "--params", "hashed", "-o", hashed)[0] == 0
    body = json.loads(hashed.read_text())
    fixed = bytes.fromhex(json.loads(bench.key.read_text())["key"][2:])
    forged = bytearray.fromhex(body["key"][2:])
    forged[-1] ^= 1  # another word of the verifying key artifact: a key that computes something else
    assert bytes(forged) != fixed
    body["key"] = "0x" + forged.hex()
    hashed.write_text(json.dumps(body))
    code, answer = invoke("model", "audit", bench.program, "--key", hashed)
    assert (code, answer["matches"]) == (1, False)


def test_unbound_key_is_reported_and_cannot_be_registered(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    key = tmp_path / "private.key"
    code, answer = invoke("setup", bench.program, "--params", "private", "-o", key)
    assert (code, answer["unbound"]) == (0, ["the parameters"])
    code, answer = invoke("model", "register", bench.program, "--key", key, "--rpc-url", "http://127.0.0.1:9")
    assert (code, answer["error"]["code"]) == (2, "unbound_cannot_register")


def refused(invoke: Invoke, exit_code: int, error_code: str, *arguments: object) -> None:
    code, answer = invoke(*arguments)
    assert (code, answer["error"]["code"]) == (exit_code, error_code)
    assert answer["error"]["message"]


def test_missing_onnx_file_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    target = tmp_path / "m.program"
    refused(invoke, 2, "onnx_unreadable", "model", "compile", tmp_path / "none.onnx", "-o", target)
    assert not target.exists()


def test_malformed_onnx_file_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\x08\x09 this is no model")
    target = tmp_path / "m.program"
    refused(invoke, 2, "onnx_unreadable", "model", "compile", tmp_path / "bad.onnx", "-o", target)
    assert not target.exists()


def test_unsupported_op_is_refused_by_name(invoke: Invoke, tmp_path: Path) -> None:
    save_model(tmp_path / "odd.onnx", op="Bernoulli")
    code, answer = invoke("model", "check", tmp_path / "odd.onnx")
    assert (code, answer["unsupported"][0]["op"]) == (1, "Bernoulli")
    refused(invoke, 2, "onnx_unsupported_ops", "model", "compile", tmp_path / "odd.onnx", "-o", tmp_path / "m.program")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([0.5, 0.25], "input_wrong_shape"),
        ([0.5, float("nan"), 0.0, 0.0], "input_not_finite"),
        ([0.5, 1e9, 0.0, 0.0], "input_out_of_range"),
        ("words", "input_malformed"),
    ],
)
def test_bad_input_value_is_refused(bench: Bench, invoke: Invoke, tmp_path: Path, values: object, code: str) -> None:
    path, target = tmp_path / "in.json", tmp_path / "proof.json"
    path.write_text(json.dumps({"inputs": {"x": values}}))
    refused(invoke, 2, code, "prove", bench.program, path, "--key", bench.key, "-o", target)
    assert not target.exists()


def test_corrupt_program_is_refused(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "cut.program"
    path.write_bytes(bench.program.read_bytes()[:-40])
    refused(invoke, 2, "program_unreadable", "model", "inspect", path)


def test_corrupt_key_is_refused_before_work_starts(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    path, target = tmp_path / "cut.key", tmp_path / "proof.json"
    path.write_text(bench.key.read_text()[:-200])
    refused(invoke, 2, "file_malformed", "prove", bench.program, bench.input, "--key", path, "-o", target)
    assert not target.exists()


def test_another_models_key_is_refused(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    save_model(tmp_path / "other.onnx", op="Neg")
    other = tmp_path / "other.program"
    assert invoke("model", "compile", tmp_path / "other.onnx", "--input-range", "x=-1:1", "-o", other)[0] == 0
    arguments = ["prove", other, bench.input, "--key", bench.key, "-o", tmp_path / "proof.json"]
    refused(invoke, 2, "key_for_another_model", *arguments)


def test_corrupt_srs_is_refused(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "cut.srs"
    generate_dev_srs(4, path)
    assert invoke("srs", "verify", path)[1]["insecure"] is True
    path.write_bytes(path.read_bytes()[:-64])
    refused(invoke, 2, "srs_truncated", "srs", "verify", path)
    refused(invoke, 2, "srs_truncated", "setup", bench.program, "--srs", path, "-o", tmp_path / "m.key")


def test_a_key_over_another_srs_is_refused_before_the_work(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    path = write_other_srs(4, tmp_path / "other.srs")  # too small for the model, which would be told later
    refused(invoke, 2, "key_over_another_srs", "model", "audit", bench.program, "--key", bench.key, "--srs", path)
    proving = ["prove", bench.program, bench.input, "--key", bench.key, "-o", tmp_path / "proof.json"]
    refused(invoke, 2, "key_over_another_srs", *proving, "--srs", path)


def test_development_srs_is_told_even_where_it_is_named(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "dev.srs"
    generate_dev_srs(12, path)
    capsys.readouterr()
    assert run_cli(["setup", str(bench.program), "--srs", str(path), "-o", str(tmp_path / "m.key"), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["insecure_srs"] is True
    assert "INSECURE" in told.err


def test_committed_input_is_proven_under_the_commitment_made_before(
    invoke: Invoke, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    files = {name: tmp_path / name for name in ("h.onnx", "h.program", "h.key", "h.json", "h.salt", "h.proof")}
    save_model(files["h.onnx"])
    files["h.json"].write_text(json.dumps({"input_data": [[0.5, -0.25, 0.125, -1.0]]}))
    compiled = ["model", "compile", files["h.onnx"], "--input-range", "x=-1:1", "--hashed-input"]
    assert invoke(*compiled, "-o", files["h.program"])[0] == 0
    assert invoke("setup", files["h.program"], "-o", files["h.key"])[0] == 0
    proving = ["prove", files["h.program"], files["h.json"], "--key", files["h.key"], "-o", files["h.proof"]]
    refused(invoke, 2, "salt_missing", *proving)
    code, committed = invoke("commit", files["h.program"], files["h.json"], "--salt", files["h.salt"])
    assert code == 0
    assert files["h.salt"].stat().st_mode & 0o077 == 0
    code, proven = invoke(*proving, "--salt", files["h.salt"])
    assert (code, proven["statement"]["input_root"]) == (0, committed["input_root"])
    verifying = ["verify", files["h.proof"], "--key", files["h.key"], "--program", files["h.program"]]
    code, answer = invoke(*verifying, "--allow-insecure-srs")
    assert (code, answer["compared"]) == (0, {"input": False, "output": False})
    assert run_cli([str(part) for part in [*verifying, "--allow-insecure-srs"]]) == 0
    assert "input: not compared; it is hidden: compare input_root" in capsys.readouterr().out
    refused(invoke, 2, "input_is_hashed", *verifying, "--allow-insecure-srs", "--input", files["h.json"])


def test_corrupt_key_is_bad_input_for_the_verifier_too(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "cut.key"
    path.write_text(bench.key.read_text()[:300])
    refused(invoke, 2, "file_malformed", "verify", bench.proof, "--key", path, "--program", bench.program)


def test_proof_nested_too_deep_is_rejected_and_crashes_nothing(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    arguments = ["verify", path, "--key", bench.key, "--program", bench.program, "--allow-insecure-srs"]
    code, answer = invoke(*arguments)
    assert (code, answer["reason"]["code"]) == (1, "file_malformed")


def test_srs_that_is_too_small_is_refused(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "small.srs"
    generate_dev_srs(4, path)
    refused(invoke, 2, "srs_too_small", "setup", bench.program, "--srs", path, "-o", tmp_path / "m.key")


def test_too_large_model_is_refused_by_the_estimate(
    bench: Bench, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERPROOF_MEMORY_LIMIT_BYTES", str(10 * 2**20))
    refused(invoke, 2, "model_too_large", "setup", bench.program, "-o", tmp_path / "m.key")
    assert not (tmp_path / "m.key").exists()


def test_no_chain_at_the_url_is_refused(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    common = ["--rpc-url", "http://127.0.0.1:9", "--deployment", tmp_path / "none.json"]
    refused(invoke, 3, "chain_unreachable", "model", "register", bench.program, "--key", bench.key, *common)


def test_usage_errors_have_a_code_too(invoke: Invoke) -> None:
    refused(invoke, 2, "usage", "srs", "dev", "-k", "many", "-o", "x")


def test_output_that_cannot_be_written_is_refused_before_the_work(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    nowhere = tmp_path / "none" / "file"
    code, document = invoke("setup", bench.program, "-o", nowhere)
    assert (code, document["error"]["code"]) == (2, "output_unwritable")
    code, document = invoke("prove", bench.program, bench.input, "--key", bench.key, "-o", nowhere)
    assert (code, document["error"]["code"]) == (2, "output_unwritable")


def test_a_proof_file_that_is_not_there_is_no_verdict(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    code, document = invoke("verify", tmp_path / "none.json", "--key", bench.key, "--program", bench.program)
    assert (code, document["error"]["code"]) == (2, "file_unreadable")
