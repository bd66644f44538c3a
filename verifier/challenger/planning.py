"""What is due in a challenge of ours, as of a block: a move, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.client.dispute_types import Challenge
from verifier.challenger.claims_on_chain import ClaimsOnChain
from verifier.challenger.judging import Judge
from verifier.challenger.moves import Move, ProveFault, Settle, Timeout, name_of
from verifier.challenger.proof_json import fault_of, parsed
from verifier.challenger.records import CommitmentRow
from verifier.challenger.sender import MoveKey
from verifier.dispute.rules import OVER, prove_deadline
from verifier.dispute.rules import deadline as latest
from verifier.dispute.types import ClaimStatus, CommitmentKind, DisputeTerms, Phase, position_key

# Why there is no move.
NOT_ON_CHAIN = "not_on_chain"
PAUSED = "paused"
THEIR_TURN = "their_turn"
WITHOUT_SALT = "challenge_without_salt"
OUR_CLOCK_RAN_OUT = "clock_ran_out"


@dataclass(frozen=True)
class Plan:
    """Where a challenge stands as of a block, and what we do about it.

    `why` is empty if there is a move; else one of the reasons above, or how the challenge ended: won, lost, settled.
    `deadline` and `now` are game time; both are 0 where nobody has a turn. Of an unused commitment of ours the deadline
    is that of the move that it is to, which may be earlier than the one from which it is lost.
    """

    claim_id: bytes
    challenge_id: bytes
    challenge: Challenge
    move: Move | None = None
    why: str = ""
    defenders_turn: bool = False
    deadline: int = 0
    now: int = 0

    @property
    def key(self) -> MoveKey:
        """Of the planned move."""
        assert self.move is not None
        return MoveKey(name_of(self.move), self.claim_id, self.challenge_id, position_key(self.challenge.at))


def plan(chain: ClaimsOnChain, judge: Judge, row: CommitmentRow, block: int) -> Plan:
    """The plan for the challenge of `row`, as of a block."""
    claims = chain.claims
    challenge = claims.challenge_of(row.challenge_id, block)
    phase = challenge.at.phase
    named = (row.claim_id, row.challenge_id, challenge)
    if phase is Phase.NONE:
        return Plan(*named, why=NOT_ON_CHAIN)
    if phase in OVER:
        return Plan(*named, why=phase.name.lower())
    view = chain.view(row.claim_id, block)
    if view.claim.status is not ClaimStatus.PENDING:
        return Plan(*named, move=Settle())
    if claims.paused(block):
        return Plan(*named, why=PAUSED)
    defenders, deadline = claims.turn_of(row.challenge_id, block)
    if phase is Phase.COMMITTED and row.salt:
        deadline = _use_until(row, challenge, view.key.terms)
    now = claims.game_time(block)
    move: Move | None = None
    why = ""
    if now >= deadline:
        move = Timeout() if defenders else None
        why = "" if defenders else OUR_CLOCK_RAN_OUT
    elif defenders:
        why = THEIR_TURN
    elif phase is Phase.COMMITTED and not row.salt:
        why = WITHOUT_SALT
    elif phase is Phase.COMMITTED and row.kind == CommitmentKind.PROVE_FAULT:
        move = ProveFault(fault_of(parsed(row.proof.encode()), row.challenge_id, row.salt))
    else:
        board = chain.board(row.challenge_id, view, block)
        move = judge.next_move(view, board, row.salt, row.index)
    return Plan(*named, move, why, defenders, deadline, now)


def _use_until(row: CommitmentRow, challenge: Challenge, terms: DisputeTerms) -> int:
    """The chain does not know what a commitment is to until it is used, so it tells the later of the two deadlines."""
    if row.kind == CommitmentKind.PROVE_FAULT:
        return prove_deadline(challenge.turn_start, terms)
    return latest(challenge.turn_start, challenge.challenger_clock, terms.extension)
