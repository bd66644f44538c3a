"""The whole service as processes: the API, a real Celery worker, the loops; only the prover is a fake."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from service_fakes import hold_model, make_deps, wait_until

from circuits.errors import EnvironmentFailure
from prover.service.adapters.broker import CeleryBroker, make_celery
from prover.service.adapters.database import open_engine, require_current
from prover.service.entrypoints.loops import Loop
from prover.service.entrypoints.serve import serve
from prover.service.entrypoints.worker_child import WorkerChild
from prover.service.handlers.deps import Deps

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
INPUT = {"input_data": [[1.0, -2.0]]}


@dataclass
class Running:
    """A service that answers at `api`; leaving the fixture stops it."""

    deps: Deps
    worker: WorkerChild
    api: httpx.Client

    @property
    def hold(self) -> Path:
        return self.deps.settings.data_dir / "hold"

    def post(self) -> str:
        body = {"model_id": hold_model(self.deps), "input": INPUT}
        return str(self.api.post("/v1/jobs", json=body).raise_for_status().json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.api.get(f"/v1/jobs/{job_id}").json())

    def wait_for(self, job_id: str, **values: object) -> dict[str, Any]:
        wait_until(lambda: values.items() <= self.job(job_id).items(), 30)
        return self.job(job_id)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for the tests that leave it as they found it; a worker takes seconds to start."""
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@contextmanager
def running_service(folder: Path) -> Iterator[Running]:
    deps = make_deps(folder, lease_s=60.0, sweep_s=0.2)
    deps = replace(deps, broker=CeleryBroker(make_celery(deps.settings.broker_url)), clock=time.time)
    worker = WorkerChild(deps, module="service_slow_worker", environment=ENVIRONMENT)
    listener = socket.create_server(("127.0.0.1", 0))
    urls: list[str] = []
    stopping = threading.Event()
    thread = threading.Thread(target=serve, args=(deps, worker, listener, urls.append, stopping))
    thread.start()
    wait_until(lambda: bool(urls))
    with httpx.Client(base_url=urls[0], timeout=10) as api:
        wait_until(lambda: api.get("/ready").status_code == 200, 30)
        yield Running(deps, worker, api)
    stopping.set()
    thread.join(30)
    assert not thread.is_alive()
    assert worker.pid is not None
    assert not psutil.pid_exists(worker.pid)


def test_a_job_goes_through_queue_and_worker(running: Running) -> None:
    done = running.wait_for(running.post(), state="proven")
    assert done["attempts"] == 1
    assert running.api.get(f"/v1/jobs/{done['id']}/outputs").json()["outputs"]["y"]["integers"] == [3, -6]


def test_a_worker_killed_with_9_loses_no_job(running: Running) -> None:
    running.hold.touch()
    first, second = running.post(), running.post()
    running.wait_for(first, state="running", phase="prove", fraction=0.3)
    victim = running.worker.pid
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    running.hold.unlink()
    assert running.wait_for(first, state="proven")["attempts"] == 2
    assert running.wait_for(second, state="proven")["attempts"] == 1
    assert running.worker.pid != victim


def test_a_running_job_is_cancelled_through_the_api(running: Running) -> None:
    running.hold.touch()
    job_id = running.post()
    running.wait_for(job_id, state="running", phase="prove")
    assert running.api.post(f"/v1/jobs/{job_id}/cancel").json()["state"] == "cancelled"
    other = running.post()
    running.wait_for(other, state="running", phase="prove")  # so the worker has let go of the first
    running.hold.unlink()
    running.wait_for(other, state="proven")
    assert running.job(job_id)["state"] == "cancelled"


def test_a_stop_in_the_middle_of_a_proof_keeps_the_job(tmp_path: Path) -> None:
    with running_service(tmp_path) as running:
        running.hold.touch()
        job_id = running.post()
        running.wait_for(job_id, state="running", phase="prove")
        running.worker.stop()
        job = running.job(job_id)
    assert (job["state"], job["attempts"]) == ("queued", 0)


def test_a_worker_does_not_outlive_its_parent(tmp_path: Path) -> None:
    deps = make_deps(tmp_path)
    command = [sys.executable, "-m", "service_slow_worker", "cpu"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=ENVIRONMENT, start_new_session=True)
    assert process.stdin is not None
    process.stdin.write(deps.settings.for_worker("orphan").encode() + b"\n")
    process.stdin.flush()

    def seen() -> bool:
        with deps.database.transaction() as work:
            return work.workers.alive(0) == ["orphan"]

    wait_until(seen, 30)
    process.stdin.close()
    assert process.wait(20) == 0


def test_a_worker_refuses_a_database_that_is_not_migrated(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure) as refused:
        require_current(open_engine(f"sqlite:///{tmp_path / 'empty.db'}"))
    assert refused.value.code == "database_not_migrated"


def test_a_port_that_is_taken_is_one_clear_error() -> None:
    from prover.service.entrypoints.serve import _listen

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(EnvironmentFailure) as refused:
        _listen("127.0.0.1", taken.getsockname()[1])
    assert refused.value.code == "address_unusable"


def loop_over(work: Callable[[], None], stopping: threading.Event, bug: threading.Event) -> Loop:
    return Loop("test", 0.01, work, stopping, bug.set)


def test_a_loop_outlives_what_lies_outside() -> None:
    stopping, bug, calls = threading.Event(), threading.Event(), []

    def work() -> None:
        calls.append(1)
        if len(calls) < 3:
            raise EnvironmentFailure("chain_unreachable", "away")

    loop = loop_over(work, stopping, bug)
    loop.start()
    wait_until(lambda: len(calls) > 3)
    loop.check()
    stopping.set()
    loop.join(5)
    assert not bug.is_set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_loop_stops_the_service_loudly() -> None:
    stopping, bug = threading.Event(), threading.Event()

    def work() -> None:
        raise ZeroDivisionError

    loop = loop_over(work, stopping, bug)
    loop.start()
    assert bug.wait(5)
    with pytest.raises(EnvironmentFailure) as stuck:
        loop.check()
    assert stuck.value.code == "loop_stuck"
