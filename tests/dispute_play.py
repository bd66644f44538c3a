"""Plays disputes on a local chain, move by move: an honest challenger, and defenders of any kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dispute_model import ending, false_sums
from dispute_table import Claimed, Table
from dispute_walk import Target, pick_toward

from circuits.lower.optimistic import accumulators, finish
from contracts.client.chain import Chain
from contracts.client.dispute_types import Challenge
from contracts.client.disputes import OptimisticClaims
from verifier.challenger.moves import Move as ChallengersMove
from verifier.challenger.moves import function_of, name_of
from verifier.challenger.player import Answer, Board, next_move, wrong_top_node
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_fault
from verifier.dispute.reveals import encode_sums
from verifier.dispute.rules import OVER, Move, rule_at
from verifier.dispute.types import (
    CommitmentKind,
    Phase,
    challenge_id,
    commitment_hash,
    position_key,
)

MOVE_CEILING, STEP_CEILING = 300_000, 1_500_000  # of one transaction's gas, as issue 4 wants it
EXECUTES = ("prove", "proveFault")


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
    target: Target | None = None  # where to walk to; the first place that differs from `truth` if none is given
    played: list[Played] = field(default_factory=list)
    answers: dict[bytes, Answer] = field(default_factory=dict)

    @cached_property
    def index(self) -> int:
        """Which node of the top the challenger names."""
        if self.target is not None:
            return self.target.op >> self.truth.top_height
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
        """What the challenger would call now."""
        move = self.challengers_move()
        return name_of(move), function_of(self.moves, self.challenge_id, move)

    def challengers_move(self) -> ChallengersMove:
        challenge = self.challenge
        if self.target is not None:
            answer = self.answers.get(position_key(challenge.at))
            return pick_toward(self.target, self.claimed.trace, challenge.at, self.salt, answer.body if answer else b"")
        board = Board(self.challenge_id, challenge, self.claimed.trace.top, self.answers)
        move = next_move(board, self.truth, self.salt, self.index)
        assert move is not None, "it is the defender's turn"
        return move

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
    """The true accumulators where they end right, and else a lie that does."""
    at, op, operands = challenge.at, trace.op(challenge.at.op), trace.operands(challenge.at.op)
    last = challenge.last
    if (at.lo, at.hi) == (0, challenge.terms):
        last = accumulators(op, operands, at.element, at.lo, at.hi)[-1]
        if finish(op, last) != challenge.value:
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


def walked(table: Table, trace: CommittedTrace, to: Target, phase: Phase, *, at_leaf: bool = False) -> Game:
    """A new claim, and a challenge that was walked toward the target until a position of this phase."""
    game = Game(table, table.claim(trace), trace, table.account(2), target=to)
    game.commit()
    game.play(until=lambda c: (c.at.phase, c.at.is_leaf) == (phase, at_leaf))
    return game
