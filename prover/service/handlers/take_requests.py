"""Turns requests that the hub's log announced into jobs, or says why not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog
from sqlalchemy.exc import IntegrityError

from circuits.errors import InputError
from circuits.statement import Route, input_root
from contracts.client.types import RoutePin
from prover.service.adapters.ports import HubChain, Integers
from prover.service.domain.chain import HubRequest, Seen
from prover.service.domain.jobs import Event, JobKind, JobState
from prover.service.domain.models import HeldModel, admit
from prover.service.handlers.deps import Deps
from prover.service.handlers.submit_job import new_job, send

log = structlog.get_logger()

MODEL_NOT_HELD = "model_not_held"


@dataclass(frozen=True)
class Accepted:
    """What a job for the request is made of."""

    model: HeldModel
    inputs: list[Integers]
    pin: RoutePin


def take_requests(deps: Deps, chain: HubChain) -> int:
    """Decides about every request that waits; returns how many jobs were made."""
    with deps.database.transaction() as work:
        waiting = work.feed(chain.chain_id, chain.hub_address).waiting()
    if not waiting:
        return 0
    now = chain.timestamp()
    return sum(_decide(deps, chain, found, now) for found in waiting)


def expire_stale(deps: Deps, chain: HubChain) -> None:
    """Ends jobs that wait for a worker although their request can be assigned to nobody any more."""
    with deps.database.transaction() as work:
        feed = work.feed(chain.chain_id, chain.hub_address)
        queued = work.jobs.with_state(JobState.QUEUED, kind=JobKind.REQUEST)
        requests = [(job, feed.get(job.request_id or "")) for job in queued]
    if not requests:
        return
    now = chain.timestamp()
    for job, found in requests:
        if found is not None and found.request.expiry <= now:
            with deps.database.transaction() as work:
                work.jobs.save(job.moved(Event.EXPIRE, deps.clock(), phase="request_expired"))


def _decide(deps: Deps, chain: HubChain, found: HubRequest, now: int) -> bool:
    try:
        accepted = _accept(deps, chain, found, now)
    except InputError as error:
        if error.code == MODEL_NOT_HELD and found.reason == MODEL_NOT_HELD:
            return False  # said before; the program may still be uploaded
        seen = Seen.WAITING if error.code == MODEL_NOT_HELD else Seen.REFUSED
        log.info("request_not_taken", request_id=found.request_id, code=error.code, reason=error.message)
        with deps.database.transaction() as work:
            work.feed(chain.chain_id, chain.hub_address).decide(found.request_id, seen, error.code)
        return False
    return _take(deps, chain, found, accepted)


def _accept(deps: Deps, chain: HubChain, found: HubRequest, now: int) -> Accepted:
    """Raises InputError with the reason for which this service does not answer the request."""
    request = found.request
    if request.expiry <= now:
        raise InputError("request_expired", "the request's expiry is past")
    allowed = [p for prover in deps.hub_provers for p in request.routes if p.route == prover.route]
    if not allowed:
        raise InputError("route_not_served", f"the request allows routes {[p.route for p in request.routes]}")
    if request.bond > deps.settings.max_bond_wei:
        raise InputError("bond_too_high", f"bond {request.bond} is over INFERPROOF_MAX_BOND_WEI")
    inputs = _published_inputs(found)
    model_id = chain.listed_model(request.registration_id)
    with deps.database.transaction() as work:
        model = work.models.find(model_id)
    if model is None:
        raise InputError(MODEL_NOT_HELD, f"model {model_id} is not held here; upload it to serve its requests")
    return Accepted(model, inputs, _admitted(deps, model, allowed))


def _admitted(deps: Deps, model: HeldModel, allowed: list[RoutePin]) -> RoutePin:
    """The first route that has a place for the model; what the first one says if none has."""
    refusals: list[InputError] = []
    for pin in allowed:
        try:
            admit(model, Route(pin.route), deps.settings.memory_limit_bytes)
            return pin
        except InputError as error:
            refusals.append(error)
    raise refusals[0]


def _published_inputs(found: HubRequest) -> list[Integers]:
    if not found.inputs:
        raise InputError("input_not_published", "the request does not carry its input")
    try:
        inputs = [tensor.to_array() for tensor in found.inputs]
        root = input_root(inputs)
    except (ValueError, TypeError) as error:
        raise InputError("input_malformed", f"the request's tensors cannot be read: {error}") from error
    if root != found.request.input_root:
        raise InputError("input_root_mismatch", "the published tensors are not the ones the request is about")
    return inputs


def _take(deps: Deps, chain: HubChain, found: HubRequest, accepted: Accepted) -> bool:
    job = replace(
        new_job(deps, accepted.model, accepted.inputs, JobKind.REQUEST, accepted.pin.route),
        request_id=found.request_id,
        expected_key=accepted.pin.key_digest,
    )
    try:
        with deps.database.transaction() as work:
            work.jobs.add(job)
            work.feed(chain.chain_id, chain.hub_address).decide(found.request_id, Seen.TAKEN)
    except IntegrityError:
        with deps.database.transaction() as work:
            work.feed(chain.chain_id, chain.hub_address).decide(found.request_id, Seen.TAKEN)
        return False
    log.info("request_taken", request_id=found.request_id, job_id=job.id)
    send(deps, job)
    return True
