"""Runs one job under a lease. Running it twice, or dying anywhere in it, changes nothing but the time it takes."""

from __future__ import annotations

import threading
from enum import StrEnum

import structlog

from circuits.errors import EnvironmentFailure, InferproofError
from circuits.program.graph import Program
from prover.service.adapters.ports import Proof
from prover.service.domain.errors import Conflict, LeaseLost, NotFound, WorkerStopping
from prover.service.domain.jobs import Event, Failure, Job, Result
from prover.service.handlers.deps import Deps
from prover.service.handlers.lease import Heartbeat, take_lease
from prover.service.handlers.tensors import decode_tensors, describe_outputs, encode_tensors

log = structlog.get_logger()


class Outcome(StrEnum):
    """What a worker did about a message."""

    SKIPPED = "skipped"
    PROVEN = "proven"
    FAILED = "failed"
    RELEASED = "released"
    ABANDONED = "abandoned"


INTERNAL = Failure("internal_error", "the service failed in a way it should not have; its log has the details")


def run_job(deps: Deps, job_id: str, stopping: threading.Event | None = None) -> Outcome:
    """Proves the job if it is waiting; anything else about the message is somebody else's business."""
    try:
        job = take_lease(deps, job_id)
    except NotFound:
        log.warning("message_without_job", job_id=job_id)
        return Outcome.SKIPPED
    if job is None:
        return Outcome.SKIPPED
    with structlog.contextvars.bound_contextvars(job_id=job_id, attempt=job.attempts):
        return _run_leased(deps, job, stopping or threading.Event())


def _run_leased(deps: Deps, job: Job, stopping: threading.Event) -> Outcome:
    settled = False
    try:
        outcome = _prove_and_settle(deps, job, stopping)
        settled = True
        log.info("job_run", outcome=outcome.value)
        return outcome
    finally:
        # Not settled: a bug is on its way up. The row must say so, or the job would be tried again and again.
        if not settled:
            _move(deps, job, Event.FAIL, failure=INTERNAL)


def _prove_and_settle(deps: Deps, job: Job, stopping: threading.Event) -> Outcome:
    try:
        with Heartbeat(deps, job, stopping) as beat:
            result = _prove(deps, job, beat)
    except LeaseLost:
        return Outcome.ABANDONED
    except WorkerStopping:
        released = _move(deps, job, Event.RELEASE, attempts=job.attempts - 1, dispatched_at=None)
        return Outcome.RELEASED if released else Outcome.ABANDONED
    except InferproofError as error:
        log.warning("attempt_failed", **error.as_dict())
        return _after_failure(deps, job, error)
    proven = _move(deps, job, Event.PROVE, result=result, phase=None, fraction=1.0)
    return Outcome.PROVEN if proven else Outcome.ABANDONED


def _prove(deps: Deps, job: Job, beat: Heartbeat) -> Result:
    with deps.database.transaction() as work:
        model = work.models.get(job.model_id)
    program = deps.load_program(deps.store.local_path(model.artifact))
    inputs = decode_tensors(deps.store.get(job.input_artifact))
    proof = deps.prover_of(job.route).prove(program, inputs, beat.progress, job.expected_key)
    beat.check()
    return _stored(deps, program, proof)


def _stored(deps: Deps, program: Program, proof: Proof) -> Result:
    return Result(
        proof_artifact=None if proof.file is None else deps.store.put(proof.file),
        key_artifact=None if proof.key_file is None else deps.store.put(proof.key_file),
        outputs_artifact=deps.store.put(describe_outputs(program, proof.outputs)),
        tensors_artifact=deps.store.put(encode_tensors(proof.outputs)),
        input_root=proof.statement.input_root,
        output_root=proof.statement.output_root,
        key_digest=proof.key_digest,
        phases=proof.phases,
    )


def _after_failure(deps: Deps, job: Job, error: InferproofError) -> Outcome:
    """What lies outside (a full disk, a killed child) may pass, and is tried again; what was asked for stays wrong."""
    if isinstance(error, EnvironmentFailure) and job.attempts < deps.settings.max_attempts:
        return Outcome.RELEASED if _move(deps, job, Event.RELEASE) else Outcome.ABANDONED
    failure = Failure(error.code, error.message, error.details)
    return Outcome.FAILED if _move(deps, job, Event.FAIL, failure=failure) else Outcome.ABANDONED


def _move(deps: Deps, job: Job, event: Event, **changes: object) -> bool:
    """False if the job is not as we took it: our lease is gone, and with it our say."""
    try:
        with deps.database.transaction() as work:
            work.jobs.save(job.moved(event, deps.clock(), lease=None, **changes))
    except Conflict:
        return False
    return True
