"""Whole games on `verifier.dispute.game`: a liar's claim, and the real challenger's player against it.

`Duel` plays path B: the liar answers everything that it can, and bends its sums so that they pass. What it cannot
answer it leaves, and loses by timeout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from circuits.lower.optimistic import chunk_count, finish
from circuits.program.graph import Program
from circuits.program.interpreter import evaluate_op, trace
from circuits.program.ops import Argmax, Op, ReduceSum
from circuits.program.ops.base import Accumulating
from circuits.program.refs import Ref, Source
from circuits.statement import leaf
from verifier.challenger import moves
from verifier.challenger.player import Answer, Board, next_move, wrong_top_node
from verifier.dispute.challenges import Challenge
from verifier.dispute.commitment import CommittedProgram, CommittedTrace
from verifier.dispute.errors import DisputeError
from verifier.dispute.game import Game
from verifier.dispute.ledger import Moment
from verifier.dispute.openings import open_terms
from verifier.dispute.reveals import encode_sums, read_reveal
from verifier.dispute.rules import OVER, Move, Side, Turn, revealed_height, rule_at
from verifier.dispute.tree import Tree
from verifier.dispute.types import (
    NO_DESCRIPTOR,
    CommitmentKind,
    DisputeTerms,
    Phase,
    Position,
    StepRoots,
    claim_id,
    commitment_hash,
    position_key,
)

Integers = npt.NDArray[np.int64]
# The challenge and the true accumulators -> what the liar says they are.
Bend = Callable[[Challenge, list[int]], list[int]]

TERMS = DisputeTerms(10**18, 10**16, window=1000, prove_time=300, clock=400, extension=60)
CLAIMANT, CHALLENGER, SYBIL, GUARDIAN = ("0x" + f"{i:02x}" * 20 for i in (0xC1, 0xCA, 0x5B, 0x6A))
CLAIM_ID = claim_id(31337, "0x" + "0c" * 20, b"\1" * 32, b"\2" * 32, b"\3" * 32, b"\4" * 32, CLAIMANT)
SALT = b"\7" * 32


def refusal(act: Callable[[], object]) -> str:
    """The code that it is refused with; fails if it is not."""
    with pytest.raises(DisputeError) as refused:
        act()
    return refused.value.code


def new_game(claimed: CommittedTrace, terms: DisputeTerms = TERMS, roots: StepRoots | None = None) -> Game:
    """A claim of this trace, made at second 0 of block 1."""
    start = Moment(0, 1)
    return Game(claimed.committed, terms, roots or claimed.step_roots, CLAIM_ID, CLAIMANT, GUARDIAN, start)


def corrupted(made: Sequence[Integers], op: int, element: int, value: int) -> list[Integers]:
    """The same outputs but for one element."""
    false = [tensor.copy() for tensor in made]
    false[op].reshape(-1)[element] = value
    return false


def another_value(op: Op, true: int) -> int:
    """One that fits the op's bits and that its fold can finish at."""
    for value in (true + 1, true - 1, 0, 1):
        fits = -(2 ** (op.bits - 1)) <= value < 2 ** (op.bits - 1)
        if value != true and fits and ending(op, value) is not None:
            return value
    raise AssertionError(f"no other value for {op}")


def ending(op: Op, element: int) -> int | None:
    """An accumulator that finishes at the element, if there is one that is easily found."""
    if isinstance(op, Argmax):
        return -element
    tried = element << op.shift if isinstance(op, Accumulating) else element
    tried = tried // op.multiplier if isinstance(op, ReduceSum) and op.multiplier else tried
    return tried if finish(op, tried) == element else None


def bent_at_the_end(c: Challenge, true: list[int]) -> list[int]:
    """The first accumulators are true, the last is what it has to be."""
    last = c.last
    if c.is_whole_fold and c.op is not None:
        found = ending(c.op, c.value)
        last = true[-1] if found is None else found
    return [*true[:-1], last]


def bent_in_the_middle(c: Challenge, true: list[int]) -> list[int]:
    """From the middle on every accumulator is the last one, as it has to be, or near it."""
    bent, half = bent_at_the_end(c, true), max(1, len(true) // 2)
    return [*true[:half], *[bent[-1] + i for i in range(len(true) - half - 1, 0, -1)], bent[-1]]


@dataclass
class Duel:
    """One challenger's game against a liar's claim; `played` says what was moved, in order."""

    game: Game
    mine: CommittedTrace
    claimed: CommittedTrace
    bend: Bend = bent_at_the_end
    challenger: str = CHALLENGER
    salt: bytes = SALT
    time: int = 10
    block: int = 10
    answers: dict[bytes, Answer] = field(default_factory=dict)
    played: list[str] = field(default_factory=list)
    visited: list[Position] = field(default_factory=list)

    index: int | None = None  # of the top's node; the first that differs unless it is given

    def __post_init__(self) -> None:
        if self.index is None:
            self.index = wrong_top_node(self.claimed.top, self.mine)
        commitment = commitment_hash(CLAIM_ID, self.challenger, CommitmentKind.OPEN, self.index, self.salt)
        value = self.game.terms.challenge_bond
        self.id = self.game.commit(self.tick(), self.challenger, commitment, value)
        self.played.append("commit")

    def tick(self, seconds: int = 1) -> Moment:
        self.time, self.block = self.time + seconds, self.block + 1
        return Moment(self.time, self.block)

    @property
    def challenge(self) -> Challenge:
        return self.game.challenges[self.id]

    @property
    def turn(self) -> Turn:
        return self.game.turn_of(self.id)

    def defend(self) -> bool:
        """The liar's move; False if it has none."""
        c, at = self.challenge, self.challenge.at
        move, body = rule_at(at).reveal, self.body(c)
        try:
            if move is Move.REVEAL_TENSOR:
                root = self.claimed.chunk_tree(at.op).root
                self.game.reveal_tensor(self.tick(), CLAIMANT, self.id, root, body)
            elif move is Move.REVEAL_SUMS:
                self.game.reveal_sums(self.tick(), CLAIMANT, self.id, body)
            else:
                self.game.reveal(self.tick(), CLAIMANT, self.id, body)
        except DisputeError as error:
            self.played.append(error.code)
            return False
        self.answers[position_key(at)] = Answer(self.game.reveals[at].root, body)
        self.played.append(str(move))
        return True

    def body(self, c: Challenge) -> bytes:
        body = self.claimed.reveal_body(c.at)
        if c.at.phase is not Phase.SUM:
            return body
        true = [int.from_bytes(body[i : i + 16], "big", signed=True) for i in range(0, len(body), 16)]
        return encode_sums(self.bend(c, true))

    def attack(self) -> None:
        """The honest challenger's move."""
        assert self.index is not None
        board = Board(self.id, self.challenge, self.claimed.top, self.answers)
        move = next_move(board, self.mine, self.salt, self.index)
        assert move is not None
        self.make(move)

    def make(self, move: moves.Move) -> None:
        make(self.game, self.tick(), self.challenger, self.id, move)
        self.played.append(moves.name_of(move))

    def step(self) -> bool:
        """One move of whoever's turn it is; False once the challenge is over."""
        at, turn = self.challenge.at, self.turn
        if at not in self.visited:
            self.visited.append(at)
        if turn.side is Side.CHALLENGER:
            self.attack()
        elif not self.defend():
            self.game.timeout(self.tick(turn.deadline - self.time), self.id)
            self.played.append("timeout")
        return self.challenge.at.phase not in OVER

    def until(self, stop: Callable[[Position], bool]) -> Duel:
        """Plays on until the challenge is at such a position."""
        while not stop(self.challenge.at):
            assert self.step()
        return self

    def play(self) -> Duel:
        while self.step():
            pass
        return self


def make(game: Game, when: Moment, sender: str, challenge: bytes, move: moves.Move) -> None:
    """A challenger's move, made in the game."""
    here = (when, sender, challenge)
    match move:
        case moves.Open(index, salt, node, siblings, descriptor):
            game.open(*here, index, salt, node, siblings, descriptor)
        case moves.PickNode(index, node, siblings, descriptor):
            game.pick_node(*here, index, node, siblings, descriptor)
        case moves.PickElement(element, chunk, siblings):
            game.pick_element(*here, element, chunk, siblings)
        case moves.PickRange(index, first, last, siblings):
            game.pick_range(*here, index, first, last, siblings)
        case moves.Prove(_, openings):
            game.prove(*here, openings)
        case moves.ProveFault(proof):
            game.prove_fault(when, sender, proof)
        case _:
            raise AssertionError(move)


def honest(program: Program, inputs: Sequence[Integers]) -> CommittedTrace:
    return CommittedTrace(CommittedProgram(program), inputs, trace(program, list(inputs)))


def lie(mine: CommittedTrace, op: int, element: int, value: int | None = None) -> CommittedTrace:
    """A claim with one false element, and everything after it as it was."""
    if value is None:
        value = another_value(mine.op(op), int(mine.made[op].reshape(-1)[element]))
    return CommittedTrace(mine.committed, mine.inputs, corrupted(list(mine.made), op, element, value))


def propagated(mine: CommittedTrace, op: int, element: int) -> CommittedTrace:
    """A claim with one false element and everything after it computed from it, as a careful liar would."""
    false = lie(mine, op, element)
    made = list(false.made)
    for later in range(op + 1, len(made)):
        current = CommittedTrace(mine.committed, mine.inputs, made)
        made[later] = evaluate_op(mine.op(later), current.operands(later))
    return CommittedTrace(mine.committed, mine.inputs, made)


class BadlyPadded(CommittedTrace):
    """A claim whose op number `BadlyPadded.op` has a last chunk that does not end in zeros."""

    op = 4

    def chunks(self, ref: Ref, first: int, stop: int) -> bytes:
        true = super().chunks(ref, first, stop)
        last = chunk_count(self.tensor(ref).size) - 1
        return true[:-1] + b"\1" if ref == Ref(Source.OP, self.op) and first <= last < stop else true

    def tree(self, ref: Ref) -> Tree:
        if ref != Ref(Source.OP, self.op):
            return super().tree(ref)
        each = range(chunk_count(self.tensor(ref).size))
        return Tree.of(leaf(self.chunks(ref, n, n + 1)) for n in each)


def wander(
    c: Challenge, trace: CommittedTrace, answers: Mapping[bytes, Answer], rng: np.random.Generator
) -> moves.Move:
    """Any legal pick in a claim of this trace, drawn at random; at a step, an honest proof."""
    at = c.at
    if at.phase is Phase.STEP:
        openings = open_terms(trace, at.op, at.element, at.lo, at.hi)
        return moves.Prove(trace.committed.descriptors[at.op], openings)
    revealed = read_reveal(at, answers[position_key(at)].body, c.size)
    if at.phase is Phase.SUM:
        picked = int(rng.integers(len(revealed.sums) - 1))
        return moves.PickRange(picked, *revealed.sums[picked : picked + 2], revealed.siblings(picked))
    if revealed.chunks:
        most = min(64 * (revealed.first + len(revealed.chunks)), trace.made[at.op].size)
        element = int(rng.integers(64 * revealed.first, most))
        chunk = revealed.chunks[element // 64 - revealed.first]
        return moves.PickElement(element, chunk, revealed.siblings(element // 64))
    in_trace = at.phase is Phase.TRACE and not at.is_leaf
    below = revealed_height(at, 0 if c.size is None else c.size.height)
    leaves = len(trace.program.ops) if in_trace or c.size is None else c.size.chunks
    most = min(revealed.first + len(revealed.nodes), ((leaves - 1) >> below) + 1)
    picked = int(rng.integers(revealed.first, most))
    named = trace.descriptor_proof(picked) if in_trace and below == 0 else NO_DESCRIPTOR
    return moves.PickNode(picked, revealed.nodes[picked - revealed.first], revealed.siblings(picked), named)
