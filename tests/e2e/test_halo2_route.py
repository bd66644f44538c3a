"""The halo2 route afresh: setup, prove, verify; keys rebuilt and compared; setups shared."""

from __future__ import annotations

import dataclasses
import multiprocessing
from pathlib import Path
from typing import Any

import halo2_choices
import halo2_programs
import numpy as np
import pytest

from circuits.errors import EnvironmentFailure, InputError
from circuits.program.interpreter import run
from circuits.program.refs import Visibility
from circuits.statement import output_root
from prover.halo2 import Halo2Options, KeyCache, Limits, audit, commit_input, draw_salt, estimate, prove, setup
from prover.srs import generate_dev_srs
from verifier.errors import VerificationError
from verifier.halo2 import verify
from verifier.halo2_key import ParamMode
from verifier.srs import DEVELOPMENT_S_G2, Accepted

DEVELOPMENT = Accepted(frozenset([DEVELOPMENT_S_G2]))


def test_proof_of_the_interpreters_integers_verifies(halo2_case: Any) -> None:
    result = halo2_case.result
    assert output_root(run(halo2_case.program, halo2_case.inputs)) == result.statement.output_root
    verify(result.statement, halo2_case.keys.key, result.proof_file.proof, DEVELOPMENT)


def test_proof_of_softmax_and_argmax_verifies_and_no_other_class_does(tmp_path: Path) -> None:
    program = halo2_choices.attention(tokens=2)
    inputs = halo2_programs.random_inputs(program, 4)
    cache = KeyCache(tmp_path)
    keys = setup(program, Halo2Options(), cache)
    planned = keys.plan.estimate
    assert keys.plan.logrows == planned.srs_k
    assert keys.plan.logrows <= 15
    assert planned.disk_bytes / 1.15 < keys.file("pk").stat().st_size < planned.disk_bytes * 1.15
    result = prove(program, inputs, keys)
    verify(result.statement, keys.key, result.proof_file.proof, DEVELOPMENT)
    outputs = run(program, inputs)
    outputs[-1] = 1 - outputs[-1]
    other = dataclasses.replace(result.statement, output_root=output_root(outputs))
    with pytest.raises(VerificationError) as caught:
        verify(other, keys.key, result.proof_file.proof, DEVELOPMENT)
    assert caught.value.code == "output_differs"


def test_second_setup_does_nothing(halo2_case: Any) -> None:
    again = setup(halo2_case.program, Halo2Options(), KeyCache(halo2_case.cache.root))
    assert [(r.name, r.cached) for r in again.phases.reports] == [("setup", True)]
    assert again.key == halo2_case.keys.key


def test_audit_rebuilds_the_same_key_from_nothing(halo2_case: Any, tmp_path: Path) -> None:
    rebuilt = audit(halo2_case.program, halo2_case.keys.key, Halo2Options(), cache=KeyCache(tmp_path))
    assert not any(report.cached for report in rebuilt.phases.reports)
    assert rebuilt.key.digest() == halo2_case.keys.key.digest()


def test_audit_rejects_key_of_another_program(halo2_case: Any) -> None:
    other = halo2_programs.gemm_relu(seed=2)
    claimed = dataclasses.replace(halo2_case.keys.key, model_id=other.model_id())
    with pytest.raises(InputError) as caught:
        audit(other, claimed, Halo2Options(), cache=halo2_case.cache)
    assert caught.value.code == "audit_differs"


def _setup_in(root: Path, answers: Any) -> None:
    keys = setup(halo2_programs.gemm_relu(), Halo2Options(), KeyCache(root))
    answers.put((keys.key.digest(), any(report.cached for report in keys.phases.reports)))


def test_two_processes_at_once_set_up_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [context.Process(target=_setup_in, args=(tmp_path, answers)) for _ in range(2)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(60)
    assert len({digest for digest, _ in found}) == 1
    assert sorted(cached for _, cached in found) == [False, True]


def test_hidden_input_verifies_under_the_commitment_made_before(halo2_case: Any) -> None:
    program = halo2_programs.gemm_relu(Visibility.HASHED)
    inputs = halo2_programs.random_inputs(program, 5)
    salt = draw_salt()
    commitment = commit_input(inputs, salt)
    keys = setup(program, Halo2Options(), halo2_case.cache)
    result = prove(program, inputs, keys, salt=salt)
    assert result.statement.input_root == commitment
    assert commit_input(inputs, draw_salt()) != commitment
    opened = verify(result.statement, keys.key, result.proof_file.proof, DEVELOPMENT)
    assert opened.inputs is None


def test_hashed_parameters_are_those_of_the_key(halo2_case: Any) -> None:
    options = Halo2Options(parameters=ParamMode.HASHED)
    keys = setup(halo2_case.program, options, halo2_case.cache)
    other = setup(halo2_programs.gemm_relu(seed=2), options, halo2_case.cache)
    assert len(keys.key.param_hashes) == 1
    assert keys.key.param_hashes != other.key.param_hashes


def test_refuses_inputs_and_keys_that_do_not_fit(halo2_case: Any) -> None:
    case = halo2_case
    with pytest.raises(InputError) as caught:
        prove(case.program, [np.full((1, 6), 2**15, np.int64)], case.keys)
    assert caught.value.code == "input_out_of_range"
    with pytest.raises(InputError) as caught:
        prove(halo2_programs.gemm_relu(seed=2), case.inputs, case.keys)
    assert caught.value.code == "key_for_another_model"
    with pytest.raises(InputError) as caught:
        prove(case.program, case.inputs, case.keys, salt=(1,))
    assert caught.value.code == "salt_malformed"


def test_witness_that_differs_from_the_interpreter_is_never_proven(
    halo2_case: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [tensor + 1 for tensor in run(halo2_case.program, halo2_case.inputs)]
    monkeypatch.setattr("prover.halo2.proving.run", lambda _program, _inputs: wrong)
    seen: list[str] = []
    with pytest.raises(EnvironmentFailure) as caught:
        prove(halo2_case.program, halo2_case.inputs, halo2_case.keys, lambda phase, _fraction: seen.append(phase))
    assert caught.value.code == "witness_differs"
    assert "prove" not in seen


def test_refuses_a_model_over_the_limits_before_starting(halo2_case: Any) -> None:
    expected = estimate(halo2_case.program, Halo2Options(), halo2_case.cache)
    limits = Limits(max_memory_bytes=expected.peak_memory_bytes - 1)
    with pytest.raises(InputError) as caught:
        setup(halo2_case.program, Halo2Options(limits=limits), halo2_case.cache)
    assert caught.value.code == "model_too_large"
    assert caught.value.details["expected"] == expected.peak_memory_bytes


def test_refuses_an_srs_that_is_too_small_or_damaged(halo2_case: Any, tmp_path: Path) -> None:
    small, good = tmp_path / "small.srs", tmp_path / "good.srs"
    generate_dev_srs(6, small)
    with pytest.raises(InputError) as caught:
        setup(halo2_case.program, Halo2Options(srs=small), halo2_case.cache)
    assert caught.value.code == "srs_too_small"
    generate_dev_srs(halo2_case.keys.plan.logrows, good)
    raw = bytearray(good.read_bytes())
    raw[4 + 64 * 7] ^= 1
    good.write_bytes(raw)
    with pytest.raises(InputError) as caught:
        setup(halo2_case.program, Halo2Options(srs=good), KeyCache(tmp_path / "cache"))
    assert caught.value.code == "srs_not_on_curve"


def test_larger_srs_of_the_same_secret_gives_the_same_key(halo2_case: Any, tmp_path: Path) -> None:
    larger = tmp_path / "larger.srs"
    generate_dev_srs(halo2_case.keys.plan.logrows + 1, larger)
    keys = setup(halo2_case.program, Halo2Options(srs=larger), KeyCache(tmp_path / "cache"))
    assert keys.key == halo2_case.keys.key


def test_refuses_mixed_visibilities(tmp_path: Path) -> None:
    program = halo2_programs.two_inputs()
    first = dataclasses.replace(program.inputs[0], visibility=Visibility.HASHED)
    mixed = dataclasses.replace(program, inputs=(first, program.inputs[1]))
    with pytest.raises(InputError) as caught:
        estimate(mixed, Halo2Options(), KeyCache(tmp_path))
    assert caught.value.code == "halo2_mixed_visibility"
