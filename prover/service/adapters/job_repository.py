"""Jobs and workers in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from prover.service.adapters.tables import jobs, workers
from prover.service.domain.errors import Conflict, job_not_found
from prover.service.domain.jobs import Failure, Job, JobKind, JobState, Lease, Result


class JobRepository:
    """Rows as `Job`; every write of a move is conditional on the version that was read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, job: Job) -> Job:
        """Inserts; raises sqlalchemy's IntegrityError for a second use of an idempotency key or request id."""
        written = self._connection.execute(insert(jobs).values(_columns(job)))
        return replace(job, seq=int(written.inserted_primary_key[0]))  # type: ignore[index]

    def get(self, job_id: str) -> Job:
        row = self._connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        if row is None:
            raise job_not_found(job_id)
        return _job(row)

    def save(self, job: Job) -> None:
        """Stores a job that moved once since it was read; raises Conflict("job_changed") if somebody was faster."""
        unchanged = and_(jobs.c.id == job.id, jobs.c.version == job.version - 1)
        if self._connection.execute(update(jobs).where(unchanged).values(_columns(job))).rowcount != 1:
            raise Conflict("job_changed", f"job {job.id} has changed meanwhile; look again", job_id=job.id)

    def heartbeat(self, job_id: str, token: str, until: float, phase: str | None, fraction: float | None) -> bool:
        """Prolongs the lease and notes progress; False if the job is no longer under this lease."""
        held = and_(jobs.c.id == job_id, jobs.c.lease_token == token, jobs.c.state == JobState.RUNNING.value)
        values = {"lease_until": until, "phase": phase, "fraction": fraction}
        return self._connection.execute(update(jobs).where(held).values(values)).rowcount == 1

    def mark_dispatched(self, job_id: str, now: float) -> None:
        values = {"dispatches": jobs.c.dispatches + 1, "dispatched_at": now}
        self._connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))

    def mark_unsent(self, job_id: str) -> None:
        self._connection.execute(update(jobs).where(jobs.c.id == job_id).values(dispatched_at=None))

    def mark_all_unsent(self) -> None:
        """Messages may have gone down with whoever held them; all that wait are to be sent again."""
        waiting = jobs.c.state == JobState.QUEUED.value
        self._connection.execute(update(jobs).where(waiting).values(dispatched_at=None))

    def note(self, job_id: str, phase: str) -> None:
        """Says what a job waits for, where no lease does."""
        self._connection.execute(update(jobs).where(jobs.c.id == job_id).values(phase=phase))

    def by_idempotency_key(self, owner: str, key: str) -> Job | None:
        return self._one(and_(jobs.c.owner == owner, jobs.c.idempotency_key == key))

    def by_request(self, request_id: str) -> Job | None:
        return self._one(jobs.c.request_id == request_id)

    def with_state(self, *states: JobState, kind: JobKind | None = None) -> list[Job]:
        """Oldest first."""
        query = select(jobs).where(jobs.c.state.in_([s.value for s in states])).order_by(jobs.c.seq)
        if kind is not None:
            query = query.where(jobs.c.kind == kind.value)
        return [_job(row) for row in self._connection.execute(query)]

    def under_lost_lease(self, now: float) -> list[Job]:
        lost = and_(jobs.c.state == JobState.RUNNING.value, jobs.c.lease_until < now)
        return [_job(row) for row in self._connection.execute(select(jobs).where(lost))]

    def leased_to(self, worker_id: str) -> list[Job]:
        held = and_(jobs.c.state == JobState.RUNNING.value, jobs.c.lease_worker == worker_id)
        return [_job(row) for row in self._connection.execute(select(jobs).where(held))]

    def page(self, before_seq: int | None, limit: int, state: JobState | None = None) -> list[Job]:
        """Newest first, starting below `before_seq`."""
        query = select(jobs).order_by(jobs.c.seq.desc()).limit(limit)
        if before_seq is not None:
            query = query.where(jobs.c.seq < before_seq)
        if state is not None:
            query = query.where(jobs.c.state == state.value)
        return [_job(row) for row in self._connection.execute(query)]

    def counts(self) -> dict[tuple[str, str], int]:
        """Number of jobs by (kind, state)."""
        query = select(jobs.c.kind, jobs.c.state, func.count()).group_by(jobs.c.kind, jobs.c.state)
        return {(kind, state): int(count) for kind, state, count in self._connection.execute(query)}

    def _one(self, condition: Any) -> Job | None:
        row = self._connection.execute(select(jobs).where(condition)).one_or_none()
        return None if row is None else _job(row)


class WorkerRepository:
    """Which workers were seen when."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def seen(self, worker_id: str, pid: int, queues: Sequence[str], now: float) -> None:
        values = {"pid": pid, "queues": ",".join(queues), "seen_at": now}
        if self._connection.execute(update(workers).where(workers.c.id == worker_id).values(values)).rowcount == 0:
            self._connection.execute(insert(workers).values(id=worker_id, **values))

    def alive(self, since: float) -> list[str]:
        query = select(workers.c.id).where(workers.c.seen_at >= since).order_by(workers.c.id)
        return list(self._connection.execute(query).scalars())


PLAIN_COLUMNS = (
    *("id", "version", "queue", "model_id", "route", "input_artifact", "owner", "idempotency_key", "request_digest"),
    *("request_id", "expected_key", "attempts", "phase", "fraction", "dispatches", "dispatched_at"),
    *("created_at", "updated_at"),
)


def _columns(job: Job) -> dict[str, Any]:
    lease = job.lease
    same = {name: getattr(job, name) for name in PLAIN_COLUMNS}
    return same | {
        "kind": job.kind.value,
        "state": job.state.value,
        "lease_token": lease.token if lease else None,
        "lease_worker": lease.worker_id if lease else None,
        "lease_until": lease.until if lease else None,
        "result": _result_json(job.result) if job.result else None,
        "failure": asdict(job.failure) if job.failure else None,
    }


def _job(row: Row[Any]) -> Job:
    fields = dict(row._mapping)
    token, worker, until = (fields.pop(f"lease_{name}") for name in ("token", "worker", "until"))
    result, failure = fields.pop("result"), fields.pop("failure")
    kind, state = JobKind(fields.pop("kind")), JobState(fields.pop("state"))
    return Job(
        kind=kind,
        state=state,
        lease=Lease(token, worker, until) if token else None,
        result=_result(result) if result else None,
        failure=Failure(**failure) if failure else None,
        **fields,
    )


HEX_FIELDS = ("input_root", "output_root", "key_digest")


def _result_json(result: Result) -> dict[str, Any]:
    return {**asdict(result), **{name: getattr(result, name).hex() for name in HEX_FIELDS}}


def _result(body: dict[str, Any]) -> Result:
    decoded = {name: bytes.fromhex(body[name]) for name in HEX_FIELDS}
    return Result(**{**body, **decoded, "phases": tuple(body["phases"])})
