"""Plays disputes on a local chain, move by move: an honest challenger, and defenders of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
from dispute_model import ending, false_sums
from optimistic_market import Market
from web3.types import RPCEndpoint

from circuits.errors import EnvironmentFailure
from circuits.lower.optimistic import accumulators
from contracts.client.chain import Chain
from contracts.client.devnet import DEV_KEYS
from contracts.client.dispute_types import Challenge
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub
from contracts.client.types import Request, Tensor
from verifier.challenger.moves import function_of, name_of
from verifier.challenger.player import Answer, Board, next_move, wrong_top_node
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_fault
from verifier.dispute.reveals import encode_sums
from verifier.dispute.rules import OVER, Move, rule_at
from verifier.dispute.types import (
    CommitmentKind,
    DisputeTerms,
    Phase,
    challenge_id,
    commitment_hash,
    position_key,
)

Integers = npt.NDArray[np.int64]

MOVE_GAS = 3_000_000  # for moves that are sent although they may be refused; nothing may need as much
MOVE_CEILING, STEP_CEILING = 300_000, 1_500_000  # of one transaction's gas, as issue 4 wants it
EXECUTES = ("prove", "proveFault")
FUNDS = 10**22


def rpc(chain: Chain, method: str, *arguments: Any) -> Any:
    answer = chain.web3.provider.make_request(RPCEndpoint(method), list(arguments))
    assert "error" not in answer, (method, answer)
    return answer["result"]


def error_of(send: Callable[[], object]) -> str:
    """The name of the custom error that the contract refuses with; fails if it does not."""
    try:
        send()
    except EnvironmentFailure as failure:
        assert failure.code == "transaction_reverted", failure
        return str(failure.details.get("error", failure.message))
    raise AssertionError("the contract accepted it")


@dataclass(frozen=True)
class Claimed:
    """A claim on the chain, by its maker's own trace."""

    claim_id: bytes
    request: Request
    trace: CommittedTrace
    claimant: Chain


class Table:
    """A market whose contract games are played at. Accounts: 0 owner and guardian, 1 claimant, 2 challenger, any more."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.chain = market.chain
        self.hub = Hub(self.chain, market.deployment["InferenceHub"])
        self.claims = OptimisticClaims(self.chain, market.deployment["OptimisticClaims"])
        self._accounts: dict[int, Chain] = {}
        self._nonces = count(1)

    @property
    def terms(self) -> DisputeTerms:
        return self.market.key.terms

    def account(self, number: int) -> Chain:
        """An account with money."""
        if number not in self._accounts:
            key = DEV_KEYS[number] if number < len(DEV_KEYS) else "0x" + (10_000 + number).to_bytes(32, "big").hex()
            chain = Chain(self.chain.rpc_url, key)
            rpc(self.chain, "anvil_setBalance", chain.address, hex(FUNDS))
            self._accounts[number] = chain
        return self._accounts[number]

    def as_seen_by(self, chain: Chain) -> OptimisticClaims:
        return OptimisticClaims(chain, self.claims.address)

    def assigned(self, inputs: Sequence[Integers], claimant: Chain) -> Request:
        """A new request for these inputs, assigned to the claimant."""
        request_id = self.market.request(list(inputs), nonce=next(self._nonces))
        (event,) = self.hub.requested_events(0, self.chain.block_number(), request_id)
        claimant.send(Hub(claimant, self.hub.address).assign(event.request), value=self.hub.bond(event.request))
        return event.request

    def claim(self, trace: CommittedTrace, claimant: Chain | None = None, locator: str = "") -> Claimed:
        """What this trace says of a new request."""
        claimant = claimant or self.account(1)
        request = self.assigned(trace.inputs, claimant)
        before = self.chain.block_number()
        function = self.as_seen_by(claimant).claim(request, outputs_of(trace), trace.top, trace.output_paths, locator)
        claimant.send(function, value=self.terms.claim_bond)
        found = self.claims.events(before, self.chain.block_number())
        return Claimed(found[-1].claim_id, request, trace, claimant)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever happens to the chain inside is undone after it."""
        state = rpc(self.chain, "evm_snapshot")
        try:
            yield
        finally:
            assert rpc(self.chain, "evm_revert", state)

    def next_block_at(self, time: int) -> None:
        rpc(self.chain, "evm_setNextBlockTimestamp", time)

    def wait(self, seconds: int) -> None:
        """A block that many seconds after the newest one."""
        self.next_block_at(self.chain.timestamp() + seconds)
        rpc(self.chain, "evm_mine")

    def held(self) -> int:
        """Wei in the contract."""
        return self.chain.balance(self.claims.address)


def outputs_of(trace: CommittedTrace) -> list[Tensor]:
    return [Tensor.from_array(trace.made[output.ref.index]) for output in trace.program.outputs]


@dataclass(frozen=True)
class Played:
    """A transaction of a game."""

    move: str
    side: str
    gas: int


def require_ceilings(played: Sequence[Played]) -> None:
    for made in played:
        assert made.gas <= (STEP_CEILING if made.move in EXECUTES else MOVE_CEILING), made


def gas_of(played: Sequence[Played], side: str = "") -> int:
    return sum(made.gas for made in played if side in ("", made.side))


Defence = Callable[["Game", Challenge], tuple[Any, Answer]]


@dataclass
class Game:
    """One challenge of a claim: `truth` is the challenger's own run, `defence` what the claimant does at its turns."""

    table: Table
    claimed: Claimed
    truth: CommittedTrace
    challenger: Chain
    defence: Defence = field(default_factory=lambda: defend)
    salt: bytes = bytes(32)
    played: list[Played] = field(default_factory=list)
    answers: dict[bytes, Answer] = field(default_factory=dict)

    @cached_property
    def index(self) -> int:
        """Which node of the top the challenger names."""
        return wrong_top_node(self.claimed.trace.top, self.truth)

    @property
    def moves(self) -> OptimisticClaims:
        return self.table.as_seen_by(self.challenger)

    def commitment(self, kind: CommitmentKind, index: int) -> bytes:
        return commitment_hash(self.claimed.claim_id, self.challenger.address, kind, index, self.salt)

    @cached_property
    def challenge_id(self) -> bytes:
        commitment = self.commitment(CommitmentKind.OPEN, self.index)
        return challenge_id(self.claimed.claim_id, self.challenger.address, commitment)

    @property
    def challenge(self) -> Challenge:
        return self.table.claims.challenge_of(self.challenge_id)

    def make(self, move: str, side: str, chain: Chain, function: Any, value: int = 0) -> None:
        receipt = chain.send(function, value=value)
        self.played.append(Played(move, side, int(receipt["gasUsed"])))

    def commit(self) -> None:
        function = self.moves.commit(self.claimed.claim_id, self.commitment(CommitmentKind.OPEN, self.index))
        self.make("commit", "challenger", self.challenger, function, self.table.terms.challenge_bond)

    def challengers_function(self) -> tuple[str, Any]:
        """What an honest challenger would call now."""
        board = Board(self.challenge_id, self.challenge, self.claimed.trace.top, self.answers)
        move = next_move(board, self.truth, self.salt, self.index)
        assert move is not None, "it is the defender's turn"
        return name_of(move), function_of(self.moves, self.challenge_id, move)

    def prove_published(self, op: int, element: int) -> None:
        """Path A, over the claim's own trace: commits to the op, then shows the element and all that it is made of."""
        commitment = self.commitment(CommitmentKind.PROVE_FAULT, op)
        bond, named = self.table.terms.challenge_bond, self.claimed.claim_id
        self.make("commit", "challenger", self.challenger, self.moves.commit(named, commitment), bond)
        identifier = challenge_id(named, self.challenger.address, commitment)
        proof = open_fault(self.claimed.trace, identifier, op, self.salt, element)
        self.make("proveFault", "challenger", self.challenger, self.moves.prove_fault(proof))

    def step(self) -> None:
        """One move of whoever's turn it is."""
        challenge = self.challenge
        revealed = position_key(challenge.at) in self.answers
        if rule_at(challenge.at).turn(revealed) == "challenger":
            name, function = self.challengers_function()
            self.make(name, "challenger", self.challenger, function)
            return
        function, answer = self.defence(self, challenge)
        self.make(str(rule_at(challenge.at).reveal), "defender", self.claimed.claimant, function)
        self.answers[position_key(challenge.at)] = answer

    def play(self, until: Callable[[Challenge], bool] = lambda challenge: False) -> Challenge:
        """Moves until the challenge is over, or stands where `until` says."""
        while True:
            challenge = self.challenge
            if challenge.at.phase in OVER or until(challenge):
                return challenge
            self.step()


def defend(game: Game, challenge: Challenge) -> tuple[Any, Answer]:
    """Reveals what the claimant's trace holds, and of a false element sums that finish at it."""
    trace, at = game.claimed.trace, challenge.at
    body = encode_sums(sums_for(trace, challenge)) if at.phase is Phase.SUM else trace.reveal_body(at)
    return reveal_function(game, challenge, body)


def sums_for(trace: CommittedTrace, challenge: Challenge) -> list[int]:
    at, op, operands = challenge.at, trace.op(challenge.at.op), trace.operands(challenge.at.op)
    last = challenge.last
    if (at.lo, at.hi) == (0, challenge.terms):
        last = accumulators(op, operands, at.element, at.lo, at.hi)[-1]
        if int(trace.made[at.op].reshape(-1)[at.element]) != challenge.value:
            raise ValueError("the claimed element is not the trace's")
        last = ending(op, challenge.value, last)
    return false_sums(op, operands, at.element, at.lo, at.hi, challenge.first, last)


def reveal_function(game: Game, challenge: Challenge, body: bytes) -> tuple[Any, Answer]:
    """The reveal of `body`, as the claimant's call."""
    trace, at, named = game.claimed.trace, challenge.at, game.challenge_id
    claims = game.table.as_seen_by(game.claimed.claimant)
    move = rule_at(at).reveal
    if move is Move.REVEAL_TENSOR:
        root = trace.chunk_tree(at.op).root
        return claims.reveal_tensor(named, trace.committed.descriptors[at.op], root, body), Answer(root, body)
    if move is Move.REVEAL_SUMS:
        return claims.reveal_sums(named, trace.committed.descriptors[at.op], body), Answer(b"", body)
    return claims.reveal(named, body), Answer(b"", body)
