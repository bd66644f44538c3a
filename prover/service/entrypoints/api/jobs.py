"""/v1/jobs"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from sse_starlette import EventSourceResponse, ServerSentEvent

from circuits.statement import Route
from prover.service.domain.jobs import JobState
from prover.service.entrypoints.api.access import DepsOf, Owner
from prover.service.entrypoints.api.schemas import (
    JOB_ID,
    Calldata,
    JobBody,
    JobPage,
    JobPost,
    decode_cursor,
    encode_cursor,
)
from prover.service.entrypoints.api.shallow import ShallowRoute
from prover.service.handlers.deps import Deps
from prover.service.handlers.read_results import read_call, read_job, read_key, read_outputs, read_proof
from prover.service.handlers.submit_job import JobRequest, cancel_job, submit_job

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=ShallowRoute)

EVENT_POLL_S = 0.25

JobId = Annotated[str, Path(pattern=JOB_ID)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]


@router.post("", status_code=202, responses={200: {"model": JobBody, "description": "The key made this job before"}})
def post_job(
    body: JobPost, response: Response, deps: DepsOf, owner: Owner, idempotency_key: IdempotencyKey = None
) -> JobBody:
    """Queues a proof. With an Idempotency-Key, the same request again returns the same job."""
    request = JobRequest(
        input=body.input_document(),
        model_id=body.model_id,
        registration_id=body.registration_id,
        route=Route[body.route.upper()],
        owner=owner,
        idempotency_key=idempotency_key,
    )
    job, made = submit_job(deps, request)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    if not made:
        response.status_code = 200
    return JobBody.of(job)


@router.get("")
def list_jobs(
    deps: DepsOf,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    state: JobState | None = None,
) -> JobPage:
    """Newest first, a page at a time; jobs that arrive meanwhile do not shift the pages."""
    before = decode_cursor(cursor) if cursor is not None else None
    with deps.database.transaction() as work:
        found = work.jobs.page(before, limit + 1, state)
    page = found[:limit]
    following = encode_cursor(page[-1].seq) if len(found) > limit else None
    return JobPage(jobs=[JobBody.of(job) for job in page], next_cursor=following)


@router.get("/{job_id}")
def get_job(job_id: JobId, deps: DepsOf) -> JobBody:
    return JobBody.of(read_job(deps, job_id))


@router.post("/{job_id}/cancel")
def post_cancel(job_id: JobId, deps: DepsOf) -> JobBody:
    return JobBody.of(cancel_job(deps, job_id))


@router.get("/{job_id}/proof", response_class=Response, responses={200: {"content": {"application/json": {}}}})
def get_proof(job_id: JobId, deps: DepsOf) -> Response:
    """The proof file, as `inferproof verify` takes it."""
    return Response(read_proof(deps, job_id), media_type="application/json")


@router.get("/{job_id}/key", response_class=Response, responses={200: {"content": {"application/json": {}}}})
def get_key(job_id: JobId, deps: DepsOf) -> Response:
    """The key file that the proof verifies under. It is this service's word that the key computes the model:
    `inferproof model audit` rebuilds it from the program."""
    return Response(read_key(deps, job_id), media_type="application/json")


@router.get("/{job_id}/outputs", response_class=Response, responses={200: {"content": {"application/json": {}}}})
def get_outputs(job_id: JobId, deps: DepsOf) -> Response:
    """Integers, their scale, and the real values they stand for, by output name."""
    return Response(read_outputs(deps, job_id), media_type="application/json")


@router.get("/{job_id}/calldata")
def get_calldata(job_id: JobId, deps: DepsOf) -> Calldata:
    """The encoded call that puts the proof before a contract."""
    call = read_call(deps, job_id)
    return Calldata(function=call.function, data="0x" + call.data.hex())


async def _first(job_id: JobId, deps: DepsOf) -> JobBody:
    # As a dependency, an unknown job is a problem with a status, before any stream begins.
    return JobBody.of(await run_in_threadpool(read_job, deps, job_id))


@router.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "One event a change, the last one final"}},
)
async def get_events(request: Request, first: Annotated[JobBody, Depends(_first)], deps: DepsOf) -> Any:
    """Server-sent events named `job`, each the whole job; the stream ends with the job."""
    return EventSourceResponse(_events(request, deps, first))


async def _events(request: Request, deps: Deps, body: JobBody) -> AsyncIterator[ServerSentEvent]:
    number = 0
    while True:
        yield ServerSentEvent(body.model_dump_json(), event="job", id=str(number))
        number += 1
        if body.final:
            return
        changed = await _change(request, deps, body)
        if changed is None:
            return
        body = changed


async def _change(request: Request, deps: Deps, last: JobBody) -> JobBody | None:
    """The job once it differs from `last`; None when nobody listens, or the service stops."""
    while not (request.app.state.stopping.is_set() or await request.is_disconnected()):
        await asyncio.sleep(EVENT_POLL_S)
        body = JobBody.of(await run_in_threadpool(read_job, deps, last.id))
        if body != last:
            return body
    return None
