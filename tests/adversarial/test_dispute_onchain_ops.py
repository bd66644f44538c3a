"""Every op of a program with all of them, one element of its output changed: the dispute finds it and wins it."""

from __future__ import annotations

import pytest
from dispute_model import OP_OF, lie
from dispute_play import Game, Table

from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.types import ClaimStatus, Phase

pytestmark = pytest.mark.slow


def false_element(truth: CommittedTrace, op: int) -> int:
    """Not among the first: so that positions are not 0."""
    return truth.made[op].size * 2 // 3


@pytest.mark.parametrize("recomputed", [True, False], ids=["recomputed", "left"])
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
    assert table.claims.claim_of(claimed.claim_id).status is ClaimStatus.KILLED
    assert table.claims.credit(table.account(2).address) > 0
