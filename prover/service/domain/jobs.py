"""A job: the service's unit of work. Its states are data, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from prover.service.domain.errors import Conflict


class JobKind(StrEnum):
    """`prove` ends when its proof is stored; `request` goes on until the chain has it."""

    PROVE = "prove"
    REQUEST = "request"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PROVEN = "proven"
    SUBMITTING = "submitting"
    CLAIMED = "claimed"  # bonded, and defended until it is final
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Event(StrEnum):
    """What may happen to a job."""

    START = "start"
    RELEASE = "release"  # its worker is gone or stopping; back to the queue
    PROVE = "prove"
    SUBMIT = "submit"
    CLAIM = "claim"
    DELIVER = "deliver"
    FAIL = "fail"
    CANCEL = "cancel"
    EXPIRE = "expire"  # the request is no longer ours to answer


BOTH = frozenset(JobKind)
HUB = frozenset({JobKind.REQUEST})

# Every move there is. What is not here is refused. A job being submitted cannot be cancelled: its bond is at stake.
# Only jobs of the optimistic route pass through `claimed`; nothing of theirs is delivered before the claim is final.
TRANSITIONS: Mapping[tuple[JobState, Event], tuple[JobState, frozenset[JobKind]]] = {
    (JobState.QUEUED, Event.START): (JobState.RUNNING, BOTH),
    (JobState.QUEUED, Event.FAIL): (JobState.FAILED, BOTH),
    (JobState.QUEUED, Event.CANCEL): (JobState.CANCELLED, BOTH),
    (JobState.QUEUED, Event.EXPIRE): (JobState.EXPIRED, HUB),
    (JobState.RUNNING, Event.RELEASE): (JobState.QUEUED, BOTH),
    (JobState.RUNNING, Event.PROVE): (JobState.PROVEN, BOTH),
    (JobState.RUNNING, Event.FAIL): (JobState.FAILED, BOTH),
    (JobState.RUNNING, Event.CANCEL): (JobState.CANCELLED, BOTH),
    (JobState.RUNNING, Event.EXPIRE): (JobState.EXPIRED, HUB),
    (JobState.PROVEN, Event.SUBMIT): (JobState.SUBMITTING, HUB),
    (JobState.PROVEN, Event.FAIL): (JobState.FAILED, HUB),
    (JobState.PROVEN, Event.CANCEL): (JobState.CANCELLED, HUB),
    (JobState.PROVEN, Event.EXPIRE): (JobState.EXPIRED, HUB),
    (JobState.SUBMITTING, Event.CLAIM): (JobState.CLAIMED, HUB),
    (JobState.CLAIMED, Event.DELIVER): (JobState.DELIVERED, HUB),
    (JobState.CLAIMED, Event.FAIL): (JobState.FAILED, HUB),
    (JobState.CLAIMED, Event.EXPIRE): (JobState.EXPIRED, HUB),
    (JobState.SUBMITTING, Event.DELIVER): (JobState.DELIVERED, HUB),
    (JobState.SUBMITTING, Event.FAIL): (JobState.FAILED, HUB),
    (JobState.SUBMITTING, Event.EXPIRE): (JobState.EXPIRED, HUB),
}


def is_final(kind: JobKind, state: JobState) -> bool:
    """Whether nothing can happen any more to a job of that kind in that state."""
    return not any(source is state and kind in kinds for (source, _), (_, kinds) in TRANSITIONS.items())


@dataclass(frozen=True)
class Failure:
    """Why a job ended without what was wanted: a stable code, words, values."""

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lease:
    """Who may work on the job, and until when (unix seconds). The token is fresh for every attempt."""

    token: str
    worker_id: str
    until: float


@dataclass(frozen=True)
class Result:
    """What a proven job has: artifacts by content, and the statement proven (32-byte values).

    A job of the optimistic route has no proof; its claim takes that place once it is made.
    """

    proof_artifact: str | None
    outputs_artifact: str
    tensors_artifact: str
    input_root: bytes
    output_root: bytes
    key_digest: bytes
    phases: tuple[Mapping[str, Any], ...] = ()
    claim_id: str | None = None  # 0x-hex
    key_artifact: str | None = None  # None for a job of the optimistic route, and for one from before keys were kept


@dataclass(frozen=True)
class Job:
    """One row. `version` grows by one with every move, so that two movers cannot both win."""

    id: str
    kind: JobKind
    model_id: str
    route: int
    input_artifact: str
    created_at: float
    updated_at: float
    state: JobState = JobState.QUEUED
    version: int = 0
    queue: str = "cpu"
    owner: str = ""
    idempotency_key: str | None = None
    request_digest: str | None = None
    request_id: str | None = None
    expected_key: bytes | None = None  # the key digest that the request pins
    attempts: int = 0
    lease: Lease | None = None
    phase: str | None = None
    fraction: float | None = None
    result: Result | None = None
    failure: Failure | None = None
    dispatches: int = 0
    dispatched_at: float | None = None
    seq: int = 0

    def moved(self, event: Event, now: float, **changes: Any) -> Job:
        """The job after `event`; raises Conflict("transition_refused") where the table has no such move."""
        target, kinds = TRANSITIONS.get((self.state, event), (None, frozenset()))
        if target is None or self.kind not in kinds:
            raise Conflict(
                "transition_refused",
                f"a {self.kind} job that is {self.state} cannot {event}",
                job_id=self.id,
                state=self.state.value,
                event=event.value,
            )
        return replace(self, state=target, version=self.version + 1, updated_at=now, **changes)

    @property
    def final(self) -> bool:
        return is_final(self.kind, self.state)
