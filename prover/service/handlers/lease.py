"""A lease on a running job: taken once, kept alive by a thread, lost for good."""

from __future__ import annotations

import threading
import uuid
from types import TracebackType

import structlog
from sqlalchemy.exc import SQLAlchemyError

from prover.service.domain.errors import Conflict, LeaseLost, WorkerStopping
from prover.service.domain.jobs import Event, Job, JobState, Lease
from prover.service.handlers.deps import Deps

log = structlog.get_logger()

PROGRESS_S = 0.5


def take_lease(deps: Deps, job_id: str) -> Job | None:
    """The job, now running under a fresh lease; None if it is not waiting for a worker (a doubled message)."""
    now = deps.clock()
    lease = Lease(uuid.uuid4().hex, deps.settings.worker_id, now + deps.settings.lease_s)
    try:
        with deps.database.transaction() as work:
            job = work.jobs.get(job_id)
            if job.state is not JobState.QUEUED:
                return None
            job = job.moved(Event.START, now, lease=lease, attempts=job.attempts + 1, phase=None, fraction=None)
            work.jobs.save(job)
            return job
    except Conflict:
        return None


class Heartbeat:
    """While open, prolongs the lease and writes the progress that `progress` was last told.

    `progress` raises LeaseLost or WorkerStopping inside the prover once there is no point in going on.
    """

    def __init__(self, deps: Deps, job: Job, stopping: threading.Event) -> None:
        if job.lease is None:
            raise LeaseLost("lease_lost", "a heartbeat needs a lease", job_id=job.id)
        self._deps = deps
        self._job_id = job.id
        self._token = job.lease.token
        self._valid_until = job.lease.until
        self._stopping = stopping
        self._lost = threading.Event()
        self._closed = threading.Event()
        self._progress: tuple[str | None, float | None] = (None, None)
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{job.id}", daemon=True)

    def progress(self, phase: str, fraction: float | None) -> None:
        self._progress = (phase, fraction)
        self.check()

    def check(self) -> None:
        if self._lost.is_set():
            raise LeaseLost("lease_lost", "the job was cancelled, or another worker has it", job_id=self._job_id)
        if self._stopping.is_set():
            raise WorkerStopping("worker_stopping", "the worker is stopping", job_id=self._job_id)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        interval = min(PROGRESS_S, self._deps.settings.lease_s / 4)
        while not self._closed.wait(interval):
            if not self._beat():
                self._lost.set()
                return

    def _beat(self) -> bool:
        now = self._deps.clock()
        until = now + self._deps.settings.lease_s
        try:
            with self._deps.database.transaction() as work:
                kept = work.jobs.heartbeat(self._job_id, self._token, until, *self._progress)
        except SQLAlchemyError as error:
            # A busy database costs a beat; only a lease that ran out meanwhile is lost.
            log.warning("heartbeat_missed", job_id=self._job_id, error=str(error))
            return now < self._valid_until
        self._valid_until = until
        return kept
