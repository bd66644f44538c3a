"""The contract and `verifier.dispute.game` side by side: every action is made on both, and they must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from dispute_games import make, wander
from dispute_table import MOVE_GAS, Table, status_of

from contracts.client.disputes import OptimisticClaims
from verifier.challenger import moves
from verifier.challenger.moves import function_of, name_of
from verifier.challenger.player import Answer
from verifier.dispute.challenges import Challenge, Reveal
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.errors import DisputeError
from verifier.dispute.game import Game
from verifier.dispute.ledger import Moment
from verifier.dispute.openings import open_fault
from verifier.dispute.rules import OVER, Move, Side, rule_at, timeout_from
from verifier.dispute.types import (
    NO_DESCRIPTOR,
    CommitmentKind,
    DescriptorProof,
    Phase,
    Position,
    commitment_hash,
    position_key,
)

GUARDIAN, CLAIMANT, CHALLENGERS = 0, 1, (2, 3, 4)
OnChain = Callable[[OptimisticClaims], Any]
InPython = Callable[[Moment, str], object]


@dataclass
class Seat:
    """A challenge as its challenger remembers it."""

    account: int
    id: bytes
    kind: CommitmentKind
    index: int
    salt: bytes


@dataclass
class Twins:
    """One claim on the chain and in Python; `made` counts actions by name and what became of them."""

    table: Table
    claimed: CommittedTrace
    rng: np.random.Generator
    seats: list[Seat] = field(default_factory=list)
    answers: dict[bytes, Answer] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    passed: set[Phase] = field(default_factory=set)
    # Each challenge and the reveal it has, as they last were on both.
    compared: dict[bytes, tuple[Challenge, Reveal | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table = self.table
        self.claim = table.claim(self.claimed, table.account(CLAIMANT))
        block = table.chain.web3.eth.get_block("latest")
        when, program = Moment(int(block["timestamp"]), int(block["number"])), self.claimed.committed
        people = (table.account(CLAIMANT).address, table.account(GUARDIAN).address)
        self.game = Game(program, table.terms, self.claimed.step_roots, self.claim.claim_id, *people, when)
        self.time = when.time + 1

    def act(self, name: str, account: int, on_chain: OnChain, in_python: InPython, value: int = 0) -> bool:
        """Makes it on both, in a block of the same time; whether it was accepted."""
        chain = self.table.account(account)
        when = self.moment()
        self.table.next_block_at(self.time)
        signed = chain.sign(on_chain(self.table.as_seen_by(chain)), value=value, gas=MOVE_GAS)
        mined = status_of(chain, chain.broadcast(signed.raw)) == 1
        code = "accepted"
        try:
            in_python(when, chain.address)
        except DisputeError as error:
            code = error.code
        assert mined == (code == "accepted"), (name, code, self.positions())
        self.made[f"{name} {'accepted' if mined else 'refused'}"] += 1
        self.time += 1
        self.compare()
        return mined

    def moment(self) -> Moment:
        """Of the block that the next action is in."""
        return Moment(self.time, self.table.chain.block_number() + 1)

    def positions(self) -> list[Position]:
        return [self.game.challenges[seat.id].at for seat in self.seats]

    def compare(self) -> None:
        """Everything that the chain shows of the claim."""
        claims, game = self.table.claims, self.game
        claim = claims.claim_of(self.claim.claim_id)
        assert (claim.status, claim.open_challenges) == (game.status, game.open_challenges)
        assert claims.burnt() == game.ledger.burnt
        assert self.table.held() == game.ledger.at_stake + sum(game.ledger.credits.values()) + game.ledger.burnt
        assert claims.paused() == (game.clock.paused_at is not None)
        for account in (CLAIMANT, *CHALLENGERS):
            address = self.table.account(account).address
            assert claims.credit(address) == game.ledger.credits[address]
        for seat in self.seats:
            now = self.game.challenges[seat.id]
            seen = (now, self.game.reveals.get(now.at))
            if self.compared.get(seat.id) != seen:
                self.compare_challenge(seat.id)
                self.compared[seat.id] = seen

    def compare_challenge(self, challenge: bytes) -> None:
        theirs, ours = self.table.claims.challenge_of(challenge), self.game.challenges[challenge]
        assert theirs.at == ours.at
        assert (theirs.turn_start, theirs.order) == (ours.turn_start, ours.order)
        clocks = (theirs.defender_clock, theirs.challenger_clock)
        assert clocks == (ours.defender_clock, ours.challenger_clock)
        if ours.at.phase in OVER:
            return
        turn = self.game.turn_of(challenge)
        ends = timeout_from(ours.at, turn, self.game.terms)
        assert self.table.claims.turn_of(challenge) == (turn.side is Side.DEFENDER, ends)
        if ours.at.phase in (Phase.SUM, Phase.STEP):
            assert (theirs.first, theirs.value) == (ours.first, ours.value)
        if ours.at.phase in (Phase.SUM, Phase.STEP) and not ours.is_whole_fold:
            assert theirs.last == ours.last

    # What anybody does.

    def commit(self, kind: CommitmentKind, index: int, *, value: int | None = None) -> None:
        account = int(self.rng.choice(CHALLENGERS))
        salt, bond = self.rng.bytes(32), self.game.terms.challenge_bond if value is None else value
        address = self.table.account(account).address
        secret = commitment_hash(self.claim.claim_id, address, kind, index, salt)
        found: list[bytes] = []

        def in_python(when: Moment, sender: str) -> None:
            found.append(self.game.commit(when, sender, secret, bond))

        if self.act("commit", account, lambda c: c.commit(self.claim.claim_id, secret), in_python, bond):
            self.seats.append(Seat(account, found[0], kind, index, salt))

    def timeout(self, seat: Seat) -> None:
        account = int(self.rng.choice(CHALLENGERS))
        self.act("timeout", account, lambda c: c.timeout(seat.id), lambda when, _: self.game.timeout(when, seat.id))

    def settle(self, seat: Seat) -> None:
        self.act("settle", seat.account, lambda c: c.settle(seat.id), lambda when, _: self.game.settle(seat.id))

    def finalise(self) -> None:
        claim = self.claim.claim_id
        self.act("finalise", GUARDIAN, lambda c: c.finalise(claim), lambda when, _: self.game.finalise(when))

    def pause(self, account: int) -> None:
        clock = self.game.clock
        if clock.paused_at is None:
            self.act("pause", account, lambda c: c.functions.pause(), clock.pause)
        else:
            self.act("unpause", account, lambda c: c.functions.unpause(), clock.unpause)

    def cancel(self, account: int) -> None:
        claim = self.claim.claim_id
        self.act("cancel", account, lambda c: c.functions.cancel(claim), lambda _, sender: self.game.cancel(sender))

    # The two sides.

    def reveal(self, seat: Seat, spoil: bool) -> bool:
        """The defender's answer, whether or not it is asked for one; `spoil` makes something of it wrong."""
        at, game, trace = self.game.challenges[seat.id].at, self.game, self.claimed
        move = rule_at(at).reveal
        body = bytes(64) if move is None else trace.reveal_body(at)
        account = CLAIMANT
        if spoil and self.rng.random() < 0.3:
            account = seat.account
        elif spoil:
            body = spoilt(body, self.rng)
        descriptor, root = trace.committed.descriptors[at.op], trace.chunk_tree(at.op).root
        on_chain: OnChain = lambda c: c.reveal(seat.id, body)  # noqa: E731
        in_python: InPython = lambda when, sender: game.reveal(when, sender, seat.id, body)  # noqa: E731
        if move is Move.REVEAL_TENSOR:
            on_chain = lambda c: c.reveal_tensor(seat.id, descriptor, root, body)  # noqa: E731
            in_python = lambda when, sender: game.reveal_tensor(when, sender, seat.id, root, body)  # noqa: E731
        elif move is Move.REVEAL_SUMS:
            on_chain = lambda c: c.reveal_sums(seat.id, descriptor, body)  # noqa: E731
            in_python = lambda when, sender: game.reveal_sums(when, sender, seat.id, body)  # noqa: E731
        revealed = self.act(str(move or Move.REVEAL), account, on_chain, in_python)
        if revealed:
            self.answers[position_key(at)] = Answer(game.reveals[at].root, body)
        return revealed

    def attack(self, seat: Seat, spoil: bool) -> bool:
        """The challenger's move, whether or not it is its turn."""
        move, account = self.planned(seat), seat.account
        if spoil and self.rng.random() < 0.3:
            account = int(self.rng.choice([a for a in (CLAIMANT, *CHALLENGERS) if a != account]))
        elif spoil:
            move = mutated(move, self.claimed, self.rng)
        return self.make(seat, move, account)

    def make(self, seat: Seat, move: moves.Move, account: int) -> bool:
        self.passed.add(self.game.challenges[seat.id].at.phase)
        return self.act(
            name_of(move),
            account,
            lambda c: function_of(c, seat.id, move),
            lambda when, sender: make(self.game, when, sender, seat.id, move),
        )

    def planned(self, seat: Seat) -> moves.Move:
        c, trace = self.game.challenges[seat.id], self.claimed
        if c.at.phase is not Phase.COMMITTED:
            if rule_at(c.at).reveal is None or position_key(c.at) in self.answers:
                return wander(c, trace, self.answers, self.rng)
            return moves.PickNode(c.at.index, c.node, (), NO_DESCRIPTOR)  # nothing is revealed yet
        if seat.kind is CommitmentKind.PROVE_FAULT:
            element = int(self.rng.integers(trace.made[seat.index].size))
            return moves.ProveFault(open_fault(trace, seat.id, seat.index, seat.salt, element))
        height = trace.top_height
        named = trace.descriptor_proof(seat.index) if height == 0 else NO_DESCRIPTOR
        node, siblings = trace.node(height, seat.index), trace.siblings(height, seat.index)
        return moves.Open(seat.index, seat.salt, node, siblings, named)


def spoilt(body: bytes, rng: np.random.Generator) -> bytes:
    """One bit or the length of it changed."""
    if not body or rng.random() < 0.3:
        return body + bytes(int(rng.choice([1, 16, 32])))
    changed = bytearray(body)
    changed[int(rng.integers(len(body)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def mutated(move: moves.Move, trace: CommittedTrace, rng: np.random.Generator) -> moves.Move:
    """The move with one of its fields changed."""
    if isinstance(move, moves.ProveFault):
        names = ("op", "salt", "trace_path", "element", "chunk", "chunk_path", "openings")
        name = str(rng.choice(names))
        return replace(move, proof=replace(move.proof, **{name: _changed(getattr(move.proof, name), trace, rng)}))
    # The game knows an op once it was named; a step's descriptor is only the contract's to check.
    names = tuple(f.name for f in fields(move) if not (isinstance(move, moves.Prove) and f.name == "descriptor"))
    name = str(rng.choice(names))
    return replace(move, **{name: _changed(getattr(move, name), trace, rng)})


def _changed(value: Any, trace: CommittedTrace, rng: np.random.Generator) -> Any:
    if isinstance(value, int):
        return value + 1 if value == 0 or rng.random() < 0.5 else value - 1
    if isinstance(value, bytes):
        changed = bytearray(value)
        changed[int(rng.integers(len(value)))] ^= 1
        return bytes(changed)
    if isinstance(value, DescriptorProof):
        return trace.descriptor_proof(int(rng.integers(len(trace.program.ops))))
    if value and rng.random() < 0.5:
        return value[:-1]
    return (*value, value[-1] if value else bytes(32))
