"""What each step costs on the chain: gasUsed of receipts, anvil with the osaka rules, one proof made afresh a model.

`wide1024` is a tiny model with 1,024 public inputs: what input size alone costs. Fulfilling is measured for a requester
without a callback, so it is the hub, the adapter and ezkl's verifier.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx

from bench import models
from circuits.program.graph import Program
from circuits.program.values import quantize_input
from circuits.quantize import CompileOptions, compile_model
from circuits.statement import Route, input_root
from contracts.client.chain import Chain
from contracts.client.deploy import HALO2_SELECTOR, deploy_core
from contracts.client.deployment import Deployment
from contracts.client.devnet import DEV_KEYS, Devnet
from contracts.client.hub import Hub
from contracts.client.registry import Registry
from contracts.client.types import ZERO_ADDRESS, Request, RoutePin, Tensor
from prover import halo2
from prover.service.settings import Settings
from verifier.srs import DEVELOPMENT_S_G2

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
Calibration = dict[str, np.ndarray]


def run(say: Callable[[str], None]) -> dict[str, Any]:
    with Devnet() as net:
        chain = Chain(net.rpc_url, DEV_KEYS[0])
        deployed: dict[str, int] = {}
        core = deploy_core(chain, DEVELOPMENT_S_G2, lambda name, receipt: deployed.update({name: receipt["gasUsed"]}))
        rows = []
        for name, (program, sample) in _programs().items():
            say(f"{name}: {len(program.ops)} ops")
            rows.append({"model": name, **_life(chain, core, program, sample, say)})
    return {"deploy": deployed, "models": rows}


def _programs() -> dict[str, tuple[Program, list[np.ndarray]]]:
    return {
        "lending": _example("lending", CompileOptions(input_scales={"returns": 15})),
        "digits": _example("digits", CompileOptions()),
        "wide1024": _reference("wide1024"),
    }


def _example(name: str, options: CompileOptions) -> tuple[Program, list[np.ndarray]]:
    with np.load(EXAMPLES / name / "calibration.npz") as stored:
        calibration = {key: stored[key] for key in stored.files}
    return _compiled(EXAMPLES / name / f"{name}.onnx", calibration, options)


def _reference(name: str) -> tuple[Program, list[np.ndarray]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        onnx.save(models.build(name), path)
        return _compiled(path, models.calibration(name, 64), CompileOptions())


def _compiled(path: Path, calibration: Calibration, options: CompileOptions) -> tuple[Program, list[np.ndarray]]:
    program, _ = compile_model(path, calibration, options)
    return program, [quantize_input(port, calibration[port.name][0].reshape(port.dims)) for port in program.inputs]


def _life(
    chain: Chain, core: Deployment, program: Program, sample: list[np.ndarray], say: Callable[[str], None]
) -> dict[str, Any]:
    """Registers, requests, assigns and fulfils once; gas of each transaction."""
    keys = halo2.setup(program, halo2.Halo2Options(), halo2.KeyCache(Settings().cache_dir))
    proof = halo2.prove(program, sample, keys)
    say(f"  proved, {len(proof.proof_file.proof)} bytes of proof calldata")
    registry, hub = Registry(chain, core["ModelRegistry"]), Hub(chain, core["InferenceHub"])
    adapter = chain.contract("Halo2Adapter", core["Halo2Adapter"]).functions
    pin = RoutePin(int(Route.HALO2), HALO2_SELECTOR, keys.key.digest())
    registration = registry.registration_id(chain.address, program.model_id())
    outputs = [Tensor.from_array(t) for t in proof.outputs]
    gas = {
        "register_key": chain.send(adapter.registerKey(keys.key.as_tuple())),
        "register_model": chain.send(registry.register(program.header(), "")),
        "bind_key": chain.send(registry.bind_key(registration, pin)),
    }
    asked = _request(chain, registration, pin, sample)
    gas["request"] = chain.send(hub.request(asked, [Tensor.from_array(t) for t in sample]), value=asked.fee)
    gas["assign"] = chain.send(hub.assign(asked), value=asked.bond)
    gas["fulfil"] = chain.send(hub.fulfil(asked, int(Route.HALO2), outputs, proof.proof_file.proof))
    return {
        "public_inputs": sum(t.size for t in sample),
        "public_outputs": sum(t.size for t in proof.outputs),
        "logrows": keys.plan.logrows,
        "proof_calldata_bytes": len(proof.proof_file.proof),
        "gas": {name: int(receipt["gasUsed"]) for name, receipt in gas.items()},
    }


def _request(chain: Chain, registration: bytes, pin: RoutePin, sample: list[np.ndarray]) -> Request:
    expiry = chain.timestamp() + 86_400
    root, nonce = input_root(sample), int.from_bytes(registration[:8], "big")
    return Request(chain.address, ZERO_ADDRESS, registration, root, (pin,), 10**15, 10**15, 3_600, expiry, 0, nonce)
