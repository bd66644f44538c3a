"""Every op of a program with all of them, one element of its output changed: the dispute finds it and wins it."""

from __future__ import annotations

import pytest
from dispute_model import OP_OF, lie
from dispute_play import Game, require_ceilings
from dispute_table import Claimed, Table

from circuits.lower.optimistic import longest_game_of
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_terms
from verifier.dispute.types import ClaimStatus, Phase

pytestmark = pytest.mark.slow

STEP_CHUNKS = 48  # what one step opens at most
ONE_SUM_OF_ALL = "reduce_sum"  # 9,312 terms: no proof of all of them fits a transaction


def false_element(truth: CommittedTrace, op: int) -> int:
    """Not among the first, so that positions are not 0."""
    return truth.made[op].size * 2 // 3


def require_overturned(table: Table, claimed: Claimed) -> None:
    """The winner has half of the claim's bond and its own back; the rest is burnt."""
    terms, claims = table.terms, table.claims
    assert claims.claim_of(claimed.claim_id).status is ClaimStatus.KILLED
    prize = terms.claim_bond // 2
    assert claims.credit(table.account(2).address) == prize + terms.challenge_bond
    assert claims.credit(claimed.claimant.address) == 0
    assert claims.burnt() == terms.claim_bond - prize


@pytest.mark.parametrize("recomputed", [True, False], ids=["later_ops_recomputed", "later_ops_left"])
@pytest.mark.parametrize("kind", OP_OF)
def test_forced_reveals_find_and_overturn(table: Table, truth: CommittedTrace, kind: str, recomputed: bool) -> None:
    op = OP_OF[kind]
    element = false_element(truth, op)
    claimed = table.claim(lie(truth, op, element, recomputed=recomputed))
    game = Game(table, claimed, truth, table.account(2))
    game.commit()
    at = game.play(until=lambda c: c.at.phase is Phase.STEP).at
    assert (at.op, at.element) == (op, element)
    game.play()
    require_overturned(table, claimed)
    require_ceilings(game.played)
    assert len(game.played) == longest_game_of(truth.op(op), len(truth.program.ops))


@pytest.mark.parametrize("kind", [kind for kind in OP_OF if kind != ONE_SUM_OF_ALL])
def test_published_trace_is_overturned_in_two_transactions(table: Table, truth: CommittedTrace, kind: str) -> None:
    op = OP_OF[kind]
    claimed = table.claim(lie(truth, op, false_element(truth, op), recomputed=True))
    game = Game(table, claimed, truth, table.account(2))
    game.prove_published(op, false_element(truth, op))
    require_overturned(table, claimed)
    require_ceilings(game.played)
    assert len(game.played) == 2


def test_only_the_sum_over_everything_does_not_fit_a_proof_of_all_terms(truth: CommittedTrace) -> None:
    def chunks(op: int) -> int:
        openings = open_terms(truth, op, 0, 0, truth.size_of(op).terms)
        return sum(len(opening.numbers) for opening in openings)

    assert {kind for kind, op in OP_OF.items() if chunks(op) > STEP_CHUNKS} == {ONE_SUM_OF_ALL}
