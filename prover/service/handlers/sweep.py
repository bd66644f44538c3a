"""Finds jobs that nobody works on although somebody should, and sends them again."""

from __future__ import annotations

import structlog

from prover.service.domain.errors import Conflict
from prover.service.domain.jobs import Event, Failure, Job, JobState
from prover.service.handlers.deps import Deps
from prover.service.handlers.submit_job import dispatch

log = structlog.get_logger()

MAX_BACKOFF_DOUBLINGS = 6


def sweep(deps: Deps) -> int:
    """One pass: takes back lost leases, then sends what waits without a message. Returns how many were sent."""
    with deps.database.transaction() as work:
        lost = work.jobs.under_lost_lease(deps.clock())
    for job in lost:
        _take_back(deps, job)
    with deps.database.transaction() as work:
        waiting = work.jobs.with_state(JobState.QUEUED)
    due = [job for job in waiting if _due(deps, job)]
    for job in due:
        dispatch(deps, job)
    return len(due)


def release_worker(deps: Deps, worker_id: str) -> None:
    """The worker is known to be dead: its jobs, and the messages it had fetched, need not wait for any time to pass."""
    with deps.database.transaction() as work:
        held = work.jobs.leased_to(worker_id)
        work.jobs.mark_all_unsent()
    for job in held:
        _take_back(deps, job)


def _take_back(deps: Deps, job: Job) -> None:
    exhausted = job.attempts >= deps.settings.max_attempts
    failure = Failure("worker_lost", f"its worker died {job.attempts} times; the model may need more memory")
    now = deps.clock()
    moved = (
        job.moved(Event.FAIL, now, lease=None, failure=failure)
        if exhausted
        else job.moved(Event.RELEASE, now, lease=None, phase=None, fraction=None, dispatched_at=None)
    )
    try:
        with deps.database.transaction() as work:
            work.jobs.save(moved)
    except Conflict:
        return  # its worker was faster after all
    log.warning("lease_taken_back", job_id=job.id, attempts=job.attempts, state=moved.state.value)


def _due(deps: Deps, job: Job) -> bool:
    """Not sent yet, or sent long ago. The wait doubles each time: behind a long queue, messages must not pile up."""
    if job.dispatched_at is None:
        return True
    wait = deps.settings.lease_s * (1 << min(job.dispatches, MAX_BACKOFF_DOUBLINGS))
    return deps.clock() >= job.dispatched_at + wait
