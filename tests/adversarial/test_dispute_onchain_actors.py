"""Who might sit at the table: idle, withholding and lying defenders, sybils, and those who copy others' moves."""

from __future__ import annotations

from functools import partial

import pytest
from dispute_model import OP_OF, lie
from dispute_play import Game, Played, defend, sums_for, walked
from dispute_table import Claimed, Table, error_of
from dispute_walk import Target

from contracts.client.chain import Chain
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_fault
from verifier.dispute.reveals import encode_sums
from verifier.dispute.types import ClaimStatus, CommitmentKind, Phase, challenge_id

pytestmark = pytest.mark.slow

INDEX, LINEAR, SUM = OP_OF["index"], OP_OF["linear"], OP_OF["reduce_sum"]
SYBILS = 32
REVERTS = "0x5f5ffd"  # revert(0, 0)
WITHHELD = {
    "trace": (INDEX, Phase.TRACE, False),
    "leaf": (INDEX, Phase.TRACE, True),
    "nodes": (INDEX, Phase.NODES, False),
    "data": (INDEX, Phase.DATA, False),
    "sum": (SUM, Phase.SUM, False),
}


def false_claim(table: Table, truth: CommittedTrace, op: int) -> Claimed:
    return table.claim(lie(truth, op, truth.made[op].size * 2 // 3, recomputed=True))


def status_of_claim(table: Table, claimed: Claimed) -> ClaimStatus:
    return table.claims.claim_of(claimed.claim_id).status


def run_out(table: Table, game: Game) -> None:
    """The turn that is on runs out, and a stranger says so."""
    _, deadline = table.claims.turn_of(game.challenge_id)
    stranger = table.account(9)
    timeout = table.as_seen_by(stranger).timeout(game.challenge_id)
    assert table.sent_at(max(deadline, table.chain.timestamp() + 1), stranger, timeout) == ""
    assert table.claims.credit(stranger.address) == 0


def require_solvent(table: Table, chains: list[Chain], *, at_stake: int = 0) -> None:
    """What the contract holds is what may be withdrawn, what is burnt and what is at stake, to the wei."""
    owed = sum(table.claims.credit(chain.address) for chain in chains)
    assert table.held() == owed + table.claims.burnt() + at_stake


@pytest.mark.parametrize("place", WITHHELD)
def test_withholder_and_idle_defender_lose_wherever_they_fall_silent(
    table: Table, truth: CommittedTrace, place: str
) -> None:
    op, phase, at_leaf = WITHHELD[place]
    game = Game(table, false_claim(table, truth, op), truth, table.account(2))
    game.commit()
    game.play(until=lambda c: (c.at.phase, c.at.is_leaf) == (phase, at_leaf))
    run_out(table, game)
    assert status_of_claim(table, game.claimed) is ClaimStatus.KILLED
    prize = table.terms.claim_bond // 2
    assert table.claims.credit(game.challenger.address) == prize + table.terms.challenge_bond
    require_solvent(table, [game.challenger, game.claimed.claimant])


def test_liar_in_the_middle_of_a_reveal_cannot_take_it_back(table: Table, truth: CommittedTrace) -> None:
    """What was revealed stays: a second reveal at the position is refused, the truth included."""
    game = Game(table, false_claim(table, truth, SUM), truth, table.account(2))
    game.commit()
    game.play(until=lambda c: c.at.phase is Phase.SUM)
    challenge = game.challenge
    first, _ = defend(game, challenge)
    game.step()
    claimant = game.claimed.claimant
    assert error_of(partial(claimant.send, first)) == "NotTheDefendersTurn"
    claims = table.as_seen_by(claimant)
    true = claims.reveal_sums(game.challenge_id, truth.committed.descriptors[SUM], truth.reveal_body(challenge.at))
    assert error_of(partial(claimant.send, true)) == "NotTheDefendersTurn"
    game.play()
    assert status_of_claim(table, game.claimed) is ClaimStatus.KILLED


def test_nobody_reveals_bad_sums_in_the_defenders_name(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(SUM), Phase.SUM)
    challenge = game.challenge
    # They begin and end as they should, so that only their sender stands against them.
    right = sums_for(truth, challenge)
    bad = encode_sums([right[0], *(acc + 1 for acc in right[1:-1]), right[-1]])
    for number in (2, 3):
        stranger = table.account(number)
        claims = table.as_seen_by(stranger)
        reveal = claims.reveal_sums(game.challenge_id, truth.committed.descriptors[SUM], bad)
        assert error_of(partial(stranger.send, reveal)) == "NotTheClaimant"
    game.step()


# Sybils


def sybil_games(table: Table, claimed: Claimed, truth: CommittedTrace, to: Target) -> list[Game]:
    """32 challenges of one claim at once, each of another account, walked side by side; reveals are shared."""
    answers: dict[bytes, object] = {}
    games = [
        Game(table, claimed, truth, table.account(100 + i), target=to, answers=answers)  # type: ignore[arg-type]
        for i in range(SYBILS)
    ]
    for game in games:
        game.commit()
    return games


def test_resolution_costs_the_same_whatever_the_number_of_challenges(table: Table, truth: CommittedTrace) -> None:
    claimed = false_claim(table, truth, LINEAR)

    def overturned() -> Played:
        game = Game(table, claimed, truth, table.account(2))
        game.commit()
        game.play()
        assert status_of_claim(table, claimed) is ClaimStatus.KILLED
        return game.played[-1]

    with table.undone():
        alone = overturned()
    sybils = sybil_games(table, claimed, truth, Target(INDEX, 9))
    together = overturned()
    assert together == alone
    settled = []
    for game in sybils:
        game.make("settle", "challenger", game.challenger, game.moves.settle(game.challenge_id))
        settled.append(game.played[-1].gas)
    assert max(settled) - min(settled) <= 100  # the bytes of an id that are zero
    bond = table.terms.challenge_bond
    assert {table.claims.credit(game.challenger.address) for game in sybils} == {bond}
    chains = [game.challenger for game in sybils] + [table.account(2), claimed.claimant]
    require_solvent(table, chains)


def test_sybils_against_a_correct_claim_are_answered_once_and_pay_for_it(table: Table, truth: CommittedTrace) -> None:
    claimed = table.claim(truth)
    games = sybil_games(table, claimed, truth, Target(LINEAR, 5))
    for game in games:
        game.play(until=lambda c: c.at.phase is Phase.TRACE)
    for game in games[:3]:
        game.play(until=lambda c: c.at.phase is Phase.STEP)
        assert error_of(game.step) == "NothingWrong"
    reveals = [made.move for game in games for made in game.played if made.side == "defender"]
    assert reveals == ["reveal", "revealTensor"]
    for game in games:
        run_out(table, game)
    bond = table.terms.challenge_bond
    assert table.claims.credit(claimed.claimant.address) == SYBILS * bond
    end = table.claims.claim_of(claimed.claim_id).window_end
    final = table.claims.finalise(claimed.claim_id)
    assert table.sent_at(max(end, table.chain.timestamp() + 1), table.chain, final) == ""
    assert status_of_claim(table, claimed) is ClaimStatus.FINAL
    assert table.claims.credit(claimed.claimant.address) == SYBILS * bond + table.terms.claim_bond
    require_solvent(table, [claimed.claimant])


# Freeloaders: they see every transaction before it is mined


def test_copied_calls_are_refused(table: Table, truth: CommittedTrace) -> None:
    """Every call of the challenger, sent by somebody else first, in the same bytes."""
    game = Game(table, false_claim(table, truth, SUM), truth, table.account(2))
    thief = table.account(3)
    game.commit()
    copied = 0
    while status_of_claim(table, game.claimed) is ClaimStatus.PENDING:
        before = len(game.played)
        if not table.claims.turn_of(game.challenge_id)[0]:
            table.wait(1)
            _, function = game.challengers_function()
            assert error_of(partial(thief.send, function)) == "NotTheChallenger"
            copied += 1
        game.step()
        assert len(game.played) == before + 1
    assert copied == sum(made.side == "challenger" for made in game.played) - 1
    assert table.claims.credit(thief.address) == 0


def test_copied_commitment_opens_nothing(table: Table, truth: CommittedTrace) -> None:
    game = Game(table, false_claim(table, truth, LINEAR), truth, table.account(2))
    thief = Game(table, game.claimed, truth, table.account(3))
    commitment = game.commitment(CommitmentKind.OPEN, game.index)
    copy = thief.moves.commit(game.claimed.claim_id, commitment)
    thief.challenger.send(copy, value=table.terms.challenge_bond)
    game.commit()
    named = challenge_id(game.claimed.claim_id, thief.challenger.address, commitment)
    table.wait(1)
    move = game.challengers_move()
    opening = thief.moves.open(named, move.index, game.salt, move.node, move.siblings, move.descriptor)  # type: ignore[union-attr]
    assert error_of(partial(thief.challenger.send, opening)) == "OtherCommitment"
    game.play()
    assert status_of_claim(table, game.claimed) is ClaimStatus.KILLED


def test_freeloader_that_copies_every_pick_and_proves_first_gets_only_its_bond(
    table: Table, truth: CommittedTrace
) -> None:
    """It commits after the honest one, walks in its steps, and its proof is mined before: the honest one is paid."""
    claimed = false_claim(table, truth, SUM)
    honest = Game(table, claimed, truth, table.account(2))
    thief = Game(table, claimed, truth, table.account(3), answers=honest.answers)
    honest.commit()
    thief.commit()
    for game in (honest, thief):
        game.play(until=lambda c: c.at.phase is Phase.STEP)
    thief.step()
    assert status_of_claim(table, claimed) is ClaimStatus.KILLED
    bond, prize = table.terms.challenge_bond, table.terms.claim_bond // 2
    assert table.claims.credit(honest.challenger.address) == prize + bond
    thief.make("settle", "challenger", thief.challenger, thief.moves.settle(thief.challenge_id))
    assert table.claims.credit(thief.challenger.address) == bond
    assert error_of(partial(honest.challenger.send, honest.moves.settle(honest.challenge_id))) == "ChallengeNotOpen"
    require_solvent(table, [honest.challenger, thief.challenger, claimed.claimant])


def test_freeloader_with_the_honest_proof_of_a_fault_has_no_commitment_to_it(
    table: Table, truth: CommittedTrace
) -> None:
    claimed = false_claim(table, truth, LINEAR)
    element = truth.made[LINEAR].size * 2 // 3
    thief = Game(table, claimed, truth, table.account(3), salt=b"\3" * 32)
    other = thief.commitment(CommitmentKind.PROVE_FAULT, SUM)
    thief.challenger.send(thief.moves.commit(claimed.claim_id, other), value=table.terms.challenge_bond)
    named = challenge_id(claimed.claim_id, thief.challenger.address, other)
    table.wait(1)
    stolen = open_fault(claimed.trace, named, LINEAR, thief.salt, element)
    assert error_of(partial(thief.challenger.send, thief.moves.prove_fault(stolen))) == "OtherCommitment"
    honest = Game(table, claimed, truth, table.account(2))
    honest.prove_published(LINEAR, element)
    assert table.claims.credit(honest.challenger.address) == table.terms.claim_bond // 2 + table.terms.challenge_bond
