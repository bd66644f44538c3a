"""What overturning a claim costs: gas of receipts, and wall time with the challenger and the defender as they are.

*Withheld*: the submitter shows only what it is forced to. *Published*: its whole trace is there to be read. One element
of one op is false: of every op of `lenet` in turn, of one of each kind in `block128`. Claiming and withdrawing are
counted apart. anvil mines at once, so wall time is what both sides compute and say to the node, and includes the
challenger's own run.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import structlog

from bench import models
from bench.dispute_liar import LyingTrace
from circuits.lower.optimistic import element_count, longest_game, term_count
from circuits.program.file import save_program
from circuits.program.graph import Program
from circuits.program.interpreter import trace
from circuits.program.values import quantize_input
from circuits.quantize import compile_model
from circuits.statement import Route, input_root
from contracts.client.chain import Chain
from contracts.client.deploy import OPTIMISTIC_SELECTOR, deploy_core
from contracts.client.deployment import Deployment
from contracts.client.devnet import DEV_KEYS, Devnet
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub
from contracts.client.registry import Registry
from contracts.client.types import ZERO_ADDRESS, Request, RoutePin, Tensor
from examples.lending.accounts import Challenger, Claimant
from prover.optimistic.claim import Made, needed_window_s
from prover.optimistic.key import OptimisticKey
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_fault
from verifier.dispute.types import ClaimStatus, CommitmentKind, DisputeTerms, challenge_id, commitment_hash
from verifier.srs import DEVELOPMENT_S_G2

Say = Callable[[str], None]
Integers = npt.NDArray[np.int64]

TERMS = DisputeTerms(claim_bond=10**18, challenge_bond=10**17, window=600, prove_time=300, clock=300, extension=60)
OWNER, LIAR, CHALLENGER = DEV_KEYS[:3]
DEFENDS = ("reveal", "revealTensor", "revealSums")
FIGURES = ("transactions", "gas", "challenger_gas", "seconds")
ROUNDS = 40  # of both sides; a game has far fewer


@dataclass(frozen=True)
class Stage:
    """A registered model on a chain, and an input for it."""

    name: str
    net: Devnet
    chain: Chain
    core: Deployment
    program: Program
    inputs: list[Integers]
    pin: RoutePin
    registration_id: bytes
    nonces: Iterator[int]

    @classmethod
    def open(cls, net: Devnet, core: Deployment, name: str) -> Stage:
        program, inputs = _compiled(name)
        chain = Chain(net.rpc_url, OWNER)
        registry, claims = Registry(chain, core["ModelRegistry"]), OptimisticClaims(chain, core["OptimisticClaims"])
        key = OptimisticKey.of(program, TERMS)
        chain.send(claims.register_key(program.header(), key.num_ops, key.graph_tree, key.terms))
        chain.send(registry.register(program.header(), f"{name}.program"))
        listing = registry.registration_id(chain.address, program.model_id())
        pin = RoutePin(int(Route.OPTIMISTIC), OPTIMISTIC_SELECTOR, key.digest())
        chain.send(registry.bind_key(listing, pin))
        return cls(name, net, chain, core, program, inputs, pin, listing, count())

    def claims(self, key: str) -> OptimisticClaims:
        return OptimisticClaims(Chain(self.net.rpc_url, key), self.core["OptimisticClaims"])

    def request(self) -> bytes:
        hub = Hub(self.chain, self.core["InferenceHub"])
        window, expiry = needed_window_s(self.program, TERMS), self.chain.timestamp() + 86_400
        root, pins = input_root(self.inputs), (self.pin,)
        money = (10**9, 10**9, window, expiry, 0, next(self.nonces))
        asked = Request(self.chain.address, ZERO_ADDRESS, self.registration_id, root, pins, *money)
        self.chain.send(hub.request(asked, [Tensor.from_array(t) for t in self.inputs]), value=asked.fee)
        return hub.request_id(asked)

    def claimed(self, trace: CommittedTrace) -> tuple[Claimant, Made]:
        claimant = Claimant(Chain(self.net.rpc_url, LIAR), self.core, self.program)
        return claimant, claimant.claim(self.request(), lambda _: trace)

    def truth(self) -> CommittedTrace:
        return CommittedTrace(self.program, self.inputs, trace(self.program, self.inputs))

    def lie(self, op: int) -> LyingTrace:
        return LyingTrace.of(self.program, self.inputs, op)


def run(say: Say) -> dict[str, Any]:
    # What the challenger logs of itself goes where figures do.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with Devnet() as net:
        deployed: dict[str, int] = {}
        chain = Chain(net.rpc_url, OWNER)
        core = deploy_core(chain, DEVELOPMENT_S_G2, lambda name, receipt: deployed.update({name: receipt["gasUsed"]}))
        lenet, block = (Stage.open(net, core, name) for name in ("lenet", "block128"))
        every = [(lenet, op) for op in range(len(lenet.program.ops))]
        withheld = [_withheld(stage, op, say) for stage, op in every + _one_of_each_kind(block)]
        published = [_published(stage, op, say) for stage, op in every]
        ends = _ends(lenet)
    of_lenet = [game for game in withheld if game["model"] == "lenet"]
    return {
        "deploy": {name: deployed[name] for name in ("OneStep", "OptimisticClaims")},
        "longest_game": {stage.name: longest_game(stage.program) for stage in (lenet, block)},
        "worst": {"withheld_lenet": _worst(of_lenet), "published_lenet": _worst(published)},
        "moves": _by_move(withheld + published),
        "one_step": _by_kind(withheld),
        "ends": ends,
        "withheld": withheld,
        "published": published,
    }


def _compiled(name: str) -> tuple[Program, list[Integers]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        onnx.save(models.build(name), path)
        calibration = models.calibration(name, 64)
        program, _ = compile_model(path, calibration)
    return program, [quantize_input(port, calibration[port.name][0].reshape(port.dims)) for port in program.inputs]


def _one_of_each_kind(stage: Stage) -> list[tuple[Stage, int]]:
    """The one with the most terms."""
    ops = stage.program.ops
    kinds = {type(op) for op in ops}
    return [(stage, max((term_count(op), j) for j, op in enumerate(ops) if type(op) is kind)[1]) for kind in kinds]


def _withheld(stage: Stage, op: int, say: Say) -> dict[str, Any]:
    with stage.net.undone(), tempfile.TemporaryDirectory() as folder:
        claimant, made = stage.claimed(stage.lie(op))
        save_program(stage.program, Path(folder) / f"{stage.name}.program")
        defender, named = claimant.defender(made.defended), made.defended.claim_id
        first = stage.chain.block_number() + 1
        with closing(Challenger(Chain(stage.net.rpc_url, CHALLENGER), stage.core, Path(folder))) as challenger:
            started = time.perf_counter()
            for _ in range(ROUNDS):
                challenger.once()
                if claimant.contracts.claims.claim_of(named).status is not ClaimStatus.PENDING:
                    break
                defender.once()
            seconds = time.perf_counter() - started
        return _told(stage, op, named, first, seconds, say)


def _published(stage: Stage, op: int, say: Say) -> dict[str, Any]:
    with stage.net.undone():
        false = stage.lie(op)
        _, made = stage.claimed(false)
        claims, named, salt = stage.claims(CHALLENGER), made.defended.claim_id, bytes(32)
        first = stage.chain.block_number() + 1
        started = time.perf_counter()
        commitment = commitment_hash(named, claims.chain.address, CommitmentKind.PROVE_FAULT, op, salt)
        claims.chain.send(claims.commit(named, commitment), value=TERMS.challenge_bond)
        identifier = challenge_id(named, claims.chain.address, commitment)
        proof = open_fault(false, identifier, op, salt, false.element)
        claims.chain.send(claims.prove_fault(proof))
        return _told(stage, op, named, first, time.perf_counter() - started, say)


def _told(stage: Stage, op: int, named: bytes, first: int, seconds: float, say: Say) -> dict[str, Any]:
    """A game as the chain's blocks tell it, which has to have been won."""
    claims = stage.claims(OWNER)
    status = claims.claim_of(named).status
    if status is not ClaimStatus.KILLED:
        raise AssertionError(f"the lie about op {op} of {stage.name} is {status.name}")
    moves = _transactions(claims, first)
    node = stage.program.ops[op]
    gas = sum(made["gas"] for made in moves)
    say(f"{stage.name} op {op} {type(node).__name__}: {len(moves)} transactions, {gas:,} gas, {seconds:.1f} s")
    return {
        "model": stage.name,
        "op": op,
        "kind": type(node).__name__.lower(),
        "elements": element_count(node),
        "terms": term_count(node),
        "transactions": len(moves),
        "gas": gas,
        "challenger_gas": sum(made["gas"] for made in moves if made["move"] not in DEFENDS),
        "seconds": round(seconds, 2),
        "moves": moves,
    }


def _transactions(claims: OptimisticClaims, first: int) -> list[dict[str, Any]]:
    """Every transaction from block `first` on: the function and its gas."""
    found = []
    for number in range(first, claims.chain.block_number() + 1):
        for transaction in claims.chain.web3.eth.get_block(number, full_transactions=True)["transactions"]:
            function, _ = claims.contract.decode_function_input(transaction["input"])
            receipt = claims.chain.receipt(bytes(transaction["hash"])) or {}
            found.append({"move": function.fn_name, "gas": int(receipt["gasUsed"])})
    return found


def _ends(stage: Stage) -> dict[str, int]:
    """What ends a challenge or a claim, gas; a claim and a commitment beside them."""
    gas: dict[str, int] = {}
    claims = stage.claims(CHALLENGER)

    def send(name: str, function: Any, value: int = 0) -> None:
        gas[name] = int(claims.chain.send(function, value=value)["gasUsed"])

    with stage.net.undone():
        true = stage.truth()
        _, made = stage.claimed(true)
        gas["claim"] = made.sent[-1].gas_used
        named = made.defended.claim_id
        for index in range(2):
            commitment = commitment_hash(named, claims.chain.address, CommitmentKind.OPEN, index, bytes(32))
            send("commit", claims.commit(named, commitment), TERMS.challenge_bond)
            idle = challenge_id(named, claims.chain.address, commitment)
            with stage.net.undone():
                stage.net.pass_time(TERMS.clock)
                send("timeout_of_the_challenger", claims.timeout(idle))
        opening = claims.open(idle, 1, bytes(32), true.node(0, 1), true.siblings(0, 1), true.descriptor_proof(1))
        send("open", opening)
        stage.net.pass_time(TERMS.window)
        send("timeout_of_the_defender", claims.timeout(idle))
        first = commitment_hash(named, claims.chain.address, CommitmentKind.OPEN, 0, bytes(32))
        send("settle", claims.settle(challenge_id(named, claims.chain.address, first)))
        send("withdraw", claims.withdraw(claims.credit(claims.chain.address)))
    with stage.net.undone():
        _, made = stage.claimed(stage.truth())
        stage.net.pass_time(TERMS.window)
        send("finalise", claims.finalise(made.defended.claim_id))
    return gas


def _worst(games: list[dict[str, Any]]) -> dict[str, Any]:
    return {figure: max(game[figure] for game in games) for figure in FIGURES}


def _by_move(games: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """The least and the most gas of each move in all games."""
    gas: dict[str, list[int]] = {}
    for game in games:
        for made in game["moves"]:
            gas.setdefault(made["move"], []).append(made["gas"])
    return {move: {"least": min(found), "most": max(found)} for move, found in sorted(gas.items())}


def _by_kind(games: list[dict[str, Any]]) -> dict[str, int]:
    """The most gas of a `prove` transaction, by the op that it executes."""
    most: dict[str, int] = {}
    for game in games:
        most[game["kind"]] = max(most.get(game["kind"], 0), game["moves"][-1]["gas"])
    return dict(sorted(most.items()))
