"""The sumcheck route in the service: jobs by the API, keys kept, and nothing that a contract would have to verify."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import halo2_programs
import numpy as np
import pytest
from fastapi.testclient import TestClient
from service_fakes import KEY_DIGEST, FakeChain, FakeProver, hold_model, make_deps, tiny_program
from service_on_chain import decision, jobs_count, listen, only_job

from circuits.errors import EnvironmentFailure, InputError
from circuits.program.graph import Program
from circuits.program.refs import Visibility
from circuits.statement import Route
from contracts.client.types import RoutePin
from prover import sumcheck
from prover.backend import Estimate, silent
from prover.kernels import field
from prover.key_cache import KeyCache
from prover.service.adapters.sumcheck_prover import SumcheckProver
from prover.service.domain.chain import Seen
from prover.service.domain.errors import Conflict, model_too_large
from prover.service.domain.models import ModelSource
from prover.service.entrypoints.api import make_app
from prover.service.handlers.deps import Deps
from prover.service.handlers.read_results import read_call, read_job, read_proof
from prover.service.handlers.register_model import ModelUpload, register_model
from prover.service.handlers.run_job import Outcome, run_job
from prover.service.handlers.submit_job import JobRequest, submit_job
from verifier.acceptance import Wanted, accept
from verifier.messages import KeyFile, ProofFile
from verifier.srs import DEVELOPMENT_S_G2, Accepted
from verifier.sumcheck_key import SumcheckKey

INPUT = {"input_data": [[1.0, -2.0]]}
DEVELOPMENT = Accepted(frozenset([DEVELOPMENT_S_G2]))
PIN = RoutePin(int(Route.SUMCHECK), b"\x01\x02\x03\x04", KEY_DIGEST)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sumcheck")


@pytest.fixture
def prover(cache: Path) -> SumcheckProver:
    return SumcheckProver(cache, None, allow_insecure_srs=True)


@pytest.fixture
def deps(tmp_path: Path, prover: SumcheckProver) -> Deps:
    return make_deps(tmp_path, sumcheck=prover)


def test_job_of_the_route_is_proven_and_its_proof_verifies(deps: Deps, cache: Path) -> None:
    with TestClient(make_app(deps)) as client:
        body = {"model_id": hold_model(deps), "input": INPUT, "route": "sumcheck"}
        job = client.post("/v1/jobs", json=body).json()
        assert job["route"] == "sumcheck"
        assert run_job(deps, job["id"]) is Outcome.PROVEN
        done = client.get(f"/v1/jobs/{job['id']}").json()
        file = ProofFile.from_json(client.get(f"/v1/jobs/{job['id']}/proof").content)
        key_file = KeyFile.from_json(client.get(f"/v1/jobs/{job['id']}/key").content)
        refused = client.get(f"/v1/jobs/{job['id']}/calldata")
    key = sumcheck.setup(sumcheck.make_plan(tiny_program()), cache=KeyCache(cache)).key
    assert (file.route, done["key_digest"]) == (Route.SUMCHECK, "0x" + key.digest().hex())
    assert key_file == KeyFile(Route.SUMCHECK, key.encode())
    wanted = Wanted(tiny_program().model_id(), DEVELOPMENT)
    opened = accept(file, SumcheckKey.decode(key.encode()), wanted, field)
    np.testing.assert_array_equal(opened.outputs[0], [3, -6])
    assert (refused.status_code, refused.json()["code"]) == (409, "job_without_contract")
    assert deps.prover.runs == 0  # type: ignore[attr-defined]


def test_a_job_that_names_no_route_is_halo2s(deps: Deps) -> None:
    job, _ = submit_job(deps, JobRequest(INPUT, hold_model(deps)))
    assert run_job(deps, job.id) is Outcome.PROVEN
    assert ProofFile.from_json(read_proof(deps, job.id)).route is Route.HALO2
    assert read_call(deps, job.id).function.startswith("Halo2Adapter.verify")


def test_one_idempotency_key_is_not_for_two_routes(deps: Deps) -> None:
    request = JobRequest(INPUT, hold_model(deps), idempotency_key="k")
    submit_job(deps, request)
    with pytest.raises(Conflict) as refused:
        submit_job(deps, replace(request, route=Route.SUMCHECK))
    assert refused.value.code == "idempotency_key_reused"


def test_a_model_is_admitted_by_each_routes_own_estimate(tmp_path: Path) -> None:
    large = FakeProver(memory=1 << 50)
    deps = make_deps(tmp_path, prover=large, sumcheck=FakeProver(route=Route.SUMCHECK))
    model_id = hold_model(deps)
    with deps.database.transaction() as work:
        assert set(work.models.get(model_id).estimates) == {"sumcheck"}
    job, _ = submit_job(deps, JobRequest(INPUT, model_id, route=Route.SUMCHECK))
    assert run_job(deps, job.id) is Outcome.PROVEN
    with pytest.raises(InputError) as refused:
        submit_job(deps, JobRequest(INPUT, model_id))
    assert refused.value.code == "model_too_large"


def test_a_refused_route_is_asked_by_uploads_only_and_the_last_answer_is_the_one_that_jobs_get(tmp_path: Path) -> None:
    """Asking may take minutes of all cores, and a job is one small POST."""
    large = FakeProver(memory=1 << 50, route=Route.SUMCHECK)
    deps = make_deps(tmp_path, sumcheck=large)
    model_id = hold_model(deps)
    by_sumcheck = JobRequest(INPUT, model_id, route=Route.SUMCHECK)

    def refusal() -> dict[str, Any]:
        with pytest.raises(InputError) as refused:
            submit_job(deps, by_sumcheck)
        return refused.value.as_dict()

    assert refusal() == model_too_large(large.estimate(tiny_program()), deps.settings.memory_limit_bytes).as_dict()
    large.asked, large.memory = 0, 1 << 51
    assert refusal()["details"]["peak_memory_bytes"] == 1 << 50
    assert large.asked == 0
    hold_model(deps)
    assert refusal()["details"]["peak_memory_bytes"] == 1 << 51
    large.memory = 1 << 20
    hold_model(deps)
    assert not submit_job(deps, by_sumcheck)[0].final
    assert large.asked == 2


def test_program_that_hides_its_input_is_not_held_for_the_route(tmp_path: Path, prover: SumcheckProver) -> None:
    deps = make_deps(tmp_path, sumcheck=prover)
    model_id = hold_model(deps, halo2_programs.gemm_relu(Visibility.HASHED))
    with deps.database.transaction() as work:
        assert set(work.models.get(model_id).estimates) == {"halo2"}
    with pytest.raises(InputError) as refused:
        submit_job(deps, JobRequest(INPUT, model_id, route=Route.SUMCHECK))
    assert refused.value.code == "route_unsupported"
    assert "hides nothing" in refused.value.message


def test_model_held_before_the_route_was_served_is_estimated_when_it_is_sent_again(
    tmp_path: Path, prover: SumcheckProver
) -> None:
    before = make_deps(tmp_path)
    model_id = hold_model(before)
    with pytest.raises(InputError) as refused:
        submit_job(before, JobRequest(INPUT, model_id, route=Route.SUMCHECK))
    assert refused.value.code == "route_not_served"
    after = replace(before, sumcheck=prover)
    with pytest.raises(InputError) as refused:
        submit_job(after, JobRequest(INPUT, model_id, route=Route.SUMCHECK))
    assert refused.value.code == "route_not_served"
    path = after.settings.data_dir / "upload.program"
    held, made = register_model(after, ModelUpload("tiny", ModelSource.PROGRAM, path))
    assert (held.model_id, made) == (model_id, False)
    assert not submit_job(after, JobRequest(INPUT, model_id, route=Route.SUMCHECK))[0].final


def test_requests_that_allow_only_this_route_are_not_taken_while_no_contract_verifies_it(deps: Deps) -> None:
    chain = FakeChain()
    deps = replace(deps, chain=chain)
    chain.model_id = hold_model(deps)
    found = chain.open_request(routes=(PIN,))
    listen(deps, chain)
    assert decision(deps, chain, found.request_id) == (Seen.REFUSED, "route_not_served")
    assert jobs_count(deps) == 0


def test_a_request_that_allows_another_route_too_is_answered_by_that(deps: Deps) -> None:
    chain = FakeChain()
    deps = replace(deps, chain=chain)
    chain.model_id = hold_model(deps)
    chain.open_request(routes=(PIN, RoutePin(int(Route.HALO2), b"\x05\x06\x07\x08", KEY_DIGEST)))
    listen(deps, chain)
    assert read_job(deps, only_job(deps).id).route == Route.HALO2


def test_request_for_another_key_is_refused_before_anything_is_proven(prover: SumcheckProver) -> None:
    seen: list[str] = []
    program, inputs = tiny_program(), [np.array([1, 2], np.int64)]
    with pytest.raises(InputError) as refused:
        prover.prove(program, inputs, lambda phase, _fraction: seen.append(phase), KEY_DIGEST)
    assert refused.value.code == "key_of_another_setup"
    assert "witness" not in seen
    digest = prover.prove(program, inputs, silent).key_digest
    assert prover.prove(program, inputs, silent, digest).key_digest == digest


def test_a_failure_of_the_machine_is_no_answer_about_a_program(tmp_path: Path) -> None:
    class Broken(FakeProver):
        def estimate(self, program: Program) -> Estimate:
            raise EnvironmentFailure("cache_unwritable", "no room")

    deps = make_deps(tmp_path, sumcheck=Broken(route=Route.SUMCHECK))
    with pytest.raises(EnvironmentFailure):
        hold_model(deps)
    with deps.database.transaction() as work:
        assert work.models.find("0x" + tiny_program().model_id().hex()) is None
