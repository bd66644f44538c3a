"""`inferproof serve`: the API, one worker, and the loops around them, in one place and gone together."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import structlog
import uvicorn
from fastapi import FastAPI

from circuits.errors import EnvironmentFailure
from prover.service.adapters.database import migrate
from prover.service.entrypoints.api import make_app
from prover.service.entrypoints.logs import configure_logs
from prover.service.entrypoints.loops import Loop
from prover.service.entrypoints.wiring import wire
from prover.service.entrypoints.worker_child import WorkerChild
from prover.service.handlers.claim_once import claim_once
from prover.service.handlers.deps import Deps
from prover.service.handlers.listen_once import LogWindow, listen_once
from prover.service.handlers.submit_once import submit_once
from prover.service.handlers.sweep import sweep
from prover.service.handlers.take_requests import expire_stale, take_requests
from prover.service.settings import Settings

log = structlog.get_logger()

SUPERVISE_S = 0.5
DRAIN_S = 3
JOIN_S = 10.0
BUG_EXIT = 3

OnReady = Callable[[str], None]


def run_serve(settings: Settings, on_ready: OnReady | None = None) -> int:
    """Serves until SIGINT or SIGTERM. Returns the exit code: 0, or 3 when a loop met a bug.

    Args:
        settings: all of them.
        on_ready: called with the base URL once requests are answered.
    """
    configure_logs()
    with _listen(settings.host, settings.port) as listener:
        deps = wire(settings, with_chain=True)
        return serve(deps, WorkerChild(deps), listener, on_ready)


def serve(
    deps: Deps,
    worker: WorkerChild,
    listener: socket.socket,
    on_ready: OnReady | None = None,
    stopping: threading.Event | None = None,
) -> int:
    """The same over dependencies that are already there; `stopping` ends it where no signal can."""
    migrate(deps.database.engine, deps.settings.data_dir)
    with deps.database.transaction() as work:
        work.jobs.mark_all_unsent()
    stopping, bug = stopping or threading.Event(), threading.Event()

    def on_bug() -> None:
        bug.set()
        stopping.set()

    loops = _loops(deps, worker, stopping, on_bug)
    app = make_app(deps, {f"loop:{loop.name}": loop.check for loop in loops}, stopping)
    server = _server(app)
    api = threading.Thread(target=server.run, args=([listener],), name="api", daemon=True)
    with _signals(stopping):
        api.start()
        for loop in loops:
            loop.start()
        try:
            _announce(server, api, listener, stopping, on_ready)
            while not stopping.wait(SUPERVISE_S):
                if not api.is_alive():
                    on_bug()
        finally:
            stopping.set()
            server.should_exit = True
            worker.stop()
            api.join(JOIN_S)
            for loop in loops:
                loop.join(JOIN_S)
    log.info("stopped", bug=bug.is_set())
    return BUG_EXIT if bug.is_set() else 0


def _server(app: FastAPI) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=DRAIN_S, lifespan="off")
    )


def _loops(deps: Deps, worker: WorkerChild, stopping: threading.Event, on_bug: Callable[[], None]) -> list[Loop]:
    settings = deps.settings
    loops = [
        Loop("worker", SUPERVISE_S, worker.ensure, stopping, on_bug),
        Loop("sweeper", settings.sweep_s, lambda: sweep(deps), stopping, on_bug),
    ]
    chain, claims, runner = deps.chain, deps.claims, deps.runner
    if chain is None or not deps.hub_provers:
        log.info("no_chain", reason="INFERPROOF_RPC_URL, INFERPROOF_DEPLOYMENT_FILE or a private key unset")
        return loops
    window = LogWindow(settings.log_chunk_blocks)

    def follow() -> None:
        listen_once(deps, chain, window)
        take_requests(deps, chain)
        expire_stale(deps, chain)

    loops.append(Loop("listener", settings.chain_poll_s, follow, stopping, on_bug))
    if settings.private_key is not None:
        loops.append(Loop("submitter", settings.chain_poll_s, lambda: submit_once(deps, chain), stopping, on_bug))
    if claims is not None and runner is not None:
        claim = partial(claim_once, deps, chain, claims, runner)
        loops.append(Loop("claimant", settings.chain_poll_s, claim, stopping, on_bug))
    return loops


def _announce(
    server: uvicorn.Server,
    api: threading.Thread,
    listener: socket.socket,
    stopping: threading.Event,
    on_ready: OnReady | None,
) -> None:
    while not server.started and api.is_alive() and not stopping.wait(0.02):
        pass
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    log.info("serving", url=url)
    if on_ready is not None and server.started:
        on_ready(url)


def _listen(host: str, port: int) -> socket.socket:
    """Binds before anything else starts: a taken port is one clear error."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise EnvironmentFailure("address_unusable", f"cannot listen on {host}:{port}: {error}") from error


@contextmanager
def _signals(stopping: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM stop the service; outside the main thread (tests) the caller stops it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
