"""Turns, deadlines, pauses and finality: at every instant exactly one of a move and its timeout is possible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.lower.optimistic import longest_game
from tests import dispute_programs
from tests.dispute_games import (
    CHALLENGER,
    CLAIM_ID,
    CLAIMANT,
    GUARDIAN,
    SALT,
    SYBIL,
    TERMS,
    Duel,
    honest,
    lie,
    new_game,
    refusal,
    wander,
)
from verifier.dispute.game import Game
from verifier.dispute.ledger import MAX_PAUSE_S, Moment
from verifier.dispute.openings import open_fault
from verifier.dispute.rules import Side, clock_after, deadline, latest_finality, turn_at
from verifier.dispute.types import ClaimStatus, CommitmentKind, Phase, Position, commitment_hash

PROGRAM = dispute_programs.long_sums(5000)
MINE = honest(PROGRAM, dispute_programs.random_inputs(PROGRAM))
CLAIMED = lie(MINE, 0, 1)


def at_move(number: int) -> Duel:
    """The duel after so many moves, `commit` not counted."""
    duel = Duel(new_game(CLAIMED), MINE, CLAIMED)
    for _ in range(number):
        assert duel.step()
    return duel


MOVES = longest_game(PROGRAM) - 1


@pytest.mark.parametrize("number", range(MOVES))
def test_the_last_second_belongs_to_the_mover_and_the_next_to_the_timeout(number: int) -> None:
    duel = at_move(number)
    turn = duel.turn
    duel.time = turn.deadline - 2
    assert refusal(lambda: duel.game.timeout(Moment(turn.deadline - 1, 999), duel.id)) == "too_early"
    duel.step()  # in the last second
    assert duel.played[-1] != "timeout"

    late = at_move(number)
    late.time = turn.deadline - 1
    if turn.side is Side.CHALLENGER:
        assert refusal(late.attack) == "too_late"
        late.game.timeout(Moment(turn.deadline, 999), late.id)
        assert late.challenge.at.phase is Phase.LOST
        assert late.game.ledger.credits == {CLAIMANT: TERMS.challenge_bond}
    else:
        assert not late.defend()
        assert late.played[-1] == "too_late"
        late.game.timeout(Moment(turn.deadline, 999), late.id)
        assert late.game.status is ClaimStatus.KILLED


def test_each_side_pays_its_own_time() -> None:
    duel = at_move(1)
    committed = duel.challenge
    assert (committed.defender_clock, committed.challenger_clock) == (TERMS.clock, TERMS.clock - 1)
    duel.time += 99
    duel.step()  # the reveal, after 100 s
    duel.time += 49
    duel.step()  # the pick, 50 s later
    assert (duel.challenge.defender_clock, duel.challenge.challenger_clock) == (TERMS.clock - 100, TERMS.clock - 51)
    assert duel.challenge.turn_start == duel.time


def test_an_empty_clock_leaves_the_extension() -> None:
    duel = at_move(1)
    for _ in range(2):
        duel.time = duel.turn.deadline - 2
        assert duel.step()
        duel.step()
    assert duel.challenge.defender_clock == 0
    assert duel.turn.deadline == duel.turn.start + TERMS.extension


def test_a_reveal_that_came_late_for_a_challenge_does_not_save_it() -> None:
    """Two challenges at the same position: what is in time for the second comes too late for the first."""
    game, answers = new_game(CLAIMED), {}
    first = Duel(game, MINE, CLAIMED, answers=answers)
    first.step()
    second = Duel(game, MINE, CLAIMED, challenger=SYBIL, time=first.time + 200, block=300, answers=answers)
    second.step()
    assert first.challenge.at == second.challenge.at
    due = first.turn.deadline
    second.time = due
    assert second.defend()
    assert second.turn.side is Side.CHALLENGER
    assert (first.turn.side, first.turn.deadline) == (Side.DEFENDER, due)
    game.timeout(Moment(due + 2, 400), first.id)
    assert game.challenges[first.id].at.phase is Phase.WON


def test_a_reveal_made_earlier_costs_the_defender_nothing() -> None:
    game, answers = new_game(CLAIMED), {}
    first = Duel(game, MINE, CLAIMED, answers=answers)
    first.until(lambda at: at.phase is Phase.STEP)
    second = Duel(game, MINE, CLAIMED, challenger=SYBIL, time=first.time + 100, block=300, answers=answers)
    second.until(lambda at: at.phase is Phase.STEP)
    assert second.challenge.defender_clock == TERMS.clock
    assert second.challenge.challenger_clock < TERMS.clock


@pytest.mark.parametrize("prove_time", [30, 300, 900])
def test_an_unused_commitment_is_lost_once_neither_move_is_possible(prove_time: int) -> None:
    terms = replace(TERMS, prove_time=prove_time)
    game = new_game(CLAIMED, terms)
    duel = Duel(game, MINE, CLAIMED)
    committed = duel.time
    last = committed + max(terms.clock, terms.extension, prove_time)
    assert refusal(lambda: game.timeout(Moment(last - 1, 99), duel.id)) == "too_early"
    game.timeout(Moment(last, 99), duel.id)
    assert game.challenges[duel.id].at.phase is Phase.LOST


@pytest.mark.parametrize("late", [False, True])
def test_a_fault_is_proven_until_its_deadline_and_not_at_it(late: bool) -> None:
    game = new_game(lie(MINE, 4, 1))
    claimed = lie(MINE, 4, 1)
    commitment = commitment_hash(CLAIM_ID, CHALLENGER, CommitmentKind.PROVE_FAULT, 4, SALT)
    challenge = game.commit(Moment(5, 5), CHALLENGER, commitment, TERMS.challenge_bond)
    proof = open_fault(claimed, challenge, 4, SALT, 1)
    when = Moment(5 + TERMS.prove_time - (not late), 99)
    if late:
        assert refusal(lambda: game.prove_fault(when, CHALLENGER, proof)) == "too_late"
    else:
        game.prove_fault(when, CHALLENGER, proof)
        assert game.status is ClaimStatus.KILLED


def test_the_window_closes_for_commitments_and_opens_for_finality_at_the_same_second() -> None:
    game = new_game(MINE)
    end = game.window_end
    assert refusal(lambda: game.finalise(Moment(end - 1, 9))) == "too_early"
    game.commit(Moment(end - 1, 9), CHALLENGER, b"\1" * 32, TERMS.challenge_bond)
    commit = (Moment(end, 10), CHALLENGER, b"\2" * 32, TERMS.challenge_bond)
    assert refusal(lambda: game.commit(*commit)) == "too_late"
    assert refusal(lambda: game.finalise(Moment(end, 10))) == "too_early"  # a challenge is open
    other = new_game(MINE)
    other.finalise(Moment(end, 10))
    assert other.status is ClaimStatus.FINAL


@settings(max_examples=60)
@given(st.data())
def test_finality_has_a_bound_whatever_both_sides_do(data: st.DataObject) -> None:
    """An honest claim, a challenge committed in the last second, both sides as slow as they like."""
    times = st.integers(1, 500)
    terms = replace(TERMS, **{name: data.draw(times) for name in ("window", "prove_time", "clock", "extension")})
    game = new_game(MINE, terms)
    duel = Duel(game, MINE, MINE, index=0, time=game.window_end - 2)
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    while duel.challenge.at.phase is not Phase.STEP:
        if data.draw(st.booleans()) and data.draw(st.booleans()):
            break
        duel.time = data.draw(st.integers(duel.turn.start, duel.turn.deadline - 1)) - 1  # the move ticks
        if duel.turn.side is Side.DEFENDER:
            assert duel.defend()
        elif duel.challenge.at.phase is Phase.COMMITTED:
            duel.attack()
        else:
            duel.make(wander(duel.challenge, MINE, duel.answers, rng))
    moves = longest_game(PROGRAM)
    bound = latest_finality(game.window_end, terms, moves)
    assert refusal(lambda: game.finalise(Moment(bound, 9))) == "too_early"
    side = duel.turn.side
    game.timeout(Moment(bound, 9999), duel.id)
    if side is Side.CHALLENGER:
        game.finalise(Moment(bound, 9999))
    assert game.status in (ClaimStatus.FINAL, ClaimStatus.KILLED)


def test_nothing_moves_in_a_pause_and_no_time_passes() -> None:
    duel = at_move(3)
    game, before = duel.game, duel.turn
    game.clock.pause(Moment(duel.time + 5, 50), GUARDIAN)
    duel.time += 10_000
    moves = (
        lambda: game.timeout(Moment(duel.time, 60), duel.id),
        lambda: game.commit(Moment(duel.time, 60), SYBIL, b"\1" * 32, TERMS.challenge_bond),
        lambda: game.finalise(Moment(duel.time, 60)),
        duel.step if before.side is Side.CHALLENGER else lambda: game.reveal(Moment(0, 0), CLAIMANT, duel.id, b""),
    )
    assert {refusal(move) for move in moves} == {"paused"}
    resumed = duel.time
    game.clock.unpause(Moment(resumed, 70), GUARDIAN)
    assert duel.turn == before
    assert game.clock.at(Moment(resumed + 7, 71)) == game.clock.at(Moment(resumed, 70)) + 7
    assert refusal(lambda: game.timeout(Moment(resumed + 1, 71), duel.id)) == "too_early"


def test_a_cancelled_claim_gives_every_bond_back_and_ends_nothing_else() -> None:
    duel = at_move(3)
    game = duel.game
    assert refusal(lambda: game.cancel(GUARDIAN)) == "wrong_phase"  # only in a pause
    game.clock.pause(Moment(duel.time, 50), GUARDIAN)
    assert refusal(lambda: game.cancel(SYBIL)) == "wrong_mover"
    assert refusal(lambda: game.settle(duel.id)) == "too_early"
    game.cancel(GUARDIAN)
    game.settle(duel.id)
    assert refusal(lambda: game.settle(duel.id)) == "wrong_phase"
    assert game.ledger.credits == {CLAIMANT: TERMS.claim_bond, CHALLENGER: TERMS.challenge_bond}
    assert (game.ledger.at_stake, game.ledger.burnt) == (0, 0)


def test_only_the_guardian_pauses_and_everybody_ends_a_pause_that_is_over() -> None:
    game = new_game(MINE)
    assert refusal(lambda: game.clock.pause(Moment(10, 2), SYBIL)) == "wrong_mover"
    game.clock.pause(Moment(10, 2), GUARDIAN)
    assert refusal(lambda: game.clock.pause(Moment(11, 2), GUARDIAN)) == "paused"
    assert refusal(lambda: game.clock.unpause(Moment(10 + MAX_PAUSE_S - 1, 3), SYBIL)) == "wrong_mover"
    ended = 10 + MAX_PAUSE_S
    game.clock.unpause(Moment(ended, 3), SYBIL)
    assert refusal(lambda: game.clock.pause(Moment(ended + MAX_PAUSE_S - 1, 4), GUARDIAN)) == "too_early"
    game.clock.pause(Moment(ended + MAX_PAUSE_S, 4), GUARDIAN)
    assert game.clock.at(Moment(ended + MAX_PAUSE_S + 5, 5)) == MAX_PAUSE_S + 10


def test_deadlines_and_clocks_in_numbers() -> None:
    assert (deadline(100, 50, 20), deadline(100, 5, 20)) == (150, 120)
    assert (clock_after(100, 130, 50), clock_after(100, 200, 50), clock_after(100, 90, 50)) == (20, 0, 50)
    at = Position(Phase.NODES, 3, op=1)
    assert turn_at(at, 100, 50, 70, None, 20) == turn_at(at, 100, 50, 70, 150, 20)
    assert turn_at(at, 100, 50, 70, 149, 20).start == 149
    assert turn_at(at, 100, 50, 70, 40, 20).deadline == 170
    assert latest_finality(1000, TERMS, 10) == 1000 + 2 * TERMS.clock + 10 * TERMS.extension


def test_an_ended_game_has_no_turns() -> None:
    game: Game = at_move(MOVES - 1).game
    (challenge,) = game.challenges
    game.timeout(Moment(10_000, 999), challenge)
    assert refusal(lambda: game.turn_of(challenge)) == "wrong_phase"
