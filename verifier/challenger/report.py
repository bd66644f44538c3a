"""What a challenger knows, as JSON-serialisable documents: for `claims`, `show`, `clocks`, `credits`, `next-moves`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from contracts.client.dispute_events import Committed
from contracts.client.dispute_types import Challenge
from verifier.challenger.case import Judgement
from verifier.challenger.challenger import Challenger
from verifier.challenger.claim_view import ClaimView
from verifier.challenger.moves import in_words, name_of
from verifier.challenger.planning import Plan
from verifier.challenger.proof_json import hexed
from verifier.challenger.records import Verdict
from verifier.dispute.rules import OVER
from verifier.dispute.types import Phase, Position


def position_in_words(at: Position) -> str:
    """Where a challenge stands, for people."""
    if at.phase is Phase.TRACE and at.height > 0:
        return f"node {at.index} of height {at.height} of the trace tree"
    if at.phase is Phase.TRACE:
        return f"the output of op {at.op}"
    if at.phase in (Phase.NODES, Phase.DATA):
        return f"node {at.index} of height {at.height} of the output of op {at.op}"
    if at.phase in (Phase.SUM, Phase.STEP):
        return f"terms {at.lo} to {at.hi - 1} of element {at.element} of op {at.op}"
    return at.phase.name.lower()


def claims(challenger: Challenger, *, ended: bool | None = None) -> list[dict[str, Any]]:
    """Every claim that this store has seen, as the chain has it now."""
    block = challenger.block()
    found = []
    for known in challenger.store.claims(ended=ended):
        claim = challenger.chain.claims.claim_of(known.claim_id, block)
        found.append(
            {
                "claim_id": hexed(known.claim_id),
                "request_id": hexed(known.request_id),
                "block": known.block_number,
                "status": claim.status.name.lower(),
                "claimant": claim.claimant,
                "window_end": claim.window_end,
                "open_challenges": claim.open_challenges,
                "verdict": known.verdict.value,
                "reason": known.reason,
            }
        )
    return found


def show(challenger: Challenger, claim_id: bytes) -> dict[str, Any]:
    """A claim with all its challenges."""
    block = challenger.block()
    view = challenger.chain.view(claim_id, block)
    claim = view.claim
    events = challenger.chain.events(view.made_at.number, block, claim_id)
    committed = [event for event in events if isinstance(event, Committed)]
    return {
        "claim_id": hexed(claim_id),
        "status": claim.status.name.lower(),
        "claimant": claim.claimant,
        "request_id": hexed(claim.request_id),
        "model_id": hexed(view.key.model_id),
        "key_digest": hexed(claim.key_digest),
        "terms": asdict(view.key.terms),
        "input_root": hexed(claim.input_root),
        "output_root": hexed(claim.output_root),
        "trace_tree": hexed(claim.trace_tree),
        "locator": view.locator,
        "program_locator": view.program_locator,
        "made_in": {"block": view.made_at.number, "transaction": hexed(view.made_by)},
        "window_end": claim.window_end,
        "game_time": challenger.chain.claims.game_time(block),
        "paused": challenger.chain.claims.paused(block),
        "as_of_block": block,
        "challenges": [_shown(challenger, event.challenge_id, block) for event in committed],
    }


def _shown(challenger: Challenger, challenge_id: bytes, block: int) -> dict[str, Any]:
    challenge = challenger.chain.claims.challenge_of(challenge_id, block)
    document: dict[str, Any] = {
        "challenge_id": hexed(challenge_id),
        "challenger": challenge.challenger,
        "ours": challenger.store.commitment(challenge_id) is not None,
        "phase": challenge.at.phase.name.lower(),
        "position": position_in_words(challenge.at),
    }
    if challenge.at.phase not in OVER:
        document |= _turn(challenger, challenge_id, challenge, block)
    return document


def _turn(challenger: Challenger, challenge_id: bytes, challenge: Challenge, block: int) -> dict[str, Any]:
    defenders, deadline = challenger.chain.claims.turn_of(challenge_id, block)
    now = challenger.chain.claims.game_time(block)
    return {
        "turn": "defender" if defenders else "challenger",
        "deadline": deadline,
        "seconds_left": max(0, deadline - now),
        "defender_clock": challenge.defender_clock,
        "challenger_clock": challenge.challenger_clock,
        "game_time": now,
    }


def clocks(challenger: Challenger) -> list[dict[str, Any]]:
    """Of every challenge of ours that is open on the chain: whose turn it is and until when, in game time."""
    block = challenger.block()
    found = []
    for row in challenger.store.commitments():
        challenge = challenger.chain.claims.challenge_of(row.challenge_id, block)
        if row.ended or challenge.at.phase is Phase.NONE or challenge.at.phase in OVER:
            continue
        named = {"claim_id": hexed(row.claim_id), "challenge_id": hexed(row.challenge_id)}
        found.append(named | _turn(challenger, row.challenge_id, challenge, block))
    return found


def credits(challenger: Challenger) -> dict[str, Any]:
    """Wei: what the contract owes this account, what is at stake, what gas has cost."""
    return {
        "account": challenger.account,
        "credit": challenger.chain.claims.credit(challenger.account, challenger.block()),
        "at_stake": challenger.store.bonds_at_stake(),
        "gas": challenger.store.gas_spent(),
        "balance": challenger.chain.chain.balance(challenger.account),
    }


def plan_document(plan: Plan) -> dict[str, Any]:
    """A line of `next-moves`."""
    return {
        "claim_id": hexed(plan.claim_id),
        "challenge_id": hexed(plan.challenge_id),
        "position": position_in_words(plan.challenge.at),
        "move": None if plan.move is None else name_of(plan.move),
        "words": "" if plan.move is None else in_words(plan.move),
        "why_none": plan.why,
        "turn": "defender" if plan.defenders_turn else "challenger",
        "deadline": plan.deadline,
        "game_time": plan.now,
    }


def check_document(view: ClaimView, judgement: Judgement) -> dict[str, Any]:
    """What `check` prints; `right` is its answer."""
    document: dict[str, Any] = {
        "claim_id": hexed(view.claim_id),
        "right": judgement.verdict is Verdict.RIGHT,
        "status": view.claim.status.name.lower(),
    }
    if judgement.verdict is Verdict.WRONG:
        document |= {
            "output_differs": judgement.output_differs,
            "first_op": judgement.first_op,
            "last_op": judgement.last_op,
        }
    return document


def explanation(challenger: Challenger, claim_id: bytes) -> dict[str, Any]:
    """What `explain` prints: `words` and `picture` are lines of text. Raises ChallengerError `nothing_differs` for a
    claim that is right."""
    view = challenger.view(claim_id)
    answers = challenger.chain.answers(view, challenger.block())
    return challenger.judge.explanation(view, challenger.read_trace, answers)


def evidence(challenger: Challenger, claim_id: bytes) -> bytes:
    """The file that `export-evidence` writes; see `verifier.challenger.evidence.replay`."""
    view, chain = challenger.view(claim_id), challenger.chain
    answers = chain.answers(view, challenger.block())
    where = (chain.chain.chain_id, chain.claims.address)
    return challenger.judge.evidence(view, challenger.read_trace, answers, *where)
