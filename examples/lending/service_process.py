"""`inferproof serve` as a child process, and the few calls the demo makes to its API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from circuits.errors import EnvironmentFailure
from contracts.client.devnet import free_port

ENDED_BADLY = ("failed", "cancelled", "expired")


class ServiceProcess:
    """Starts the service with settings given as INFERPROOF_* variables, and stops it with everything it started."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.port = free_port()
        self.log = folder / "service.log"
        values = {"DATA_DIR": str(folder / "data"), "PORT": str(self.port), **settings}
        self._environment = {**os.environ, **{f"INFERPROOF_{name}": value for name, value in values.items()}}
        self._process: subprocess.Popen[bytes] | None = None
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def __enter__(self) -> ServiceProcess:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "prover", "serve"],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api.close()
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def wait_ready(self, timeout_s: float = 60) -> None:
        """Until database, queue, worker and chain all answer."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self._require_alive()
            try:
                if self.api.get("/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise EnvironmentFailure("service_not_ready", "the service did not come up", log=self._log_end())

    def upload_program(self, path: Path) -> str:
        """Registers a program with the service; its model id."""
        with path.open("rb") as file:
            answer = self.api.post("/v1/models", files={"file": (path.name, file, "application/zip")})
        return str(self._body(answer)["model_id"])

    def jobs(self) -> list[dict[str, Any]]:
        return list(self._body(self.api.get("/v1/jobs"))["jobs"])

    def wait_job(self, states: Collection[str], timeout_s: float) -> dict[str, Any]:
        """Until the service's newest job is in one of `states`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self._require_alive()
            for job in self.jobs()[:1]:
                if job["state"] in states:
                    return job
                if job["state"] in ENDED_BADLY:
                    raise EnvironmentFailure("job_ended", f"the job is {job['state']}", job=job, log=self._log_end())
            time.sleep(0.2)
        raise EnvironmentFailure(
            "job_late", f"no job became {' or '.join(states)} in {timeout_s} s", log=self._log_end()
        )

    def proof(self, job_id: str) -> bytes:
        return self.api.get(f"/v1/jobs/{job_id}/proof").raise_for_status().content

    def _body(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.is_error:
            raise EnvironmentFailure("service_refused", f"the service answered {answer.status_code}: {answer.text}")
        return dict(answer.json())

    def _require_alive(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise EnvironmentFailure("service_ended", "the service ended by itself", log=self._log_end())

    def _log_end(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""
