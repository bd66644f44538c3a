"""What tests of the optimistic route share: a deployment, a program of every depth of a dispute, a request for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from halo2_programs import dense, program, relu, values

from circuits.execute import Executor
from circuits.lower.optimistic import accumulators
from circuits.program.graph import Program
from circuits.program.ops import Linear
from circuits.program.refs import AffineMap
from circuits.statement import Route, input_root, keccak256
from contracts.client.chain import Chain
from contracts.client.deploy import OPTIMISTIC_SELECTOR, deploy_core
from contracts.client.deployment import Deployment
from contracts.client.devnet import DEV_KEYS, Devnet, ask
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub
from contracts.client.registry import Registry
from contracts.client.types import ZERO_ADDRESS, Request, RoutePin, Tensor
from prover.optimistic.claim import Contracts, needed_window_s
from prover.optimistic.key import OptimisticKey
from tests.programs import X, made
from verifier.dispute.commitment import CommittedTrace, encode_sums
from verifier.dispute.openings import open_terms
from verifier.dispute.rules import CHUNK_ELEMENTS, Move, pick_at, revealed_height
from verifier.dispute.tree import Tree
from verifier.dispute.types import (
    NO_DESCRIPTOR,
    CommitmentKind,
    DisputeTerms,
    Phase,
    Position,
    challenge_id,
    commitment_hash,
)
from verifier.srs import DEVELOPMENT_S_G2

Integers = npt.NDArray[np.int64]

TERMS = DisputeTerms(claim_bond=10**18, challenge_bond=10**17, window=600, prove_time=300, clock=400, extension=60)
FEE = 10**15


def deep_program(tail: int = 33) -> Program:
    """40 -> 1200 -> 3: sums of 41 and 1,201 terms, 38 chunks, and more ops than the top of a trace tree shows."""
    rng = np.random.default_rng(5)
    constants = [
        values("w1", rng.integers(-99, 99, (1200, 40))),
        values("b1", rng.integers(-(2**20), 2**20, (1200,)), 8),
        values("w2", rng.integers(-99, 99, (3, 1200))),
        values("b2", rng.integers(-(2**20), 2**20, (3,)), 8),
        values("zero", np.zeros(1)),
    ]
    ops = [
        dense(X, 0, 1, 40, 1200, shift=9),
        relu(made(0), 4, (1, 1200)),
        dense(made(1), 2, 3, 1200, 3, shift=14),
    ]
    same = (AffineMap.identity((1, 3)),)
    ops += [Linear((made(2 + i),), same, (1, 3), (), 16, 0, 0, False, (1,)) for i in range(tail)]
    return program(ops, constants, (1, 40))


def an_input(of: Program, seed: int = 0) -> list[Integers]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-100, 100, port.dims).astype(np.int64) for port in of.inputs]


def honest_trace(of: Program, inputs: list[Integers]) -> CommittedTrace:
    return CommittedTrace(of, inputs, Executor(of).trace(inputs))


@dataclass(frozen=True)
class Market:
    """A registered program on a chain. `chain` is the owner's and requester's account."""

    chain: Chain
    deployment: Deployment
    program: Program
    key: OptimisticKey
    registration_id: bytes

    @classmethod
    def open(cls, chain: Chain, deployment: Deployment, of: Program, terms: DisputeTerms = TERMS) -> Market:
        claims = OptimisticClaims(chain, deployment["OptimisticClaims"])
        registry = Registry(chain, deployment["ModelRegistry"])
        key = OptimisticKey.of(of, terms)
        chain.send(claims.register_key(of.header(), key.num_ops, key.graph_tree, key.terms))
        chain.send(registry.register(of.header(), ""))
        listing = registry.registration_id(chain.address, of.model_id())
        pin = RoutePin(int(Route.OPTIMISTIC), OPTIMISTIC_SELECTOR, key.digest())
        chain.send(registry.bind_key(listing, pin))
        return cls(chain, deployment, of, key, listing)

    def contracts(self, chain: Chain) -> Contracts:
        """As another account sees them."""
        names = ("OptimisticClaims", "InferenceHub", "ModelRegistry")
        claims, hub, registry = (self.deployment[name] for name in names)
        return Contracts(OptimisticClaims(chain, claims), Hub(chain, hub), Registry(chain, registry))

    def request(self, inputs: list[Integers], *, nonce: int, window: int | None = None) -> bytes:
        """Opens a request of this route; its id."""
        hub = self.contracts(self.chain).hub
        asked = Request(
            requester=self.chain.address,
            payer=ZERO_ADDRESS,
            registration_id=self.registration_id,
            input_root=input_root(inputs),
            routes=(RoutePin(int(Route.OPTIMISTIC), OPTIMISTIC_SELECTOR, self.key.digest()),),
            fee=FEE,
            bond=FEE,
            prove_window=needed_window_s(self.program, self.key.terms) if window is None else window,
            expiry=self.chain.timestamp() + 86_400,
            callback_gas=0,
            nonce=nonce,
        )
        self.chain.send(hub.request(asked, [Tensor.from_array(tensor) for tensor in inputs]), value=FEE)
        return hub.request_id(asked)


@contextmanager
def running_market(of: Program) -> Iterator[Market]:
    """A local chain of its own, with the contracts and the program on it."""
    with Devnet() as net:
        chain = Chain(net.rpc_url, DEV_KEYS[0])
        yield Market.open(chain, deploy_core(chain, DEVELOPMENT_S_G2), of)


class Stubborn:
    """Challenges a correct claim all the way down to one element, with moves that are all legal."""

    def __init__(self, market: Market, key: str, trace: CommittedTrace, claim: bytes, op: int, element: int) -> None:
        self.chain = Chain(market.chain.rpc_url, key)
        self.claims = market.contracts(self.chain).claims
        self.trace, self.claim, self.op, self.element = trace, claim, op, element
        self.salt = keccak256(f"{self.chain.address}{op}{element}".encode())
        self.first = op >> trace.top_height
        self.challenge = bytes(32)

    def commit(self) -> None:
        secret = commitment_hash(self.claim, self.chain.address, CommitmentKind.OPEN, self.first, self.salt)
        self.challenge = challenge_id(self.claim, self.chain.address, secret)
        self.chain.send(self.claims.commit(self.claim, secret), value=TERMS.challenge_bond)

    @property
    def at(self) -> Position:
        return self.claims.challenge_of(self.challenge).at

    def move(self) -> None:
        """Its next move; raises what the contract says."""
        self.chain.send(self._function(self.at))

    def _function(self, at: Position) -> Any:
        if at.phase is Phase.COMMITTED:
            return self._open()
        if at.phase is Phase.TRACE and not at.is_leaf:
            return self._pick_node(self.trace.trace, at.height, revealed_height(at), self.op)
        if at.phase is Phase.SUM:
            return self._pick_range(at)
        if at.phase is Phase.STEP:
            openings = open_terms(self.trace, at.op, at.element, at.lo, at.hi)
            return self.claims.prove(self.challenge, self.trace.committed.descriptors[at.op], openings)
        tree = self.trace.chunk_tree(self.op)
        height, chunk = tree.height if at.is_leaf else at.height, self.element // CHUNK_ELEMENTS
        if pick_at(at, self.trace.size_of(self.op)) is Move.PICK_NODE:
            return self._pick_node(tree, height, revealed_height(at, tree.height), chunk)
        shown = self.trace.chunks(made(self.op), chunk, chunk + 1)
        return self.claims.pick_element(self.challenge, self.element, shown, tree.siblings(0, chunk, height))

    def _open(self) -> Any:
        height = self.trace.top_height
        shown = self.trace.descriptor_proof(self.op) if height == 0 else NO_DESCRIPTOR
        node, siblings = self.trace.node(height, self.first), self.trace.siblings(height, self.first)
        return self.claims.open(self.challenge, self.first, self.salt, node, siblings, shown)

    def _pick_node(self, tree: Tree, height: int, below: int, leaf: int) -> Any:
        names_op = tree is self.trace.trace and below == 0
        index, shown = leaf >> below, self.trace.descriptor_proof(self.op) if names_op else NO_DESCRIPTOR
        siblings = tree.siblings(below, index, height)
        return self.claims.pick_node(self.challenge, index, tree.node(below, index), siblings, shown)

    def _pick_range(self, at: Position) -> Any:
        op = self.trace.program.ops[at.op]
        sums = accumulators(op, self.trace.operands(at.op), at.element, at.lo, at.hi)
        tree = Tree.of(encode_sums(pair) for pair in pairwise(sums))
        last = len(sums) - 2
        return self.claims.pick_range(self.challenge, last, sums[last], sums[last + 1], tree.siblings(0, last))


def let_pass(chain: Chain, seconds: int) -> None:
    """Time passes, with a block at its end."""
    ask(chain, "evm_increaseTime", seconds)
    ask(chain, "evm_mine")
