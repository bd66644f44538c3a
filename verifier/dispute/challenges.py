"""Commitments, turns, clocks and ends of the challenges of one claim (docs/protocol/optimistic.md sections 3 to 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from circuits.program.ops import Op
from verifier.dispute.commitment import CommittedProgram
from verifier.dispute.errors import DisputeError
from verifier.dispute.ledger import GameClock, Ledger, Moment
from verifier.dispute.rules import (
    OVER,
    Move,
    OpSize,
    Side,
    Turn,
    clock_after,
    pick_at,
    prize,
    rule_at,
    timeout_from,
    turn_at,
)
from verifier.dispute.types import (
    ClaimStatus,
    CommitmentKind,
    DisputeTerms,
    Phase,
    Position,
    StepRoots,
    challenge_id,
    commitment_hash,
)


@dataclass(frozen=True)
class Challenge:
    """The contract's struct; the op itself stands for its descriptor's leaf."""

    at: Position
    challenger: str
    commitment: bytes
    block: int  # of the commitment
    order: int  # among the claim's commitments
    turn_start: int  # game time
    defender_clock: int  # seconds left
    challenger_clock: int
    node: bytes = b""
    op: Op | None = None  # once a leaf of the trace was picked
    value: int = 0  # the element's, as committed
    first: int = 0  # the accumulator before at.lo
    last: int = 0  # after at.hi, unless the fold is whole

    @property
    def size(self) -> OpSize | None:
        return None if self.op is None else OpSize.of(self.op)

    @property
    def is_whole_fold(self) -> bool:
        return self.size is not None and (self.at.lo, self.at.hi) == (0, self.size.terms)


@dataclass(frozen=True)
class Reveal:
    """What the claimant revealed at a position, for all challenges: when, and the root that picks are shown under."""

    at: int  # game time
    root: bytes


class Challenges:
    """`claim` was made at `when`, and its bond paid. The roots are the claim's, `program` and `terms` the key's."""

    def __init__(
        self,
        program: CommittedProgram,
        terms: DisputeTerms,
        roots: StepRoots,
        claim_id: bytes,
        claimant: str,
        guardian: str,
        when: Moment,
    ) -> None:
        self.program, self.terms, self.roots = program, terms, roots
        self.claim_id, self.claimant = claim_id, claimant
        self.clock, self.ledger = GameClock(guardian), Ledger()
        self.ledger.take(terms.claim_bond, terms.claim_bond)
        self.status = ClaimStatus.PENDING
        self.window_end = self.clock.at(when) + terms.window
        self.challenges: dict[bytes, Challenge] = {}
        self.reveals: dict[Position, Reveal] = {}
        self.earliest: dict[Position, bytes] = {}  # of the challenges that picked a segment, the first committed

    @property
    def open_challenges(self) -> int:
        return sum(c.at.phase not in OVER for c in self.challenges.values())

    def turn_of(self, challenge: bytes) -> Turn:
        c = self.challenge(challenge)
        revealed = self.reveals.get(c.at)
        at = None if revealed is None else revealed.at
        return turn_at(c.at, c.turn_start, c.defender_clock, c.challenger_clock, at, self.terms.extension)

    def challenge(self, challenge: bytes) -> Challenge:
        """One that is open."""
        c = self.challenges.get(challenge)
        if c is None or c.at.phase in OVER:
            raise DisputeError("wrong_phase", "the challenge is not open", challenge=challenge.hex())
        return c

    def finalise(self, when: Moment) -> None:
        self._require_pending()
        if self.clock.at(when) < self.window_end:
            raise DisputeError("too_early", f"the window is open until {self.window_end}", until=self.window_end)
        if self.open_challenges:
            raise DisputeError("too_early", f"{self.open_challenges} challenges are open", count=self.open_challenges)
        self.status = ClaimStatus.FINAL
        self.ledger.credits[self.claimant] += self.terms.claim_bond

    def cancel(self, sender: str) -> None:
        self.clock.require_guardian(sender)
        self.clock.require_paused()
        self._require_status(ClaimStatus.PENDING)
        self.status = ClaimStatus.CANCELLED
        self.ledger.credits[self.claimant] += self.terms.claim_bond

    def commit(self, when: Moment, sender: str, commitment: bytes, value: int) -> bytes:
        self._require_pending()
        now = self.clock.at(when)
        if now >= self.window_end:
            raise DisputeError("too_late", f"the window closed at {self.window_end}", deadline=self.window_end)
        identifier = challenge_id(self.claim_id, sender, commitment)
        if identifier in self.challenges:
            raise DisputeError("already_there", "this challenge was made before", challenge=identifier.hex())
        self.ledger.take(value, self.terms.challenge_bond)
        at, order, left = Position(Phase.COMMITTED), len(self.challenges), self.terms.clock
        self.challenges[identifier] = Challenge(at, sender, commitment, when.block, order, now, left, left)
        return identifier

    def timeout(self, when: Moment, challenge: bytes) -> None:
        """By anybody: the defender's turn that ran out kills the claim, the challenger's loses the challenge."""
        self._require_pending()
        c, turn = self.challenge(challenge), self.turn_of(challenge)
        ends = timeout_from(c.at, turn, self.terms)
        if self.clock.at(when) < ends:
            raise DisputeError("too_early", f"the turn lasts until {ends}", deadline=ends)
        if turn.side is Side.DEFENDER:
            self._win(challenge)
        else:
            self._end(challenge, Phase.LOST)
            self.ledger.credits[self.claimant] += self.terms.challenge_bond

    def settle(self, challenge: bytes) -> None:
        """By anybody, in a pause too: the bond of a challenge that was open when its claim ended otherwise."""
        c = self.challenge(challenge)
        if self.status is ClaimStatus.PENDING:
            raise DisputeError("too_early", "the claim is pending still")
        self._end(challenge, Phase.SETTLED)
        self.ledger.credits[c.challenger] += self.terms.challenge_bond

    def _earliest(self, challenge: bytes, at: Position) -> bytes:
        """Of the challenges that picked a segment, this one among them, the first committed; a lost one gives way."""
        recorded = self.earliest.get(at, challenge)
        mine, other = self.challenges[challenge], self.challenges[recorded]
        return challenge if other.at.phase is Phase.LOST or mine.order < other.order else recorded

    def _win(self, challenge: bytes) -> None:
        """Kills the claim for this challenge: half of the claim's bond and its own; the other half is burnt."""
        won = prize(self.terms)
        self.status = ClaimStatus.KILLED
        self._end(challenge, Phase.WON)
        self.ledger.credits[self.challenges[challenge].challenger] += won + self.terms.challenge_bond
        self.ledger.burnt += self.terms.claim_bond - won

    def _end(self, challenge: bytes, phase: Phase) -> None:
        c = self.challenges[challenge]
        self.challenges[challenge] = replace(c, at=replace(c.at, phase=phase))

    def _challengers(self, when: Moment, sender: str, challenge: bytes, move: Move) -> Challenge:
        """The challenge, if it is the caller's to make this move now; with what the turns so far cost both clocks."""
        c = self._mine(sender, challenge, Side.CHALLENGER)
        if move not in rule_at(c.at).picks or (c.at.is_leaf and move is not pick_at(c.at, c.size)):
            raise DisputeError("wrong_phase", f"no {move} in {c.at.phase.name}", phase=c.at.phase.name, move=str(move))
        turn = self.turn_of(challenge)
        self._require_side(turn, Side.CHALLENGER)
        self._require_before(when, turn.deadline)
        defender = clock_after(c.turn_start, turn.start, c.defender_clock)
        challenger = clock_after(turn.start, self.clock.at(when), c.challenger_clock)
        return replace(c, turn_start=self.clock.at(when), defender_clock=defender, challenger_clock=challenger)

    def _defenders(self, when: Moment, sender: str, challenge: bytes, move: Move) -> Challenge:
        c = self._mine(sender, challenge, Side.DEFENDER)
        if move is not rule_at(c.at).reveal:
            raise DisputeError("wrong_phase", f"no {move} in {c.at.phase.name}", phase=c.at.phase.name, move=str(move))
        turn = self.turn_of(challenge)
        self._require_side(turn, Side.DEFENDER)
        self._require_before(when, turn.deadline)
        return c

    def _mine(self, sender: str, challenge: bytes, side: Side) -> Challenge:
        self._require_pending()
        c = self.challenge(challenge)
        owner = self.claimant if side is Side.DEFENDER else c.challenger
        if sender != owner:
            raise DisputeError("wrong_mover", f"only {owner} may move, not {sender}", sender=sender, owner=owner)
        return c

    def _require_committed(self, when: Moment, c: Challenge, kind: CommitmentKind, index: int, salt: bytes) -> None:
        """A commitment is to one move, by its maker, in a later block: who copies a move has none to it."""
        if when.block <= c.block:
            raise DisputeError("too_early", f"committed in block {c.block}", block=c.block)
        if commitment_hash(self.claim_id, c.challenger, kind, index, salt) != c.commitment:
            raise DisputeError("commitment_mismatch", "this is not what was committed to", index=index)

    def _require_pending(self) -> None:
        self.clock.require_running()
        self._require_status(ClaimStatus.PENDING)

    def _require_status(self, status: ClaimStatus) -> None:
        if self.status is not status:
            raise DisputeError("not_pending", f"the claim is {self.status.name}", status=self.status.name)

    def _require_side(self, turn: Turn, side: Side) -> None:
        if turn.side is not side:
            raise DisputeError("wrong_turn", f"it is the {turn.side}'s turn", turn=str(turn.side))

    def _require_before(self, when: Moment, deadline: int) -> None:
        if self.clock.at(when) >= deadline:
            raise DisputeError("too_late", f"the deadline was {deadline}", deadline=deadline, now=self.clock.at(when))
