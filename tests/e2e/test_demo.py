"""`inferproof demo` as a newcomer runs it, and what Ctrl-C leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid

import psutil
import pytest

from verifier.console import INTERRUPTED

MARK = "INFERPROOF_TEST_MARK"
COMMAND = [sys.executable, "-m", "prover", "demo"]


@pytest.mark.slow
def test_demo_moves_the_markets_parameter_by_a_verified_proof() -> None:
    finished = subprocess.run([*COMMAND, "--json"], capture_output=True, text=True, timeout=500, check=False)
    assert finished.returncode == 0, finished.stderr[-3000:]
    shown = json.loads(finished.stdout)
    assert shown["before"] != shown["after"]
    assert 0 < shown["attested_drawdown"] < 1
    assert [step["name"] for step in shown["steps"] if step["gas"]][-1].startswith("the market applies")


def marked_processes(mark: str) -> list[psutil.Process]:
    """Living processes that were started with the mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.mark.slow
def test_interrupt_leaves_no_process_behind() -> None:
    mark = uuid.uuid4().hex
    environment = {**os.environ, MARK: mark, "PYTHONUNBUFFERED": "1"}
    demo = subprocess.Popen(
        COMMAND,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # The children of a shell in the background ignore the signal that this is about.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if "anybody asks" in line:  # chain, service, worker and soon an ezkl phase are up
            break
    time.sleep(3)
    assert len(marked_processes(mark)) >= 3
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == INTERRUPTED
    deadline = time.monotonic() + 15
    while marked_processes(mark) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert marked_processes(mark) == []
