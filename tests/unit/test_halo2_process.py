"""A phase in a child process: measured, and its failure, its death and its cancellation each one stable error."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from circuits.errors import EnvironmentFailure
from prover.halo2 import Cancelled
from prover.halo2.process import run_in_child


def is_phase(process: psutil.Process) -> bool:
    """Whether it is a phase that lives; one that was killed and is not yet waited for has no command line to read."""
    try:
        return "phase.py" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def children() -> list[psutil.Process]:
    return [process for process in psutil.Process().children() if is_phase(process)]


def forever(tmp_path: Path) -> dict[str, Any]:
    """A request whose phase never ends: it reads its input from a pipe that nobody writes to."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    return {"vk": str(pipe), "settings": str(pipe), "vka": str(tmp_path / "vka"), "srs": str(pipe)}


def test_reports_seconds_and_memory(halo2_case: Any) -> None:
    names = [report.name for report in halo2_case.result.phases.reports]
    assert names == ["witness", "prove", "verify"]
    assert all(r.seconds > 0 and r.peak_memory_bytes > 10 << 20 for r in halo2_case.result.phases.reports)


def test_memory_is_the_phases_own(halo2_case: Any, tmp_path: Path) -> None:
    ballast = bytearray(512 << 20)
    ballast[::4096] = b"\x01" * len(ballast[::4096])
    keys = halo2_case.keys
    paths = {"vk": keys.file("vk"), "settings": keys.file("settings.json"), "srs": keys.srs, "vka": tmp_path / "vka"}
    report = run_in_child("artifact", {name: str(path) for name, path in paths.items()})
    assert 10 << 20 < report.peak_memory_bytes < len(ballast)


def test_a_failing_phase_says_why(tmp_path: Path) -> None:
    request = {"onnx": str(tmp_path / "none.onnx"), "settings": str(tmp_path / "s.json"), "run_args": {}}
    with pytest.raises(EnvironmentFailure) as caught:
        run_in_child("settings", request)
    assert caught.value.code == "halo2_phase_failed"
    assert caught.value.details["stderr"]
    assert "none.onnx" in caught.value.message or "No such file" in caught.value.message


def test_a_killed_phase_is_one_stable_error(tmp_path: Path) -> None:
    def kill(_phase: str, _fraction: float | None) -> None:
        for child in children():
            child.send_signal(signal.SIGKILL)

    with pytest.raises(EnvironmentFailure) as caught:
        run_in_child("artifact", forever(tmp_path), kill)
    assert caught.value.code == "halo2_phase_killed"
    assert caught.value.details["signal"] == signal.SIGKILL


def test_a_cancelled_phase_leaves_no_process(tmp_path: Path) -> None:
    cancel = threading.Event()

    def soon(_phase: str, _fraction: float | None) -> None:
        if children():
            cancel.set()

    with pytest.raises(Cancelled) as caught:
        run_in_child("artifact", forever(tmp_path), soon, cancel=cancel)
    assert caught.value.code == "halo2_cancelled"
    assert children() == []


def test_progress_is_elapsed_over_expected(halo2_case: Any, tmp_path: Path) -> None:
    seen: list[float | None] = []
    keys = halo2_case.keys
    paths = {"vk": keys.file("vk"), "settings": keys.file("settings.json"), "srs": keys.srs, "vka": tmp_path / "vka"}
    request = {name: str(path) for name, path in paths.items()}
    run_in_child("artifact", request, lambda _phase, fraction: seen.append(fraction), expected_s=5.0)
    assert seen[-1] == 1.0
    assert all(fraction is not None and 0 <= fraction <= 1 for fraction in seen)
    assert seen == sorted(seen, key=lambda fraction: fraction or 0.0)
