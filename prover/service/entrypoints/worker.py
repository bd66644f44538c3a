"""A worker: one process, one job at a time. `python -m` this module is how `serve` starts its child."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

import structlog
from celery import Celery
from celery.worker import state
from sqlalchemy.exc import SQLAlchemyError

from prover.service.adapters.broker import RUN_JOB, make_celery
from prover.service.adapters.database import require_current
from prover.service.entrypoints.logs import configure_logs
from prover.service.entrypoints.wiring import wire
from prover.service.handlers.deps import Deps
from prover.service.handlers.run_job import run_job
from prover.service.settings import Settings

log = structlog.get_logger()

DEFAULT_QUEUES = ("cpu",)
SEEN_EVERY_S = 3.0


def run_worker(settings: Settings, queues: Sequence[str] = DEFAULT_QUEUES) -> int:
    """Runs jobs from `queues` until SIGINT or SIGTERM, then gives the one under way back. Returns the exit code."""
    configure_logs()
    return work(wire(settings, with_chain=False), queues)


def work(deps: Deps, queues: Sequence[str]) -> int:
    """The same over dependencies that are already there."""
    settings = deps.settings
    require_current(deps.database.engine)
    app = make_celery(settings.broker_url)
    stopping = threading.Event()
    _define_task(app, deps, stopping)
    _stop_on_signals(stopping)
    threading.Thread(target=_be_seen, args=(deps, queues, stopping), name="be-seen", daemon=True).start()
    worker = app.WorkController(pool="solo", concurrency=1, queues=list(queues), **_QUIET)
    log.info("worker_started", worker_id=settings.worker_id, queues=list(queues))
    worker.start()
    stopping.set()
    log.info("worker_stopped", worker_id=settings.worker_id)
    return int(worker.exitcode or 0)


# Gossip, mingle and events are for workers that talk to each other; ours only talk to the database.
_QUIET: dict[str, Any] = {
    "without_gossip": True,
    "without_mingle": True,
    "without_heartbeat": True,
    "task_events": False,
}


def _define_task(app: Celery, deps: Deps, stopping: threading.Event) -> None:
    @app.task(name=RUN_JOB, ignore_result=True)  # type: ignore[untyped-decorator]
    def run(job_id: str) -> str:
        return run_job(deps, job_id, stopping).value


def _be_seen(deps: Deps, queues: Sequence[str], stopping: threading.Event) -> None:
    while True:
        try:
            with deps.database.transaction() as work:
                work.workers.seen(deps.settings.worker_id, os.getpid(), queues, deps.clock())
        except SQLAlchemyError as error:
            log.warning("worker_unseen", error=str(error))
        if stopping.wait(SEEN_EVERY_S):
            return


def _stop_on_signals(stopping: threading.Event) -> None:
    """Celery's own handlers would wait for the job to end; a proof can take an hour, and its row can wait."""

    def stop(_signal: int, _frame: object) -> None:
        stopping.set()
        state.should_stop = 0  # the exit code; the consumer's loop looks at it between messages

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _die_with_parent() -> None:
    """The parent holds the other end of our stdin; when it is gone, even by kill -9, so are we."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def settings_from_parent() -> Settings:
    """What `WorkerChild` wrote; from now on this process lives no longer than its parent."""
    settings = Settings.from_worker_json(sys.stdin.readline())
    threading.Thread(target=_die_with_parent, name="parent-watch", daemon=True).start()
    return settings


def main() -> int:
    return run_worker(settings_from_parent(), sys.argv[1:] or DEFAULT_QUEUES)


if __name__ == "__main__":
    sys.exit(main())
