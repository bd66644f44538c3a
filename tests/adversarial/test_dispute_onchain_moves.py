"""Picks and proofs that show something else than they should, on a chain: each refused with its reason."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from dispute_model import OP_OF, honest, lie, mixed_inputs
from dispute_play import Game, walked
from dispute_table import MOVE_GAS, Table, error_of, status_of
from dispute_walk import Target, pick_toward

from circuits.statement import CHUNK_BYTES
from verifier.challenger.moves import Open, PickElement, PickNode, PickRange, Prove, function_of
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_terms
from verifier.dispute.types import NO_DESCRIPTOR, ClaimStatus, CommitmentKind, Opening, Phase, Position

pytestmark = pytest.mark.slow

JUNK = b"\xee" * 32
INDEX, SUM, DENSE, LINEAR = OP_OF["index"], OP_OF["reduce_sum"], OP_OF["contract"], OP_OF["linear"]
# The last chunk of the first op's output is half padding; under its Data node two of four chunks are none.
LAST_ELEMENT = Target(INDEX, 97 * 96 - 1)


def refused_pick(game: Game, **changed: object) -> str:
    """The challenger's next move with some of its parts changed."""
    move = game.challengers_move()
    function = function_of(game.moves, game.challenge_id, replace(move, **changed))
    return error_of(partial(game.challenger.send, function))


def test_open_of_what_was_not_committed_to_is_refused(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(9), Phase.COMMITTED)
    table.wait(1)
    move = game.challengers_move()
    assert isinstance(move, Open)
    assert refused_pick(game, index=move.index + 1) == "OtherCommitment"
    assert refused_pick(game, salt=JUNK) == "OtherCommitment"
    assert refused_pick(game, node=JUNK) == "OtherRoot"
    assert refused_pick(game, siblings=move.siblings[1:]) == "SiblingCount"
    assert refused_pick(game, siblings=(*move.siblings, JUNK)) == "SiblingCount"
    game.step()


def test_open_of_padding_is_refused(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(36), Phase.COMMITTED)
    table.wait(1)
    assert refused_pick(game) == "OnlyPadding"


def test_open_in_the_block_of_its_commitment_is_refused(table: Table, truth: CommittedTrace) -> None:
    game = Game(table, table.claim(truth), truth, table.account(2), target=Target(9))
    chain, nonce = game.challenger, game.challenger.nonce()
    commit = game.moves.commit(game.claimed.claim_id, game.commitment(CommitmentKind.OPEN, game.index))
    move = pick_toward(Target(9), truth, Position(Phase.COMMITTED), game.salt, b"")
    opening = function_of(game.moves, game.challenge_id, move)
    with table.one_block():
        signed = [chain.sign(commit, value=table.terms.challenge_bond, gas=MOVE_GAS, nonce=nonce)]
        signed.append(chain.sign(opening, gas=MOVE_GAS, nonce=nonce + 1))
        hashes = [chain.broadcast(transaction.raw) for transaction in signed]
    assert [status_of(chain, mined) for mined in hashes] == [1, 0]
    game.step()
    assert game.challenge.at.phase is Phase.TRACE


def test_node_that_was_not_revealed_is_refused(table: Table, truth: CommittedTrace) -> None:
    for to, phase, at_leaf in ((Target(9), Phase.TRACE, False), (LAST_ELEMENT, Phase.TRACE, True)):
        game = walked(table, truth, to, phase, at_leaf=at_leaf)
        assert refused_pick_before_reveal(game) == "NotTheChallengersTurn"
        game.step()
        move = game.challengers_move()
        assert isinstance(move, PickNode)
        assert refused_pick(game, node=JUNK) == "OtherRoot"
        assert refused_pick(game, index=move.index ^ 1) == "OtherRoot"
        assert refused_pick(game, index=move.index + 64) == "NotBelow"
        assert refused_pick(game, siblings=(*move.siblings, JUNK)) == "SiblingCount"
        game.step()


def refused_pick_before_reveal(game: Game) -> str:
    move = PickNode(0, JUNK, (), NO_DESCRIPTOR)
    return error_of(partial(game.challenger.send, function_of(game.moves, game.challenge_id, move)))


def test_op_named_with_the_descriptor_of_another_is_refused(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(DENSE), Phase.TRACE)
    game.step()
    assert refused_pick(game, descriptor=truth.descriptor_proof(LINEAR)) == "OtherRoot"
    own = truth.descriptor_proof(DENSE)
    assert refused_pick(game, descriptor=replace(own, siblings=own.siblings[1:])) == "SiblingCount"
    assert refused_pick(game, descriptor=replace(own, descriptor=own.descriptor + b"\0")) == "OtherRoot"
    assert refused_pick(game, descriptor=NO_DESCRIPTOR) in ("SiblingCount", "OtherRoot")
    game.step()


def test_padding_of_the_trace_and_of_a_tensor_cannot_be_picked(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(34), Phase.TRACE)
    game.step()
    padding = PickNode(35, bytes(32), (truth.tensor_roots[34],), truth.descriptor_proof(34))
    function = function_of(game.moves, game.challenge_id, padding)
    assert error_of(partial(game.challenger.send, function)) == "OnlyPadding"
    game = walked(table, truth, LAST_ELEMENT, Phase.TRACE, at_leaf=True)
    game.step()
    tree = truth.chunk_tree(INDEX)
    past = PickNode(20, tree.node(3, 20), tree.siblings(3, 20), NO_DESCRIPTOR)
    function = function_of(game.moves, game.challenge_id, past)
    assert error_of(partial(game.challenger.send, function)) == "OnlyPadding"


def test_element_that_was_not_revealed_is_refused(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, LAST_ELEMENT, Phase.DATA)
    game.step()
    move = game.challengers_move()
    assert isinstance(move, PickElement)
    assert refused_pick(game, element=LAST_ELEMENT.element + 1) == "ElementOutOfRange"
    assert refused_pick(game, element=0) == "NotBelow"
    assert refused_pick(game, element=move.element - 64) == "OtherRoot"
    assert refused_pick(game, chunk=move.chunk[:-1] + b"\1") == "OtherRoot"
    # 255 and 257 bytes are other leaves.
    assert refused_pick(game, chunk=move.chunk[:-1]) == "OtherRoot"
    assert refused_pick(game, chunk=move.chunk + b"\0") == "OtherRoot"
    game.step()


def test_range_that_was_not_revealed_is_refused(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(DENSE, 1, 40), Phase.SUM)
    game.step()
    move = game.challengers_move()
    assert isinstance(move, PickRange)
    assert refused_pick(game, first=move.first + 1) == "OtherRoot"
    assert refused_pick(game, last=move.last - 1) == "OtherRoot"
    assert refused_pick(game, index=move.index + 1) == "OtherRoot"
    assert refused_pick(game, index=5) == "RangeOutOfBounds"  # 97 terms have five ranges
    assert refused_pick(game, siblings=(*move.siblings, JUNK)) == "SiblingCount"
    game.step()


# Proofs


def at_step(table: Table, claimed: CommittedTrace, to: Target) -> Game:
    return walked(table, claimed, to, Phase.STEP)


def refused_openings(game: Game, openings: tuple[Opening, ...]) -> str:
    return refused_pick(game, openings=openings)


def test_proof_of_a_step_that_holds_is_refused(table: Table, truth: CommittedTrace) -> None:
    for to in (Target(DENSE, 3, 50), Target(LINEAR, 3), Target(INDEX, 77), Target(OP_OF["argmax"], 0, 30)):
        game = at_step(table, truth, to)
        assert refused_pick(game) == "NothingWrong"


def test_operand_taken_from_another_claim_is_refused(table: Table, truth: CommittedTrace) -> None:
    """Operands that are another claim's: of the same program on another input, and of a lie about the same input."""
    elsewhere = honest(truth.committed, mixed_inputs(seed=1))
    table.claim(elsewhere)
    for to in (Target(DENSE, 3, 50), Target(LINEAR, 3), Target(OP_OF["select"], 5), Target(INDEX, 77)):
        game = at_step(table, truth, to)
        at = game.challenge.at
        stolen = open_terms(elsewhere, at.op, at.element, at.lo, at.hi)
        assert refused_openings(game, stolen) == "PathMismatch"
        own = open_terms(truth, at.op, at.element, at.lo, at.hi)
        # Its chunks alone, under the path of ours.
        mixed = tuple(replace(mine, chunks=other.chunks) for mine, other in zip(own, stolen, strict=True))
        assert refused_openings(game, mixed) == "PathMismatch"


def test_operand_taken_from_a_rival_claim_of_the_same_request_is_refused(table: Table, truth: CommittedTrace) -> None:
    false = lie(truth, DENSE, 5, recomputed=True)
    game = at_step(table, truth, Target(LINEAR, 5))
    at = game.challenge.at
    assert refused_openings(game, open_terms(false, at.op, at.element, at.lo, at.hi)) == "PathMismatch"


def test_operand_that_is_another_of_the_claims_tensors_is_refused(table: Table, truth: CommittedTrace) -> None:
    """One of the same shape; a constant where an op's output belongs; the right one as another operand."""
    game = at_step(table, truth, Target(OP_OF["mul"], 5))
    at = game.challenge.at
    left, right = open_terms(truth, at.op, at.element, at.lo, at.hi)
    assert refused_openings(game, (replace(right, operand=0), right)) == "PathMismatch"
    assert refused_openings(game, (right, left)) == "OpeningsNotAscending"
    assert refused_openings(game, (left, left)) == "OpeningsNotAscending"
    assert refused_openings(game, (left, replace(right, operand=2))) == "NoSuchOperand"
    assert refused_openings(game, (left,)) == "ChunkNotOpened"
    assert refused_openings(game, ()) == "ChunkNotOpened"
    assert refused_openings(game, (left, replace(right, dims=(8, 5)))) == "PathMismatch"
    assert refused_openings(game, (left, replace(right, dims=(39,)))) == "ElementCountMismatch"


def test_wrong_witness_is_refused_and_the_right_one_still_wins(table: Table, truth: CommittedTrace) -> None:
    game = Game(table, table.claim(lie(truth, DENSE, 2, recomputed=True)), truth, table.account(2))
    game.commit()
    game.play(until=lambda c: c.at.phase is Phase.STEP)
    move = game.challengers_move()
    assert isinstance(move, Prove)
    opening = move.openings[1]
    assert len(opening.numbers) == 2
    for wrong, error in (
        (replace(opening, chunks=bytes([opening.chunks[0] ^ 1]) + opening.chunks[1:]), "PathMismatch"),
        (replace(opening, chunks=opening.chunks[:-CHUNK_BYTES]), "ChunkBytesMismatch"),
        (replace(opening, siblings=opening.siblings[1:]), "SiblingCountMismatch"),
        (replace(opening, siblings=(*opening.siblings, JUNK)), "SiblingCountMismatch"),
        (replace(opening, path=opening.path[1:]), "PathMismatch"),
        (replace(opening, numbers=opening.numbers[::-1]), "NumbersNotAscending"),
        (replace(opening, numbers=(*opening.numbers[:-1], 60)), "NumberOutOfRange"),
    ):
        assert refused_openings(game, (move.openings[0], wrong, *move.openings[2:])) == error
    assert refused_pick(game, descriptor=truth.committed.descriptors[LINEAR]) == "OtherDescriptor"
    game.play()
    assert table.claims.claim_of(game.claimed.claim_id).status is ClaimStatus.KILLED
