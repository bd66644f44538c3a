"""The sumcheck route on the command line: every verb on a tiny model, and what verifiers reject."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import halo2_programs
import pytest
from cli_calls import Invoke, refused, rejected
from sumcheck_files import Bench, changed, forged_key, hex_g2

from circuits.program.file import load_program, save_program
from circuits.program.refs import Visibility
from prover import sumcheck
from prover.cli.app import run_cli
from prover.cli.plain_text import size
from prover.srs import srs_g2
from verifier.cli import app as verifier_app
from verifier.console import run
from verifier.srs import DEVELOPMENT_S_G2, srs_digest

# `python -m verifier`, which then tells on stderr whether it loaded anything of the prover's.
ALONE = """
import runpy, sys
try:
    runpy.run_module("verifier", run_name="__main__")
finally:
    foreign = ("prover", "contracts", "circuits.execute")
    print([name for name in sys.modules if name.startswith(foreign)], file=sys.stderr)
"""


def test_setup_and_prove_say_what_halo2_says(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    code, key = invoke("setup", bench.program, "--route", "sumcheck", "-o", tmp_path / "key")
    model_id = "0x" + load_program(bench.program).model_id().hex()
    assert (code, key["route"], key["model_id"]) == (0, "sumcheck", model_id)
    assert (key["insecure_srs"], key["unbound"]) == (True, [])
    names = {"route", "key", "key_digest", "model_id", "srs_digest", "insecure_srs", "unbound", "estimate", "phases"}
    assert set(key) == names
    assert key["estimate"]["prove_s"] > 0
    assert [phase["name"] for phase in key["phases"]] == ["lower", "setup"]
    assert (tmp_path / "key").read_bytes() == bench.key.read_bytes()
    proving = ["prove", bench.program, bench.input, "--key", tmp_path / "key", "-o", tmp_path / "proof"]
    code, proof = invoke(*proving)
    assert (code, proof["route"], proof["statement"]["model_id"]) == (0, "sumcheck", model_id)
    same = {"route", "srs_digest", "insecure_srs", "unbound", "estimate", "phases"}
    assert set(proof) == same | {"proof", "proof_bytes", "statement", "outputs"}
    assert proof["proof_bytes"] == (len(json.loads(bench.proof.read_text())["proof"]) - 2) // 2
    assert proof["estimate"] == key["estimate"]
    assert proof["outputs"] == invoke("model", "run", bench.program, bench.input)[1]["outputs"]


def test_people_are_told_outputs_and_the_peak_of_a_proof_beside_its_estimate(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    proving = ["prove", str(bench.program), str(bench.input), "--key", str(bench.key), "-o", str(tmp_path / "proof")]
    expected = sumcheck.estimate(sumcheck.make_plan(load_program(bench.program))).peak_memory_bytes
    capsys.readouterr()
    assert run_cli(proving) == 0
    printed = capsys.readouterr().out
    told = re.search(r"peak memory ([\d.]+) (?:MiB|GiB), and (.+) was expected", printed)
    assert told is not None  # the peak is of the tests' own process, whatever ran in it before
    assert float(told[1]) > 0
    assert told[2] == size(expected)
    assert run_cli(["model", "run", str(bench.program), str(bench.input)]) == 0
    assert printed.startswith(capsys.readouterr().out)  # and of what it proved


def test_people_are_told_the_estimate_and_what_is_insecure(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    capsys.readouterr()
    setup = ["setup", str(bench.program), "--route", "sumcheck", "-o", str(tmp_path / "key")]
    assert run_cli(setup) == 0
    told = capsys.readouterr().err
    k = sumcheck.make_plan(load_program(bench.program)).layout.row_bits
    assert f"expected: an SRS of k = {k}, setup" in told
    assert "INSECURE" in told
    assert run_cli([*setup, "--srs", str(bench.srs)]) == 0
    assert "INSECURE" not in capsys.readouterr().err


def test_proof_verifies_for_its_model_input_and_output(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    outputs = invoke("model", "run", bench.program, bench.input)[1]
    (tmp_path / "outputs").write_text(json.dumps(outputs))
    wanted = ["--input", bench.input, "--output", tmp_path / "outputs", "--allow-insecure-srs"]
    code, answer = invoke(*bench.verifying(*wanted))
    assert (code, answer["valid"], answer["reason"]) == (0, True, None)
    assert answer["outputs"] == outputs["outputs"]


def test_without_the_program_outputs_have_no_names_and_no_scale(
    bench: Bench, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = invoke("model", "run", bench.program, bench.input)[1]["outputs"]["y"]
    model_id = invoke("model", "inspect", bench.program, "--no-costs")[1]["model_id"]
    verifying = ["verify", bench.proof, "--key", bench.key, "--model", model_id, "--allow-insecure-srs"]
    code, answer = invoke(*verifying)
    assert code == 0
    assert answer["outputs"] == [{name: outputs[name] for name in ("shape", "integers")}]
    assert run_cli([str(part) for part in verifying]) == 0
    assert f"output 0: {outputs['integers']}" in capsys.readouterr().out
    assert run_cli([str(part) for part in bench.verifying("--allow-insecure-srs")]) == 0
    assert f"{outputs['values'][0]:.6g}" in capsys.readouterr().out


def test_the_verdict_says_what_it_was_compared_with(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def verify(*extra: object) -> tuple[list[str], object]:
        arguments = [str(part) for part in bench.verifying("--allow-insecure-srs", *extra)]
        assert run(verifier_app, arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        assert run(verifier_app, [*arguments, "--json"]) == 0
        (tmp_path / "outputs").write_text(capsys.readouterr().out)
        return lines, json.loads((tmp_path / "outputs").read_text())["compared"]

    capsys.readouterr()
    lines, compared = verify()
    assert lines[1] == "input: not compared; name the one you mean with --input"
    assert compared == {"input": False, "output": False}
    lines, compared = verify("--input", bench.input)
    assert lines[1] == f"input: compared with {bench.input}"
    assert compared == {"input": True, "output": False}
    outputs = ["--output", tmp_path / "outputs"]
    lines, compared = verify(*outputs)
    assert lines[1:3] == [
        "input: not compared; name the one you mean with --input",
        f"output: compared with {tmp_path / 'outputs'}",
    ]
    assert compared == {"input": False, "output": True}
    assert verify("--input", bench.input, *outputs)[1] == {"input": True, "output": True}


def test_every_document_about_a_key_or_proof_says_which_srs(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    def told(document: dict[str, Any]) -> tuple[str, bool]:
        return document["srs_digest"], document["insecure_srs"]

    def documents(srs: list[object], accepting: list[object]) -> list[dict[str, Any]]:
        key, proof = tmp_path / "key", tmp_path / "proof"
        made = invoke("setup", bench.program, "--route", "sumcheck", *srs, "-o", key)[1]
        proven = invoke("prove", bench.program, bench.input, "--key", key, *srs, "-o", proof)[1]
        verified = invoke("verify", proof, "--key", key, "--program", bench.program, *accepting)[1]
        return [made, proven, verified, *invoke("model", "audit", bench.program, "--key", key, *srs)[1]["keys"]]

    insecure = {told(each) for each in documents([], ["--allow-insecure-srs"])}
    assert insecure == {("0x" + srs_digest(DEVELOPMENT_S_G2).hex(), True)}
    named = {told(each) for each in documents(["--srs", bench.srs], ["--srs-g2", hex_g2(bench.srs)])}
    assert named == {("0x" + srs_digest(srs_g2(bench.srs)).hex(), False)}


def alone(arguments: list[object]) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-c", ALONE, *map(str, arguments), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ, check=False)
    return ended.returncode, json.loads(ended.stdout), ended.stderr.splitlines()[-1]


def test_verifier_alone_accepts_the_proof_without_prover_or_executor(bench: Bench) -> None:
    arguments = bench.verifying("--input", bench.input, "--allow-insecure-srs")
    code, answer, loaded = alone(arguments)
    assert (code, answer["valid"], loaded) == (0, True, "[]")


def test_verifier_alone_rejects_what_was_not_asked_for(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    capsys.readouterr()
    assert run_cli(["model", "run", str(bench.program), str(bench.input), "--json"]) == 0
    outputs = json.loads(capsys.readouterr().out)
    outputs["outputs"]["y"]["integers"][2] += 1
    (tmp_path / "outputs").write_text(json.dumps(outputs))
    common = ["--program", bench.program, "--allow-insecure-srs"]
    attacks = {
        "input_differs": ["--key", bench.key, *common, "--input", bench.other_input],
        "output_differs": ["--key", bench.key, *common, "--output", tmp_path / "outputs"],
        "model_differs": ["--key", bench.key, "--program", bench.other_program, "--allow-insecure-srs"],
        "key_differs": ["--key", bench.other_key, *common],
        "srs_not_accepted": ["--key", bench.key, "--program", bench.program],
    }
    for reason, arguments in attacks.items():
        code = run(verifier_app, ["verify", str(bench.proof), *map(str, arguments), "--json"])
        answer = json.loads(capsys.readouterr().out)
        assert (code, answer["valid"], answer["reason"]["code"]) == (1, False, reason)


def test_proof_over_a_named_srs_verifies_for_who_names_it_and_for_nobody_else(
    bench: Bench, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    verifying = ["verify", bench.srs_proof, "--key", bench.srs_key, "--program", bench.program]
    named = invoke("srs", "verify", bench.srs)[1]["s_g2"]
    assert named == "0x" + hex_g2(bench.srs)
    assert run_cli(["srs", "verify", str(bench.srs)]) == 0
    assert f"s·G2, for --srs-g2: {named}\n" in capsys.readouterr().out
    for text in (named, named.removeprefix("0x")):
        assert invoke(*verifying, "--srs-g2", text)[0] == 0
    rejected(invoke, "srs_not_accepted", *verifying, "--allow-insecure-srs")
    _, answer = invoke(*verifying, "--allow-insecure-srs")
    assert "--srs-g2" in answer["reason"]["message"]
    assert "inferproof srs verify" in answer["reason"]["message"]
    assert "--allow-insecure-srs" not in answer["reason"]["message"]


def test_rejects_proof_file_that_names_another_srs_or_route_than_its_key(
    bench: Bench, invoke: Invoke, tmp_path: Path
) -> None:
    def verify(**fields: str) -> list[object]:
        both = ["--allow-insecure-srs", "--srs-g2", hex_g2(bench.srs)]
        forged = changed(bench.proof, tmp_path / "forged", **fields)
        return ["verify", forged, "--key", bench.key, "--program", bench.program, *both]

    other = json.loads(bench.srs_proof.read_text())["srs_digest"]
    rejected(invoke, "srs_differs", *verify(srs_digest=other))
    rejected(invoke, "route_differs", *verify(route="halo2"))
    rejected(invoke, "route_unknown", *verify(route="optimistic"))
    rejected(invoke, "file_malformed", *verify(route="carrier pigeon"))
    rejected(invoke, "file_malformed", *verify(valid="true"))


@pytest.mark.parametrize("claimed", [2**40, 0.5, "many", None, True, [1]])
def test_an_outputs_file_that_says_nothing_is_bad_input(
    bench: Bench, invoke: Invoke, tmp_path: Path, claimed: object
) -> None:
    (tmp_path / "outputs").write_text(json.dumps({"outputs": {"y": {"integers": [[claimed, 0, 0]]}}}))
    refused(invoke, "output_unreadable", *bench.verifying("--output", tmp_path / "outputs", "--allow-insecure-srs"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"outputs": ', "it is no JSON"),
        (b"PK\x03\x04\xff", "it is no JSON"),
        (b"[1]", "it has no object 'outputs'"),
        (b"{}", "it has no object 'outputs'"),
        (b'{"outputs": {}}', "its output 'y' needs the 3 'integers' of shape [1, 3]"),
        (b'{"outputs": {"y": {"integers": [1, 2]}}}', "its output 'y' needs the 3 'integers' of shape [1, 3]"),
        (b'{"outputs": {"y": {"integers": [1, 2, 3]}, "z": {}}}', "the program has no output 'z'"),
        (None, "No such file or directory"),
    ],
)
def test_an_outputs_file_that_is_none_is_told_without_pythons_words(
    bench: Bench, invoke: Invoke, tmp_path: Path, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "outputs").write_bytes(content)
    wanted = bench.verifying("--output", tmp_path / "outputs", "--allow-insecure-srs")
    assert refused(invoke, "output_unreadable", *wanted)["message"].endswith(f": {why}")


def test_rejects_proof_bytes_of_another_proof(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    bytes_over_another_srs = json.loads(bench.srs_proof.read_text())["proof"]
    forged = changed(bench.proof, tmp_path / "forged", proof=bytes_over_another_srs)
    arguments = ["verify", forged, "--key", bench.key, "--program", bench.program, "--allow-insecure-srs"]
    code, answer = invoke(*arguments)
    assert (code, answer["valid"]) == (1, False)


@pytest.mark.parametrize("change", ["tampered", "appended", "truncated", "no json"])
def test_rejects_corrupt_proof_file(bench: Bench, invoke: Invoke, tmp_path: Path, change: str) -> None:
    proof = json.loads(bench.proof.read_text())["proof"]
    proofs = {
        "tampered": proof[:-3] + ("1" if proof[-3] != "1" else "2") + proof[-2:],
        "appended": proof + "00" * 32,
        "truncated": proof[:-64],
    }
    corrupt = tmp_path / "corrupt"
    if change in proofs:
        changed(bench.proof, corrupt, proof=proofs[change])
    else:
        corrupt.write_text(bench.proof.read_text()[:100])
    arguments = ["verify", corrupt, "--key", bench.key, "--program", bench.program, "--allow-insecure-srs"]
    rejected(invoke, "file_malformed" if change == "no json" else "proof_malformed", *arguments)


def test_audit_matches_the_key_and_tells_a_forged_one(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    audit = ["model", "audit", bench.program, "--key"]
    code, answer = invoke(*audit, bench.key)
    assert (code, answer["matches"], answer["keys"][0]["route"]) == (0, True, "sumcheck")
    assert invoke(*audit, bench.srs_key, "--srs", bench.srs)[0] == 0
    code, answer = invoke(*audit, forged_key(bench, tmp_path))
    assert (code, answer["matches"], answer["reason"]["code"]) == (1, False, "audit_differs")
    refused(invoke, "key_over_another_srs", *audit, bench.srs_key)
    refused(invoke, "key_over_another_srs", *audit, bench.key, "--srs", bench.srs)
    refused(invoke, "key_for_another_model", *audit, bench.other_key)


def test_key_cannot_be_registered_while_no_contract_verifies_the_route(bench: Bench, invoke: Invoke) -> None:
    register = ["model", "register", bench.program, "--key", bench.key, "--rpc-url", "http://127.0.0.1:9"]
    refused(invoke, "route_not_on_chain", *register)


def test_inspect_tells_each_ops_part_of_the_memory(
    bench: Bench, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    routes = invoke("model", "inspect", bench.program, "--route", "sumcheck")[1]["routes"]
    assert list(routes) == ["sumcheck"]
    memory = routes["sumcheck"]["memory"]
    peak = memory["peak_phase"]
    kinds = [op.opcode.name.lower() for op in load_program(bench.program).ops]
    assert ", ".join(part["kind"] for part in memory["parts"]) == ", ".join([*kinds, "tables", "padding"])
    parts = sum(part["phase_bytes"][peak] for part in memory["parts"])
    assert memory["base_bytes"] + parts == routes["sumcheck"]["peak_memory_bytes"]
    assert set(memory["phase_bytes"]) == {"witness", "fractions", "identities", "evaluation", "verify"}
    assert run_cli(["model", "inspect", str(bench.program), "--route", "sumcheck"]) == 0
    told = capsys.readouterr().out
    assert f"the peak is in {peak}" in told
    assert (memory["parts"][0]["ops"], kinds[:2]) == ([0, 1], ["contract", "max"])  # one sum, clamped at 0
    assert "│ 0, 1 " in told  # and what they are, perhaps on other lines
    refused(invoke, "bad_option", "model", "inspect", bench.program, "--route", "sumcheck", "--no-costs")


def test_inspect_tells_what_the_route_costs_or_why_it_refuses(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    cost = invoke("model", "inspect", bench.program)[1]["routes"]["sumcheck"]
    assert cost["provable"] is True
    assert 0 < cost["prove_s"] < 10
    save_program(halo2_programs.gemm_relu(Visibility.HASHED), tmp_path / "hidden")
    cost = invoke("model", "inspect", tmp_path / "hidden")[1]["routes"]["sumcheck"]
    assert (cost["provable"], cost["reason"]["code"]) == (False, "route_unsupported")
