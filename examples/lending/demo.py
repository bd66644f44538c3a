"""The main job, end to end: an ONNX model moves a lending market's risk parameter, and the chain checked the proof.

`inferproof demo` runs this on a local chain, with a real service in a process of its own. Every claim is checked, and a
claim that does not hold ends the demo with an error.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from circuits.errors import InferproofError
from circuits.program.file import save_program
from circuits.program.graph import Program
from circuits.program.interpreter import run as interpret
from circuits.quantize import CompileOptions, compile_model
from circuits.statement import Route, output_root
from contracts.client.chain import Chain
from contracts.client.deploy import HALO2_SELECTOR, deploy_core
from contracts.client.deployment import Deployment
from contracts.client.devnet import DEV_KEYS, Devnet
from contracts.client.hub import DeliveredEvent, Hub, RequestedEvent
from contracts.client.registry import Registry
from contracts.client.types import RoutePin
from examples.lending.market import (
    HERE,
    LendingContracts,
    PriceHistory,
    RegisteredModel,
    deploy_market,
    load_prices,
    request_update,
)
from examples.lending.service_process import ServiceProcess
from prover import halo2
from verifier.halo2 import verify
from verifier.halo2_srs import DEVELOPMENT_S_G2, Accepted
from verifier.messages import ProofFile

OPERATOR, OWNER, PROVER, ANYBODY = DEV_KEYS[:4]
DELIVERY_TIMEOUT_S = 600
INPUT_SCALE = 15  # returns within (-1, 1): not even a halved price stops the oracle


class ClaimFailed(InferproofError):
    """The demo claimed something that turned out not to hold."""

    exit_code = 1


def require(holds: bool, claim: str, **values: Any) -> None:
    if not holds:
        raise ClaimFailed("claim_failed", f"not as claimed: {claim}", **values)


@dataclass
class Step:
    """One line of the demo."""

    name: str
    seconds: float = 0.0
    gas: int = 0
    note: str = ""

    def spent(self, receipt: dict[str, Any]) -> None:
        self.gas += int(receipt["gasUsed"])


@dataclass
class Ledger:
    """What was done, how long it took, and the gas of its receipts."""

    announce: Callable[[Step], None]
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        entry = Step(name)
        started = time.monotonic()
        yield entry
        entry.seconds = time.monotonic() - started
        self.steps.append(entry)
        self.announce(entry)


@dataclass(frozen=True)
class DemoResult:
    """What the demo showed; parameters are (loan-to-value, liquidation threshold) in basis points."""

    steps: list[Step]
    before: tuple[int, int]
    after: tuple[int, int]
    attested_drawdown: float
    model_id: bytes

    def as_dict(self) -> dict[str, Any]:
        names = ("ltv_bps", "liquidation_threshold_bps")
        return {
            "steps": [vars(s) for s in self.steps],
            "before": dict(zip(names, self.before, strict=True)),
            "after": dict(zip(names, self.after, strict=True)),
            "attested_drawdown": self.attested_drawdown,
            "model_id": "0x" + self.model_id.hex(),
            "seconds": sum(s.seconds for s in self.steps),
            "gas": sum(s.gas for s in self.steps),
        }


def run_demo(cache_dir: Path, announce: Callable[[Step], None]) -> DemoResult:
    """Runs the whole story; raises InferproofError where anything is not as claimed."""
    ledger = Ledger(announce)
    history = load_prices()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inferproof-demo-")))
        with ledger.step("start a local chain"):
            net = stack.enter_context(Devnet(timestamp=history.next_midnight + 600))
        core = _deploy(ledger, net)
        program = _compile(ledger, folder)
        keys, model = _register(ledger, net, core, program, cache_dir)
        contracts = _open_market(ledger, net, core, model, history)
        service = _serve(ledger, stack, net, core, folder, cache_dir)
        before = _parameters(net, contracts)
        requested = _ask(ledger, net, core, contracts, history)
        delivered, proof = _deliver(ledger, net, core, service, requested)
        _check(ledger, program, keys, requested, delivered, proof)
        after = _apply(ledger, net, contracts, before)
    drawdown = float(delivered.outputs[0].to_array().item()) / 2**model.output_scale
    return DemoResult(ledger.steps, before, after, drawdown, program.model_id())


def _deploy(ledger: Ledger, net: Devnet) -> Deployment:
    with ledger.step("deploy verifier, adapter, router, registry, hub") as step:
        return deploy_core(Chain(net.rpc_url, OPERATOR), DEVELOPMENT_S_G2, lambda _, receipt: step.spent(receipt))


def _compile(ledger: Ledger, folder: Path) -> Program:
    with ledger.step("compile lending.onnx to an integer program") as step:
        with np.load(HERE / "calibration.npz") as stored:
            calibration = {name: stored[name] for name in stored.files}
        options = CompileOptions(input_scales={"returns": INPUT_SCALE})
        program, report = compile_model(HERE / "lending.onnx", calibration, options)
        save_program(program, folder / "lending.program")
        worst = max(output.max_abs_error for output in report.outputs)
        step.note = f"{len(program.ops)} ops, off by at most {worst:.1e} from the float model"
    return program


def _register(
    ledger: Ledger, net: Devnet, core: Deployment, program: Program, cache_dir: Path
) -> tuple[halo2.Halo2Keys, RegisteredModel]:
    options = halo2.Halo2Options()
    with ledger.step("set up the halo2 key") as step:
        keys = halo2.setup(program, options, halo2.KeyCache(cache_dir))
        cached = any(report.cached for report in keys.phases.reports)
        step.note = f"logrows {keys.plan.estimate.logrows}, {'from the cache' if cached else 'made now'}, INSECURE SRS"
    chain = Chain(net.rpc_url, OWNER)
    registry = Registry(chain, core["ModelRegistry"])
    pin = RoutePin(int(Route.HALO2), HALO2_SELECTOR, keys.key.digest())
    with ledger.step("register the model and bind its key") as step:
        adapter = chain.contract("Halo2Adapter", core["Halo2Adapter"]).functions
        step.spent(chain.send(adapter.registerKey(keys.key.as_tuple())))
        step.spent(chain.send(registry.register(program.header(), "lending.program")))
        registration_id = registry.registration_id(chain.address, program.model_id())
        step.spent(chain.send(registry.bind_key(registration_id, pin)))
    listed = registry.registration(registration_id)
    require(listed.model_id == program.model_id(), "the registry computed the program's modelId from its header")
    source, result = program.inputs[0], program.outputs[0].port
    return keys, RegisteredModel(registration_id, (pin,), source.scales[0], source.bits, result.scales[0])


def _open_market(
    ledger: Ledger, net: Devnet, core: Deployment, model: RegisteredModel, history: PriceHistory
) -> LendingContracts:
    with ledger.step("deploy feed, tokens, risk oracle, lending market") as step:
        chain = Chain(net.rpc_url, OPERATOR)
        contracts = deploy_market(chain, core, model, history, lambda _, receipt: step.spent(receipt))
        step.note = f"{len(history.rounds)} real closes: {history.description.split(',')[0]}"
    return contracts


def _serve(
    ledger: Ledger, stack: ExitStack, net: Devnet, core: Deployment, folder: Path, cache_dir: Path
) -> ServiceProcess:
    with ledger.step("start the service and its worker"):
        core.save(folder / "deployment.json")
        settings = {
            "RPC_URL": net.rpc_url,
            "DEPLOYMENT_FILE": str(folder / "deployment.json"),
            "PRIVATE_KEY": PROVER,
            "CACHE_DIR": str(cache_dir),
            "CONFIRMATIONS": "0",
            "ALLOW_INSECURE_SRS": "true",
        }
        service = stack.enter_context(ServiceProcess(folder, settings))
        service.wait_ready()
        service.upload_program(folder / "lending.program")
    return service


def _parameters(net: Devnet, contracts: LendingContracts) -> tuple[int, int]:
    chain = Chain(net.rpc_url)
    market = chain.contract("LendingMarket", contracts.market).functions
    return int(chain.call(market.ltv())), int(chain.call(market.liquidationThreshold()))


def _ask(
    ledger: Ledger, net: Devnet, core: Deployment, contracts: LendingContracts, history: PriceHistory
) -> RequestedEvent:
    with ledger.step("anybody asks the oracle for an update") as step:
        chain = Chain(net.rpc_url, ANYBODY)
        step.spent(request_update(chain, contracts, history))
        events = Hub(chain, core["InferenceHub"]).requested_events(core.start_block, chain.block_number())
        require(len(events) == 1, "the hub opened exactly one request", opened=len(events))
        step.note = f"request 0x{events[0].request_id.hex()[:16]}…"
    return events[0]


def _deliver(
    ledger: Ledger, net: Devnet, core: Deployment, service: ServiceProcess, requested: RequestedEvent
) -> tuple[DeliveredEvent, ProofFile]:
    with ledger.step("the service notices and its worker proves"):
        job = service.wait_job(("proven", "submitting", "delivered"), DELIVERY_TIMEOUT_S)
        proof = ProofFile.from_json(service.proof(job["id"]))
    with ledger.step("the submitter delivers, the chain verifies") as step:
        service.wait_job(("delivered",), DELIVERY_TIMEOUT_S)
        chain = Chain(net.rpc_url)
        events = Hub(chain, core["InferenceHub"]).delivered_events(core.start_block, chain.block_number())
        require(len(events) == 1, "the hub delivered exactly once", delivered=len(events))
        require(events[0].request_id == requested.request_id, "the delivery answers the request")
        receipt = chain.receipt(events[0].at.tx_hash)
        require(receipt is not None, "the delivery has a receipt")
        step.spent(receipt or {})
    return events[0], proof


def _check(
    ledger: Ledger,
    program: Program,
    keys: halo2.Halo2Keys,
    requested: RequestedEvent,
    delivered: DeliveredEvent,
    proof: ProofFile,
) -> None:
    with ledger.step("the same integers: chain, interpreter, verifier without native code"):
        inputs = [t.to_array() for t in requested.inputs]
        outputs = interpret(program, inputs)
        attested = [t.to_array() for t in delivered.outputs]
        same = all(np.array_equal(a, b) for a, b in zip(outputs, attested, strict=True))
        require(same, "the chain's output is the interpreter's", chain=str(attested), interpreter=str(outputs))
        require(delivered.output_root == output_root(outputs), "outputRoot is the interpreter's")
        verify(proof.statement, keys.key, proof.proof, Accepted(frozenset({DEVELOPMENT_S_G2})))
        require(proof.statement.input_root == requested.request.input_root, "the proof is for the requested input")


def _apply(ledger: Ledger, net: Devnet, contracts: LendingContracts, before: tuple[int, int]) -> tuple[int, int]:
    with ledger.step("the market applies the oracle's parameters") as step:
        chain = Chain(net.rpc_url, ANYBODY)
        market = chain.contract("LendingMarket", contracts.market).functions
        step.spent(chain.send(market.syncRiskParameters()))
        after = _parameters(net, contracts)
        require(after != before, "the market's parameters moved", before=before, after=after)
        step.note = f"LTV {before[0]} → {after[0]} bps, threshold {before[1]} → {after[1]} bps"
    return after
