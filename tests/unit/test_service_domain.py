"""A job's life is one table; what is not in it is refused."""

from __future__ import annotations

import itertools

import pytest

from circuits.errors import InputError
from circuits.statement import Route
from prover.backend import Estimate
from prover.service.domain.errors import Conflict
from prover.service.domain.jobs import HUB, TRANSITIONS, Event, Job, JobKind, JobState, is_final
from prover.service.domain.models import HeldModel, ModelSource, admit

EVERY_MOVE = list(itertools.product(JobKind, JobState, Event))


def job(kind: JobKind, state: JobState) -> Job:
    return Job(
        id="0" * 32, kind=kind, state=state, model_id="0x", route=1, input_artifact="", created_at=0.0, updated_at=0.0
    )


def allowed(kind: JobKind, state: JobState, event: Event) -> bool:
    return (state, event) in TRANSITIONS and kind in TRANSITIONS[state, event][1]


@pytest.mark.parametrize(("kind", "state", "event"), [move for move in EVERY_MOVE if allowed(*move)])
def test_makes_every_move_of_the_table(kind: JobKind, state: JobState, event: Event) -> None:
    moved = job(kind, state).moved(event, 7.0)
    assert moved.state is TRANSITIONS[state, event][0]
    assert (moved.version, moved.updated_at) == (1, 7.0)


@pytest.mark.parametrize(("kind", "state", "event"), [move for move in EVERY_MOVE if not allowed(*move)])
def test_refuses_every_other_move(kind: JobKind, state: JobState, event: Event) -> None:
    with pytest.raises(Conflict) as refused:
        job(kind, state).moved(event, 7.0)
    assert refused.value.code == "transition_refused"


def test_a_local_proof_never_reaches_the_chain() -> None:
    reached, frontier = set(), {JobState.QUEUED}
    while frontier:
        reached |= frontier
        steps = {target for (s, _), (target, kinds) in TRANSITIONS.items() if s in reached and JobKind.PROVE in kinds}
        frontier = steps - reached
    assert reached == {JobState.QUEUED, JobState.RUNNING, JobState.PROVEN, JobState.FAILED, JobState.CANCELLED}


def test_a_submission_cannot_be_cancelled_because_its_bond_is_at_stake() -> None:
    for state in (JobState.SUBMITTING, JobState.CLAIMED):
        with pytest.raises(Conflict):
            job(JobKind.REQUEST, state).moved(Event.CANCEL, 0.0)


def test_final_states_by_kind() -> None:
    finals = {kind: {state for state in JobState if is_final(kind, state)} for kind in JobKind}
    ends = {JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED, JobState.DELIVERED}
    assert finals[JobKind.REQUEST] == ends
    assert finals[JobKind.PROVE] == ends | {JobState.PROVEN, JobState.SUBMITTING, JobState.CLAIMED}


def test_only_requests_expire() -> None:
    assert {kinds for (_, event), (_, kinds) in TRANSITIONS.items() if event is Event.EXPIRE} == {HUB}


def test_refuses_what_needs_more_memory_than_allowed() -> None:
    estimate = Estimate(rows=1, srs_k=1, setup_s=0, prove_s=0, peak_memory_bytes=1001, disk_bytes=0)
    model = HeldModel("0x", "", ModelSource.ONNX, "", {}, {"optimistic": estimate}, None, 0.0)
    admit(model, Route.OPTIMISTIC, 1001)
    with pytest.raises(InputError, match="GiB of memory") as refused:
        admit(model, Route.OPTIMISTIC, 1000)
    assert refused.value.code == "model_too_large"
    with pytest.raises(InputError) as refused:
        admit(model, Route.HALO2, 1001)
    assert refused.value.code == "route_not_served"
