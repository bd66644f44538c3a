"""Deadlines to the second, on a chain: a move is possible until the second before, its timeout from the deadline on."""

from __future__ import annotations

from typing import Any

import pytest
from dispute_model import OP_OF, lie
from dispute_play import Game, defend, walked
from dispute_table import Table
from dispute_walk import Target

from circuits.lower.optimistic import longest_game
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_fault
from verifier.dispute.rules import latest_finality
from verifier.dispute.types import ClaimStatus, CommitmentKind, Phase, challenge_id

pytestmark = pytest.mark.slow

DEEP = Target(OP_OF["index"], 6000)
SUM = Target(OP_OF["reduce_sum"], 0, 5000)
# Where a challenge stands: the target it was walked to, the phase, whether at a leaf of the trace.
PLACES = {
    "committed": (DEEP, Phase.COMMITTED, False),
    "trace": (DEEP, Phase.TRACE, False),
    "leaf": (DEEP, Phase.TRACE, True),
    "nodes": (DEEP, Phase.NODES, False),
    "data": (DEEP, Phase.DATA, False),
    "sum": (SUM, Phase.SUM, False),
    "step": (DEEP, Phase.STEP, False),
}
REVEALED = [place for place in PLACES if place not in ("committed", "step")]


def require_sharp(table: Table, game: Game, chain: Any, move: Any, deadline: int, *, ends: ClaimStatus) -> None:
    """The move until the second before the deadline, the timeout from then on; `ends` is the claim's status then."""
    timeout, stranger = table.as_seen_by(table.account(3)).timeout(game.challenge_id), table.account(3)
    with table.undone():
        assert table.sent_at(deadline - 1, stranger, timeout) == "DeadlineNotReached"
    with table.undone():
        assert table.sent_at(deadline - 1, chain, move) == ""
    with table.undone():
        assert table.sent_at(deadline, chain, move) == "DeadlinePassed"
    with table.undone():
        assert table.sent_at(deadline, stranger, timeout) == ""
        assert table.claims.claim_of(game.claimed.claim_id).status is ends
        assert table.claims.credit(stranger.address) == 0


@pytest.mark.parametrize("place", REVEALED)
def test_reveal_is_possible_until_the_second_before_its_deadline(
    table: Table, truth: CommittedTrace, place: str
) -> None:
    to, phase, at_leaf = PLACES[place]
    game = walked(table, truth, to, phase, at_leaf=at_leaf)
    defenders, deadline = table.claims.turn_of(game.challenge_id)
    assert defenders
    challenge = game.challenge
    assert deadline == challenge.turn_start + challenge.defender_clock
    assert table.terms.clock - 10 < challenge.defender_clock <= table.terms.clock
    reveal, _ = defend(game, challenge)
    require_sharp(table, game, game.claimed.claimant, reveal, deadline, ends=ClaimStatus.KILLED)


@pytest.mark.parametrize("place", REVEALED)
def test_pick_is_possible_until_the_second_before_its_deadline(table: Table, truth: CommittedTrace, place: str) -> None:
    to, phase, at_leaf = PLACES[place]
    game = walked(table, truth, to, phase, at_leaf=at_leaf)
    game.step()
    defenders, deadline = table.claims.turn_of(game.challenge_id)
    assert not defenders
    _, pick = game.challengers_function()
    require_sharp(table, game, game.challenger, pick, deadline, ends=ClaimStatus.PENDING)


def test_open_is_possible_until_the_second_before_its_deadline(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, DEEP, Phase.COMMITTED)
    _, deadline = table.claims.turn_of(game.challenge_id)
    assert deadline == game.challenge.turn_start + max(table.terms.clock, table.terms.prove_time)
    _, opening = game.challengers_function()
    require_sharp(table, game, game.challenger, opening, deadline, ends=ClaimStatus.PENDING)


def test_prove_is_possible_until_the_second_before_its_deadline(table: Table, truth: CommittedTrace) -> None:
    op = OP_OF["linear"]
    game = Game(table, table.claim(lie(truth, op, 3, recomputed=True)), truth, table.account(2))
    game.commit()
    game.play(until=lambda c: c.at.phase is Phase.STEP)
    _, deadline = table.claims.turn_of(game.challenge_id)
    _, proof = game.challengers_function()
    require_sharp(table, game, game.challenger, proof, deadline, ends=ClaimStatus.PENDING)


def test_prove_fault_is_possible_until_its_time_is_over_and_lost_only_with_the_open(
    table: Table, truth: CommittedTrace
) -> None:
    op, terms = OP_OF["linear"], table.terms
    assert terms.prove_time < terms.clock
    game = Game(table, table.claim(lie(truth, op, 3, recomputed=True)), truth, table.account(2))
    commitment = game.commitment(CommitmentKind.PROVE_FAULT, op)
    claims, chain = game.moves, game.challenger
    chain.send(claims.commit(game.claimed.claim_id, commitment), value=terms.challenge_bond)
    named, committed = challenge_id(game.claimed.claim_id, chain.address, commitment), table.chain.timestamp()
    proof = claims.prove_fault(open_fault(game.claimed.trace, named, op, game.salt, 3))
    timeout = claims.timeout(named)
    for time, function, error in (
        (committed + terms.prove_time - 1, proof, ""),
        (committed + terms.prove_time, proof, "DeadlinePassed"),
        (committed + terms.prove_time, timeout, "DeadlineNotReached"),
        (committed + terms.clock - 1, timeout, "DeadlineNotReached"),
        (committed + terms.clock, timeout, ""),
    ):
        with table.undone():
            assert table.sent_at(time, chain, function) == error


def test_window_ends_for_commitments_when_it_begins_for_finality(table: Table, truth: CommittedTrace) -> None:
    claimed = table.claim(truth)
    game = Game(table, claimed, truth, table.account(2), target=DEEP)
    end = table.claims.claim_of(claimed.claim_id).window_end
    assert end == table.chain.timestamp() + table.terms.window
    commit = game.moves.commit(claimed.claim_id, game.commitment(CommitmentKind.OPEN, game.index))
    final = table.claims.finalise(claimed.claim_id)
    bond = table.terms.challenge_bond
    with table.undone():
        assert table.sent_at(end - 1, table.chain, final) == "WindowOpen"
    with table.undone():
        assert table.sent_at(end, game.challenger, commit, bond) == "WindowClosed"
    with table.undone():
        assert table.sent_at(end, table.chain, final) == ""
    assert table.sent_at(end - 1, game.challenger, commit, bond) == ""
    assert table.sent_at(end, table.chain, final) == "ChallengesOpen"


def test_time_is_taken_from_the_clock_and_never_below_the_extension(table: Table, truth: CommittedTrace) -> None:
    """The defender spends nearly all of its clock on the first reveal: every later turn has the extension still."""
    terms = table.terms
    game = walked(table, truth, DEEP, Phase.TRACE)
    spent = terms.clock - 5
    table.next_block_at(game.challenge.turn_start + spent)
    game.step()
    game.step()
    challenge = game.challenge
    assert challenge.defender_clock == 5
    assert table.claims.turn_of(game.challenge_id) == (True, challenge.turn_start + terms.extension)
    table.next_block_at(challenge.turn_start + terms.extension - 1)
    game.step()
    game.step()
    challenge = game.challenge
    assert challenge.defender_clock == 0
    assert table.claims.turn_of(game.challenge_id) == (True, challenge.turn_start + terms.extension)


def test_refused_reveals_gain_no_time(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, DEEP, Phase.DATA)
    before = table.claims.turn_of(game.challenge_id)
    claims, claimant = table.as_seen_by(game.claimed.claimant), game.claimed.claimant
    for seconds in range(1, 4):
        junk = claims.reveal(game.challenge_id, bytes(1024))
        assert table.sent_at(table.chain.timestamp() + seconds, claimant, junk) == "OtherRoot"
    assert table.claims.turn_of(game.challenge_id) == before


def test_reveal_that_another_challenge_got_too_late_for_this_one_saves_nothing(
    table: Table, truth: CommittedTrace
) -> None:
    """Two challenges at one position: the reveal comes before the later one's deadline, after the earlier one's."""
    first = walked(table, truth, DEEP, Phase.TRACE)
    later = Game(table, first.claimed, truth, table.account(3), target=DEEP)
    table.wait(100)
    later.commit()
    later.play(until=lambda c: c.at.phase is Phase.TRACE)
    _, deadline = table.claims.turn_of(first.challenge_id)
    table.next_block_at(deadline + 10)
    later.step()
    assert table.claims.turn_of(later.challenge_id)[0] is False
    assert table.claims.turn_of(first.challenge_id) == (True, deadline)
    assert table.sent_at(deadline + 20, table.chain, table.claims.timeout(first.challenge_id)) == ""
    assert table.claims.claim_of(first.claimed.claim_id).status is ClaimStatus.KILLED


def test_finality_comes_in_time_whatever_both_sides_waste(table: Table, truth: CommittedTrace) -> None:
    """Committed in the window's last second, every move made in its last second, by both: and final at the bound."""
    terms, claimed = table.terms, table.claim(truth)
    game = Game(table, claimed, truth, table.account(2), target=SUM)
    end = table.claims.claim_of(claimed.claim_id).window_end
    table.next_block_at(end - 1)
    game.commit()
    while game.challenge.at.phase is not Phase.STEP:
        _, deadline = table.claims.turn_of(game.challenge_id)
        table.next_block_at(deadline - 1)
        game.step()
    _, deadline = table.claims.turn_of(game.challenge_id)
    bound = latest_finality(end, terms, longest_game(truth.program))
    assert end + 2 * terms.clock < deadline <= bound
    assert table.sent_at(deadline, table.chain, table.claims.timeout(game.challenge_id)) == ""
    assert table.sent_at(bound, table.chain, table.claims.finalise(claimed.claim_id)) == ""
