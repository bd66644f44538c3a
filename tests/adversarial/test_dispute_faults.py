"""A fault shown at once: every part of its proof that is not what was committed to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from circuits.lower.optimistic import element_count
from tests import dispute_programs
from tests.dispute_games import CHALLENGER, CLAIM_ID, SALT, SYBIL, TERMS, honest, lie, new_game, refusal
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.game import Game
from verifier.dispute.ledger import Moment
from verifier.dispute.openings import open_fault
from verifier.dispute.types import CommitmentKind, FaultProof, commitment_hash

EVERY = honest(dispute_programs.every_op(), dispute_programs.random_inputs(dispute_programs.every_op()))


def fault(op: int, element: int) -> tuple[Game, CommittedTrace, FaultProof]:
    claimed = lie(EVERY, op, element)
    game = new_game(claimed)
    commitment = commitment_hash(CLAIM_ID, CHALLENGER, CommitmentKind.PROVE_FAULT, op, SALT)
    challenge = game.commit(Moment(5, 5), CHALLENGER, commitment, TERMS.challenge_bond)
    return game, claimed, open_fault(claimed, challenge, op, SALT, element)


@pytest.mark.parametrize("op", [0, 4, 11])
def test_rejects_a_fault_with_any_part_exchanged(op: int) -> None:
    game, claimed, proof = fault(op, 3)
    other = open_fault(claimed, proof.challenge_id, 8, SALT, 20)
    when = Moment(6, 6)
    for name in ("op", "descriptor", "trace_path", "chunk", "chunk_path", "openings", "element", "salt"):
        value = {"salt": b"\0" * 32, "chunk_path": (bytes(32),)}.get(name, getattr(other, name))
        false = replace(proof, **{name: value})
        code = refusal(lambda p=false: game.prove_fault(when, CHALLENGER, p))
        assert code != "wrong_phase", name
    assert refusal(lambda: game.prove_fault(when, SYBIL, proof)) == "wrong_mover"
    assert refusal(lambda: game.prove_fault(Moment(6, 5), CHALLENGER, proof)) == "too_early"
    game.prove_fault(when, CHALLENGER, proof)


def test_rejects_a_fault_of_an_element_that_is_right() -> None:
    game, claimed, _ = fault(4, 3)
    (challenge,) = game.challenges
    for element in (2, 4, element_count(claimed.op(4)) - 1):
        proof = open_fault(claimed, challenge, 4, SALT, element)
        assert refusal(lambda p=proof: game.prove_fault(Moment(6, 6), CHALLENGER, p)) == "step_holds"


def test_rejects_a_fault_past_the_tensor_where_there_is_only_padding() -> None:
    game, claimed, proof = fault(4, 3)
    past = replace(proof, element=element_count(claimed.op(4)))
    assert refusal(lambda: game.prove_fault(Moment(6, 6), CHALLENGER, past)) == "pick_out_of_range"


def test_rejects_a_fault_against_a_claim_that_is_right() -> None:
    """Every element of every op of an honest claim, by its own honest openings."""
    game = new_game(EVERY)
    for op in range(len(EVERY.program.ops)):
        salt = bytes([op]) * 32
        commitment = commitment_hash(CLAIM_ID, CHALLENGER, CommitmentKind.PROVE_FAULT, op, salt)
        challenge = game.commit(Moment(5, 5), CHALLENGER, commitment, TERMS.challenge_bond)
        for element in range(0, element_count(EVERY.op(op)), 3):
            proof = open_fault(EVERY, challenge, op, salt, element)
            assert refusal(lambda p=proof: game.prove_fault(Moment(6, 6), CHALLENGER, p)) == "step_holds"


def test_rejects_a_commitment_to_open_used_as_one_to_prove() -> None:
    claimed = lie(EVERY, 4, 0)
    game = new_game(claimed)
    commitment = commitment_hash(CLAIM_ID, CHALLENGER, CommitmentKind.OPEN, 4, SALT)
    challenge = game.commit(Moment(5, 5), CHALLENGER, commitment, TERMS.challenge_bond)
    proof = open_fault(claimed, challenge, 4, SALT, 0)
    assert refusal(lambda: game.prove_fault(Moment(6, 6), CHALLENGER, proof)) == "commitment_mismatch"
