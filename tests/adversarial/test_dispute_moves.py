"""Every move that the rules do not allow, in the game as the contract plays it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from circuits.lower.optimistic import term_count
from tests import dispute_programs
from tests.dispute_duels import duel_at, planned, refused_move
from tests.dispute_games import (
    CHALLENGER,
    CLAIMANT,
    SYBIL,
    TERMS,
    Duel,
    corrupted,
    honest,
    lie,
    new_game,
    refusal,
)
from verifier.challenger import moves
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.ledger import Moment
from verifier.dispute.openings import open_terms
from verifier.dispute.types import (
    NO_DESCRIPTOR,
    DescriptorProof,
    Phase,
    Position,
)

SUMS = honest(dispute_programs.long_sums(5000), dispute_programs.random_inputs(dispute_programs.long_sums(5000)))
WIDE = honest(dispute_programs.wide(9000), dispute_programs.random_inputs(dispute_programs.wide(9000)))
CHAIN = honest(dispute_programs.chain(70), dispute_programs.random_inputs(dispute_programs.chain(70)))
EVERY = honest(dispute_programs.every_op(), dispute_programs.random_inputs(dispute_programs.every_op()))


def test_rejects_an_opening_in_the_block_of_its_commitment() -> None:
    claimed = lie(CHAIN, 50, 1)
    duel = Duel(new_game(claimed), CHAIN, claimed)
    duel.block = duel.challenge.block - 1
    assert refusal(duel.attack) == "too_early"
    duel.attack()


@pytest.mark.parametrize(
    "fields", [{"index": 26}, {"salt": b"\1" * 32}], ids=["another node of the top", "another salt"]
)
def test_rejects_an_opening_that_was_not_committed_to(fields: dict[str, object]) -> None:
    claimed = lie(CHAIN, 50, 1)
    duel = Duel(new_game(claimed), CHAIN, claimed)
    assert refused_move(duel, **fields) == "commitment_mismatch"


def test_rejects_a_copied_commitment_from_the_mempool() -> None:
    """Who sees the move copies it, and has no older commitment of its own; a copied commitment is to its author."""
    claimed = lie(CHAIN, 50, 1)
    duel = Duel(new_game(claimed), CHAIN, claimed)
    game, commitment = duel.game, duel.challenge.commitment
    copied = game.commit(duel.tick(), SYBIL, commitment, TERMS.challenge_bond)
    assert copied != duel.id
    move = planned(duel)
    assert isinstance(move, moves.Open)
    shown = (move.index, move.salt, move.node, move.siblings, move.descriptor)
    assert refusal(lambda: game.open(duel.tick(), SYBIL, copied, *shown)) == "commitment_mismatch"
    assert refusal(lambda: game.open(duel.tick(), SYBIL, duel.id, *shown)) == "wrong_mover"


def test_rejects_a_second_commitment_that_is_the_same_and_a_wrong_bond() -> None:
    game = new_game(CHAIN)
    game.commit(Moment(5, 5), CHALLENGER, b"\1" * 32, TERMS.challenge_bond)
    again = (Moment(6, 6), CHALLENGER, b"\1" * 32, TERMS.challenge_bond)
    assert refusal(lambda: game.commit(*again)) == "already_there"
    for value in (0, TERMS.challenge_bond - 1, TERMS.challenge_bond + 1):
        assert refusal(lambda sent=value: game.commit(Moment(7, 7), SYBIL, b"\2" * 32, sent)) == "wrong_value"
    assert game.ledger.paid_in == TERMS.claim_bond + TERMS.challenge_bond


def test_rejects_a_node_that_the_claim_does_not_have() -> None:
    claimed = lie(CHAIN, 50, 1)
    duel = Duel(new_game(claimed), CHAIN, claimed)
    assert refused_move(duel, node=CHAIN.top[12]) == "path_mismatch"
    assert refused_move(duel, siblings=()) == "path_mismatch"
    duel.attack()
    assert duel.defend()
    true = CHAIN.node(0, 50)
    assert refused_move(duel, node=true) == "path_mismatch"
    siblings = planned(duel).siblings  # type: ignore[union-attr]
    assert refused_move(duel, siblings=siblings[:-1]) == "path_mismatch"
    assert refused_move(duel, siblings=(*siblings, bytes(32))) == "path_mismatch"


@pytest.mark.parametrize("index", [0, 47, 52, 70, 200, 2**32 - 1])
def test_rejects_a_pick_outside_the_node_that_was_revealed(index: int) -> None:
    claimed = lie(CHAIN, 50, 1)
    duel = Duel(new_game(claimed), CHAIN, claimed)
    duel.attack()
    assert duel.challenge.at == Position(Phase.TRACE, 2, 12)
    assert duel.defend()
    assert refused_move(duel, index=index) == "pick_out_of_range"


def test_rejects_a_pick_of_padding() -> None:
    """The claim's last node covers ops 68 to 71 of 70."""
    claimed = lie(CHAIN, 69, 1)
    duel = Duel(new_game(claimed), CHAIN, claimed)
    duel.attack()
    assert duel.defend()
    assert refused_move(duel, index=71, node=bytes(32)) == "pick_out_of_range"


@pytest.mark.parametrize("proof", [NO_DESCRIPTOR, CHAIN.descriptor_proof(49), CHAIN.descriptor_proof(51)])
def test_rejects_a_leaf_named_without_its_descriptor(proof: DescriptorProof) -> None:
    claimed = lie(CHAIN, 50, 1)
    duel = Duel(new_game(claimed), CHAIN, claimed)
    duel.attack()
    assert duel.defend()
    assert refused_move(duel, descriptor=proof) == "path_mismatch"
    long = replace(CHAIN.descriptor_proof(50), descriptor=CHAIN.descriptor_proof(50).descriptor + b"\0")
    assert refused_move(duel, descriptor=long) == "path_mismatch"


@pytest.mark.parametrize("phase", [Phase.TRACE, Phase.NODES, Phase.DATA])
def test_rejects_moves_out_of_turn(phase: Phase) -> None:
    duel = duel_at(WIDE, 0, 8000, phase)
    game, here = duel.game, (duel.tick(), CHALLENGER, duel.id)
    assert refusal(lambda: game.pick_range(*here, 0, 0, 0, ())) == "wrong_phase"
    assert refusal(lambda: game.prove(*here, ())) == "wrong_phase"
    act = {
        Phase.TRACE: lambda: game.pick_node(*here, 0, b"", (), NO_DESCRIPTOR),
        Phase.NODES: lambda: game.pick_node(*here, 0, b"", (), NO_DESCRIPTOR),
        Phase.DATA: lambda: game.pick_element(*here, 0, b"", ()),
    }[phase]
    assert refusal(act) == "wrong_turn"  # nothing is revealed yet
    body = duel.claimed.reveal_body(duel.challenge.at)
    assert duel.defend()
    again = refusal(lambda: game.reveal(duel.tick(), CLAIMANT, duel.id, body))
    assert again == ("wrong_phase" if phase is Phase.TRACE else "wrong_turn")
    for other in (CHALLENGER, SYBIL):
        assert refusal(lambda sender=other: game.reveal(duel.tick(), sender, duel.id, body)) == "wrong_mover"


def test_rejects_moves_of_anybody_else() -> None:
    duel = duel_at(WIDE, 0, 8000, Phase.DATA, revealed=True)
    move = planned(duel)
    assert isinstance(move, moves.PickElement)
    for sender in (SYBIL, CLAIMANT):
        here = (duel.tick(), sender, duel.id)
        shown = (move.element, move.chunk, move.siblings)
        assert refusal(lambda at=here, what=shown: duel.game.pick_element(*at, *what)) == "wrong_mover"
    duel.make(move)
    openings = open_terms(duel.claimed, 0, 8000, 0, 1)
    assert refusal(lambda: duel.game.prove(duel.tick(), SYBIL, duel.id, openings)) == "wrong_mover"


def test_rejects_an_element_that_is_not_in_its_chunk() -> None:
    duel = duel_at(WIDE, 0, 8999, Phase.DATA, revealed=True)
    at, move = duel.challenge.at, planned(duel)
    assert (at.height, at.index) == (2, 35)
    assert isinstance(move, moves.PickElement)
    assert refused_move(duel, element=9000) == "pick_out_of_range"  # padding of the last chunk
    assert refused_move(duel, element=64 * 4 * 35 - 1) == "pick_out_of_range"  # in another node
    assert refused_move(duel, element=2**32) == "pick_out_of_range"
    assert refused_move(duel, chunk=move.chunk[:-1]) == "path_mismatch"
    assert refused_move(duel, chunk=duel.mine.reveal_body(at)[:256]) == "path_mismatch"
    assert refused_move(duel, siblings=move.siblings[:1]) == "path_mismatch"
    early = duel_at(WIDE, 0, 100, Phase.DATA, revealed=True)
    assert refused_move(early, element=63) == "path_mismatch"  # in the node, in another chunk


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"index": 0}, "path_mismatch"),
        ({"index": 2}, "pick_out_of_range"),
        ({"index": -1}, "pick_out_of_range"),
        ({"first": 5}, "path_mismatch"),
        ({"last": 5}, "path_mismatch"),
        ({"siblings": ()}, "path_mismatch"),
        ({"siblings": (bytes(32), bytes(32))}, "path_mismatch"),
    ],
)
def test_rejects_a_range_that_was_not_revealed(fields: dict[str, object], code: str) -> None:
    duel = duel_at(SUMS, 0, 1, Phase.SUM, revealed=True)
    assert refused_move(duel, **fields) == code


def test_rejects_a_range_of_padding() -> None:
    """171 ranges are padded to 256; the pair of two zeros is a leaf there, and no range."""
    program = dispute_programs.long_sums(4097)
    mine = honest(program, dispute_programs.random_inputs(program))
    duel = duel_at(mine, 0, 1, Phase.SUM, revealed=True)
    assert refused_move(duel, index=171, first=0, last=0) == "pick_out_of_range"


def test_rejects_a_step_that_holds() -> None:
    """The challenger that picked a right range by mistake."""
    duel = duel_at(SUMS, 0, 1, Phase.SUM, revealed=True)
    answer = duel.answers[next(reversed(duel.answers))]
    sums = [int.from_bytes(answer.body[i : i + 16], "big", signed=True) for i in range(0, len(answer.body), 16)]
    move = planned(duel)
    assert isinstance(move, moves.PickRange)
    right = replace(move, index=0, first=sums[0], last=sums[1], siblings=(answer.body[16:48],))
    duel.make(right)
    while duel.challenge.at.phase is Phase.SUM:
        assert duel.defend()
        body = duel.answers[next(reversed(duel.answers))].body
        tree = duel.claimed.trace.of([body[i : i + 32] for i in range(0, len(body) - 16, 16)])
        pair = [int.from_bytes(body[i : i + 16], "big", signed=True) for i in (0, 16)]
        duel.make(moves.PickRange(0, pair[0], pair[1], tree.siblings(0, 0)))
    at = duel.challenge.at
    openings = open_terms(duel.claimed, at.op, at.element, at.lo, at.hi)
    assert refusal(lambda: duel.game.prove(duel.tick(), CHALLENGER, duel.id, openings)) == "step_holds"


def test_a_value_outside_the_ops_bits_is_overturned_like_any_other() -> None:
    """The contract checks no range of what is committed between ops: the fold finishes inside, the claim does not."""
    false = CommittedTrace(EVERY.committed, EVERY.inputs, corrupted(list(EVERY.made), 0, 0, 2**31 - 1))
    duel = Duel(new_game(false), EVERY, false)
    duel.play()
    assert duel.played[-1] == "timeout"  # no accumulator finishes there
    assert term_count(EVERY.op(0)) > 24
    short = CommittedTrace(EVERY.committed, EVERY.inputs, corrupted(list(EVERY.made), 4, 0, 2**31 - 1))
    assert Duel(new_game(short), EVERY, short).play().played[-1] == "prove"


def test_rejects_everything_once_the_claim_is_over() -> None:
    duel = duel_at(EVERY, 4, 0, Phase.STEP)
    other = duel.game.commit(duel.tick(), SYBIL, b"\1" * 32, TERMS.challenge_bond)
    duel.attack()
    game, when = duel.game, duel.tick(10**6)
    assert refusal(lambda: game.timeout(when, other)) == "not_pending"
    assert refusal(lambda: game.commit(when, SYBIL, b"\2" * 32, TERMS.challenge_bond)) == "not_pending"
    assert refusal(lambda: game.finalise(when)) == "not_pending"
    assert refusal(lambda: game.prove(when, CHALLENGER, duel.id, ())) == "not_pending"
    assert refusal(lambda: game.settle(duel.id)) == "wrong_phase"
    game.settle(other)
    assert refusal(lambda: game.settle(other)) == "wrong_phase"
    assert game.ledger.at_stake == 0


def test_rejects_a_challenge_that_was_never_made() -> None:
    game = new_game(EVERY)
    for act in (game.settle, game.turn_of, lambda i: game.timeout(Moment(9, 9), i)):
        assert refusal(lambda a=act: a(b"\1" * 32)) == "wrong_phase"
