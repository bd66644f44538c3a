"""Files on the command line: disks that refuse, names that cannot be, files of another kind than the one asked for."""

from __future__ import annotations

import json
from pathlib import Path

import halo2_programs
import onnx
import pytest
from cli_calls import Invoke, refused, rejected
from onnx import TensorProto, helper
from sumcheck_files import Bench, changed, forged_key

from circuits.program.file import load_program, save_program
from circuits.program.refs import Visibility
from prover.cli.app import run_cli
from verifier import claimed_outputs
from verifier.acceptance import load_key
from verifier.srs import DEVELOPMENT_S_G2, srs_digest

LONG = "n" * 300


def tiny_onnx(path: Path) -> Path:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy"]
    graph = helper.make_graph(nodes, "tiny", ports[:1], ports[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def writers(bench: Bench) -> dict[str, list[object]]:
    return {
        "prove": ["prove", bench.program, bench.input, "--key", bench.key, "-o"],
        "sumcheck": ["setup", bench.program, "--route", "sumcheck", "-o"],
        "optimistic": ["setup", bench.program, "--route", "optimistic", "-o"],
    }


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what a verb writes, half has room; what caches write, all."""
    write = Path.write_bytes

    def half(path: Path, content: bytes) -> int:
        if not path.name.startswith(".inferproof-"):
            return write(path, content)
        write(path, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)


@pytest.mark.parametrize("verb", ["prove", "sumcheck", "optimistic"])
def test_a_full_disk_is_told_and_leaves_what_was_there(
    verb: str, bench: Bench, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    target.write_text("from before")
    full_disk(monkeypatch)
    error = refused(invoke, "output_unwritable", *writers(bench)[verb], target)
    assert error["message"] == f"{target} cannot be written: No space left on device"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert target.read_text() == "from before"


@pytest.mark.parametrize("verb", ["prove", "sumcheck", "optimistic"])
@pytest.mark.parametrize("name", [LONG, "/proc/target", f"{LONG}/target"])
def test_an_impossible_name_is_refused_before_anything_is_read(
    verb: str, name: str, bench: Bench, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*_: object) -> None:
        raise AssertionError("the program is read")

    for place in ("prover.cli.proofs", "prover.cli.setup", "prover.cli.optimistic_key"):
        monkeypatch.setattr(f"{place}.load_program", too_late)
    assert refused(invoke, "output_unwritable", *writers(bench)[verb], tmp_path / name)["details"]["path"]
    assert not list(tmp_path.iterdir())


def test_a_name_as_long_as_a_name_can_be_is_written(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    assert invoke(*writers(bench)["optimistic"], tmp_path / ("n" * 255))[0] == 0
    assert (tmp_path / ("n" * 255)).stat().st_mode & 0o777 == 0o644


def test_a_challengers_report_with_an_impossible_name_needs_no_chain_to_be_refused(
    invoke: Invoke, tmp_path: Path
) -> None:
    for option in (["export-evidence", "-o"], ["explain", "--plot"]):
        refused(invoke, "output_unwritable", "challenger", option[0], "ab" * 32, option[1], tmp_path / LONG)


def test_compile_blames_the_file_that_could_not_be_written(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_onnx(tmp_path / "m.onnx")
    full_disk(monkeypatch)
    arguments = ["-o", tmp_path / "m.program", "--report", tmp_path / "report.json", "--input-range", "x=-1:1"]
    error = refused(invoke, "output_unwritable", "model", "compile", model, *arguments)
    assert error["details"]["path"] == str(tmp_path / "report.json")
    assert list(tmp_path.iterdir()) == [model]


def test_a_salt_that_cannot_be_kept_is_told(invoke: Invoke, bench: Bench, tmp_path: Path) -> None:
    save_program(halo2_programs.gemm_relu(Visibility.HASHED), tmp_path / "hidden")
    (tmp_path / "in.json").write_text(json.dumps({"integers": {"x": [[0] * 6]}}))
    commit = ["commit", tmp_path / "hidden", tmp_path / "in.json", "--salt"]
    refused(invoke, "output_unwritable", *commit, tmp_path / "none" / "salt")
    refused(invoke, "salt_unreadable", *commit, tmp_path / LONG)


def test_a_file_that_is_no_proof_is_named_with_what_it_is(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    def told(content: object) -> str:
        file = tmp_path / "file"
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        verify = ["verify", file, "--key", bench.key, "--program", bench.program, "--allow-insecure-srs"]
        message = rejected(invoke, "file_malformed", *verify)
        assert message.startswith(f"{file} is no proof file: ")
        return message.removeprefix(f"{file} is no proof file: ")

    proof = json.loads(bench.proof.read_text())
    assert told(bench.program.read_bytes()) == "it is no JSON, but binary"
    assert told(proof | {"colour": 1}) == "the file has unknown fields colour"
    assert told({name: proof[name] for name in proof if name != "proof"}) == "the file lacks proof"
    assert told(json.loads(bench.input.read_text())).startswith("the file has unknown fields integers and lacks ")
    problem = {"type": "about:blank", "status": 404, "code": "job_unknown", "detail": "no such job"}
    assert told(problem) == "it is an error document of the service: job_unknown"


def test_swapped_arguments_are_told_by_what_the_file_is(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    model = tiny_onnx(tmp_path / "m.onnx")
    message = refused(invoke, "program_unreadable", "model", "run", model, bench.input)["message"]
    assert message == (
        f"{model} is no program file: it is an ONNX model, of which `inferproof model compile` makes a program"
    )
    message = refused(invoke, "program_unreadable", "model", "run", bench.input, bench.program)["message"]
    assert message.startswith(f"{bench.input} is no program file: it is JSON; ")
    compiling = ["model", "compile", "-o", tmp_path / "out.program"]
    message = refused(invoke, "onnx_unreadable", *compiling, bench.program)["message"]
    assert message == f"{bench.program} is no usable ONNX model: it is a program already"
    message = refused(invoke, "onnx_unreadable", *compiling, bench.input)["message"]
    assert message == f"{bench.input} is no usable ONNX model: it is JSON"
    message = refused(invoke, "input_unreadable", *compiling, model, "--calibration", bench.input)["message"]
    assert ".npz" in message


def test_a_refused_key_is_what_was_got_and_the_programs_own_is_expected(
    bench: Bench, invoke: Invoke, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    forged = forged_key(bench, tmp_path)
    own, got = ("0x" + load_key(path).digest().hex() for path in (bench.key, forged))
    proving = ["prove", bench.program, bench.input, "-o", tmp_path / "proof", "--key"]
    assert refused(invoke, "key_of_another_setup", *proving, forged)["details"] == {"expected": own, "got": got}
    models = ["0x" + load_program(path).model_id().hex() for path in (bench.program, bench.other_program)]
    error = refused(invoke, "key_for_another_model", *proving, bench.other_key)
    assert error["details"] == dict(zip(("expected", "got"), models, strict=True))
    auditing = ["model", "audit", bench.program, "--key", forged]
    code, answer = invoke(*auditing)
    assert (code, answer["matches"], answer["key_digest"]) == (1, False, got)
    srs = {"srs_digest": "0x" + srs_digest(DEVELOPMENT_S_G2).hex(), "insecure_srs": True}
    assert answer["keys"] == [{"route": "sumcheck", "key_digest": got, **srs}]
    assert answer["reason"]["details"] == {"expected": own, "got": got}
    assert set(answer) == set(invoke("model", "audit", bench.program, "--key", bench.key)[1])
    capsys.readouterr()
    assert run_cli([str(part) for part in auditing]) == 1
    printed = capsys.readouterr().out
    assert "do not trust the key file" in printed
    assert "registration" not in printed
    assert f"expected: {own}" in printed
    assert f"got: {got}" in printed


@pytest.mark.parametrize(("field", "code"), [("input_root", "input_differs"), ("output_root", "output_differs")])
def test_a_statement_that_its_own_proof_contradicts_is_told_so(
    field: str, code: str, bench: Bench, invoke: Invoke, tmp_path: Path
) -> None:
    statement = json.loads(bench.proof.read_text())["statement"] | {field: "0x" + "12" * 32}
    forged = changed(bench.proof, tmp_path / "forged", statement=statement)
    verify = ["verify", forged, "--key", bench.key, "--program", bench.program, "--allow-insecure-srs"]
    assert "the proof file contradicts itself" in rejected(invoke, code, *verify)


def test_verifys_own_document_is_an_outputs_file(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    verify = ["verify", bench.proof, "--key", bench.key, "--allow-insecure-srs"]
    model_id = load_program(bench.program).model_id().hex()
    file = tmp_path / "outputs"
    for naming in (["--program", bench.program], ["--model", model_id]):
        answer = invoke(*verify, *naming)[1]
        file.write_text(json.dumps(answer))
        assert invoke(*verify, "--program", bench.program, "--output", file)[0] == 0
    answer["outputs"][0]["integers"][0] += 1
    file.write_text(json.dumps(answer))
    rejected(invoke, "output_differs", *verify, "--program", bench.program, "--output", file)
    for outputs in ([], [1], [{"name": "z"}], [answer["outputs"][0] | {"name": "z"}], answer["outputs"] * 2):
        file.write_text(json.dumps({"outputs": outputs}))
        refused(invoke, "output_unreadable", *verify, "--program", bench.program, "--output", file)


def test_rejects_an_outputs_file_whose_values_are_not_those_of_its_integers(
    bench: Bench, invoke: Invoke, tmp_path: Path
) -> None:
    document = invoke("model", "run", bench.program, bench.input)[1]
    file, output = tmp_path / "outputs", document["outputs"]["y"]
    verify = bench.verifying("--output", file, "--allow-insecure-srs")
    for values, verdict in (
        (output["values"], None),
        ([output["values"]], None),
        ([output["values"][0] + 1, *output["values"][1:]], "output_differs"),
        (output["values"][1:], "output_differs"),
        ("many", "output_differs"),
    ):
        output["values"] = values
        file.write_text(json.dumps(document))
        if verdict is None:
            assert invoke(*verify)[0] == 0
        else:
            assert "the values of its output 'y'" in rejected(invoke, verdict, *verify)
    honest = invoke("model", "run", bench.program, bench.input)[1]["outputs"]["y"]
    others = {"labels": ["cat"] * len(honest["integers"]), "shape": honest["shape"][::-1], "scale_bits": 31}
    for field, other in others.items():
        file.write_text(json.dumps({"outputs": {"y": honest | {field: other}}}))
        assert f"the {field} of its output 'y'" in rejected(invoke, "output_differs", *verify)


def test_an_endless_outputs_file_is_bad_input(bench: Bench, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claimed_outputs, "MAX_FILE_BYTES", 1000)
    answer = refused(invoke, "output_unreadable", *bench.verifying("--output", "/dev/zero", "--allow-insecure-srs"))
    assert answer["message"].endswith("it is over 1000 bytes")


@pytest.mark.parametrize("text", ["00" * 128, "ff" * 128, "12" * 128, "12" * 127, "0x" + "xy" * 128])
def test_an_srs_that_cannot_be_is_not_accepted_in_silence(bench: Bench, invoke: Invoke, text: str) -> None:
    assert refused(invoke, "srs_g2_malformed", *bench.verifying("--srs-g2", text))


def test_a_route_that_is_none_is_refused_without_pydantics_words(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    setup = ["setup", bench.program, "--route", "sumchek", "-o", tmp_path / "key"]
    assert refused(invoke, "usage", *setup)["message"].startswith(
        "Invalid value for '--route': 'sumchek' is not one of"
    )


def test_helps_say_what_a_newcomer_needs(capsys: pytest.CaptureFixture[str]) -> None:
    def help_of(*verb: str) -> str:
        capsys.readouterr()
        assert run_cli([*verb, "--help"]) == 0
        return " ".join(capsys.readouterr().out.split())

    assert "PROOF" in help_of("verify")
    assert "{proof}" not in help_of("verify")
    assert "made again" in help_of("prove")
    assert "2 if a key file is of another program" in help_of("model", "audit")
