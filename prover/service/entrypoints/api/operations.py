"""/health, /ready, /metrics: for the operator's machinery, without a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from circuits.errors import EnvironmentFailure, InferproofError
from prover.service.entrypoints.api.access import DepsOf
from prover.service.entrypoints.api.schemas import Check, Readiness
from prover.service.entrypoints.metrics import WORKER_ALIVE_S
from prover.service.handlers.deps import Deps

router = APIRouter(tags=["operations"])

# Says what it found, or raises InferproofError.
CheckFunction = Callable[[], str]


@router.get("/health")
def get_health() -> dict[str, str]:
    """The process is up. Says nothing about what it needs: that is /ready."""
    return {"status": "up"}


@router.get("/ready", responses={503: {"model": Readiness, "description": "Something is missing"}})
def get_ready(request: Request, response: Response, deps: DepsOf) -> Readiness:
    """Asks everything the service needs, now."""
    extra: Mapping[str, CheckFunction] = request.app.state.checks
    checks = {name: _run(check) for name, check in {**_checks(deps), **extra}.items()}
    ready = all(check.ok for check in checks.values())
    if not ready:
        response.status_code = 503
    return Readiness(ready=ready, checks=checks)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def get_metrics(request: Request) -> Response:
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)


def _checks(deps: Deps) -> dict[str, CheckFunction]:
    def database() -> str:
        with deps.database.transaction() as work:
            work.ping()
        return "answers"

    def broker() -> str:
        deps.broker.check()
        return "takes messages"

    def worker() -> str:
        with deps.database.transaction() as work:
            alive = work.workers.alive(deps.clock() - WORKER_ALIVE_S)
        if not alive:
            raise EnvironmentFailure("no_worker", f"no worker was seen in the last {WORKER_ALIVE_S:.0f} seconds")
        return ", ".join(alive)

    checks = {"database": database, "broker": broker, "worker": worker}
    chain = deps.chain
    if chain is not None:
        checks["chain"] = lambda: f"chain {chain.chain_id} at block {chain.head()}"
    return checks


def _run(check: CheckFunction) -> Check:
    try:
        return Check(ok=True, detail=check())
    except InferproofError as error:
        return Check(ok=False, detail=f"{error.code}: {error.message}")
    except SQLAlchemyError as error:
        return Check(ok=False, detail=f"database_unusable: {type(error).__name__}")
