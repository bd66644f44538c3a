"""Where the money of a dispute goes, and what stops it: wrong challengers, receivers that refuse, pauses."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from dispute_model import OP_OF, lie
from dispute_play import Game, defend, walked
from dispute_table import Claimed, Table, error_of, outputs_of
from dispute_walk import Target

from circuits.statement import Route
from contracts.client.devnet import ask
from contracts.client.hub import Hub
from contracts.client.types import Status
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.ledger import BETWEEN_PAUSES_S, MAX_PAUSE_S
from verifier.dispute.types import ClaimStatus, Phase

pytestmark = pytest.mark.slow

INDEX, LINEAR, SUM = OP_OF["index"], OP_OF["linear"], OP_OF["reduce_sum"]
REFUSES = "0x5f5ffd"  # the code of an account that reverts on whatever it is sent
GUARDIAN = 0


def status_of_claim(table: Table, claimed: Claimed) -> ClaimStatus:
    return table.claims.claim_of(claimed.claim_id).status


def deadline_of(table: Table, game: Game) -> int:
    return table.claims.turn_of(game.challenge_id)[1]


def timeout(table: Table, game: Game) -> str:
    """A stranger's, as soon as it may be; the error, if it is refused."""
    stranger = table.account(9)
    when = max(deadline_of(table, game), table.chain.timestamp() + 1)
    return table.sent_at(when, stranger, table.as_seen_by(stranger).timeout(game.challenge_id))


def fulfil(claimed: Claimed, hub: Hub) -> object:
    outputs = outputs_of(claimed.trace)
    return Hub(claimed.claimant, hub.address).fulfil(claimed.request, int(Route.OPTIMISTIC), outputs, claimed.claim_id)


# Challengers who are wrong


def test_challenger_of_a_correct_claim_loses_its_bond_and_the_claim_is_delivered(
    table: Table, truth: CommittedTrace
) -> None:
    """It walks to a step, cannot prove it, and runs out of time; nothing is delivered before the end."""
    game = walked(table, truth, Target(SUM, 0, 5000), Phase.STEP)
    claimed, hub = game.claimed, table.hub
    claimant, request_id = claimed.claimant, hub.request_id(claimed.request)
    assert error_of(game.step) == "NothingWrong"
    assert error_of(partial(claimant.send, fulfil(claimed, hub))) == "WrongClaimStatus"
    assert timeout(table, game) == ""
    assert game.challenge.at.phase is Phase.LOST
    assert table.claims.credit(claimant.address) == table.terms.challenge_bond
    assert table.claims.credit(game.challenger.address) == 0
    end = max(table.claims.claim_of(claimed.claim_id).window_end, table.chain.timestamp() + 1)
    assert table.sent_at(end, table.chain, table.claims.finalise(claimed.claim_id)) == ""
    assert table.claims.credit(claimant.address) == table.terms.challenge_bond + table.terms.claim_bond
    claimant.send(fulfil(claimed, hub))
    assert hub.status(request_id) is Status.DELIVERED


@pytest.mark.parametrize("phase", [Phase.COMMITTED, Phase.TRACE, Phase.NODES, Phase.DATA, Phase.SUM])
def test_challenger_of_a_correct_claim_loses_wherever_it_stops(
    table: Table, truth: CommittedTrace, phase: Phase
) -> None:
    to = Target(SUM) if phase is Phase.SUM else Target(INDEX, 6000)
    game = walked(table, truth, to, phase)
    if table.claims.turn_of(game.challenge_id)[0]:
        game.step()
    assert timeout(table, game) == ""
    assert game.challenge.at.phase is Phase.LOST
    assert status_of_claim(table, game.claimed) is ClaimStatus.PENDING
    assert table.claims.credit(game.claimed.claimant.address) == table.terms.challenge_bond
    assert error_of(partial(game.challenger.send, game.moves.settle(game.challenge_id))) == "ChallengeNotOpen"


def test_claimant_that_overturns_its_own_claim_pays_half_its_bond(table: Table, truth: CommittedTrace) -> None:
    claimed = table.claim(lie(truth, LINEAR, 7, recomputed=True))
    game = Game(table, claimed, truth, claimed.claimant)
    game.commit()
    game.play()
    bond = table.terms.claim_bond
    assert table.claims.credit(claimed.claimant.address) == bond // 2 + table.terms.challenge_bond
    assert table.claims.burnt() == bond - bond // 2
    assert table.held() == bond + table.terms.challenge_bond


def test_prover_may_claim_rightly_after_its_false_claim_was_killed(table: Table, truth: CommittedTrace) -> None:
    false = table.claim(lie(truth, LINEAR, 7, recomputed=True))
    game = Game(table, false, truth, table.account(2))
    game.commit()
    game.play()
    claims, claimant, terms = table.as_seen_by(false.claimant), false.claimant, table.terms
    again = claims.claim(false.request, outputs_of(false.trace), false.trace.top, false.trace.output_paths, "")
    assert error_of(lambda: claimant.send(again, value=terms.claim_bond)) == "ClaimExists"
    right = claims.claim(false.request, outputs_of(truth), truth.top, truth.output_paths, "")
    before = table.chain.block_number()
    claimant.send(right, value=terms.claim_bond)
    (made,) = table.claims.events(before + 1, table.chain.block_number())
    end = table.claims.claim_of(made.claim_id).window_end
    assert table.sent_at(end, table.chain, table.claims.finalise(made.claim_id)) == ""
    assert error_of(partial(claimant.send, fulfil(false, table.hub))) == "WrongClaimStatus"
    claimant.send(fulfil(replace(false, claim_id=made.claim_id, trace=truth), table.hub))


# Receivers that refuse money


def test_winner_that_refuses_money_blocks_nobody(table: Table, truth: CommittedTrace) -> None:
    claimed = table.claim(lie(truth, LINEAR, 7, recomputed=True))
    winner, other = (Game(table, claimed, truth, table.account(number)) for number in (5, 6))
    for game in (winner, other):
        game.commit()
    winner.play(until=lambda c: c.at.phase is Phase.TRACE)
    ask(table.chain, "anvil_setCode", winner.challenger.address, REFUSES)
    assert timeout(table, winner) == ""
    assert status_of_claim(table, claimed) is ClaimStatus.KILLED
    won = table.terms.claim_bond // 2 + table.terms.challenge_bond
    assert table.claims.credit(winner.challenger.address) == won
    other.challenger.send(other.moves.settle(other.challenge_id))
    before = table.chain.balance(other.challenger.address)
    receipt = other.challenger.send(other.moves.withdraw(table.terms.challenge_bond))
    fee = int(receipt["gasUsed"]) * int(receipt["effectiveGasPrice"])
    assert table.chain.balance(other.challenger.address) == before + table.terms.challenge_bond - fee
    # It may still change its mind.
    ask(table.chain, "anvil_setCode", winner.challenger.address, "0x")
    winner.challenger.send(winner.moves.withdraw(won))
    assert table.held() == table.claims.burnt()


def test_claimant_that_refuses_money_does_not_stop_finality(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(LINEAR), Phase.COMMITTED)
    claimed = game.claimed
    ask(table.chain, "anvil_setCode", claimed.claimant.address, REFUSES)
    assert timeout(table, game) == ""
    end = max(table.claims.claim_of(claimed.claim_id).window_end, table.chain.timestamp() + 1)
    assert table.sent_at(end, table.chain, table.claims.finalise(claimed.claim_id)) == ""
    assert table.claims.credit(claimed.claimant.address) == table.terms.challenge_bond + table.terms.claim_bond


def test_nobody_withdraws_more_than_its_credit(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(LINEAR), Phase.COMMITTED)
    assert timeout(table, game) == ""
    claimant, claims = game.claimed.claimant, table.as_seen_by(game.claimed.claimant)
    assert error_of(partial(claimant.send, claims.withdraw(table.terms.challenge_bond + 1))) == "CreditTooLow"
    claimant.send(claims.withdraw(table.terms.challenge_bond))
    assert error_of(partial(claimant.send, claims.withdraw(1))) == "CreditTooLow"
    assert table.held() == table.terms.claim_bond


@pytest.mark.parametrize("wrong", [-1, 1, None])
def test_commitment_with_any_other_bond_is_refused(table: Table, truth: CommittedTrace, wrong: int | None) -> None:
    game = Game(table, table.claim(truth), truth, table.account(2), target=Target(LINEAR))
    commit = game.moves.commit(game.claimed.claim_id, bytes(32))
    value = 0 if wrong is None else table.terms.challenge_bond + wrong
    assert error_of(lambda: game.challenger.send(commit, value=value)) == "WrongValue"


# Pauses


def test_pause_in_the_middle_stops_every_move_and_shifts_every_deadline(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(INDEX, 6000), Phase.NODES)
    guardian, claims = table.account(GUARDIAN), table.claims
    stopped = game.claimed.claimant
    deadline, end = deadline_of(table, game), claims.claim_of(game.claimed.claim_id).window_end
    guardian.send(claims.functions.pause())
    since = table.chain.timestamp()
    table.wait(MAX_PAUSE_S // 2)
    reveal, _ = defend(game, game.challenge)
    for chain, move in (
        (stopped, reveal),
        (guardian, claims.timeout(game.challenge_id)),
        (guardian, claims.finalise(game.claimed.claim_id)),
        (guardian, claims.functions.pause()),
    ):
        assert error_of(partial(chain.send, move)) == "IsPaused"
    commit = game.moves.commit(game.claimed.claim_id, bytes(32))
    assert error_of(lambda: game.challenger.send(commit, value=table.terms.challenge_bond)) == "IsPaused"
    assert (deadline_of(table, game), claims.game_time()) == (deadline, since)
    guardian.send(claims.functions.unpause())
    shift = table.chain.timestamp() - since
    assert claims.game_time() == since
    with table.undone():
        assert table.sent_at(deadline + shift - 1, stopped, reveal) == ""
    with table.undone():
        assert table.sent_at(deadline + shift, stopped, reveal) == "DeadlinePassed"
    with table.undone():
        assert table.sent_at(deadline + shift - 1, guardian, claims.timeout(game.challenge_id)) == "DeadlineNotReached"
    assert table.sent_at(deadline + shift, guardian, claims.timeout(game.challenge_id)) == ""
    assert claims.claim_of(game.claimed.claim_id).window_end == end


def test_cancel_in_a_pause_gives_everybody_its_own_bond(table: Table, truth: CommittedTrace) -> None:
    """Whoever would have won: a false claim whose challenger stands before its proof is cancelled as well."""
    claimed = table.claim(lie(truth, LINEAR, 7, recomputed=True))
    games = [Game(table, claimed, truth, table.account(number)) for number in (2, 3)]
    for game in games:
        game.commit()
    games[0].play(until=lambda c: c.at.phase is Phase.STEP)
    guardian, claims = table.account(GUARDIAN), table.claims
    cancel = claims.functions.cancel(claimed.claim_id)
    assert error_of(partial(guardian.send, cancel)) == "NotPaused"
    guardian.send(claims.functions.pause())
    assert error_of(partial(claimed.claimant.send, cancel)) == "NotTheGuardian"
    guardian.send(cancel)
    assert error_of(partial(guardian.send, cancel)) == "WrongClaimStatus"
    for game in games:
        game.challenger.send(game.moves.settle(game.challenge_id))
        assert claims.credit(game.challenger.address) == table.terms.challenge_bond
    assert claims.credit(claimed.claimant.address) == table.terms.claim_bond
    assert claims.burnt() == 0
    guardian.send(claims.functions.unpause())
    assert error_of(partial(guardian.send, claims.finalise(claimed.claim_id))) == "WrongClaimStatus"
    for chain in (claimed.claimant, *(game.challenger for game in games)):
        chain.send(table.as_seen_by(chain).withdraw(claims.credit(chain.address)))
    assert table.held() == 0


def test_guardian_cannot_pause_for_longer_or_sooner_than_it_may(table: Table, truth: CommittedTrace) -> None:
    guardian, stranger, claims = table.account(GUARDIAN), table.account(3), table.claims
    pause, unpause = claims.functions.pause(), claims.functions.unpause()
    assert error_of(partial(stranger.send, pause)) == "NotTheGuardian"
    assert error_of(partial(stranger.send, unpause)) == "NotPaused"
    guardian.send(pause)
    since = table.chain.timestamp()
    assert table.sent_at(since + MAX_PAUSE_S - 1, stranger, unpause) == "PauseNotOver"
    assert table.sent_at(since + MAX_PAUSE_S, stranger, unpause) == ""
    ended = table.chain.timestamp()
    assert table.sent_at(ended + BETWEEN_PAUSES_S - 1, guardian, pause) == "PauseTooSoon"
    assert table.sent_at(ended + BETWEEN_PAUSES_S, guardian, pause) == ""
    assert claims.paused()
