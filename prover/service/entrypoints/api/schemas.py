"""What goes over the wire. One place turns entities into it."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from circuits.errors import InputError
from circuits.statement import Route
from prover.service.domain.jobs import Job, JobKind, JobState
from prover.service.domain.models import HeldModel

HEX32 = r"^0x[0-9a-f]{64}$"
JOB_ID = r"^[0-9a-f]{32}$"


class EstimateBody(BaseModel):
    """On two cores. `rows` are a circuit's, `srs_k` the least k of an SRS for its key; null where a route has none."""

    setup_s: float
    prove_s: float
    peak_memory_bytes: int
    disk_bytes: int
    rows: int | None
    srs_k: int | None


class ModelBody(BaseModel):
    """A held model: its name on every chain, its ports, what each route that takes it costs, and the fidelity report of
    its first upload as ONNX."""

    model_id: str
    name: str
    source: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    estimates: dict[str, EstimateBody]
    fidelity: dict[str, Any] | None
    created_at: datetime

    @classmethod
    def of(cls, model: HeldModel) -> ModelBody:
        return cls(
            model_id=model.model_id,
            name=model.name,
            source=model.source.value,
            inputs=model.ports["inputs"],
            outputs=model.ports["outputs"],
            estimates={route: EstimateBody(**vars(estimate)) for route, estimate in model.estimates.items()},
            fidelity=dict(model.fidelity) if model.fidelity is not None else None,
            created_at=_when(model.created_at),
        )


class JobInput(BaseModel):
    """Real values by row (`input_data`) or by name (`inputs`), or the integers themselves (`integers`)."""

    model_config = ConfigDict(extra="forbid")

    input_data: list[Any] | None = None
    inputs: dict[str, Any] | None = None
    integers: dict[str, Any] | None = None


class JobPost(BaseModel):
    """A model by exactly one of its two names, and an input."""

    model_config = ConfigDict(extra="forbid")

    model_id: str | None = Field(None, pattern=HEX32)
    registration_id: str | None = Field(None, pattern=HEX32)
    input: JobInput
    route: Literal["halo2", "sumcheck"] = "halo2"

    @model_validator(mode="after")
    def _one_model(self) -> JobPost:
        if (self.model_id is None) == (self.registration_id is None):
            # Not ValueError, to whose words pydantic adds its own.
            raise PydanticCustomError("one_model", "give model_id or registration_id, exactly one of them")
        return self

    def input_document(self) -> dict[str, Any]:
        return self.input.model_dump(exclude_none=True)


class StatementBody(BaseModel):
    model_id: str
    input_root: str
    output_root: str


class FailureBody(BaseModel):
    code: str
    message: str
    details: dict[str, Any]


class JobBody(BaseModel):
    """A job as it is now."""

    id: str
    kind: JobKind
    state: JobState
    final: bool
    model_id: str
    route: str
    request_id: str | None
    attempts: int
    phase: str | None
    fraction: float | None
    statement: StatementBody | None
    key_digest: str | None
    claim_id: str | None
    phases: list[dict[str, Any]] = Field(
        description="What each cost. `peak_memory_bytes` is the most that its whole process had needed by then: with "
        "halo2 a child of its own, with sumcheck the worker, which holds more than the proof that an estimate is of"
    )
    failure: FailureBody | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, job: Job) -> JobBody:
        result, failure = job.result, job.failure
        return cls(
            **{name: getattr(job, name) for name in SAME_FIELDS},
            route=Route(job.route).name.lower(),
            statement=StatementBody(
                model_id=job.model_id, input_root=_hex(result.input_root), output_root=_hex(result.output_root)
            )
            if result
            else None,
            key_digest=_hex(result.key_digest) if result else None,
            claim_id=result.claim_id if result else None,
            phases=[dict(p) for p in result.phases] if result else [],
            failure=FailureBody(code=failure.code, message=failure.message, details=dict(failure.details))
            if failure
            else None,
            created_at=_when(job.created_at),
            updated_at=_when(job.updated_at),
        )


SAME_FIELDS = ("id", "kind", "state", "final", "model_id", "request_id", "attempts", "phase", "fraction")


class JobPage(BaseModel):
    """Newest first; `next_cursor` continues, null at the end."""

    jobs: list[JobBody]
    next_cursor: str | None


class Calldata(BaseModel):
    """A call that checks or delivers the proof: to whom is the caller's knowledge, what is here."""

    function: str
    data: str


class Check(BaseModel):
    ok: bool
    detail: str


class Readiness(BaseModel):
    ready: bool
    checks: dict[str, Check]


def encode_cursor(seq: int) -> str:
    return base64.urlsafe_b64encode(f"v1:{seq}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> int:
    try:
        version, seq = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(":")
        if version != "v1" or not 0 < int(seq) < 2**63:
            raise ValueError
        return int(seq)
    except (ValueError, binascii.Error) as error:
        raise InputError("cursor_invalid", "this cursor is none of ours; start without one") from error


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
