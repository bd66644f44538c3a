"""The digits CNN and a program of 1,024 public inputs through the hub: the chain's integers are the interpreter's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from bench import models
from circuits.errors import EnvironmentFailure
from circuits.program.graph import Program
from circuits.program.interpreter import run as interpret
from circuits.program.values import quantize_input
from circuits.quantize import CompileOptions, compile_model
from circuits.statement import Route, input_root, output_root
from contracts.client.chain import Chain
from contracts.client.deploy import HALO2_SELECTOR, deploy_core
from contracts.client.deployment import Deployment
from contracts.client.devnet import DEV_KEYS, Devnet
from contracts.client.hub import Hub
from contracts.client.registry import Registry
from contracts.client.types import ZERO_ADDRESS, Request, RoutePin, Status, Tensor
from prover import halo2
from prover.service.settings import Settings
from verifier.halo2 import Halo2Proof
from verifier.srs import DEVELOPMENT_S_G2

pytestmark = pytest.mark.slow

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Proved:
    """A program, one input, its proof, and an assigned request for it on a chain."""

    program: Program
    inputs: list[Integers]
    proof: bytes
    hub: Hub
    request: Request
    key: halo2.Halo2Keys

    def fulfil(self, outputs: list[Integers], proof: bytes) -> int:
        """Gas; raises what the contract says."""
        tensors = [Tensor.from_array(t) for t in outputs]
        receipt = self.hub.chain.send(self.hub.fulfil(self.request, int(Route.HALO2), tensors, proof))
        return int(receipt["gasUsed"])


def digits() -> tuple[Program, list[Integers]]:
    with np.load(DIGITS / "calibration.npz") as stored:
        calibration = {name: stored[name] for name in stored.files}
    program, _ = compile_model(DIGITS / "digits.onnx", calibration, CompileOptions())
    with np.load(DIGITS / "holdout.npz") as stored:
        return program, [quantize_input(port, stored[port.name][0].reshape(port.dims)) for port in program.inputs]


def wide(folder: Path) -> tuple[Program, list[Integers]]:
    onnx.save(models.build("wide1024"), folder / "wide.onnx")
    calibration = models.calibration("wide1024", 32)
    program, _ = compile_model(folder / "wide.onnx", calibration, CompileOptions())
    return program, [quantize_input(port, calibration[port.name][0].reshape(port.dims)) for port in program.inputs]


@pytest.fixture(scope="module")
def chain() -> Iterator[tuple[Chain, Deployment]]:
    with Devnet() as net:
        client = Chain(net.rpc_url, DEV_KEYS[0])
        yield client, deploy_core(client, DEVELOPMENT_S_G2)


def assigned(chain: Chain, core: Deployment, program: Program, inputs: list[Integers]) -> Proved:
    keys = halo2.setup(program, halo2.Halo2Options(), halo2.KeyCache(Settings().cache_dir))
    result = halo2.prove(program, inputs, keys)
    registry, hub = Registry(chain, core["ModelRegistry"]), Hub(chain, core["InferenceHub"])
    listing = registry.registration_id(chain.address, program.model_id())
    pin = RoutePin(int(Route.HALO2), HALO2_SELECTOR, keys.key.digest())
    adapter = chain.contract("Halo2Adapter", core["Halo2Adapter"]).functions
    chain.send(adapter.registerKey(keys.key.as_tuple()))
    chain.send(registry.register(program.header(), ""))
    chain.send(registry.bind_key(listing, pin))
    expiry = chain.timestamp() + 86_400
    asked = Request(
        chain.address, ZERO_ADDRESS, listing, input_root(inputs), (pin,), 10, 10, 3_600, expiry, 0, nonce=inputs[0].size
    )
    chain.send(hub.request(asked, [Tensor.from_array(t) for t in inputs]), value=10)
    chain.send(hub.assign(asked), value=10)
    return Proved(program, inputs, result.proof_file.proof, hub, asked, keys)


@pytest.fixture(scope="module")
def digits_proved(chain: tuple[Chain, Deployment]) -> Proved:
    return assigned(*chain, *digits())


def refused(proved: Proved, outputs: list[Integers], proof: bytes) -> str:
    with pytest.raises(EnvironmentFailure) as refusal:
        proved.fulfil(outputs, proof)
    assert refusal.value.code == "transaction_reverted"
    return str(refusal.value.details.get("error"))


def test_contract_rejects_tampered_digits_proof(digits_proved: Proved) -> None:
    outputs = interpret(digits_proved.program, digits_proved.inputs)
    parsed = Halo2Proof.decode(digits_proved.proof)
    tampered = bytearray(parsed.proof)
    tampered[len(tampered) // 2] ^= 1
    forged = replace(parsed, proof=bytes(tampered)).encode()
    assert refused(digits_proved, outputs, forged) == "ProofRejected"


@pytest.mark.parametrize("count", [7, 32])
def test_contract_rejects_digits_proof_with_bytes_appended(digits_proved: Proved, count: int) -> None:
    outputs = interpret(digits_proved.program, digits_proved.inputs)
    assert refused(digits_proved, outputs, digits_proved.proof + bytes(count)) == "ProofMalformed"


def test_contract_rejects_another_output_under_the_same_proof(digits_proved: Proved) -> None:
    outputs = interpret(digits_proved.program, digits_proved.inputs)
    outputs[0].flat[0] += 1
    assert refused(digits_proved, outputs, digits_proved.proof) == "OutputRootMismatch"


def test_attested_output_of_the_digits_cnn_is_the_interpreters(digits_proved: Proved) -> None:
    outputs = interpret(digits_proved.program, digits_proved.inputs)
    digits_proved.fulfil(outputs, digits_proved.proof)
    hub = digits_proved.hub
    assert hub.status(hub.request_id(digits_proved.request)) is Status.DELIVERED
    (event,) = hub.delivered_events(0, hub.chain.block_number())
    assert event.output_root == output_root(outputs)
    assert all(np.array_equal(t.to_array(), o) for t, o in zip(event.outputs, outputs, strict=True))


def test_program_of_1024_public_inputs_verifies_on_the_chain(chain: tuple[Chain, Deployment], tmp_path: Path) -> None:
    proved = assigned(*chain, *wide(tmp_path))
    assert sum(t.size for t in proved.inputs) == 1024
    gas = proved.fulfil(interpret(proved.program, proved.inputs), proved.proof)
    assert gas < 2**24  # EIP-7825
    assert proved.hub.status(proved.hub.request_id(proved.request)) is Status.DELIVERED
