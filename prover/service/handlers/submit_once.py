"""Delivers proofs: assign, then fulfil, each written to the outbox before the chain can know of it.

A crash at any point leaves a row with a hash; the next pass asks the chain about that hash and, if nobody has heard of
it, hands the same bytes to the node again. So a transaction is never made twice, and never forgotten.
"""

from __future__ import annotations

import structlog
from sqlalchemy.exc import IntegrityError

from circuits.errors import EnvironmentFailure, InputError
from contracts.client.types import Status
from prover.service.adapters.ports import HubChain, Signed
from prover.service.domain.chain import HubRequest, OutboxTransaction, Purpose, TxState
from prover.service.domain.errors import Conflict
from prover.service.domain.jobs import Event, Failure, Job, JobKind, JobState
from prover.service.handlers.deps import Deps
from prover.service.handlers.read_results import read_delivery

log = structlog.get_logger()

REBROADCAST_S = 15.0
REVERTED = "transaction_reverted"


def submit_once(deps: Deps, chain: HubChain) -> None:
    """One pass: settle what is on its way, then take every proven request one step further."""
    _reconcile(deps, chain)
    with deps.database.transaction() as work:
        jobs = work.jobs.with_state(JobState.PROVEN, JobState.SUBMITTING, kind=JobKind.REQUEST)
    for job in (job for job in jobs if job.route == deps.prover.route):
        try:
            _step(deps, chain, job)
        except Conflict:
            continue  # cancelled meanwhile
        except EnvironmentFailure as error:
            if error.code == "chain_unreachable":
                raise
            log.warning("submission_waits", job_id=job.id, **error.as_dict())
            with deps.database.transaction() as work:
                work.jobs.note(job.id, error.code)
    _broadcast_fresh(deps, chain)


def _reconcile(deps: Deps, chain: HubChain) -> None:
    """Asks the chain about every transaction whose end is not known."""
    with deps.database.transaction() as work:
        written = work.outbox(chain.chain_id, chain.sender).written()
    if not written:
        return
    confirmed_head = chain.head() - deps.settings.confirmations
    for transaction in written:
        _reconcile_one(deps, chain, transaction, confirmed_head)


def _reconcile_one(deps: Deps, chain: HubChain, transaction: OutboxTransaction, confirmed_head: int) -> None:
    # The count first: a transaction mined between the two questions then still shows its receipt.
    mined = chain.mined_nonce(confirmed_head) if confirmed_head >= 0 else 0
    receipt = chain.receipt(transaction.hash)
    with deps.database.transaction() as work:
        outbox = work.outbox(chain.chain_id, chain.sender)
        if receipt is not None:
            if receipt.block_number <= confirmed_head:
                state = TxState.CONFIRMED if receipt.succeeded else TxState.REVERTED
                outbox.settle(transaction.hash, state, receipt.block_number, receipt.gas_used)
            return
        if mined > transaction.nonce:
            outbox.settle(transaction.hash, TxState.SUPERSEDED)
            log.warning("transaction_superseded", hash=transaction.hash, nonce=transaction.nonce)
            return
    if transaction.broadcast_at is None or deps.clock() - transaction.broadcast_at >= REBROADCAST_S:
        _broadcast(deps, chain, transaction)


def _broadcast_fresh(deps: Deps, chain: HubChain) -> None:
    with deps.database.transaction() as work:
        written = work.outbox(chain.chain_id, chain.sender).written()
    for transaction in written:
        if transaction.broadcast_at is None:
            _broadcast(deps, chain, transaction)


def _broadcast(deps: Deps, chain: HubChain, transaction: OutboxTransaction) -> None:
    """A node that refuses (nonce used, no funds) is asked again later: the receipt decides, not the refusal."""
    try:
        chain.broadcast(transaction.raw)
    except EnvironmentFailure as error:
        if error.code == "chain_unreachable":
            raise
        log.warning("broadcast_refused", hash=transaction.hash, code=error.code, reason=error.message)
    with deps.database.transaction() as work:
        work.outbox(chain.chain_id, chain.sender).mark_broadcast(transaction.hash, deps.clock())


def _step(deps: Deps, chain: HubChain, job: Job) -> None:
    with deps.database.transaction() as work:
        found = work.feed(chain.chain_id, chain.hub_address).get(job.request_id or "")
        sent = work.outbox(chain.chain_id, chain.sender).of_job(job.id)
    if found is None or job.result is None:
        return
    assign, fulfil = sent.get(Purpose.ASSIGN), sent.get(Purpose.FULFIL)
    last = fulfil or assign
    if last is not None and last.state is TxState.WRITTEN:
        return
    if fulfil is not None and fulfil.state is TxState.CONFIRMED:
        _end(deps, job, Event.DELIVER)
    elif last is not None and last.state is TxState.REVERTED:
        _give_up(deps, chain, job, found, held=assign is not None and fulfil is not None)
    elif assign is not None:
        _write(deps, chain, job, found, Purpose.FULFIL)
    elif found.block is not None and _open(chain, found):
        _write(deps, chain, job, found, Purpose.ASSIGN)
    else:
        _give_up(deps, chain, job, found, held=False)


def _open(chain: HubChain, found: HubRequest) -> bool:
    return chain.status(found.request_id) is Status.OPEN and chain.timestamp() < found.request.expiry


def _write(deps: Deps, chain: HubChain, job: Job, found: HubRequest, purpose: Purpose) -> None:
    """Signs and stores; broadcasting is a later step of its own."""
    try:
        signed = _sign(deps, chain, job, found, purpose)
    except EnvironmentFailure as error:
        if error.code != REVERTED:
            raise
        # It would revert: somebody was faster, time is up, or the contract does not accept the proof.
        _give_up(deps, chain, job, found, held=purpose is Purpose.FULFIL, error=error)
        return
    except InputError as error:
        _end(deps, job, Event.EXPIRE, Failure(error.code, error.message, error.details))
        return
    row = OutboxTransaction(
        job_id=job.id,
        purpose=purpose,
        chain_id=chain.chain_id,
        sender=chain.sender,
        nonce=signed.nonce,
        hash=signed.hash,
        raw=signed.raw,
        created_at=deps.clock(),
    )
    try:
        with deps.database.transaction() as work:
            if job.state is JobState.PROVEN:
                work.jobs.save(job.moved(Event.SUBMIT, deps.clock(), phase=purpose.value))
            else:
                work.jobs.note(job.id, purpose.value)
            work.outbox(chain.chain_id, chain.sender).add(row)
    except IntegrityError:
        log.info("outbox_taken", job_id=job.id, purpose=purpose.value)  # another submitter; ours was never sent


def _sign(deps: Deps, chain: HubChain, job: Job, found: HubRequest, purpose: Purpose) -> Signed:
    with deps.database.transaction() as work:
        highest = work.outbox(chain.chain_id, chain.sender).highest_nonce()
    nonce = chain.next_nonce() if highest is None else max(chain.next_nonce(), highest + 1)
    if purpose is Purpose.ASSIGN:
        return chain.sign_assign(found.request, _affordable_bond(deps, chain, found), nonce)
    outputs, proof = read_delivery(deps, job)
    return chain.sign_fulfil(found.request, job.route, outputs, proof, nonce)


def _affordable_bond(deps: Deps, chain: HubChain, found: HubRequest) -> int:
    bond = chain.bond(found.request)
    if bond > deps.settings.max_bond_wei:
        raise InputError("bond_too_high", f"the bond has grown to {bond} wei, over INFERPROOF_MAX_BOND_WEI", bond=bond)
    return bond


# Why a request is no longer ours to answer, by its status on the chain.
GONE = {
    Status.DELIVERED: "delivered_by_other",
    Status.REFUNDED: "request_refunded",
    Status.ASSIGNED: "assigned_to_other",
}


def _give_up(
    deps: Deps, chain: HubChain, job: Job, found: HubRequest, *, held: bool, error: EnvironmentFailure | None = None
) -> None:
    """Ends the job with the reason that the chain gives; `held`: our assignment had been mined."""
    status, now = chain.status(found.request_id), chain.timestamp()
    past = now >= found.request.expiry
    if status is Status.NONE or found.block is None:
        if past:
            _end(deps, job, Event.EXPIRE, Failure("request_reorged", "a reorganisation took the request away"))
        return
    if status is Status.ASSIGNED and held:
        failure = Failure(REVERTED, "the hub refused the proof")
        _end(deps, job, Event.FAIL, Failure(error.code, error.message, error.details) if error else failure)
    elif status is Status.OPEN and held:
        _end(deps, job, Event.EXPIRE, Failure("assignment_lapsed", "the assignment's deadline passed before delivery"))
    elif status is Status.OPEN and not past:
        failure = Failure(REVERTED, "the hub refused the assignment")
        _end(deps, job, Event.FAIL, Failure(error.code, error.message, error.details) if error else failure)
    else:
        code = GONE.get(status, "request_expired")
        _end(deps, job, Event.EXPIRE, Failure(code, f"the request is {status.name.lower()} on the chain"))


def _end(deps: Deps, job: Job, event: Event, failure: Failure | None = None) -> None:
    with deps.database.transaction() as work:
        work.jobs.save(job.moved(event, deps.clock(), failure=failure, phase=None))
    log.info("job_ended", job_id=job.id, event_name=event.value, reason=failure.code if failure else None)
