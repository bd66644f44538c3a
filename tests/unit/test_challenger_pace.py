"""The shortest turn that `setup` names is the shortest that a challenger plays: one function, not two figures."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from prover.optimistic.key import DEFAULT_TERMS
from verifier.challenger import Challenger, ChallengerError, Judgement, Store, Verdict
from verifier.challenger.pace import PACE_BLOCKS, lag_s, measured_lag_s, shortest_turn_s
from verifier.dispute.types import ClaimStatus


def chain(block_s: int, blocks: int = 100) -> Any:
    def timestamp(block: int | None = None) -> int:
        return block_s * (blocks if block is None else block)

    return SimpleNamespace(block_number=lambda: blocks, timestamp=timestamp)


def refusal(extension: int, block_s: int, confirmations: int) -> str:
    """What keeps a challenger from staking on a wrong claim under a key with this extension."""
    on_chain: Any = SimpleNamespace(chain=chain(block_s), claims=SimpleNamespace(game_time=lambda: 0))
    challenger = Challenger(on_chain, None, Store(":memory:"), confirmations=confirmations)  # type: ignore[arg-type]
    claim = SimpleNamespace(status=ClaimStatus.PENDING, window_end=1)
    terms = replace(DEFAULT_TERMS, extension=extension)
    view: Any = SimpleNamespace(claim_id=bytes(32), claim=claim, key=SimpleNamespace(terms=terms))
    with pytest.raises(ChallengerError) as refused:
        challenger.stake(view, Judgement(Verdict.WRONG))
    return refused.value.code


@pytest.mark.parametrize(("block_s", "confirmations"), [(12, 2), (2, 5), (30, 1)])
def test_a_challenger_plays_the_shortest_extension_and_none_below(block_s: int, confirmations: int) -> None:
    shortest = shortest_turn_s(lag_s(confirmations, 1, block_s))
    assert refusal(shortest - 1, block_s, confirmations) == "extension_too_short"
    assert refusal(shortest, block_s, confirmations) == "not_staking"  # nothing else: it only has no account


def test_the_lag_is_measured_over_the_newest_blocks_and_rounded_up() -> None:
    assert measured_lag_s(chain(12), 2) == 24
    assert measured_lag_s(chain(12, blocks=1), 2) == 24
    assert measured_lag_s(chain(12), 0) == measured_lag_s(chain(12, blocks=0), 2) == 0
    assert lag_s(1, PACE_BLOCKS, PACE_BLOCKS + 1) == 2
