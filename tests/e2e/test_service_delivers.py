"""The service as an operator runs it: a hub's request comes in, a real proof goes out, and the chain accepts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from circuits.errors import InputError
from circuits.program.file import save_program
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.program.ops.linear import Linear
from circuits.program.refs import AffineMap, Output, Port, Ref, Source
from circuits.statement import Route, input_root
from contracts.client.chain import Chain
from contracts.client.deploy import HALO2_SELECTOR, deploy_core
from contracts.client.deployment import Deployment
from contracts.client.devnet import DEV_KEYS, Devnet, ask, free_port
from contracts.client.hub import Hub
from contracts.client.registry import Registry
from contracts.client.types import Request, RoutePin, Status, Tensor
from prover import halo2
from prover.service.adapters.hub_chain import HubClient
from prover.service.domain.chain import Block
from verifier.halo2 import verify
from verifier.messages import ProofFile
from verifier.srs import DEVELOPMENT_S_G2, Accepted

pytestmark = pytest.mark.slow

OWNER, PROVER, REQUESTER = DEV_KEYS[:3]
INPUT = np.array([3, -5], dtype=np.int64)


def program() -> Program:
    """y = floor((7x + 2) / 4) over two 8-bit integers."""
    dims = (2,)
    op = Linear((Ref(Source.INPUT, 0),), (AffineMap.identity(dims),), dims, (), 16, 0, 2, False, (7,))
    port = Port("x", dims, 8, (0,))
    return Program((port,), (), (op,), (Output(Ref(Source.OP, 0), Port("y", dims, 16, (0,))),))


@dataclass
class World:
    """A chain with one registered model, and a service that proves for it."""

    chain: Chain
    deployment: Deployment
    registration_id: bytes
    keys: halo2.Halo2Keys
    api: httpx.Client
    process: subprocess.Popen[bytes]


def wait_until(condition: Callable[[], bool], timeout_s: float = 240) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.1)


def register(chain: Chain, deployment: Deployment, keys: halo2.Halo2Keys) -> bytes:
    adapter = chain.contract("Halo2Adapter", deployment["Halo2Adapter"]).functions
    registry = Registry(chain, deployment["ModelRegistry"])
    chain.send(adapter.registerKey(keys.key.as_tuple()))
    chain.send(registry.register(program().header(), ""))
    registration_id = registry.registration_id(chain.address, program().model_id())
    chain.send(registry.bind_key(registration_id, pin_of(keys)))
    return registration_id


def mine_every_second(chain: Chain) -> None:
    """Like a real chain from here on: a transaction waits for its block, and a block for its confirmations."""
    for method, value in (("evm_setAutomine", False), ("evm_setIntervalMining", 1)):
        ask(chain, method, value)


def pin_of(keys: halo2.Halo2Keys) -> RoutePin:
    return RoutePin(int(Route.HALO2), HALO2_SELECTOR, keys.key.digest())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("delivers")
    keys = halo2.setup(program(), halo2.Halo2Options(), halo2.KeyCache(folder / "cache"))
    with Devnet() as net:
        chain = Chain(net.rpc_url, OWNER)
        deployment = deploy_core(chain, DEVELOPMENT_S_G2)
        registration_id = register(chain, deployment, keys)
        deployment.save(folder / "deployment.json")
        mine_every_second(chain)
        with serving(folder, net.rpc_url) as (api, process):
            yield World(Chain(net.rpc_url, REQUESTER), deployment, registration_id, keys, api, process)


@contextmanager
def serving(folder: Path, rpc_url: str) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    port = free_port()
    settings = {
        "DATA_DIR": folder / "data",
        "CACHE_DIR": folder / "cache",
        "PORT": port,
        "RPC_URL": rpc_url,
        "DEPLOYMENT_FILE": folder / "deployment.json",
        "PRIVATE_KEY": PROVER,
        "CONFIRMATIONS": 1,
        "ALLOW_INSECURE_SRS": "true",
    }
    environment = {**os.environ, **{f"INFERPROOF_{name}": str(value) for name, value in settings.items()}}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "prover", "serve"], env=environment, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as api:
            wait_until(lambda: process.poll() is None and ready(api), 90)
            yield api, process
    finally:
        stop_and_require_nothing_left(process)
        print((folder / "log").read_text())


def ready(api: httpx.Client) -> bool:
    try:
        return api.get("/ready").status_code == 200
    except httpx.TransportError:
        return False


def stop_and_require_nothing_left(process: subprocess.Popen[bytes]) -> None:
    everything = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    _, alive = psutil.wait_procs(everything, timeout=10)
    assert not alive


def upload(world: World, folder: Path) -> str:
    save_program(program(), folder / "tiny.program")
    content = (folder / "tiny.program").read_bytes()
    answer = world.api.post("/v1/models", files={"file": ("tiny.program", content)}).raise_for_status()
    return str(answer.json()["model_id"])


def open_request(world: World) -> bytes:
    hub = Hub(world.chain, world.deployment["InferenceHub"])
    request = Request(
        requester=world.chain.address,
        payer=world.chain.address,
        registration_id=world.registration_id,
        input_root=input_root([INPUT]),
        routes=(pin_of(world.keys),),
        fee=10**15,
        bond=10**15,
        prove_window=3600,
        expiry=world.chain.timestamp() + 3600,
        callback_gas=0,
        nonce=1,
    )
    world.chain.send(hub.request(request, [Tensor.from_array(INPUT)]), value=request.fee)
    return hub.request_id(request)


def only_job(world: World) -> dict[str, Any]:
    jobs = world.api.get("/v1/jobs").json()["jobs"]
    return dict(jobs[0]) if jobs else {"state": None}


def test_a_request_made_before_the_upload_is_proven_and_delivered(world: World, tmp_path: Path) -> None:
    request_id = open_request(world)
    upload(world, tmp_path)
    wait_until(lambda: only_job(world)["state"] in {"delivered", "failed", "expired"})
    job = only_job(world)
    assert (job["state"], job["failure"]) == ("delivered", None)
    hub = Hub(world.chain, world.deployment["InferenceHub"])
    assert hub.status(request_id) is Status.DELIVERED
    (delivered,) = hub.delivered_events(world.deployment.start_block, world.chain.block_number())
    (expected,) = run(program(), [INPUT])
    assert np.array_equal(delivered.outputs[0].to_array(), expected)
    assert hub.credit(delivered.prover) == 2 * 10**15


def test_the_hub_client_tells_what_the_chain_has_and_has_not(world: World) -> None:
    client = HubClient(Chain(world.chain.rpc_url, PROVER), world.deployment)
    head = client.head()
    assert client.block(head) == Block(head, "0x" + world.chain.block_hash(head).hex())
    assert client.block(head + 1000) is None
    assert client.receipt("0x" + "12" * 32) is None
    assert client.listed_model(world.registration_id) == "0x" + program().model_id().hex()
    with pytest.raises(InputError) as unknown:
        client.listed_model(bytes(32))
    assert unknown.value.code == "registration_unknown"
    assert client.mined_nonce(head) <= client.next_nonce()
    with pytest.raises(InputError) as elsewhere:
        HubClient(world.chain, replace(world.deployment, chain_id=1))
    assert elsewhere.value.code == "deployment_of_another_chain"


def test_a_local_job_ends_with_a_proof_that_the_plain_verifier_accepts(world: World, tmp_path: Path) -> None:
    body = {"model_id": upload(world, tmp_path), "input": {"input_data": [[3.0, -5.0]]}}
    job_id = world.api.post("/v1/jobs", json=body).raise_for_status().json()["id"]
    wait_until(lambda: bool(world.api.get(f"/v1/jobs/{job_id}").json()["final"]))
    done = world.api.get(f"/v1/jobs/{job_id}").json()
    assert (done["state"], done["failure"]) == ("proven", None)
    proof = ProofFile.from_json(world.api.get(f"/v1/jobs/{job_id}/proof").content)
    verify(proof.statement, world.keys.key, proof.proof, Accepted(frozenset({DEVELOPMENT_S_G2})))
    call = world.api.get(f"/v1/jobs/{job_id}/calldata").json()
    adapter = world.deployment["Halo2Adapter"]
    assert world.chain.web3.eth.call({"to": adapter, "data": call["data"]}) == b""
