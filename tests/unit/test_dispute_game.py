"""Whole games: one honest challenger wins against any wrong output, the longest game is as long as the note says."""

from __future__ import annotations

import numpy as np
import pytest

from circuits.lower.optimistic import longest_game, longest_game_of, term_count
from circuits.program.graph import Program
from circuits.program.ops import Contract, Opcode
from tests import dispute_programs
from tests.dispute_games import (
    CHALLENGER,
    CLAIM_ID,
    CLAIMANT,
    SALT,
    SYBIL,
    TERMS,
    BadlyPadded,
    Bend,
    Duel,
    bent_at_the_end,
    bent_in_the_middle,
    honest,
    lie,
    new_game,
    propagated,
    wander,
)
from tests.programs import X
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.errors import DisputeError
from verifier.dispute.game import Game
from verifier.dispute.ledger import Moment
from verifier.dispute.openings import open_fault
from verifier.dispute.rules import Move, Side
from verifier.dispute.types import ClaimStatus, CommitmentKind, Phase, commitment_hash

PRIZE = TERMS.claim_bond // 2 + TERMS.challenge_bond
EVERY = dispute_programs.every_op()
SUMS = dispute_programs.long_sums(5000)
MINE = honest(EVERY, dispute_programs.random_inputs(EVERY))


def check_won(game: Game, winner: str = CHALLENGER, losers: int = 0) -> None:
    """The claim is killed, the winner paid, half of the bond burnt, and nothing else moved."""
    assert game.status is ClaimStatus.KILLED
    assert game.ledger.credits[winner] == PRIZE
    assert game.ledger.burnt == TERMS.claim_bond - TERMS.claim_bond // 2
    assert game.ledger.credits[CLAIMANT] == losers * TERMS.challenge_bond
    assert game.ledger.at_stake == game.open_challenges * TERMS.challenge_bond


def test_the_mixed_program_has_every_op() -> None:
    assert {op.opcode for op in EVERY.ops} == set(Opcode)


@pytest.mark.parametrize("bend", [bent_at_the_end, bent_in_the_middle])
@pytest.mark.parametrize("op", range(len(EVERY.ops)))
def test_any_op_corrupted_in_one_element_is_overturned_by_reveals(op: int, bend: Bend) -> None:
    for element in (0, 17, 34):
        claimed = lie(MINE, op, element)
        duel = Duel(new_game(claimed), MINE, claimed, bend).play()
        check_won(duel.game)
        assert (duel.visited[-1].op, duel.visited[-1].element) == (op, element)
        assert duel.played[-1] == "prove"


@pytest.mark.parametrize("op", range(len(EVERY.ops)))
def test_any_op_corrupted_in_one_element_is_overturned_by_one_proof(op: int) -> None:
    for element in (0, 17, 34):
        claimed = lie(MINE, op, element)
        game = new_game(claimed)
        commitment = commitment_hash(CLAIM_ID, CHALLENGER, CommitmentKind.PROVE_FAULT, op, SALT)
        challenge = game.commit(Moment(5, 5), CHALLENGER, commitment, TERMS.challenge_bond)
        game.prove_fault(Moment(6, 6), CHALLENGER, open_fault(claimed, challenge, op, SALT, element))
        check_won(game)


@pytest.mark.parametrize("op", range(len(EVERY.ops) - 1))
def test_a_lie_that_everything_after_follows_from_is_overturned_where_it_began(op: int) -> None:
    claimed = propagated(MINE, op, 17)
    duel = Duel(new_game(claimed), MINE, claimed).play()
    check_won(duel.game)
    assert duel.visited[-1].op == op


@pytest.mark.parametrize("bend", [bent_at_the_end, bent_in_the_middle])
@pytest.mark.parametrize("op", range(len(SUMS.ops)))
def test_long_sums_are_overturned_wherever_the_liar_bends_them(op: int, bend: Bend) -> None:
    mine = honest(SUMS, dispute_programs.random_inputs(SUMS))
    claimed = lie(mine, op, 1)
    duel = Duel(new_game(claimed), mine, claimed, bend).play()
    check_won(duel.game)
    step = duel.visited[-1]
    assert step.phase is Phase.STEP
    assert 0 < step.hi - step.lo <= 24
    if bend is bent_at_the_end:
        assert step.hi == term_count(SUMS.ops[op])


def test_sums_that_do_not_finish_at_the_element_are_no_answer() -> None:
    mine = honest(SUMS, dispute_programs.random_inputs(SUMS))
    claimed = lie(mine, 0, 1)
    duel = Duel(new_game(claimed), mine, claimed, lambda c, true: true).play()
    assert duel.played[-2:] == ["sums_mismatch", "timeout"]
    check_won(duel.game)


@pytest.mark.parametrize(
    ("program", "ops"),
    [
        (EVERY, range(len(EVERY.ops))),
        (SUMS, range(len(SUMS.ops))),
        (dispute_programs.long_sums(25), range(5)),
        (dispute_programs.chain(1), [0]),
        (dispute_programs.chain(32), [0, 31]),
        (dispute_programs.chain(33), [0, 32]),
        (dispute_programs.chain(1025), [0, 511, 1024]),
        (dispute_programs.wide(256), [0, 1]),
        (dispute_programs.wide(257), [0]),
        (dispute_programs.wide(128 * 64), [0]),
        (dispute_programs.wide(128 * 64 + 1), [0]),
    ],
)
def test_the_longest_game_of_every_op_is_as_long_as_the_note_says(program: Program, ops: list[int]) -> None:
    mine = honest(program, dispute_programs.random_inputs(program))
    lengths = []
    for op in ops:
        claimed = lie(mine, op, mine.made[op].size - 1)
        duel = Duel(new_game(claimed), mine, claimed).play()
        check_won(duel.game)
        assert len(duel.played) == longest_game_of(program.ops[op], len(program.ops)), duel.played
        lengths.append(len(duel.played))
    assert max(lengths) == longest_game(program)


def test_the_notes_example_takes_eleven_transactions() -> None:
    op = Contract((), (), (4096,), (4096,), 16, 0, 8, True)
    biased = Contract((X,) * 3, (), (4096,), (4096,), 16, 0, 8, True)
    assert (longest_game_of(op, 500), longest_game_of(biased, 500)) == (11, 11)
    assert longest_game_of(biased, 32) == 9
    assert longest_game_of(dispute_programs.copy_of(X, (0,)), 500) == 5


def test_wrong_dims_cannot_be_revealed() -> None:
    """The same integers as a tensor of other dims: the challenger gets there, the liar has no answer."""
    made = [tensor.T.copy() if op == 4 else tensor for op, tensor in enumerate(MINE.made)]
    claimed = CommittedTrace(MINE.committed, MINE.inputs, made)
    duel = Duel(new_game(claimed), MINE, claimed).play()
    assert duel.played[-2:] == ["fold_mismatch", "timeout"]
    check_won(duel.game)


def test_padding_that_is_not_zero_cannot_be_revealed() -> None:
    claimed = BadlyPadded(MINE.committed, MINE.inputs, MINE.made)
    duel = Duel(new_game(claimed), MINE, claimed).play()
    assert duel.played[-2:] == ["padding_not_zero", "timeout"]
    check_won(duel.game)


def test_reveals_are_made_once_for_all_and_the_earliest_commitment_wins() -> None:
    """32 sybils play along; whoever proves, the one that committed first is paid, and everybody else settles."""
    mine = honest(SUMS, dispute_programs.random_inputs(SUMS))
    claimed = lie(mine, 0, 1)
    game, answers = new_game(claimed), {}
    first = Duel(game, mine, claimed, challenger=CHALLENGER, answers=answers)
    sybils = [
        Duel(game, mine, claimed, challenger=SYBIL, salt=bytes([i]) * 32, time=12, block=12, answers=answers)
        for i in range(31)
    ]
    sybils[0].until(lambda at: at.phase is Phase.STEP)
    revealed = len(game.reveals)
    for duel in (first, *sybils[1:]):
        duel.time = duel.block = sybils[0].time
        duel.until(lambda at: at.phase is Phase.STEP)
        assert set(duel.played) & {Move.REVEAL, Move.REVEAL_SUMS, Move.REVEAL_TENSOR} == set()
    assert len(game.reveals) == revealed
    sybils[7].attack()
    check_won(game)
    assert game.challenges[first.id].at.phase is Phase.WON
    for duel in sybils:
        game.settle(duel.id)
    assert game.ledger.at_stake == 0
    assert game.ledger.credits[SYBIL] == 31 * TERMS.challenge_bond


@pytest.mark.parametrize("third_proves", [False, True])
def test_in_a_lost_ones_place_comes_the_next_to_pick_or_prove(third_proves: bool) -> None:
    claimed = lie(MINE, 1, 3)
    game, answers = new_game(claimed), {}
    lost = Duel(game, MINE, claimed, challenger=SYBIL, answers=answers).until(lambda at: at.phase is Phase.STEP)
    second = Duel(game, MINE, claimed, time=lost.time, block=50, answers=answers)
    third = Duel(game, MINE, claimed, challenger="0x" + "33" * 20, time=lost.time, block=60, answers=answers)
    for duel in (second, third):
        duel.time = lost.turn.deadline - 10
        duel.until(lambda at: at.phase is Phase.STEP)
    assert game.earliest[second.challenge.at] == lost.id
    game.timeout(Moment(lost.turn.deadline, 90), lost.id)
    prover = third if third_proves else second
    prover.time = lost.time + TERMS.clock
    prover.attack()
    check_won(game, prover.challenger, losers=1)


@pytest.mark.parametrize("seed", range(40))
def test_an_honest_claim_survives_any_challenger(seed: int) -> None:
    """One that picks anything that it may, down to the last step, which it proves to be right."""
    program = [EVERY, SUMS, dispute_programs.chain(40), dispute_programs.wide(9000)][seed % 4]
    mine = honest(program, dispute_programs.random_inputs(program))
    rng, game = np.random.default_rng(seed), new_game(mine)
    duel = Duel(game, mine, mine, index=int(rng.integers(len(program.ops))) >> mine.top_height)
    while duel.challenge.at.phase is not Phase.STEP:
        if duel.turn.side is Side.DEFENDER:
            assert duel.defend()
        elif duel.challenge.at.phase is Phase.COMMITTED:
            duel.attack()
        else:
            duel.make(wander(duel.challenge, mine, duel.answers, rng))
    with pytest.raises(DisputeError) as refused:
        duel.make(wander(duel.challenge, mine, duel.answers, rng))
    assert refused.value.code == "step_holds"
    lost_at = duel.turn.deadline
    game.timeout(Moment(lost_at, 99), duel.id)
    game.finalise(Moment(max(game.window_end, lost_at), 100))
    assert game.status is ClaimStatus.FINAL
    assert game.ledger.credits == {CLAIMANT: TERMS.claim_bond + TERMS.challenge_bond}
    assert game.ledger.at_stake == 0
