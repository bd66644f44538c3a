"""Where both acts play: a local chain, the core contracts, a registered model, and a market that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from circuits.errors import EnvironmentFailure
from circuits.program.file import save_program
from circuits.program.graph import Program
from circuits.quantize import CompileOptions, compile_model
from circuits.statement import Route
from contracts.client.chain import Chain
from contracts.client.deploy import HALO2_SELECTOR, OPTIMISTIC_SELECTOR, deploy_core
from contracts.client.deployment import Deployment
from contracts.client.devnet import DEV_KEYS, Devnet
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub, RequestedEvent
from contracts.client.registry import Registry
from contracts.client.types import RoutePin, Tensor
from examples.lending.ledger import Ledger, require
from examples.lending.market import (
    HERE,
    LendingContracts,
    PriceHistory,
    RegisteredModel,
    deploy_market,
    request_update,
)
from prover import halo2
from prover.optimistic.key import OptimisticKey
from verifier.dispute.types import DisputeTerms
from verifier.halo2_key import Halo2Key
from verifier.srs import DEVELOPMENT_S_G2

OPERATOR, OWNER, PROVER, ANYBODY, LIAR, CHALLENGER = DEV_KEYS
INPUT_SCALE = 15  # returns within (-1, 1): not even a halved price stops the oracle
ETHER = 10**18
PROGRAM_FILE = "lending.program"

# Ten minutes to look at a claim where a market would give a day: nobody here sleeps. Amounts in wei.
TERMS = DisputeTerms(claim_bond=ETHER, challenge_bond=ETHER // 10, window=600, prove_time=300, clock=300, extension=60)


@dataclass(frozen=True)
class Parameters:
    """What the market lends by, in basis points."""

    ltv_bps: int
    liquidation_threshold_bps: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Keys:
    """What each route's verifier knows the program by."""

    halo2: Halo2Key
    optimistic: OptimisticKey


@dataclass(frozen=True)
class Stage:
    """`history` is what the feed knows when the first act begins."""

    net: Devnet
    core: Deployment
    folder: Path
    program: Program
    keys: Keys
    model: RegisteredModel
    market: LendingContracts
    history: PriceHistory

    def chain(self, private_key: str | None = None) -> Chain:
        return Chain(self.net.rpc_url, private_key)

    def hub(self, chain: Chain) -> Hub:
        return Hub(chain, self.core["InferenceHub"])

    def claims(self, chain: Chain) -> OptimisticClaims:
        return OptimisticClaims(chain, self.core["OptimisticClaims"])

    def parameters(self) -> Parameters:
        chain = self.chain()
        market = chain.contract("LendingMarket", self.market.market).functions
        return Parameters(int(chain.call(market.ltv())), int(chain.call(market.liquidationThreshold())))

    def real(self, outputs: Sequence[Tensor]) -> float:
        """The fraction of the price that the program's output means."""
        return int(outputs[0].to_array().item()) / 2.0**self.model.output_scale


def set_up(ledger: Ledger, net: Devnet, folder: Path, cache_dir: Path, history: PriceHistory) -> Stage:
    """Everything up to a market that waits for its first update."""
    core = _deploy(ledger, net)
    program = _compile(ledger, folder)
    keys, pins = _keys(ledger, program, cache_dir)
    model = _register(ledger, net, core, program, keys, pins)
    market = _open_market(ledger, net, core, model, history)
    return Stage(net, core, folder, program, keys, model, market, history)


def ask_for_update(ledger: Ledger, stage: Stage, history: PriceHistory) -> RequestedEvent:
    """Anybody may; what the hub opened."""
    with ledger.step("anybody asks the oracle for an update") as step:
        chain = stage.chain(ANYBODY)
        first = chain.block_number() + 1
        step.spent(request_update(chain, stage.market, history))
        events = stage.hub(chain).requested_events(first, chain.block_number())
        require(len(events) == 1, "the hub opened exactly one request", opened=len(events))
        step.note = f"request 0x{events[0].request_id.hex()[:16]}…"
    return events[0]


def apply_update(ledger: Ledger, stage: Stage, before: Parameters) -> Parameters:
    """Anybody makes the market read its oracle; what it lends by from then on."""
    with ledger.step("the market applies the oracle's parameters") as step:
        step.spent(sync(stage))
        after = stage.parameters()
        require(after != before, "the market's parameters moved", before=str(before), after=str(after))
        step.note = moved(before, after)
    return after


def sync(stage: Stage) -> dict[str, Any]:
    """The market takes over what its oracle says last; the receipt."""
    chain = stage.chain(ANYBODY)
    return chain.send(chain.contract("LendingMarket", stage.market.market).functions.syncRiskParameters())


def require_refused(chain: Chain, function: Any, error: str, claim: str) -> None:
    """Asks the chain what would happen, and sends nothing."""
    try:
        chain.call(function)
    except EnvironmentFailure as refusal:
        require(refusal.details.get("error") == error, claim, refused_with=str(refusal))
    else:
        require(False, claim, refused_with=None)


def moved(before: Parameters, after: Parameters) -> str:
    ltv = f"LTV {before.ltv_bps} → {after.ltv_bps} bps"
    return f"{ltv}, threshold {before.liquidation_threshold_bps} → {after.liquidation_threshold_bps} bps"


def _deploy(ledger: Ledger, net: Devnet) -> Deployment:
    with ledger.step("deploy both routes' verifiers, router, registry, hub") as step:
        return deploy_core(Chain(net.rpc_url, OPERATOR), DEVELOPMENT_S_G2, lambda _, receipt: step.spent(receipt))


def _compile(ledger: Ledger, folder: Path) -> Program:
    with ledger.step("compile lending.onnx to an integer program") as step:
        with np.load(HERE / "calibration.npz") as stored:
            calibration = {name: stored[name] for name in stored.files}
        options = CompileOptions(input_scales={"returns": INPUT_SCALE})
        program, report = compile_model(HERE / "lending.onnx", calibration, options)
        save_program(program, folder / PROGRAM_FILE)
        worst = max(output.max_abs_error for output in report.outputs)
        step.note = f"{len(program.ops)} ops, off by at most {worst:.1e} from the float model"
    return program


def _keys(ledger: Ledger, program: Program, cache_dir: Path) -> tuple[Keys, tuple[RoutePin, ...]]:
    with ledger.step("set up the halo2 key") as step:
        keys = halo2.setup(program, halo2.Halo2Options(), halo2.KeyCache(cache_dir))
        cached = any(report.cached for report in keys.phases.reports)
        step.note = f"logrows {keys.plan.logrows}, {'from the cache' if cached else 'made now'}, INSECURE SRS"
    optimistic = OptimisticKey.of(program, TERMS)
    proven = RoutePin(int(Route.HALO2), HALO2_SELECTOR, keys.key.digest())
    claimed = RoutePin(int(Route.OPTIMISTIC), OPTIMISTIC_SELECTOR, optimistic.digest())
    return Keys(keys.key, optimistic), (proven, claimed)


def _register(
    ledger: Ledger, net: Devnet, core: Deployment, program: Program, keys: Keys, pins: tuple[RoutePin, ...]
) -> RegisteredModel:
    chain = Chain(net.rpc_url, OWNER)
    registry = Registry(chain, core["ModelRegistry"])
    with ledger.step("register the model and bind a key of each route") as step:
        adapter = chain.contract("Halo2Adapter", core["Halo2Adapter"]).functions
        step.spent(chain.send(adapter.registerKey(keys.halo2.as_tuple())))
        key, claims = keys.optimistic, OptimisticClaims(chain, core["OptimisticClaims"])
        step.spent(chain.send(claims.register_key(program.header(), key.num_ops, key.graph_tree, key.terms)))
        step.spent(chain.send(registry.register(program.header(), PROGRAM_FILE)))
        registration_id = registry.registration_id(chain.address, program.model_id())
        for pin in pins:
            step.spent(chain.send(registry.bind_key(registration_id, pin)))
        step.note = f"claims may be challenged for {TERMS.window} s here; a market would give a day"
    listed = registry.registration(registration_id)
    require(listed.model_id == program.model_id(), "the registry computed the program's modelId from its header")
    require(listed.pins == pins, "the registry binds both keys", bound=str(listed.pins))
    source, result = program.inputs[0], program.outputs[0].port
    return RegisteredModel(registration_id, pins, source.scales[0], source.bits, result.scales[0])


def _open_market(
    ledger: Ledger, net: Devnet, core: Deployment, model: RegisteredModel, history: PriceHistory
) -> LendingContracts:
    with ledger.step("deploy feed, tokens, risk oracle, lending market") as step:
        chain = Chain(net.rpc_url, OPERATOR)
        contracts = deploy_market(chain, core, model, history, lambda _, receipt: step.spent(receipt))
        step.note = f"{len(history.rounds)} real closes: {history.description.split(',')[0]}"
    return contracts
