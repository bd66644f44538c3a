"""Accepts work: checks the input against the model, admits by estimate, writes the row, sends its id."""

from __future__ import annotations

import hashlib
import json
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from circuits.errors import EnvironmentFailure, InputError
from circuits.program.graph import Program
from circuits.statement import Route
from prover.service.adapters.ports import Integers
from prover.service.domain.errors import Conflict, chain_not_configured
from prover.service.domain.jobs import Event, Job, JobKind
from prover.service.domain.models import HeldModel, admit
from prover.service.handlers.deps import Deps
from prover.service.handlers.tensors import encode_tensors

log = structlog.get_logger()


@dataclass(frozen=True)
class JobRequest:
    """What a caller asks for: a model by `model_id`, or else by `registration_id` (0x-hex), and an input document."""

    input: dict[str, Any]
    model_id: str | None = None
    registration_id: str | None = None
    route: Route = Route.HALO2
    owner: str = ""
    idempotency_key: str | None = None


def submit_job(deps: Deps, request: JobRequest) -> tuple[Job, bool]:
    """The job, and whether it was made now (False: the idempotency key had made it before).

    Errors: `model_not_found`, `model_too_large`, `route_not_served`, what the route had against the program, `input_*`,
    `idempotency_key_reused`, `chain_not_configured`.
    """
    digest = _digest(request)
    known = _replayed(deps, request, digest)
    if known is not None:
        return known, False
    model = _model(deps, request)
    admit(model, request.route, deps.settings.memory_limit_bytes)
    program = deps.load_program(deps.store.local_path(model.artifact))
    inputs = _inputs(deps, request.input, program)
    job = replace(
        new_job(deps, model, inputs, JobKind.PROVE, request.route),
        owner=request.owner,
        idempotency_key=request.idempotency_key,
        request_digest=digest if request.idempotency_key else None,
    )
    try:
        with deps.database.transaction() as work:
            job = work.jobs.add(job)
    except IntegrityError:
        # Somebody used the same key between our look and our write: theirs is the job.
        known = _replayed(deps, request, digest)
        if known is None:
            raise
        return known, False
    send(deps, job)
    return job, True


def new_job(deps: Deps, model: HeldModel, inputs: Sequence[Integers], kind: JobKind, route: int) -> Job:
    """A queued job about to be sent; not stored yet, but its input is."""
    now = deps.clock()
    return Job(
        id=uuid.uuid4().hex,
        kind=kind,
        model_id=model.model_id,
        route=route,
        input_artifact=deps.store.put(encode_tensors(inputs)),
        created_at=now,
        updated_at=now,
        dispatches=1,
        dispatched_at=now,
    )


def dispatch(deps: Deps, job: Job) -> None:
    """Notes that the id is sent, and sends it."""
    with deps.database.transaction() as work:
        work.jobs.mark_dispatched(job.id, deps.clock())
    send(deps, job)


def send(deps: Deps, job: Job) -> None:
    """Sends the id; if the broker is away the row stays queued, and the sweep sends it later."""
    try:
        deps.broker.send(job.id, job.queue)
    except EnvironmentFailure as error:
        log.warning("dispatch_failed", job_id=job.id, code=error.code)
        with deps.database.transaction() as work:
            work.jobs.mark_unsent(job.id)


def cancel_job(deps: Deps, job_id: str) -> Job:
    """Ends a job that is not being submitted; its worker notices at the next heartbeat."""
    with deps.database.transaction() as work:
        job = work.jobs.get(job_id).moved(Event.CANCEL, deps.clock(), lease=None)
        work.jobs.save(job)
        return job


def _replayed(deps: Deps, request: JobRequest, digest: str) -> Job | None:
    if request.idempotency_key is None:
        return None
    with deps.database.transaction() as work:
        known = work.jobs.by_idempotency_key(request.owner, request.idempotency_key)
    if known is not None and known.request_digest != digest:
        raise Conflict("idempotency_key_reused", "this Idempotency-Key was used with another request", job_id=known.id)
    return known


def _model(deps: Deps, request: JobRequest) -> HeldModel:
    model_id = request.model_id or _listed_model(deps, request.registration_id)
    with deps.database.transaction() as work:
        return work.models.get(model_id)


def _listed_model(deps: Deps, registration_id: str | None) -> str:
    if registration_id is None:
        raise InputError("model_missing", "name the model by model_id or by registration_id")
    if deps.chain is None:
        raise chain_not_configured()
    return deps.chain.listed_model(bytes.fromhex(registration_id.removeprefix("0x")))


def _inputs(deps: Deps, document: dict[str, Any], program: Program) -> list[Integers]:
    """The same reader, with the same refusals, as for input files of the command line."""
    with tempfile.TemporaryDirectory(prefix="inferproof-") as folder:
        path = Path(folder) / "input.json"
        path.write_text(json.dumps(document))
        return deps.read_inputs(path, program)


def _digest(request: JobRequest) -> str:
    body = [request.model_id, request.registration_id, request.route, request.input]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
