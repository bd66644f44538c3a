"""What tests of requests from a chain share: reading them into jobs, and the jobs and transactions that follow."""

from __future__ import annotations

from service_fakes import SENDER, FakeChain

from prover.service.domain.chain import Purpose, Seen, TxState
from prover.service.domain.jobs import Job
from prover.service.handlers.deps import Deps
from prover.service.handlers.listen_once import LogWindow, listen_once
from prover.service.handlers.run_job import Outcome, run_job
from prover.service.handlers.submit_once import submit_once
from prover.service.handlers.take_requests import take_requests


def listen(deps: Deps, chain: FakeChain, window: LogWindow | None = None) -> int:
    found = listen_once(deps, chain, window or LogWindow(100))
    take_requests(deps, chain)
    return found


def only_job(deps: Deps) -> Job:
    with deps.database.transaction() as work:
        (job,) = work.jobs.page(None, 10)
    return job


def jobs_count(deps: Deps) -> int:
    with deps.database.transaction() as work:
        return len(work.jobs.page(None, 100))


def proven_request(deps: Deps, chain: FakeChain, **changes: object) -> Job:
    chain.open_request(**changes)  # type: ignore[arg-type]
    listen(deps, chain)
    assert run_job(deps, only_job(deps).id) is Outcome.PROVEN
    return only_job(deps)


def decision(deps: Deps, chain: FakeChain, request_id: str) -> tuple[Seen, str | None]:
    with deps.database.transaction() as work:
        found = work.feed(chain.chain_id, chain.hub_address).get(request_id)
    assert found is not None
    return found.seen, found.reason


def transactions(deps: Deps, job: Job) -> dict[Purpose, TxState]:
    with deps.database.transaction() as work:
        return {p: t.state for p, t in work.outbox(31337, SENDER).of_job(job.id).items()}


def deliver(deps: Deps, chain: FakeChain, passes: int = 6) -> None:
    for _ in range(passes):
        submit_once(deps, chain)
        chain.mine()
