"""Jobs of the optimistic route: run, claimed, defended, and delivered only once the claim is final."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from optimistic_market import honest_trace
from service_fakes import FakeChain, FakeProver, hold_model, make_deps, tiny_program

from circuits.errors import EnvironmentFailure, InputError
from circuits.program.graph import Program
from circuits.statement import Route, Statement, keccak256
from contracts.client.types import RoutePin, Status
from prover.backend import Estimate, Progress
from prover.service.adapters.ports import ClaimEnd, Integers, OwnClaim, Proof
from prover.service.domain.chain import HubRequest
from prover.service.domain.errors import Conflict
from prover.service.domain.jobs import Job, JobState
from prover.service.handlers.claim_once import claim_once
from prover.service.handlers.deps import Deps
from prover.service.handlers.listen_once import LogWindow, listen_once
from prover.service.handlers.read_results import read_call, read_outputs, read_proof
from prover.service.handlers.run_job import Outcome, run_job
from prover.service.handlers.submit_job import cancel_job
from prover.service.handlers.submit_once import submit_once
from prover.service.handlers.take_requests import take_requests
from verifier.dispute.commitment import CommittedTrace

KEY = keccak256(b"optimistic key")
PIN = RoutePin(Route.OPTIMISTIC, b"\x05\x06\x07\x08", KEY)
INPUT = np.array([1, 2], dtype=np.int64)


@dataclass
class FakeRunner:
    """Runs and commits; `memory` is what it says a run needs."""

    route: int = Route.OPTIMISTIC
    memory: int = 1 << 20
    opened: int = 0

    def estimate(self, program: Program) -> Estimate:
        return Estimate(setup_s=0.1, prove_s=0.1, peak_memory_bytes=self.memory, disk_bytes=1)

    def prove(
        self, program: Program, inputs: Sequence[Integers], progress: Progress, expected_key: bytes | None = None
    ) -> Proof:
        trace = honest_trace(program, list(inputs))
        statement = Statement(program.model_id(), trace.input_root, trace.output_root)
        assert expected_key is not None
        return Proof(None, None, statement, expected_key, [np.asarray(trace.made[-1], np.int64)], ())

    def open_trace(self, program: Program, inputs: Sequence[Integers]) -> CommittedTrace:
        self.opened += 1
        return honest_trace(program, list(inputs))

    def locator(self, trace: CommittedTrace) -> str:
        return "https://traces.example/" + trace.trace_tree.hex()


@dataclass
class FakeClaims:
    """The contracts, as far as the service can see them. `refusal` is raised by the next question."""

    made: dict[str, str] = field(default_factory=dict)
    locators: list[str] = field(default_factory=list)
    ends: dict[str, ClaimEnd] = field(default_factory=dict)
    defended: list[OwnClaim] = field(default_factory=list)
    refusal: Exception | None = None
    refuses_claims: Exception | None = None

    def examine(self, found: HubRequest, program: Program) -> None:
        if self.refusal is not None:
            raise self.refusal

    def claim(self, found: HubRequest, program: Program, trace: CommittedTrace, locator: str) -> str:
        if self.refuses_claims is not None:
            raise self.refuses_claims
        self.locators.append(locator)
        return self.made.setdefault(found.request_id, "0x" + keccak256(found.request_id.encode()).hex())

    def defend(self, claims: Mapping[str, Callable[[], OwnClaim]]) -> dict[str, ClaimEnd]:
        self.defended = [describe() for describe in claims.values()]
        return {name: self.ends[name] for name in claims if name in self.ends}


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def claims() -> FakeClaims:
    return FakeClaims()


@pytest.fixture
def deps(tmp_path: Path, chain: FakeChain, claims: FakeClaims) -> Deps:
    made = make_deps(tmp_path, chain=chain, runner=FakeRunner(), claims=claims)
    chain.model_id = hold_model(made)
    return made


def only_job(deps: Deps) -> Job:
    with deps.database.transaction() as work:
        (job,) = work.jobs.page(None, 10)
    return job


def step(deps: Deps, chain: FakeChain, claims: FakeClaims) -> Job:
    assert deps.runner is not None
    claim_once(deps, chain, claims, deps.runner)
    return only_job(deps)


def ended(job: Job) -> tuple[JobState, str | None]:
    return job.state, job.failure.code if job.failure is not None else None


def asked(deps: Deps, chain: FakeChain, *pins: RoutePin) -> Job:
    chain.open_request([INPUT], routes=pins or (PIN,))
    listen_once(deps, chain, LogWindow(100))
    take_requests(deps, chain)
    return only_job(deps)


def run_one(deps: Deps, chain: FakeChain) -> Job:
    assert run_job(deps, asked(deps, chain).id) is Outcome.PROVEN
    return only_job(deps)


def claimed(deps: Deps, chain: FakeChain, claims: FakeClaims) -> Job:
    run_one(deps, chain)
    return step(deps, chain, claims)


def test_a_request_is_run_claimed_defended_and_delivered(deps: Deps, chain: FakeChain, claims: FakeClaims) -> None:
    job = run_one(deps, chain)
    assert (job.route, job.state, job.expected_key) == (Route.OPTIMISTIC, JobState.PROVEN, KEY)
    job = step(deps, chain, claims)
    assert job.result is not None
    claim_id = claims.made[job.request_id or ""]
    assert (job.state, job.result.claim_id) == (JobState.CLAIMED, claim_id)
    assert claims.locators[0].startswith("https://traces.example/")
    assert step(deps, chain, claims).state is JobState.CLAIMED
    claims.ends[claim_id] = ClaimEnd.DELIVERED
    job = step(deps, chain, claims)
    assert (job.state, job.failure) == (JobState.DELIVERED, None)


def test_nothing_of_a_claim_is_submitted_as_a_proof(deps: Deps, chain: FakeChain, claims: FakeClaims) -> None:
    run_one(deps, chain)
    submit_once(deps, chain)
    assert (chain.signatures, only_job(deps).state) == (0, JobState.PROVEN)
    step(deps, chain, claims)
    submit_once(deps, chain)
    assert (chain.signatures, only_job(deps).state) == (0, JobState.CLAIMED)


def test_the_outputs_are_there_and_a_proof_is_not(deps: Deps, chain: FakeChain, claims: FakeClaims) -> None:
    job = claimed(deps, chain, claims)
    assert b"outputs" in read_outputs(deps, job.id)
    for read in (read_proof, read_call):
        with pytest.raises(Conflict) as refused:
            read(deps, job.id)
        assert refused.value.code == "job_without_proof"


@pytest.mark.parametrize(
    ("end", "state", "code"),
    [
        (ClaimEnd.KILLED, JobState.FAILED, "claim_overturned"),
        (ClaimEnd.CANCELLED, JobState.EXPIRED, "claim_cancelled"),
        (ClaimEnd.LAPSED, JobState.EXPIRED, "assignment_lapsed"),
    ],
)
def test_a_claim_that_ends_otherwise_says_how(
    deps: Deps, chain: FakeChain, claims: FakeClaims, end: ClaimEnd, state: JobState, code: str
) -> None:
    job = claimed(deps, chain, claims)
    claims.ends[claims.made[job.request_id or ""]] = end
    assert ended(step(deps, chain, claims)) == (state, code)


def test_a_request_that_should_not_be_claimed_expires_with_the_reason(
    deps: Deps, chain: FakeChain, claims: FakeClaims
) -> None:
    run_one(deps, chain)
    claims.refusal = InputError("window_too_short", "an assignment has 5 s")
    assert ended(step(deps, chain, claims)) == (JobState.EXPIRED, "window_too_short")
    assert claims.made == {}


def test_a_claim_that_failed_outside_is_made_by_a_later_pass(deps: Deps, chain: FakeChain, claims: FakeClaims) -> None:
    run_one(deps, chain)
    claims.refuses_claims = EnvironmentFailure("account_without_funds", "cannot pay")
    job = step(deps, chain, claims)
    assert (job.state, job.phase) == (JobState.SUBMITTING, "account_without_funds")
    with pytest.raises(Conflict):
        cancel_job(deps, job.id)  # a bond may be at stake
    claims.refuses_claims = None
    assert step(deps, chain, claims).state is JobState.CLAIMED


def test_a_silent_chain_ends_the_pass_and_changes_nothing(deps: Deps, chain: FakeChain, claims: FakeClaims) -> None:
    before = run_one(deps, chain)
    claims.refusal = EnvironmentFailure("chain_unreachable", "no chain answers")
    with pytest.raises(EnvironmentFailure):
        step(deps, chain, claims)
    assert only_job(deps) == before


def test_a_request_that_a_reorganisation_took_away_waits_until_its_expiry(
    deps: Deps, chain: FakeChain, claims: FakeClaims
) -> None:
    run_one(deps, chain)
    chain.mine(2)
    chain.reorganise(3)
    listen_once(deps, chain, LogWindow(100))
    assert step(deps, chain, claims).state is JobState.PROVEN
    chain.now = 5000
    assert ended(step(deps, chain, claims)) == (JobState.EXPIRED, "request_reorged")


def test_a_claim_in_the_making_is_not_given_up_while_the_log_is_read_again(
    deps: Deps, chain: FakeChain, claims: FakeClaims
) -> None:
    """Past its expiry an assigned request still has to be answered: its bonds are at stake."""
    job = run_one(deps, chain)
    claims.refuses_claims = EnvironmentFailure("transaction_not_mined", "the chain does not take it")
    assert step(deps, chain, claims).state is JobState.SUBMITTING
    claims.refuses_claims = None
    chain.now = 5000
    with deps.database.transaction() as work:
        work.feed(chain.chain_id, chain.hub_address).rollback_above(0)
    assert chain.states[job.request_id or ""] is Status.OPEN  # the chain has it still
    assert step(deps, chain, claims).state is JobState.SUBMITTING
    listen_once(deps, chain, LogWindow(100))
    assert step(deps, chain, claims).state is JobState.CLAIMED


def test_a_defence_runs_the_program_again_only_when_the_trace_is_wanted(
    deps: Deps, chain: FakeChain, claims: FakeClaims
) -> None:
    runner = deps.runner
    assert isinstance(runner, FakeRunner)
    claimed(deps, chain, claims)
    assert runner.opened == 1  # for the claim itself
    step(deps, chain, claims)
    assert runner.opened == 1
    (own,) = claims.defended
    assert own.open_trace().trace_tree == honest_trace(tiny_program(), [INPUT]).trace_tree
    assert own.outputs[0].to_array().tolist() == [3, 6]


def test_a_request_that_allows_both_routes_is_proven(deps: Deps, chain: FakeChain) -> None:
    assert asked(deps, chain, PIN, RoutePin(Route.HALO2, b"\x01\x02\x03\x04", KEY)).route == Route.HALO2


def test_a_model_too_large_to_prove_is_claimed_where_both_are_allowed(
    tmp_path: Path, chain: FakeChain, claims: FakeClaims
) -> None:
    halo2 = FakeProver(memory=1 << 40)
    routes = {"prover": halo2, "runner": FakeRunner(), "claims": claims}
    made = make_deps(tmp_path, chain=chain, memory_limit_bytes=1 << 30, **routes)
    chain.model_id = hold_model(made)
    with made.database.transaction() as work:
        assert set(work.models.get(chain.model_id).estimates) == {"optimistic"}
    assert asked(made, chain, RoutePin(Route.HALO2, b"\x01\x02\x03\x04", KEY), PIN).route == Route.OPTIMISTIC


def test_a_model_too_large_for_every_route_is_refused(tmp_path: Path, claims: FakeClaims) -> None:
    large = {"runner": FakeRunner(memory=1 << 40), "prover": FakeProver(memory=1 << 40)}
    made = make_deps(tmp_path, claims=claims, memory_limit_bytes=1 << 30, **large)
    with pytest.raises(InputError) as refused:
        hold_model(made)
    assert refused.value.code == "model_too_large"


def test_a_model_uploaded_again_gets_the_estimates_of_new_routes(tmp_path: Path, claims: FakeClaims) -> None:
    before = make_deps(tmp_path)
    model_id = hold_model(before)
    after = replace(before, runner=FakeRunner(), claims=claims)
    assert hold_model(after) == model_id
    with after.database.transaction() as work:
        assert set(work.models.get(model_id).estimates) == {"halo2", "optimistic"}


def test_without_an_account_for_claims_such_requests_are_not_taken(tmp_path: Path, chain: FakeChain) -> None:
    made = make_deps(tmp_path, chain=chain, runner=FakeRunner())
    chain.model_id = hold_model(made)
    found = chain.open_request([INPUT], routes=(PIN,))
    listen_once(made, chain, LogWindow(100))
    assert take_requests(made, chain) == 0
    with made.database.transaction() as work:
        seen = work.feed(chain.chain_id, chain.hub_address).get(found.request_id)
    assert seen is not None
    assert seen.reason == "route_not_served"
