"""The worker process that `serve` keeps alive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from prover.service.entrypoints.worker import DEFAULT_QUEUES
from prover.service.handlers.deps import Deps
from prover.service.handlers.sweep import release_worker

log = structlog.get_logger()

STOP_S = 10.0
QUICK_DEATH_S = 5.0
WORKER_MODULE = "prover.service.entrypoints.worker"


class WorkerChild:
    """Starts a worker in a process group of its own, starts another when it dies, and leaves none behind."""

    def __init__(
        self,
        deps: Deps,
        queues: Sequence[str] = DEFAULT_QUEUES,
        module: str = WORKER_MODULE,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`module` is what the child runs; `environment` None: this process's own."""
        self._deps = deps
        self._environment = environment
        # -P: the installed package as this process has it, whatever lies in the current folder.
        self._command = [sys.executable, "-P", "-m", module, *queues]
        self._process: subprocess.Popen[bytes] | None = None
        self._worker_id = ""
        self._started_at = 0.0
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def ensure(self) -> None:
        """One pass of supervision; called from a loop."""
        with self._lock:
            if self._stopped or (self._process is not None and self._process.poll() is None):
                return
            if self._process is not None:
                self._bury()
                if time.monotonic() - self._started_at < QUICK_DEATH_S:
                    time.sleep(1)  # a worker that dies at birth must not eat a core
            self._start()

    def stop(self) -> None:
        """SIGTERM, patience, SIGKILL to the whole group: what the worker started goes with it."""
        with self._lock:
            self._stopped = True
            process = self._process
            if process is None:
                return
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    log.warning("worker_killed", pid=process.pid)
            self._bury()

    def _start(self) -> None:
        self._worker_id = f"{self._deps.settings.worker_id}-{uuid.uuid4().hex[:8]}"
        process = subprocess.Popen(self._command, stdin=subprocess.PIPE, start_new_session=True, env=self._environment)
        self._process, self._started_at = process, time.monotonic()
        if process.stdin is not None:
            # The pipe stays open for as long as we live: its end tells the worker that we are gone.
            with suppress(BrokenPipeError):  # dead at birth; the next pass of supervision sees it
                process.stdin.write(self._deps.settings.for_worker(self._worker_id).encode() + b"\n")
                process.stdin.flush()
        log.info("worker_child", pid=process.pid, worker_id=self._worker_id)

    def _bury(self) -> None:
        """Ends whatever is left of the group, and takes the worker's jobs back."""
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        if process.stdin is not None:
            process.stdin.close()
        tell = log.info if self._stopped or not status else log.warning
        tell("worker_ended", worker_id=self._worker_id, status=status)
        release_worker(self._deps, self._worker_id)
