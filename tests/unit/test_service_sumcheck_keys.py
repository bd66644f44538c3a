"""Which reference string the service's keys of the sumcheck route stand on, and which are kept."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sumcheck_programs
from other_srs import write_other_srs
from service_fakes import tiny_program

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.statement import Route
from prover import sumcheck
from prover.backend import silent
from prover.kernels import field
from prover.service.adapters.ports import Prover
from prover.service.adapters.sumcheck_prover import SumcheckProver, _size
from prover.service.entrypoints.wiring import wire
from prover.service.settings import Settings
from prover.srs import generate_dev_srs, srs_g2
from tests.programs import made
from verifier.acceptance import Wanted, accept
from verifier.messages import KeyFile, ProofFile
from verifier.srs import Accepted, srs_digest
from verifier.sumcheck_key import SumcheckKey

SRS_K = 10


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sumcheck")


@pytest.fixture(scope="module")
def srs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_other_srs(SRS_K, tmp_path_factory.mktemp("srs") / "srs")


def stands_on(prover: Prover, srs: Path) -> None:
    program, inputs = tiny_program(), [np.array([4, -5], np.int64)]
    made = prover.prove(program, inputs, silent)
    assert made.file is not None
    assert made.key_file is not None
    file, key = ProofFile.from_json(made.file), SumcheckKey.decode(KeyFile.from_json(made.key_file).key)
    assert file.srs_digest == key.srs_digest == srs_digest(srs_g2(srs))
    accept(file, key, Wanted(program.model_id(), Accepted(frozenset([srs_g2(srs)]))), field)


def test_keys_stand_on_the_srs_that_the_prover_was_given(srs: Path, tmp_path: Path) -> None:
    stands_on(SumcheckProver(tmp_path, srs, allow_insecure_srs=False), srs)
    stands_on(SumcheckProver(tmp_path, srs, allow_insecure_srs=True), srs)


def test_a_process_proves_over_the_srs_of_its_settings(srs: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", srs=srs)
    stands_on(wire(settings, with_chain=False).prover_of(Route.SUMCHECK), srs)


def test_a_file_of_the_development_srs_is_as_insecure_as_none(tmp_path: Path) -> None:
    path = tmp_path / "srs"
    generate_dev_srs(4, path)
    with pytest.raises(InputError) as refused:
        SumcheckProver(tmp_path, path, allow_insecure_srs=False)
    assert refused.value.code == "srs_missing"
    SumcheckProver(tmp_path, path, allow_insecure_srs=True)


def test_the_insecure_srs_is_used_only_where_it_was_asked_for(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        SumcheckProver(cache, None, allow_insecure_srs=False)
    assert refused.value.code == "srs_missing"
    settings = Settings(data_dir=tmp_path / "data", cache_dir=cache, allow_insecure_srs=True)
    wired = wire(settings, with_chain=False)
    assert [prover.route for prover in wired.provers] == [Route.HALO2, Route.OPTIMISTIC, Route.SUMCHECK]
    assert isinstance(wired.prover_of(Route.SUMCHECK), SumcheckProver)


def test_keys_are_prepared_once_and_the_ones_used_last_are_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[bytes] = []
    setup = sumcheck.setup

    def counting(plan: sumcheck.Plan, srs: Path | None, **others: Any) -> object:
        prepared.append(plan.lowering.program.model_id())
        return setup(plan, srs, **others)

    monkeypatch.setattr("prover.service.adapters.sumcheck_prover.sumcheck.setup", counting)
    first, second = tiny_program(), tiny_program(factor=5)
    inputs = [np.array([4, -5], np.int64)]
    prover = SumcheckProver(cache, None, allow_insecure_srs=True)
    proofs = [prover.prove(program, inputs, silent) for program in (first, second, tiny_program())]
    assert prepared == [first.model_id(), second.model_id()]
    assert proofs[0].file == proofs[2].file
    assert [phase["name"] for phase in proofs[0].phases[:2]] == ["lower", "setup"]
    assert "setup" not in [phase["name"] for phase in proofs[2].phases]
    np.testing.assert_array_equal(proofs[1].outputs[0], run(second, inputs)[0])
    forgetful = SumcheckProver(cache, None, allow_insecure_srs=True, kept_bytes=0)
    for program in (first, second, first):
        forgetful.prove(program, inputs, silent)
    assert prepared[2:] == [first.model_id(), second.model_id(), first.model_id()]


def test_what_a_proof_made_on_the_way_is_not_kept_with_the_keys(cache: Path) -> None:
    """It may be many times what is counted of them."""
    size = 1 << 17
    kept, counted = _kept_of(tiny_program(size), cache)
    assert kept <= counted


@pytest.mark.parametrize("ops", [1, 20, 200])
def test_keys_of_many_small_ops_are_counted_for_what_their_objects_weigh(ops: int, cache: Path) -> None:
    small = sumcheck_programs.linear
    chain = [small(3, 0, 16), *(small(3 + i % 5, 2, 16, made(i)) for i in range(ops))]
    kept, counted = _kept_of(sumcheck_programs.program(chain), cache)
    assert kept <= counted <= 3 * kept


def _kept_of(program: Program, cache: Path) -> tuple[int, int]:
    """Bytes that stay in a prover's process once it proved the program, and those that it counts."""
    prover = SumcheckProver(cache, None, allow_insecure_srs=True, kept_bytes=0)
    prover.prove(tiny_program(), [np.array([4, -5], np.int64)], silent)  # what is made once for all programs
    inputs = [np.ones(port.dims, np.int64) for port in program.inputs]
    tracemalloc.start()
    try:
        prover.prove(program, inputs, silent)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (keys,) = prover._kept.values()
    return kept, _size(keys)


def test_keys_that_were_used_again_are_kept_longer_than_those_that_were_not(tmp_path: Path) -> None:
    first, second, third = (tiny_program(factor=factor) for factor in (3, 5, 7))
    inputs = [np.array([4, -5], np.int64)]
    prover = SumcheckProver(tmp_path, None, allow_insecure_srs=True)
    prover.prove(first, inputs, silent)
    (keys,) = prover._kept.values()
    prover = SumcheckProver(tmp_path, None, allow_insecure_srs=True, kept_bytes=2 * _size(keys))
    for program in (first, second, first, third):
        prover.prove(program, inputs, silent)
    assert list(prover._kept) == [first.model_id(), third.model_id()]
