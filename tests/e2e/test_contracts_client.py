"""The Python client against the real contracts on a real local chain."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eth_account import Account

from circuits.errors import EnvironmentFailure, InputError
from circuits.statement import ModelHeader, input_root, registration_id
from contracts.client import devnet as devnet_module
from contracts.client.artifacts import load_artifact
from contracts.client.chain import Chain
from contracts.client.deploy import HALO2_SELECTOR, deploy_core
from contracts.client.deployment import Deployment
from contracts.client.devnet import DEV_KEYS, Devnet, go_back, take_snapshot
from contracts.client.hub import Hub
from contracts.client.registry import Registry
from contracts.client.signing import request_id, sign_request
from contracts.client.types import ZERO_ADDRESS, Request, RoutePin, Status, Tensor
from verifier.console import INTERRUPTED
from verifier.srs import DEVELOPMENT_S_G2

STRANGER = Account.create().key.hex()
PORT = bytes([1]) + (3).to_bytes(4, "big") + bytes([4, 16, 0]) + (1).to_bytes(4, "big") + bytes([8])
IO_SPEC = bytes([1, 1]) + PORT + bytes([2]) + (0).to_bytes(4, "big") + PORT
HEADER = ModelHeader(b"\x01" * 32, b"\x02" * 32, IO_SPEC)


@pytest.fixture(scope="module")
def net() -> Iterator[Devnet]:
    with Devnet() as running:
        yield running


@pytest.fixture(scope="module")
def chain(net: Devnet) -> Chain:
    return Chain(net.rpc_url, DEV_KEYS[0])


@pytest.fixture(scope="module")
def core(chain: Chain) -> Deployment:
    return deploy_core(chain, DEVELOPMENT_S_G2)


@pytest.fixture(scope="module")
def listed(chain: Chain, core: Deployment) -> tuple[bytes, RoutePin]:
    registry = Registry(chain, core["ModelRegistry"])
    chain.send(registry.register(HEADER, "https://models.example/one.program"))
    listing = registry.registration_id(chain.address, HEADER.model_id())
    pin = RoutePin(1, HALO2_SELECTOR, b"\x07" * 32)
    chain.send(registry.bind_key(listing, pin))
    return listing, pin


def a_request(chain: Chain, listed: tuple[bytes, RoutePin], root: bytes, nonce: int) -> Request:
    expiry = chain.timestamp() + 1000
    return Request(chain.address, ZERO_ADDRESS, listed[0], root, (listed[1],), 5, 6, 7, expiry, 0, nonce)


def an_input() -> tuple[bytes, Tensor]:
    values = np.array([1, -2, 3], dtype=np.int64)
    return input_root([values]), Tensor.from_array(values)


def test_registration_reads_back_as_written(chain: Chain, core: Deployment, listed: tuple[bytes, RoutePin]) -> None:
    registered = Registry(chain, core["ModelRegistry"]).registration(listed[0])
    assert registered.model_id == HEADER.model_id()
    assert registered.io_spec == IO_SPEC
    assert registered.pins == (listed[1],)
    address = bytes.fromhex(core["ModelRegistry"][2:])
    owner = bytes.fromhex(chain.address[2:])
    assert listed[0] == registration_id(chain.chain_id, address, owner, HEADER.model_id())


def test_key_once_bound_never_changes(chain: Chain, core: Deployment, listed: tuple[bytes, RoutePin]) -> None:
    other = replace(listed[1], key_digest=b"\x08" * 32)
    with pytest.raises(EnvironmentFailure) as refusal:
        chain.send(Registry(chain, core["ModelRegistry"]).bind_key(listed[0], other))
    assert refusal.value.code == "transaction_reverted"


def test_request_id_is_the_hubs(chain: Chain, core: Deployment, listed: tuple[bytes, RoutePin]) -> None:
    asked = a_request(chain, listed, b"\x02" * 32, 1)
    assert Hub(chain, core["InferenceHub"]).request_id(asked) == request_id(asked, chain.chain_id, core["InferenceHub"])
    assert Request.from_dict(asked.as_dict()) == asked


def test_request_event_carries_request_and_input(
    chain: Chain, core: Deployment, listed: tuple[bytes, RoutePin]
) -> None:
    hub = Hub(chain, core["InferenceHub"])
    root, tensor = an_input()
    asked = a_request(chain, listed, root, 2)
    chain.send(hub.request(asked, [tensor]), value=5)
    (event,) = hub.requested_events(0, chain.block_number())
    assert (event.request, event.inputs) == (asked, (tensor,))
    assert event.request_id == hub.request_id(asked)
    assert hub.status(event.request_id) is Status.OPEN
    assert event.at.block_hash == chain.block_hash(event.at.block_number)


def test_signed_request_is_submitted_by_somebody_else(
    net: Devnet, chain: Chain, core: Deployment, listed: tuple[bytes, RoutePin]
) -> None:
    root, tensor = an_input()
    asked = a_request(chain, listed, root, 3)
    signature = sign_request(asked, chain.chain_id, core["InferenceHub"], DEV_KEYS[0])
    relayer = Chain(net.rpc_url, DEV_KEYS[1])
    hub = Hub(relayer, core["InferenceHub"])
    relayer.send(hub.request_signed(asked, [tensor], signature), value=5)
    assert hub.status(hub.request_id(asked)) is Status.OPEN


def test_rejects_signature_of_somebody_else(chain: Chain, core: Deployment, listed: tuple[bytes, RoutePin]) -> None:
    root, tensor = an_input()
    asked = a_request(chain, listed, root, 4)
    forged = sign_request(asked, chain.chain_id, core["InferenceHub"], DEV_KEYS[1])
    with pytest.raises(EnvironmentFailure) as refusal:
        chain.send(Hub(chain, core["InferenceHub"]).request_signed(asked, [tensor], forged), value=5)
    assert refusal.value.details["error"] == "SignatureInvalid"


def test_rejects_input_that_is_not_the_committed_one(
    chain: Chain, core: Deployment, listed: tuple[bytes, RoutePin]
) -> None:
    _, tensor = an_input()
    asked = a_request(chain, listed, b"\x09" * 32, 5)
    with pytest.raises(EnvironmentFailure) as refusal:
        chain.send(Hub(chain, core["InferenceHub"]).request(asked, [tensor]), value=5)
    assert refusal.value.code == "transaction_reverted"


def test_account_without_funds_is_one_clear_error(
    net: Devnet, core: Deployment, listed: tuple[bytes, RoutePin]
) -> None:
    poor = Chain(net.rpc_url, STRANGER)
    with pytest.raises(EnvironmentFailure) as refusal:
        poor.send(Registry(poor, core["ModelRegistry"]).register(HEADER, ""))
    assert refusal.value.code == "account_without_funds"


def test_no_chain_at_the_url_is_one_clear_error() -> None:
    with pytest.raises(EnvironmentFailure) as refusal:
        Chain("http://127.0.0.1:9")
    assert refusal.value.code == "chain_unreachable"


def test_missing_anvil_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devnet_module, "REPOSITORY", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFailure) as refusal:
        Devnet()
    assert refusal.value.code == "anvil_not_found"


def test_unknown_registration_is_one_clear_error(chain: Chain, core: Deployment) -> None:
    with pytest.raises(InputError) as refusal:
        Registry(chain, core["ModelRegistry"]).registration(bytes(32))
    assert refusal.value.code == "registration_unknown"


def test_deployment_file_survives_a_round_trip(core: Deployment, tmp_path: Path) -> None:
    core.save(tmp_path / "deployment.json")
    assert Deployment.load(tmp_path / "deployment.json") == core


def test_malformed_deployment_file_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    path.write_text('{"chain_id": 1}')
    with pytest.raises(InputError) as refusal:
        Deployment.load(path)
    assert refusal.value.code == "deployment_unreadable"


def test_taken_port_is_refused_and_nothing_is_deployed_there(net: Devnet, chain: Chain) -> None:
    before = chain.block_number()
    with pytest.raises(EnvironmentFailure) as refusal:
        Devnet(net.port).start()
    assert refusal.value.code == "port_taken"
    assert chain.block_number() == before


def test_time_passes_on_a_devnet_when_told_to() -> None:
    with Devnet(timestamp=2_000_000_000) as net:
        chain = Chain(net.rpc_url)
        before = chain.timestamp()
        net.pass_time(86_400)
        assert before + 86_400 <= chain.timestamp() < before + 90_000


def test_what_is_undone_on_a_devnet_never_happened() -> None:
    with Devnet(timestamp=2_000_000_000) as net:
        chain = Chain(net.rpc_url)
        before = chain.timestamp(), chain.block_number()
        with net.undone():
            net.pass_time(86_400)
            assert chain.block_number() > before[1]
        assert (chain.timestamp(), chain.block_number()) == before
        net.pass_time(10)
        assert chain.timestamp() < before[0] + 3_600


def test_what_is_undone_while_it_is_being_mined_never_happened() -> None:
    """anvil answers before it mines; taken back in between, it would put the block on top of what it went back to."""
    with Devnet() as net:
        chain = Chain(net.rpc_url, DEV_KEYS[0])
        artifact = load_artifact("OneStep")
        creation = chain.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode).constructor()
        before = chain.block_number(), chain.mined_nonce()
        for _ in range(100):  # about one in ten of them meets a block that is not finished
            state = take_snapshot(chain)
            chain.broadcast(chain.sign(creation).raw)
            go_back(chain, state)
            assert (chain.block_number(), chain.mined_nonce()) == before


def test_time_of_a_devnet_never_goes_back(net: Devnet, chain: Chain) -> None:
    before = chain.timestamp()
    with pytest.raises(EnvironmentFailure) as refusal:
        net.pass_time(-1_000)
    assert refusal.value.code == "chain_refused"
    assert chain.timestamp() >= before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_devnet_verb_ends_with_its_anvil_on_a_signal(tmp_path: Path, number: int) -> None:
    port = devnet_module.free_port()
    command = [sys.executable, "-m", "prover", "devnet", "up", "--port", str(port), "-o", str(tmp_path / "d.json")]
    # As a shell starts a background command: with SIGINT ignored.
    ignore = functools.partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    verb = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=ignore, text=True)
    assert verb.stdout is not None
    assert "Ctrl-C ends it" in verb.stdout.readline()
    verb.send_signal(number)
    assert verb.wait(20) == INTERRUPTED
    with pytest.raises(EnvironmentFailure):
        Chain(f"http://127.0.0.1:{port}")


def test_devnet_leaves_no_process_behind() -> None:
    with Devnet() as running:
        url = running.rpc_url
    with pytest.raises(EnvironmentFailure) as refusal:
        Chain(url)
    assert refusal.value.code == "chain_unreachable"
