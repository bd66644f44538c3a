"""A delivery is made once, wherever a crash, another prover or a reorganisation comes in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from service_fakes import FakeChain, hold_model, make_deps
from service_on_chain import deliver, listen, only_job, proven_request, transactions

from circuits.errors import EnvironmentFailure
from contracts.client.types import Status
from prover.service.domain.chain import Purpose, TxState
from prover.service.domain.jobs import JobState
from prover.service.handlers.deps import Deps
from prover.service.handlers.run_job import run_job
from prover.service.handlers.submit_once import submit_once


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def deps(tmp_path: Path, chain: FakeChain) -> Deps:
    made = make_deps(tmp_path, chain=chain)
    chain.model_id = hold_model(made)
    return made


def test_crash_after_writing_before_broadcasting_sends_the_same_transaction(deps: Deps, chain: FakeChain) -> None:
    job = proven_request(deps, chain)
    broadcast, chain.broadcast = chain.broadcast, crash  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        submit_once(deps, chain)
    assert transactions(deps, job) == {Purpose.ASSIGN: TxState.WRITTEN}
    chain.broadcast = broadcast  # type: ignore[method-assign]
    deliver(deps, chain)
    assert only_job(deps).state is JobState.DELIVERED
    assert chain.signatures == 2
    assert len(set(chain.broadcasts)) == 2


def test_crash_after_broadcasting_before_recording_makes_no_second_transaction(deps: Deps, chain: FakeChain) -> None:
    proven_request(deps, chain)
    broadcast = chain.broadcast

    def broadcast_and_crash(raw: bytes) -> None:
        broadcast(raw)
        raise KeyboardInterrupt

    chain.broadcast = broadcast_and_crash  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        submit_once(deps, chain)
    chain.broadcast = broadcast  # type: ignore[method-assign]
    chain.mine()
    deliver(deps, chain)
    assert only_job(deps).state is JobState.DELIVERED
    assert chain.signatures == 2
    assert len(chain.broadcasts) == 2
    assert chain.nonce == 2


def crash(raw: bytes) -> None:
    raise KeyboardInterrupt


def test_a_transaction_that_the_node_forgot_is_handed_over_again(deps: Deps, chain: FakeChain) -> None:
    proven_request(deps, chain)
    submit_once(deps, chain)
    chain.pool.clear()
    deps.clock.now += 20  # type: ignore[attr-defined]
    deliver(deps, chain)
    assert only_job(deps).state is JobState.DELIVERED
    assert chain.signatures == 2


def test_a_superseded_transaction_is_replaced(deps: Deps, chain: FakeChain) -> None:
    """The account was used elsewhere with the same nonce: ours can never be mined, so another is made."""
    proven_request(deps, chain)
    submit_once(deps, chain)
    chain.pool.clear()
    chain.nonce += 1
    deliver(deps, chain)
    assert only_job(deps).state is JobState.DELIVERED
    assert chain.signatures == 3


def test_nonces_follow_one_another_for_many_jobs(deps: Deps, chain: FakeChain) -> None:
    for _ in range(3):
        chain.open_request()
    listen(deps, chain)
    with deps.database.transaction() as work:
        ids = [job.id for job in work.jobs.page(None, 10)]
    for job_id in ids:
        run_job(deps, job_id)
    deliver(deps, chain)
    with deps.database.transaction() as work:
        assert {job.state for job in work.jobs.page(None, 10)} == {JobState.DELIVERED}
    assert chain.nonce == 6


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.ASSIGNED, "assigned_to_other"),
        (Status.DELIVERED, "delivered_by_other"),
        (Status.REFUNDED, "request_refunded"),
    ],
)
def test_a_request_that_somebody_else_has_ends_the_job(deps: Deps, chain: FakeChain, status: Status, code: str) -> None:
    job = proven_request(deps, chain)
    chain.states[job.request_id or ""] = status
    submit_once(deps, chain)
    ended = only_job(deps)
    assert ended.failure is not None
    assert (ended.state, ended.failure.code) == (JobState.EXPIRED, code)
    assert chain.broadcasts == []


def test_an_assignment_lost_in_the_same_block_ends_the_job(deps: Deps, chain: FakeChain) -> None:
    job = proven_request(deps, chain)
    submit_once(deps, chain)
    chain.states[job.request_id or ""] = Status.ASSIGNED  # somebody else's came first; ours reverts
    deliver(deps, chain, 2)
    ended = only_job(deps)
    assert ended.failure is not None
    assert (ended.state, ended.failure.code) == (JobState.EXPIRED, "assigned_to_other")
    assert transactions(deps, ended) == {Purpose.ASSIGN: TxState.REVERTED}


def test_an_assignment_that_lapsed_ends_the_job(deps: Deps, chain: FakeChain) -> None:
    job = proven_request(deps, chain)
    submit_once(deps, chain)
    chain.mine()
    chain.states[job.request_id or ""] = Status.OPEN  # the deadline passed and somebody expired it
    submit_once(deps, chain)
    ended = only_job(deps)
    assert ended.failure is not None
    assert (ended.state, ended.failure.code) == (JobState.EXPIRED, "assignment_lapsed")


def test_an_expired_request_is_not_assigned(deps: Deps, chain: FakeChain) -> None:
    proven_request(deps, chain)
    chain.now = 6000
    submit_once(deps, chain)
    assert only_job(deps).state is JobState.EXPIRED
    assert chain.signatures == 0


def test_a_bond_that_has_grown_too_high_is_not_paid(deps: Deps, chain: FakeChain) -> None:
    proven_request(deps, chain)
    chain.bond = lambda request: 10**30  # type: ignore[method-assign]
    submit_once(deps, chain)
    failure = only_job(deps).failure
    assert failure is not None
    assert failure.code == "bond_too_high"
    assert chain.signatures == 0


def test_an_account_without_funds_keeps_the_job_and_says_so(deps: Deps, chain: FakeChain) -> None:
    proven_request(deps, chain)
    sign = chain.sign_assign

    def without_funds(*_: object) -> object:
        raise EnvironmentFailure("account_without_funds", "cannot pay")

    chain.sign_assign = without_funds  # type: ignore[method-assign,assignment]
    submit_once(deps, chain)
    waiting = only_job(deps)
    assert (waiting.state, waiting.phase) == (JobState.PROVEN, "account_without_funds")
    chain.sign_assign = sign  # type: ignore[method-assign]
    deliver(deps, chain)
    assert only_job(deps).state is JobState.DELIVERED


def test_a_delivery_that_a_reorganisation_undid_is_handed_over_again(tmp_path: Path, chain: FakeChain) -> None:
    deps = make_deps(tmp_path, chain=chain)
    chain.model_id = hold_model(deps)
    chain.mine(3)
    listen(deps, chain)
    job = proven_request(deps, chain)
    submit_once(deps, chain)
    chain.mine()
    submit_once(deps, chain)
    assert transactions(deps, job)[Purpose.ASSIGN] is TxState.CONFIRMED
    listen(deps, chain)
    chain.receipts.clear()
    chain.nonce = 0
    chain.states[job.request_id or ""] = Status.OPEN
    chain.logs, logs = [], chain.logs
    chain.reorganise(1)
    chain.logs = logs
    listen(deps, chain)
    deliver(deps, chain)
    assert only_job(deps).state is JobState.DELIVERED
    assert chain.signatures == 2


def test_integers_of_the_request_are_the_ones_proven(deps: Deps, chain: FakeChain) -> None:
    job = proven_request(deps, chain, inputs=[np.array([-5, 7], dtype=np.int64)])
    assert job.result is not None
    with deps.database.transaction() as work:
        found = work.feed(chain.chain_id, chain.hub_address).get(job.request_id or "")
    assert found is not None
    assert job.result.input_root == found.request.input_root
