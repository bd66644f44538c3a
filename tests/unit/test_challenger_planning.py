"""A commitment is used before the deadline of the move that it is to, or not at all."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from test_challenger_evidence import MINE, TERMS, corrupted, view_of

from verifier.challenger.fault import find_fault
from verifier.challenger.moves import Open, ProveFault
from verifier.challenger.planning import OUR_CLOCK_RAN_OUT, WITHOUT_SALT, Plan, plan
from verifier.challenger.proof_json import fault_text
from verifier.challenger.records import CommitmentRow
from verifier.dispute.rules import deadline, prove_deadline
from verifier.dispute.types import NO_DESCRIPTOR, ClaimStatus, CommitmentKind, DisputeTerms, Phase, Position

COMMITTED_AT, CHALLENGE, SALT = 1_000, b"\3" * 32, b"\5" * 32
OPEN = Open(0, SALT, bytes(32), (), NO_DESCRIPTOR)
# proveFault may come long after `open`, or the other way round.
LONG_PROOF = replace(TERMS, prove_time=900, clock=300, extension=60)
SHORT_PROOF = replace(TERMS, prove_time=100, clock=300, extension=60)
LONG_EXTENSION = replace(TERMS, prove_time=900, clock=300, extension=500)


def planned(kind: CommitmentKind, terms: DisputeTerms, now: int, salt: bytes = SALT) -> Plan:
    """What is due in a commitment of ours at this game time, as the chain tells the deadline."""
    theirs = corrupted(0, 0)
    view = view_of(theirs)
    status = replace(view.claim, status=ClaimStatus.PENDING)
    view = replace(view, claim=status, key=replace(view.key, terms=terms))
    clocks = {"turn_start": COMMITTED_AT, "defender_clock": terms.clock, "challenger_clock": terms.clock}
    challenge: Any = SimpleNamespace(at=Position(Phase.COMMITTED), **clocks)
    until = max(deadline(COMMITTED_AT, terms.clock, terms.extension), prove_deadline(COMMITTED_AT, terms))
    claims = SimpleNamespace(
        challenge_of=lambda *_: challenge,
        paused=lambda *_: False,
        turn_of=lambda *_: (False, until),
        game_time=lambda *_: now,
    )
    chain: Any = SimpleNamespace(claims=claims, view=lambda *_: view, board=lambda *_: None)
    judge: Any = SimpleNamespace(next_move=lambda *_: OPEN)
    published: Any = SimpleNamespace(roots=lambda: theirs.tensor_roots, tensor=lambda op: theirs.made[op])
    fault = find_fault(view, published, MINE)
    assert fault is not None
    row = CommitmentRow(CHALLENGE, view.claim_id, kind, 0, salt, bytes(32), 1, fault_text(fault.proof))
    return plan(chain, judge, row, 7)


@pytest.mark.parametrize(
    ("kind", "terms", "until"),
    [
        (CommitmentKind.OPEN, LONG_PROOF, COMMITTED_AT + 300),
        (CommitmentKind.OPEN, LONG_EXTENSION, COMMITTED_AT + 500),
        (CommitmentKind.OPEN, SHORT_PROOF, COMMITTED_AT + 300),
        (CommitmentKind.PROVE_FAULT, LONG_PROOF, COMMITTED_AT + 900),
        (CommitmentKind.PROVE_FAULT, SHORT_PROOF, COMMITTED_AT + 100),
    ],
)
def test_a_commitment_is_used_until_its_own_moves_deadline_and_not_a_second_longer(
    kind: CommitmentKind, terms: DisputeTerms, until: int
) -> None:
    last = planned(kind, terms, until - 1)
    assert (last.why, last.deadline) == ("", until)
    assert isinstance(last.move, Open if kind is CommitmentKind.OPEN else ProveFault)
    late = planned(kind, terms, until)
    assert (late.move, late.why, late.deadline) == (None, OUR_CLOCK_RAN_OUT, until)


def test_a_commitment_without_its_salt_is_waited_for_as_long_as_the_chain_says() -> None:
    found = planned(CommitmentKind.OPEN, LONG_PROOF, COMMITTED_AT + 500, salt=b"")
    assert (found.move, found.why, found.deadline) == (None, WITHOUT_SALT, COMMITTED_AT + 900)
