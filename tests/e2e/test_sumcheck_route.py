"""The sumcheck route afresh: setup, prove, verify; keys rebuilt and compared; setups kept."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

import halo2_choices
import halo2_programs
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.models import build, calibration
from circuits.errors import EnvironmentFailure, InputError
from circuits.execute import Executor
from circuits.lower.sumcheck.layout import layout
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.program.refs import Visibility
from circuits.program.values import quantize_input
from circuits.quantize import compile_model
from circuits.statement import Route, input_root, output_root
from prover.kernels import field
from prover.key_cache import KeyCache
from prover.srs import generate_dev_srs
from prover.sumcheck import ProofResult, SumcheckKeys, audit, make_plan, prove, setup
from tests.random_programs import inputs_of, programs
from verifier.errors import VerificationError
from verifier.srs import DEVELOPMENT_S_G2, Accepted, srs_digest
from verifier.sumcheck import verify
from verifier.sumcheck_key import SumcheckKey

DEVELOPMENT = Accepted(frozenset([DEVELOPMENT_S_G2]))
CHOICES = ("argmaxes", "comparisons", "selections", "gathers", "quotients", "roots", "attention", "repetitions")
SMALL = {**halo2_programs.ONE_PER_OP, **{name: getattr(halo2_choices, name) for name in CHOICES}}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> KeyCache:
    return KeyCache(tmp_path_factory.mktemp("sumcheck") / "cache")


def accepts_the_interpreters_integers(
    program: Program, inputs: Sequence[np.ndarray], keys: SumcheckKeys
) -> ProofResult:
    """Proves, and verifies from bytes alone against what the interpreter says."""
    result = prove(program, inputs, keys)
    expected = run(program, inputs)
    statement, file = result.statement, result.proof_file
    assert (statement.model_id, statement.input_root) == (program.model_id(), input_root(inputs))
    assert statement.output_root == output_root(expected)
    key = SumcheckKey.decode(keys.key.encode())
    assert (file.route, file.key_digest, file.srs_digest) == (Route.SUMCHECK, key.digest(), key.srs_digest)
    opened = verify(statement, key, file.proof, DEVELOPMENT, field)
    for got, want in zip(opened.outputs, expected, strict=True):
        np.testing.assert_array_equal(got, want)
    return result


@pytest.mark.parametrize("name", SMALL)
def test_proof_of_the_interpreters_integers_verifies(name: str, cache: KeyCache) -> None:
    program = SMALL[name]()
    keys = setup(make_plan(program), cache=cache)
    for extreme in (False, True):
        inputs = halo2_programs.random_inputs(program, 3, extreme=extreme)
        accepts_the_interpreters_integers(program, inputs, keys)


@settings(max_examples=12)
@given(st.data())
def test_proof_of_a_random_program_verifies(cache: KeyCache, data: st.DataObject) -> None:
    program = data.draw(programs())
    accepts_the_interpreters_integers(program, data.draw(inputs_of(program)), setup(make_plan(program), cache=cache))


def test_proof_of_a_perceptron_of_91k_parameters_verifies_in_plain_python_too(cache: KeyCache, tmp_path: Path) -> None:
    onnx.save(build("mlp91k"), tmp_path / "model.onnx")
    program, _ = compile_model(tmp_path / "model.onnx", calibration("mlp91k", 60))
    inputs = [quantize_input(program.inputs[0], calibration("mlp91k", 1)["input"][0])]
    keys = setup(make_plan(program), cache=cache)
    result = accepts_the_interpreters_integers(program, inputs, keys)
    assert len(result.proof_file.proof) < 32_000
    names = ["witness", "commit", "fractions", "identities", "evaluation", "opening", "verify"]
    assert [report.name for report in result.phases.reports] == names
    assert all(report.peak_memory_bytes > 0 for report in result.phases.reports)
    verify(result.statement, keys.key, result.proof_file.proof, DEVELOPMENT)


def test_two_proofs_of_one_run_are_the_same_bytes(cache: KeyCache) -> None:
    program = halo2_programs.gemm_relu()
    inputs, keys = halo2_programs.random_inputs(program, 4), setup(make_plan(program), cache=cache)
    first, second = (prove(program, inputs, keys).proof_file.proof for _ in range(2))
    assert first == second


def test_second_setup_commits_nothing_again(cache: KeyCache) -> None:
    program = halo2_programs.convolution()
    first, second = setup(make_plan(program), cache=cache), setup(make_plan(program), cache=KeyCache(cache.root))
    assert [(report.name, report.cached) for report in second.phases.reports] == [("lower", False), ("setup", True)]
    assert second.key == first.key


def test_rows_of_another_length_are_other_rows(cache: KeyCache) -> None:
    """Four rows of 32 cells have the bytes of two of 64."""
    program = halo2_programs.gemm_relu()
    plan, inputs = make_plan(program), halo2_programs.random_inputs(program, 4)
    for row_bits, rows in ((5, 4), (6, 2)):
        keys = setup(dataclasses.replace(plan, layout=layout(plan.lowering.system, row_bits)), cache=cache)
        assert len(keys.key.commitments) == rows
        result = prove(program, inputs, keys)
        verify(result.statement, keys.key, result.proof_file.proof, DEVELOPMENT, field)


def test_setup_that_was_stopped_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prover.sumcheck.keys.ROWS_AT_ONCE", 1)
    program = halo2_choices.repetitions()
    expected = setup(make_plan(program), cache=KeyCache(tmp_path))
    rows = sorted(path for path in (tmp_path / "rows").iterdir() if path.is_dir())
    assert 2 < len(rows) <= len(expected.key.commitments)  # equal rows share an entry
    for folder in rows[1:]:
        shutil.rmtree(folder)
    seen: list[int] = []
    commit = field.ReferenceString.commit_integers

    class Counting:
        def __init__(self, points: bytes) -> None:
            self._string = field.ReferenceString(points)

        def commit_integers(self, batch: list[np.ndarray]) -> list[bytes]:
            seen.append(len(batch))
            return commit(self._string, batch)

    monkeypatch.setattr("prover.sumcheck.keys.ReferenceString", Counting)
    resumed = setup(make_plan(program), cache=KeyCache(tmp_path))
    assert sum(seen) == len(rows) - 1
    assert resumed.key == expected.key


def test_audit_rebuilds_the_same_key_from_nothing(cache: KeyCache, tmp_path: Path) -> None:
    program = halo2_programs.gemm_relu()
    key = setup(make_plan(program), cache=cache).key
    rebuilt = audit(program, key, cache=KeyCache(tmp_path))
    assert not any(report.cached for report in rebuilt.phases.reports)
    assert rebuilt.key.digest() == key.digest()


def test_audit_rejects_key_of_another_program(cache: KeyCache) -> None:
    program, other = halo2_programs.gemm_relu(), halo2_programs.gemm_relu(seed=2)
    claimed = dataclasses.replace(setup(make_plan(program), cache=cache).key, model_id=other.model_id())
    with pytest.raises(InputError) as caught:
        audit(other, claimed, cache=cache)
    assert caught.value.code == "audit_differs"


def test_refuses_inputs_and_keys_that_do_not_fit(cache: KeyCache) -> None:
    program = halo2_programs.gemm_relu()
    keys = setup(make_plan(program), cache=cache)
    with pytest.raises(InputError) as caught:
        prove(program, [np.full((1, 6), 2**15, np.int64)], keys)
    assert caught.value.code == "input_out_of_range"
    other = halo2_programs.gemm_relu(seed=2)
    with pytest.raises(InputError) as caught:
        prove(other, halo2_programs.random_inputs(other), keys)
    assert caught.value.code == "key_for_another_model"


def test_refuses_a_hidden_input_and_names_a_route_that_can() -> None:
    with pytest.raises(InputError) as caught:
        make_plan(halo2_programs.gemm_relu(Visibility.HASHED))
    assert caught.value.code == "route_unsupported"
    assert "halo2" in caught.value.message


def test_run_that_is_not_the_interpreters_has_no_proof(cache: KeyCache, monkeypatch: pytest.MonkeyPatch) -> None:
    program = halo2_programs.gemm_relu()
    inputs, keys = halo2_programs.random_inputs(program), setup(make_plan(program), cache=cache)
    honest = Executor.trace

    def wrong(self: Executor, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        made = honest(self, inputs)
        made[-1] = made[-1] + 1
        return made

    monkeypatch.setattr(Executor, "trace", wrong)
    with pytest.raises(EnvironmentFailure) as caught:
        prove(program, inputs, keys)
    assert caught.value.code == "witness_differs"
    assert caught.value.details["reason"] in {"fraction_sum_not_zero", "evaluation_mismatch"}


def test_a_larger_srs_of_the_same_secret_gives_the_same_key_and_a_bad_one_none(cache: KeyCache, tmp_path: Path) -> None:
    program = halo2_programs.gemm_relu()
    keys = setup(make_plan(program), cache=cache)
    small, larger = tmp_path / "small.srs", tmp_path / "larger.srs"
    generate_dev_srs(keys.key.row_bits - 1, small)
    generate_dev_srs(keys.key.row_bits + 1, larger)
    with pytest.raises(InputError) as caught:
        setup(make_plan(program), small, cache=cache)
    assert caught.value.code == "srs_too_small"
    assert setup(make_plan(program), larger, cache=KeyCache(tmp_path / "cache")).key == keys.key
    raw = bytearray(larger.read_bytes())
    raw[4 + 64 * 7] ^= 1
    larger.write_bytes(raw)
    with pytest.raises(InputError) as caught:
        setup(make_plan(program), larger, cache=KeyCache(tmp_path / "cache"))
    assert caught.value.code == "srs_not_on_curve"


def test_proof_over_the_development_srs_is_refused_by_who_does_not_ask_for_it(cache: KeyCache) -> None:
    program = halo2_programs.gemm_relu()
    keys = setup(make_plan(program), cache=cache)
    assert keys.insecure_srs
    assert keys.key.srs_digest == srs_digest(DEVELOPMENT_S_G2)
    result = prove(program, halo2_programs.random_inputs(program), keys)
    with pytest.raises(VerificationError) as caught:
        verify(result.statement, keys.key, result.proof_file.proof, Accepted(frozenset()))
    assert caught.value.code == "srs_not_accepted"
