"""Runs ezkl's phases as child processes: their memory measured, their noise in our log, their death one error."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from circuits.errors import EnvironmentFailure
from prover.backend import PhaseReport, Progress, silent

log = logging.getLogger(__name__)

KEPT_LINES = 20
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.002, 0.1
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Cancelled(EnvironmentFailure):
    """The caller's cancel event was set while a phase ran."""

    def __init__(self, phase: str) -> None:
        super().__init__("halo2_cancelled", f"the {phase} phase was cancelled", phase=phase)


def run_in_child(
    phase: str,
    request: Mapping[str, Any],
    progress: Progress = silent,
    *,
    expected_s: float | None = None,
    cancel: threading.Event | None = None,
) -> PhaseReport:
    """Runs one of phase.py's phases; `expected_s` turns elapsed time into a fraction for `progress`.

    Raises EnvironmentFailure `halo2_phase_failed` with the child's last lines, `halo2_phase_killed` if a signal ended
    it (out of memory, most often), or Cancelled.
    """
    with tempfile.TemporaryDirectory(prefix="inferproof-halo2-") as scratch:
        started = time.monotonic()
        child = _start(phase, request, Path(scratch))
        assert child.stderr is not None  # asked for in _start
        lines: deque[str] = deque(maxlen=KEPT_LINES)
        reader = threading.Thread(target=_drain, args=(phase, child.stderr, lines), daemon=True)
        reader.start()
        try:
            status, memory = _wait(child, reader, phase, progress, started, expected_s, cancel)
        finally:
            _kill(child)
            reader.join()
            child.stderr.close()
        memory = _own_peak(Path(scratch)) or memory
    seconds = time.monotonic() - started
    _raise_for(phase, status, list(lines), memory)
    progress(phase, 1.0)
    return PhaseReport(phase, seconds, memory)


def _start(phase: str, request: Mapping[str, Any], scratch: Path) -> subprocess.Popen[str]:
    path = scratch / "request.json"
    path.write_text(json.dumps({**request, "phase": phase, "parent": os.getpid()}))
    # ezkl keeps lookup tables in a folder shared by all its processes and writes them in place: give it our own.
    environment = {**os.environ, "EZKL_REPO_PATH": str(scratch)}
    # As a file, not as a module: the package around it takes far longer to load than ezkl does.
    command = [sys.executable, "-P", str(Path(__file__).with_name("phase.py")), str(path)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    )


def _drain(phase: str, stream: IO[str], lines: deque[str]) -> None:
    for line in stream:
        text = line.rstrip()
        if text:
            lines.append(text)
            log.debug("ezkl %s: %s", phase, text)


def _wait(
    child: subprocess.Popen[str],
    reader: threading.Thread,
    phase: str,
    progress: Progress,
    started: float,
    expected_s: float | None,
    cancel: threading.Event | None,
) -> tuple[int, int]:
    """The child's exit code and the kernel's figure for its peak memory in bytes."""
    pause = _FIRST_WAIT_S
    while True:
        done, status, usage = os.wait4(child.pid, os.WNOHANG)
        if done:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode, usage.ru_maxrss * _MAXRSS_UNIT
        if cancel is not None and cancel.is_set():
            raise Cancelled(phase)
        elapsed = time.monotonic() - started
        progress(phase, min(0.99, elapsed / expected_s) if expected_s else None)
        # Its stderr ends when the child does: that wakes us sooner than the clock would.
        reader.join(pause)
        if not reader.is_alive():
            time.sleep(_FIRST_WAIT_S)
        pause = min(_LONGEST_WAIT_S, pause * 1.5)


def _own_peak(scratch: Path) -> int | None:
    """What the child said of itself at its end; one that was killed said nothing."""
    told = scratch / "memory"
    return int(told.read_text()) if told.exists() else None


def _kill(child: subprocess.Popen[str]) -> None:
    if child.returncode is None:
        child.send_signal(signal.SIGKILL)
        child.wait()


def _raise_for(phase: str, status: int, lines: list[str], memory: int) -> None:
    details = {"phase": phase, "stderr": lines, "peak_memory_bytes": memory}
    if status < 0:
        message = (
            f"ezkl's {phase} phase was killed by signal {-status} after using {memory >> 20} MiB; "
            "most often the machine ran out of memory"
        )
        raise EnvironmentFailure("halo2_phase_killed", message, signal=-status, **details)
    if status > 0:
        last = lines[-1] if lines else "it said nothing"
        raise EnvironmentFailure("halo2_phase_failed", f"ezkl's {phase} phase failed: {last}", **details)
