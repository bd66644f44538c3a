"""What `verify` and `model audit` ask of their caller, and what they tell, of the sumcheck route."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_calls import Invoke, refused
from sumcheck_files import Bench, hex_g2

from circuits.program.file import load_program
from prover.cli.app import run_cli
from verifier.srs import DEVELOPMENT_S_G2


def verifying(bench: Bench, *extra: object) -> list[object]:
    """Without a word on which program."""
    return ["verify", bench.proof, "--key", bench.key, "--allow-insecure-srs", *extra]


def model_of(program: Path) -> str:
    return load_program(program).model_id().hex()


def test_a_caller_names_the_program_in_one_way_or_in_two_that_agree(bench: Bench, invoke: Invoke) -> None:
    by_file, own, other = ["--program", bench.program], model_of(bench.program), model_of(bench.other_program)
    for naming in (by_file, ["--model", own], ["--model", f"0x{own}"], [*by_file, "--model", own]):
        assert invoke(*verifying(bench, *naming))[0] == 0
    refused(invoke, "model_missing", *verifying(bench))
    for program, model in ((bench.program, other), (bench.other_program, own)):
        refused(invoke, "model_differs", *verifying(bench, "--program", program, "--model", model))


def test_refuses_a_model_id_that_is_none(bench: Bench, invoke: Invoke) -> None:
    own = model_of(bench.program)
    for text in (own[:-2], own + "00", own[:-1], "xy" * 32, "0x"):
        refused(invoke, "model_malformed", *verifying(bench, "--model", text))


@pytest.mark.parametrize("option", ["--input", "--output"])
def test_an_input_or_output_that_nothing_can_read_is_not_passed_over(option: str, bench: Bench, invoke: Invoke) -> None:
    """A verdict without a look at it would be taken for one about it."""
    asked = verifying(bench, "--model", model_of(bench.program), option, bench.input)
    refused(invoke, "program_missing", *asked)


def test_the_development_srs_is_told_as_insecure_in_whichever_way_it_is_accepted(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: object) -> str:
        capsys.readouterr()
        assert run_cli([str(part) for part in arguments]) == 0
        return capsys.readouterr().err

    development = "".join(f"{word:064x}" for word in DEVELOPMENT_S_G2)
    assert "INSECURE" in told(*bench.verifying("--allow-insecure-srs"))
    assert "INSECURE" in told(*bench.verifying("--srs-g2", development))
    over_another = ["verify", bench.srs_proof, "--key", bench.srs_key, "--program", bench.program]
    assert "INSECURE" not in told(*over_another, "--srs-g2", hex_g2(bench.srs))


def test_refuses_an_accepted_srs_of_another_length(bench: Bench, invoke: Invoke) -> None:
    text = hex_g2(bench.srs)
    for wrong in (text[:-1], text + "0", text + text):
        refused(invoke, "srs_g2_malformed", *bench.verifying("--srs-g2", wrong))


def test_people_are_told_no_where_the_answer_is_no(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    wanted = ["--program", bench.other_program, "--allow-insecure-srs"]
    arguments = ["verify", bench.proof, "--key", bench.key, *wanted]
    assert run_cli([str(part) for part in arguments]) == 1
    told = capsys.readouterr().out
    assert told.startswith("INVALID: ")
    assert "[model_differs]" in told


def test_an_audit_is_told_one_subject(bench: Bench, invoke: Invoke) -> None:
    auditing = ["model", "audit", bench.program]
    refused(invoke, "audit_subject", *auditing)
    refused(invoke, "audit_subject", *auditing, "--key", bench.key, "--registration", "12" * 32)


def test_an_audit_takes_nothing_from_the_cache_that_setups_share(
    bench: Bench, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INFERPROOF_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert invoke("model", "audit", bench.program, "--key", bench.key)[0] == 0


def test_an_audit_tells_a_key_over_the_development_srs_as_insecure(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: object) -> str:
        capsys.readouterr()
        assert run_cli(["model", "audit", str(bench.program), *map(str, arguments)]) == 0
        return capsys.readouterr().err

    assert "INSECURE" in told("--key", bench.key)
    assert "INSECURE" not in told("--key", bench.srs_key, "--srs", bench.srs)


def test_a_key_file_that_no_verifier_would_read_is_not_written(
    bench: Bench, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    length, setup = bench.key.stat().st_size, ["setup", bench.program, "--route", "sumcheck", "-o", tmp_path / "key"]
    monkeypatch.setattr("prover.cli.proof_report.MAX_FILE_BYTES", length - 1)
    assert refused(invoke, "key_too_large", *setup)["details"] == {"bytes": length, "limit": length - 1}
    assert not (tmp_path / "key").exists()
    monkeypatch.setattr("prover.cli.proof_report.MAX_FILE_BYTES", length)
    assert invoke(*setup)[0] == 0
