"""What the service refuses, each with a stable code."""

from __future__ import annotations

from circuits.errors import EnvironmentFailure, InferproofError, InputError
from prover.backend import Estimate


class NotFound(InputError):
    """Nothing here by that name."""


class Conflict(InferproofError):
    """The thing exists, but not in a state that allows this."""


class LeaseLost(InferproofError):
    """Somebody else owns the job now; whatever this worker still computes is dropped."""


class WorkerStopping(InferproofError):
    """The worker was asked to stop; the job goes back to its queue."""


def job_not_found(job_id: str) -> NotFound:
    return NotFound("job_not_found", f"there is no job {job_id}", job_id=job_id)


def model_not_found(model_id: str) -> NotFound:
    return NotFound("model_not_found", f"model {model_id} is not held here; upload it first", model_id=model_id)


def result_not_ready(job_id: str, state: str) -> Conflict:
    message = f"job {job_id} is {state} and has no proof" + ("" if state not in {"queued", "running"} else " yet")
    return Conflict("result_not_ready", message, job_id=job_id, state=state)


def job_without_proof(job_id: str) -> Conflict:
    return Conflict("job_without_proof", "a claim has no proof: it is final once nobody overturned it", job_id=job_id)


def job_without_key(job_id: str) -> Conflict:
    message = (
        "no key file is kept with this job: a claim has none, and older versions of the service kept none; "
        "`inferproof setup` makes it from the program"
    )
    return Conflict("job_without_key", message, job_id=job_id)


def job_without_contract(job_id: str, route: str) -> Conflict:
    message = f"no contract verifies proofs of the {route} route: there is no call to make"
    return Conflict("job_without_contract", message, job_id=job_id, route=route)


def route_not_served(route: str, model_id: str) -> InputError:
    message = (
        f"this service does not prove the model by the {route} route: that does not take it, or was not served when "
        "the model was uploaded; upload it again to have it tried"
    )
    return InputError("route_not_served", message, route=route, model_id=model_id)


def model_too_large(estimate: Estimate, limit_bytes: int) -> InputError:
    return InputError(
        "model_too_large",
        f"proving needs about {estimate.peak_memory_bytes / 2**30:.1f} GiB of memory, and the limit is "
        f"{limit_bytes / 2**30:.1f} GiB; raise INFERPROOF_MEMORY_LIMIT_BYTES or use a smaller model",
        peak_memory_bytes=estimate.peak_memory_bytes,
        limit_bytes=limit_bytes,
        srs_k=estimate.srs_k,
    )


def chain_not_configured() -> EnvironmentFailure:
    return EnvironmentFailure(
        "chain_not_configured", "this service follows no chain; set INFERPROOF_RPC_URL and INFERPROOF_DEPLOYMENT_FILE"
    )
