"""What setup and prove refuse on the sumcheck route, before they write anything."""

from __future__ import annotations

import json
from pathlib import Path

import halo2_programs
import pytest
from cli_calls import Invoke, refused
from sumcheck_files import Bench, changed, forged_key

from circuits.program.file import save_program
from circuits.program.refs import Visibility
from prover.srs import generate_dev_srs


def test_setup_refuses_options_of_other_routes_and_inputs_that_hide(
    bench: Bench, invoke: Invoke, tmp_path: Path
) -> None:
    target = tmp_path / "key"
    setup = ["setup", bench.program, "--route", "sumcheck", "-o", target]
    for option in (["--params", "fixed"], ["--private-input"], ["--window", "30"]):
        assert option[0] in refused(invoke, "bad_option", *setup, *option)["message"]
    both = refused(invoke, "bad_option", *setup, "--claim-bond", "0", "--clock", "5")["message"]
    assert "--claim-bond and --clock are options of the optimistic route" in both
    optimistic = ["setup", bench.program, "--route", "optimistic", "-o", target]
    assert "--srs" in refused(invoke, "bad_option", *optimistic, "--srs", bench.srs)["message"]
    save_program(halo2_programs.gemm_relu(Visibility.HASHED), tmp_path / "hidden")
    hidden = ["setup", tmp_path / "hidden", "--route", "sumcheck", "-o", target]
    assert "halo2" in refused(invoke, "route_unsupported", *hidden)["message"]
    refused(invoke, "output_unwritable", "setup", bench.program, "--route", "sumcheck", "-o", bench.program)
    assert not target.exists()


def test_setup_refuses_an_srs_that_is_broken_or_too_small(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    small, cut = tmp_path / "small.srs", tmp_path / "cut.srs"
    generate_dev_srs(2, small)
    cut.write_bytes(bench.srs.read_bytes()[:-64])
    setup = ["setup", bench.program, "--route", "sumcheck", "-o", tmp_path / "key", "--srs"]
    refused(invoke, "srs_too_small", *setup, small)
    refused(invoke, "srs_truncated", *setup, cut)
    refused(invoke, "srs_unreadable", *setup, tmp_path / "none.srs")
    assert not (tmp_path / "key").exists()


def test_too_large_model_is_refused_by_the_estimate(
    bench: Bench, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERPROOF_MEMORY_LIMIT_BYTES", str(10 * 2**20))
    refused(invoke, "model_too_large", "setup", bench.program, "--route", "sumcheck", "-o", tmp_path / "key")
    refused(invoke, "model_too_large", *bench.proving())
    assert not (tmp_path / "key").exists()


def test_a_cache_that_cannot_be_written_is_no_fault_of_the_caller(
    bench: Bench, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INFERPROOF_CACHE_DIR", str(tmp_path / "file" / "cache"))
    code, answer = invoke("setup", bench.program, "--route", "sumcheck", "-o", tmp_path / "key")
    assert (code, answer["error"]["code"]) == (3, "cache_unwritable")


def test_prove_refuses_keys_that_are_not_for_it(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    with_key = ["prove", bench.program, bench.input, "-o", tmp_path / "proof", "--key"]
    refused(invoke, "key_of_another_route", *with_key, bench.key, "--route", "halo2")
    refused(invoke, "key_for_another_model", *with_key, bench.other_key)
    refused(invoke, "key_over_another_srs", *with_key, bench.srs_key)
    refused(invoke, "key_over_another_srs", *with_key, bench.key, "--srs", bench.srs)
    refused(invoke, "key_of_another_setup", *with_key, forged_key(bench, tmp_path))
    refused(invoke, "route_unknown", *with_key, changed(bench.key, tmp_path / "tee", route="tee"))
    for cut in (bench.key.read_text()[:-90], "{}"):
        (tmp_path / "cut").write_text(cut)
        refused(invoke, "file_malformed", *with_key, tmp_path / "cut")
    key = json.loads(bench.key.read_text())["key"]
    refused(invoke, "key_malformed", *with_key, changed(bench.key, tmp_path / "cut", key=key[:-2]))
    assert not (tmp_path / "proof").exists()


def test_a_key_of_the_optimistic_route_is_told_from_a_broken_one(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    key = tmp_path / "key"
    assert invoke("setup", bench.program, "--route", "optimistic", "-o", key)[0] == 0
    proving = ["prove", bench.program, bench.input, "-o", tmp_path / "proof", "--key", key]
    assert "inferproof claim" in refused(invoke, "key_of_another_route", *proving)["message"]
    refused(invoke, "key_of_another_route", "verify", bench.proof, "--program", bench.program, "--key", key)
    swapped = refused(
        invoke, "file_wrong_format", "verify", bench.key, "--program", bench.program, "--key", bench.proof
    )
    assert "inferproof-proof-1, not inferproof-key-1" in swapped["message"]


def test_prove_refuses_a_salt_and_a_bad_input(bench: Bench, invoke: Invoke, tmp_path: Path) -> None:
    assert "--salt" in refused(invoke, "bad_option", *bench.proving("--salt", tmp_path / "salt"))["message"]
    large, target = tmp_path / "large.json", tmp_path / "proof"
    large.write_text(json.dumps({"integers": {"x": [[2**15] * 6]}}))
    refused(invoke, "input_out_of_range", "prove", bench.program, large, "--key", bench.key, "-o", target)
    assert not target.exists()
