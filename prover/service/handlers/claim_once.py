"""Answers requests by the optimistic route: claim, defend, deliver once the claim is final.

What is done is read from the chain, never remembered: a pass that died anywhere is made good by the next. The row says
only how far the job is known to be.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import structlog

from circuits.errors import EnvironmentFailure, InputError
from circuits.program.graph import Program
from circuits.statement import Route
from contracts.client.types import Status, Tensor
from prover.service.adapters.ports import ClaimChain, ClaimEnd, HubChain, Integers, OwnClaim, Runner
from prover.service.domain.chain import HubRequest
from prover.service.domain.errors import Conflict
from prover.service.domain.jobs import Event, Failure, Job, JobKind, JobState
from prover.service.handlers.deps import Deps
from prover.service.handlers.tensors import decode_tensors
from verifier.dispute.commitment import CommittedTrace

log = structlog.get_logger()

ENDS: dict[ClaimEnd, tuple[Event, Failure | None]] = {
    ClaimEnd.DELIVERED: (Event.DELIVER, None),
    ClaimEnd.LAPSED: (Event.EXPIRE, Failure("assignment_lapsed", "the claim became final after the assignment")),
    ClaimEnd.KILLED: (Event.FAIL, Failure("claim_overturned", "a challenger overturned the claim; its bond is lost")),
    ClaimEnd.CANCELLED: (Event.EXPIRE, Failure("claim_cancelled", "the guardian cancelled the claim")),
}
REORGED = Failure("request_reorged", "a reorganisation took the request away")


def claim_once(deps: Deps, hub: HubChain, claims: ClaimChain, runner: Runner) -> None:
    """One pass: defend what is claimed, then claim what was run. The defence first: its deadlines do not wait."""
    claimed = _jobs(deps, JobState.CLAIMED)
    if claimed:
        _defend(deps, hub, claims, runner, claimed)
    for job in _jobs(deps, JobState.PROVEN, JobState.SUBMITTING):
        try:
            _claim(deps, hub, claims, runner, job)
        except Conflict:
            continue  # cancelled meanwhile
        except InputError as error:
            _end(deps, job, Event.EXPIRE, Failure(error.code, error.message, error.details))
        except EnvironmentFailure as error:
            if error.code == "chain_unreachable":
                raise
            log.warning("claim_waits", job_id=job.id, **error.as_dict())
            with deps.database.transaction() as work:
                work.jobs.note(job.id, error.code)


def _jobs(deps: Deps, *states: JobState) -> list[Job]:
    with deps.database.transaction() as work:
        found = work.jobs.with_state(*states, kind=JobKind.REQUEST)
    return [job for job in found if job.route == Route.OPTIMISTIC]


def _claim(deps: Deps, hub: HubChain, claims: ClaimChain, runner: Runner, job: Job) -> None:
    found = _request(deps, hub, job)
    if found is None:
        return
    if found.block is None:
        # The log is being read again. The chain itself says whether the request is gone: a claim may stand by now.
        if hub.status(found.request_id) is Status.NONE and hub.timestamp() >= found.request.expiry:
            _end(deps, job, Event.EXPIRE, REORGED)
        return
    program = _program(deps, job)
    if job.state is JobState.PROVEN:
        claims.examine(found, program)
        # From here on a bond may be at stake, so the job cannot be cancelled any more.
        job = _save(deps, job.moved(Event.SUBMIT, deps.clock(), phase="claim"))
    trace = _trace(deps, runner, job, program)
    claim_id = claims.claim(found, program, trace, runner.locator(trace))
    if job.result is not None:
        result = replace(job.result, claim_id=claim_id)
        _save(deps, job.moved(Event.CLAIM, deps.clock(), phase="defending", result=result))
    log.info("claimed", job_id=job.id, claim_id=claim_id)


def _defend(deps: Deps, hub: HubChain, claims: ClaimChain, runner: Runner, jobs: list[Job]) -> None:
    named = {job.result.claim_id: job for job in jobs if job.result is not None and job.result.claim_id is not None}
    ends = claims.defend({name: partial(_own, deps, hub, runner, job) for name, job in named.items()})
    for name, end in ends.items():
        _end(deps, named[name], *ENDS[end])


def _own(deps: Deps, hub: HubChain, runner: Runner, job: Job) -> OwnClaim:
    found = _request(deps, hub, job)
    if found is None or job.result is None or job.result.claim_id is None:
        raise EnvironmentFailure("claim_unknown", "the database lacks what the claim is about", job_id=job.id)
    tensors = decode_tensors(deps.store.get(job.result.tensors_artifact))
    return OwnClaim(
        claim_id=job.result.claim_id,
        request_id=found.request_id,
        request=found.request,
        outputs=tuple(Tensor.from_array(tensor) for tensor in tensors),
        # Without its block (a reorganisation is being sorted out) the log is read from its beginning.
        made_in=hub.start_block if found.block is None else found.block.number,
        open_trace=lambda: _trace(deps, runner, job, _program(deps, job)),
    )


def _trace(deps: Deps, runner: Runner, job: Job, program: Program) -> CommittedTrace:
    return runner.open_trace(program, _inputs(deps, job))


def _inputs(deps: Deps, job: Job) -> list[Integers]:
    return decode_tensors(deps.store.get(job.input_artifact))


def _program(deps: Deps, job: Job) -> Program:
    with deps.database.transaction() as work:
        model = work.models.get(job.model_id)
    return deps.load_program(deps.store.local_path(model.artifact))


def _request(deps: Deps, hub: HubChain, job: Job) -> HubRequest | None:
    with deps.database.transaction() as work:
        return work.feed(hub.chain_id, hub.hub_address).get(job.request_id or "")


def _save(deps: Deps, job: Job) -> Job:
    with deps.database.transaction() as work:
        work.jobs.save(job)
    return job


def _end(deps: Deps, job: Job, event: Event, failure: Failure | None = None) -> None:
    _save(deps, job.moved(event, deps.clock(), failure=failure, phase=None))
    log.info("job_ended", job_id=job.id, event_name=event.value, reason=failure.code if failure else None)
