"""The service as an operator runs it for the optimistic route: claims, answers a challenger, delivers when final."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from halo2_programs import gemm_relu
from optimistic_market import TERMS, Market, Stubborn, an_input, honest_trace, let_pass, running_market
from test_service_delivers import mine_every_second, ready, stop_and_require_nothing_left, wait_until

from circuits.program.file import save_program
from circuits.program.interpreter import run
from circuits.statement import Route
from contracts.client.devnet import DEV_KEYS, free_port
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub
from contracts.client.types import Status
from verifier.dispute.types import ClaimStatus, Phase

pytestmark = pytest.mark.slow

CLAIMANT, CHALLENGER = DEV_KEYS[1:3]


@dataclass
class World:
    market: Market
    folder: Path
    rpc_url: str

    @property
    def claims(self) -> OptimisticClaims:
        return self.market.contracts(self.market.chain).claims

    @property
    def hub(self) -> Hub:
        return self.market.contracts(self.market.chain).hub


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("claims")
    with running_market(gemm_relu()) as market:
        market.deployment.save(folder / "deployment.json")
        save_program(market.program, folder / "m.program")
        mine_every_second(market.chain)
        yield World(market, folder, market.chain.rpc_url)


@contextmanager
def serving(world: World) -> Iterator[httpx.Client]:
    """A service with an account for claims and none for proofs."""
    port = free_port()
    settings = {
        "DATA_DIR": world.folder / "data",
        "CACHE_DIR": world.folder / "cache",
        "PORT": port,
        "RPC_URL": world.rpc_url,
        "DEPLOYMENT_FILE": world.folder / "deployment.json",
        "CLAIM_PRIVATE_KEY": CLAIMANT,
        "MAX_BOND_WEI": 10**19,
        "MIN_EXTENSION_S": 60,
        "CONFIRMATIONS": 1,
        "CHAIN_POLL_S": 0.3,
        "TRACE_URL": world.folder / "traces",
        "ALLOW_INSECURE_SRS": "true",
    }
    environment = {**os.environ, **{f"INFERPROOF_{name}": str(value) for name, value in settings.items()}}
    with (world.folder / "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "prover", "serve"], env=environment, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as api:
            wait_until(lambda: process.poll() is None and ready(api), 90)
            yield api
    finally:
        stop_and_require_nothing_left(process)
        print((world.folder / "log").read_text())


def only_job(api: httpx.Client) -> dict[str, Any]:
    jobs = api.get("/v1/jobs").json()["jobs"]
    return dict(jobs[0]) if jobs else {"state": None}


def test_a_request_is_claimed_defended_across_a_restart_and_delivered_once_final(world: World) -> None:
    inputs = an_input(world.market.program)
    request_id = world.market.request(inputs, nonce=1)
    with serving(world) as api:
        files = {"file": ("m.program", (world.folder / "m.program").read_bytes())}
        estimates = api.post("/v1/models", files=files).raise_for_status().json()["estimates"]
        assert "optimistic" in estimates
        wait_until(lambda: only_job(api)["state"] in {"claimed", "failed", "expired"})
        job = only_job(api)
        assert (job["state"], job["route"]) == ("claimed", "optimistic")
        refused = api.get(f"/v1/jobs/{job['id']}/proof")
        assert (refused.status_code, refused.json()["code"]) == (409, "job_without_proof")
    claim_id = bytes.fromhex(job["claim_id"][2:])
    assert world.hub.status(request_id) is Status.ASSIGNED  # nothing is delivered before the claim is final

    # While the service is down somebody challenges, and a service that comes back answers.
    trace = honest_trace(world.market.program, inputs)
    challenger = Stubborn(world.market, CHALLENGER, trace, claim_id, 2, 1)
    challenger.commit()
    challenger.move()
    with serving(world) as api:
        wait_until(lambda: not world.claims.turn_of(challenger.challenge)[0])
        challenger.move()
        assert challenger.at.phase is Phase.STEP
        let_pass(world.market.chain, TERMS.window + 2 * TERMS.clock)
        wait_until(lambda: only_job(api)["final"])
        job = only_job(api)
        assert (job["state"], job["failure"]) == ("delivered", None)
    assert world.claims.claim_of(claim_id).status is ClaimStatus.FINAL
    (delivered,) = world.hub.delivered_events(world.market.deployment.start_block, world.market.chain.block_number())
    assert (delivered.request_id, delivered.route) == (request_id, Route.OPTIMISTIC)
    (expected,) = run(world.market.program, inputs)
    assert np.array_equal(delivered.outputs[0].to_array(), expected)
    assert list((world.folder / "traces").iterdir())
