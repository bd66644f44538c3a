"""Bodies that are not what a position asks for."""

from __future__ import annotations

import pytest

from tests import dispute_programs
from tests.dispute_duels import duel_at
from tests.dispute_games import (
    CLAIMANT,
    honest,
    refusal,
)
from verifier.dispute.reveals import encode_sums
from verifier.dispute.types import (
    Phase,
)

SUMS = honest(dispute_programs.long_sums(5000), dispute_programs.random_inputs(dispute_programs.long_sums(5000)))
WIDE = honest(dispute_programs.wide(9000), dispute_programs.random_inputs(dispute_programs.wide(9000)))


@pytest.mark.parametrize("phase", [Phase.TRACE, Phase.NODES, Phase.DATA])
def test_rejects_bodies_that_are_not_the_node(phase: Phase) -> None:
    duel = duel_at(WIDE, 0, 8999, phase)
    at, game = duel.challenge.at, duel.game
    body = duel.claimed.reveal_body(at)

    def sent(data: bytes, root: bytes | None = None) -> str:
        if phase is Phase.TRACE:
            known = root or duel.claimed.chunk_tree(0).root
            return refusal(lambda: game.reveal_tensor(duel.tick(), CLAIMANT, duel.id, known, data))
        return refusal(lambda: game.reveal(duel.tick(), CLAIMANT, duel.id, data))

    assert sent(body[:-1]) == sent(body + b"\0") == sent(b"") == sent(body * 2) == "body_length"
    for place in (0, len(body) // 2, len(body) - 1):
        flipped = bytearray(body)
        flipped[place] ^= 1
        assert sent(bytes(flipped)) in ("fold_mismatch", "padding_not_zero")
    assert sent(duel.mine.reveal_body(at)) == "fold_mismatch"  # the true one, which is not the claim's
    if phase is Phase.TRACE:
        assert sent(duel.mine.reveal_body(at), duel.mine.chunk_tree(0).root) == "fold_mismatch"
        assert refusal(lambda: game.reveal(duel.tick(), CLAIMANT, duel.id, body)) == "wrong_phase"
    else:
        root = duel.claimed.chunk_tree(0).root
        assert refusal(lambda: game.reveal_tensor(duel.tick(), CLAIMANT, duel.id, root, body)) == "wrong_phase"
    assert not game.reveals.get(at)


@pytest.mark.parametrize("which", ["first", "last", "element", "length"])
def test_rejects_sums_that_do_not_start_at_0_or_end_at_the_element(which: str) -> None:
    duel = duel_at(SUMS, 0, 1, Phase.SUM)
    c, game = duel.challenge, duel.game
    assert c.is_whole_fold
    body = duel.body(c)
    sums = [int.from_bytes(body[i : i + 16], "big", signed=True) for i in range(0, len(body), 16)]
    assert sums[0] == 0
    false = {
        "first": [1, *sums[1:]],
        "last": [*sums[:-1], sums[-1] + 8],
        "element": [*sums[:-1], sums[-1] - 8],
        "length": [*sums, sums[-1]],
    }[which]
    act = lambda: game.reveal_sums(duel.tick(), CLAIMANT, duel.id, encode_sums(false))  # noqa: E731
    assert refusal(act) == ("body_length" if which == "length" else "sums_mismatch")
    game.reveal_sums(duel.tick(), CLAIMANT, duel.id, body)


@pytest.mark.parametrize("which", [0, -1])
def test_rejects_later_sums_that_are_not_those_of_the_range(which: int) -> None:
    """Also where another last accumulator would finish at the element: only the whole fold may choose it."""
    duel = duel_at(SUMS, 0, 1, Phase.SUM, revealed=True)
    duel.attack()
    assert duel.challenge.at.phase is Phase.SUM
    body = duel.body(duel.challenge)
    sums = [int.from_bytes(body[i : i + 16], "big", signed=True) for i in range(0, len(body), 16)]
    sums[which] += 1
    act = lambda: duel.game.reveal_sums(duel.tick(), CLAIMANT, duel.id, encode_sums(sums))  # noqa: E731
    assert refusal(act) == "sums_mismatch"
