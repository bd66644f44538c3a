"""Requests become jobs and proofs become deliveries, whatever the chain and the machine do meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from service_fakes import KEY_DIGEST, FakeChain, hold_model, make_deps
from service_on_chain import decision, deliver, jobs_count, listen, only_job, proven_request, transactions

from circuits.errors import EnvironmentFailure
from contracts.client.types import RoutePin, Status, Tensor
from prover.service.adapters.chain_repository import KEPT_BLOCKS
from prover.service.domain.chain import Block, Purpose, Seen, TxState
from prover.service.domain.jobs import JobKind, JobState
from prover.service.handlers.deps import Deps
from prover.service.handlers.listen_once import LogWindow
from prover.service.handlers.submit_once import submit_once
from prover.service.handlers.take_requests import expire_stale


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def deps(tmp_path: Path, chain: FakeChain) -> Deps:
    made = make_deps(tmp_path, chain=chain)
    chain.model_id = hold_model(made)
    return made


def test_a_request_becomes_a_job_and_is_delivered(deps: Deps, chain: FakeChain) -> None:
    job = proven_request(deps, chain)
    assert (job.kind, job.expected_key) == (JobKind.REQUEST, KEY_DIGEST)
    deliver(deps, chain)
    done = only_job(deps)
    assert done.state is JobState.DELIVERED
    assert chain.states[done.request_id or ""] is Status.DELIVERED
    assert transactions(deps, done) == {Purpose.ASSIGN: TxState.CONFIRMED, Purpose.FULFIL: TxState.CONFIRMED}
    assert len(chain.broadcasts) == 2


def test_nothing_is_read_before_it_is_confirmed(tmp_path: Path, chain: FakeChain) -> None:
    deps = make_deps(tmp_path, chain=chain, confirmations=3)
    chain.model_id = hold_model(deps)
    chain.open_request()
    chain.mine(2)
    assert listen(deps, chain) == 0
    chain.mine(1)
    assert listen(deps, chain) == 1


def test_a_request_is_taken_once_however_often_its_block_is_read(deps: Deps, chain: FakeChain) -> None:
    chain.open_request()
    assert listen(deps, chain) == 1
    with deps.database.transaction() as work:
        work.feed(chain.chain_id, chain.hub_address).rollback_above(0)
    assert listen(deps, chain) == 1
    assert jobs_count(deps) == 1


def test_a_range_that_the_provider_refuses_is_halved(deps: Deps, chain: FakeChain) -> None:
    chain.range_limit = 7
    for _ in range(5):
        chain.open_request()
        chain.mine(20)
    window = LogWindow(64)
    assert listen(deps, chain, window) == 5
    assert jobs_count(deps) == 5
    assert window.size <= 14


def test_a_provider_that_refuses_single_blocks_is_an_error(deps: Deps, chain: FakeChain) -> None:
    chain.range_limit = 0
    chain.mine(3)
    with pytest.raises(EnvironmentFailure):
        listen(deps, chain)


def test_a_reorganisation_takes_a_request_back_and_brings_it_again(deps: Deps, chain: FakeChain) -> None:
    chain.mine(3)
    listen(deps, chain)
    job = proven_request(deps, chain)
    (lost,) = chain.reorganise(1)
    listen(deps, chain)
    submit_once(deps, chain)
    assert only_job(deps).state is JobState.PROVEN
    assert chain.broadcasts == []
    chain.mine()
    chain.announce(lost.request, lost.inputs)
    listen(deps, chain)
    deliver(deps, chain)
    assert only_job(deps).id == job.id
    assert only_job(deps).state is JobState.DELIVERED


def test_a_request_that_stays_away_expires_its_job(deps: Deps, chain: FakeChain) -> None:
    chain.mine(3)
    listen(deps, chain)
    proven_request(deps, chain)
    chain.reorganise(1)
    listen(deps, chain)
    chain.now = 6000
    submit_once(deps, chain)
    failure = only_job(deps).failure
    assert failure is not None
    assert (only_job(deps).state, failure.code) == (JobState.EXPIRED, "request_reorged")


def test_a_reorganisation_under_the_reader_stores_nothing_of_the_old_branch(deps: Deps, chain: FakeChain) -> None:
    chain.mine(3)
    chain.open_request()
    read = chain.requested

    def reorganise_meanwhile(first: int, last: int) -> list[object]:
        found = read(first, last)
        chain.requested = read  # type: ignore[method-assign]
        chain.reorganise(1)
        return found  # type: ignore[return-value]

    chain.requested = reorganise_meanwhile  # type: ignore[method-assign,assignment]
    assert listen(deps, chain) == 0
    assert jobs_count(deps) == 0


def test_a_node_that_lags_behind_is_not_a_reorganisation(deps: Deps, chain: FakeChain) -> None:
    job = proven_request(deps, chain)
    submit_once(deps, chain)
    behind = chain.blocks.pop()
    listen(deps, chain)
    chain.blocks, ahead = chain.blocks[:1], chain.blocks
    listen(deps, chain)
    chain.blocks = [*ahead, behind]
    listen(deps, chain)
    assert transactions(deps, job) == {Purpose.ASSIGN: TxState.WRITTEN}
    deliver(deps, chain)
    assert only_job(deps).state is JobState.DELIVERED
    assert chain.signatures == 2


def test_the_first_block_is_remembered_for_ever(deps: Deps, chain: FakeChain) -> None:
    with deps.database.transaction() as work:
        feed = work.feed(chain.chain_id, chain.hub_address)
        for number in range(1, KEPT_BLOCKS + 10):
            feed.advance(Block(number, hex(number)))
        kept = [block.number for block in feed.blocks()]
    assert len(kept) == KEPT_BLOCKS + 1
    assert (kept[0], kept[-2], kept[-1]) == (KEPT_BLOCKS + 9, 10, 1)


def test_a_restarted_devnet_is_another_chain(deps: Deps, chain: FakeChain) -> None:
    job = proven_request(deps, chain)
    submit_once(deps, chain)
    fresh = FakeChain()
    fresh.model_id, fresh.fork = chain.model_id, 9
    fresh.mine(1)
    listen(deps, fresh)
    assert transactions(deps, job) == {}
    submit_once(deps, fresh)
    assert fresh.broadcasts == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expiry": 900}, "request_expired"),
        ({"routes": (RoutePin(2, b"\x01\x02\x03\x04", KEY_DIGEST),)}, "route_not_served"),
        ({"bond": 10**30}, "bond_too_high"),
        ({"input_root": bytes(32)}, "input_root_mismatch"),
        ({"registration_id": bytes(32)}, "registration_unknown"),
    ],
)
def test_a_request_that_is_not_ours_to_answer_is_refused_with_a_reason(
    deps: Deps, chain: FakeChain, changes: dict[str, object], code: str
) -> None:
    found = chain.open_request(**changes)  # type: ignore[arg-type]
    listen(deps, chain)
    assert decision(deps, chain, found.request_id) == (Seen.REFUSED, code)
    assert jobs_count(deps) == 0


def test_tensors_that_cannot_be_read_are_refused(deps: Deps, chain: FakeChain) -> None:
    good = chain.open_request()
    for tensors in ((), (Tensor(4, (9,), b"\x00" * 4),), (Tensor(3, (1,), b"\x00" * 3),)):
        chain.mine()
        bad = chain.announce(replace(good.request, nonce=100 + len(chain.logs)), tensors)
        listen(deps, chain)
        seen, reason = decision(deps, chain, bad.request_id)
        assert (seen, reason in {"input_not_published", "input_malformed"}) == (Seen.REFUSED, True)


def test_a_request_waits_for_its_program_to_be_uploaded(tmp_path: Path, chain: FakeChain) -> None:
    deps = make_deps(tmp_path, chain=chain)
    chain.model_id = "0x" + "12" * 32
    found = chain.open_request()
    listen(deps, chain)
    assert decision(deps, chain, found.request_id) == (Seen.WAITING, "model_not_held")
    chain.model_id = hold_model(deps)
    listen(deps, chain)
    assert jobs_count(deps) == 1


def test_a_queued_job_ends_when_its_request_expires(deps: Deps, chain: FakeChain) -> None:
    chain.open_request()
    listen(deps, chain)
    chain.now = 6000
    expire_stale(deps, chain)
    assert only_job(deps).state is JobState.EXPIRED
