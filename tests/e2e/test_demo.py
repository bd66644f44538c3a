"""`inferproof demo` as a newcomer runs it, what makes it fail, and what Ctrl-C leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from contracts.client.devnet import Devnet
from examples.lending import disputed_act
from examples.lending.accounts import Challenger
from examples.lending.demo import FIRST_DAY
from examples.lending.ledger import ClaimFailed, Ledger
from examples.lending.market import PriceHistory, load_prices
from examples.lending.stage import Stage, set_up
from prover.service.settings import Settings
from verifier.console import INTERRUPTED

MARK = "INFERPROOF_TEST_MARK"
COMMAND = [sys.executable, "-m", "prover", "demo"]


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """What one run of the demo prints."""
    finished = subprocess.run([*COMMAND, "--json"], capture_output=True, text=True, timeout=500, check=False)
    assert finished.returncode == 0, finished.stderr[-3000:]
    document: dict[str, Any] = json.loads(finished.stdout)
    return document


@pytest.mark.slow
def test_demo_moves_the_markets_parameter_by_a_verified_proof(shown: dict[str, Any]) -> None:
    proven = shown["acts"]["proven"]
    assert proven["before"] != proven["after"]
    assert 0 < proven["attested_drawdown"] < 1
    assert [step["name"] for step in proven["steps"] if step["gas"]][-1].startswith("the market applies")


@pytest.mark.slow
def test_demo_overturns_a_dishonest_output_and_the_parameter_does_not_move(shown: dict[str, Any]) -> None:
    disputed = shown["acts"]["disputed"]
    assert disputed["before"] == disputed["held"] == shown["acts"]["proven"]["after"]
    assert disputed["unwatched"]["ltv_bps"] > disputed["held"]["ltv_bps"]
    assert disputed["claimed_drawdown"] < disputed["attested_drawdown"]
    dispute = disputed["dispute"]
    sides = {(move["side"], move["move"]) for move in dispute["moves"]}
    assert {("challenger", "commit"), ("defender", "revealSums"), ("challenger", "prove")} <= sides
    assert dispute["transactions"] == len(dispute["moves"]) <= 13
    assert dispute["gas"] == dispute["challenger_gas"] + dispute["defender_gas"] <= 2_000_000
    assert disputed["prize_wei"] > 0


@pytest.mark.slow
def test_demo_moves_the_parameter_by_an_honest_claim_after_its_window(shown: dict[str, Any]) -> None:
    disputed = shown["acts"]["disputed"]
    assert disputed["after"]["ltv_bps"] < disputed["held"]["ltv_bps"]
    steps = [step["name"] for step in disputed["steps"]]
    assert steps.index("nothing is delivered before the window is over") < steps.index(
        "the claim is final, and delivered"
    )
    assert shown["gas"] == sum(step["gas"] for act in shown["acts"].values() for step in act["steps"])


@pytest.fixture
def staged(tmp_path: Path) -> Iterator[tuple[Stage, PriceHistory]]:
    """The second act's stage, and the prices that it begins with."""
    known, longer = load_prices().split_after(FIRST_DAY)
    with Devnet(timestamp=known.next_midnight + 600) as net:
        ledger = Ledger(lambda step: None)
        yield set_up(ledger, net, tmp_path, Settings().cache_dir, known), longer


@pytest.mark.slow
def test_demo_fails_if_nobody_overturns_the_lie(
    staged: tuple[Stage, PriceHistory], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, prices = staged
    monkeypatch.setattr(Challenger, "once", lambda self: None)
    before = stage.parameters()
    with pytest.raises(ClaimFailed, match="the challenger overturned it") as failed:
        disputed_act.play(Ledger(lambda step: None), stage, prices)
    assert failed.value.exit_code == 1
    assert stage.parameters() == before


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
