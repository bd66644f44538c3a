"""Reveals that are not what the position asks for, on a chain: each refused with its reason; the right one is taken."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from dispute_model import OP_OF, lie
from dispute_play import Game, reveal_function, sums_for, walked
from dispute_table import Table, error_of
from dispute_walk import Target

from contracts.client.dispute_types import Challenge
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.reveals import encode_sums
from verifier.dispute.types import Phase

pytestmark = pytest.mark.slow

JUNK = b"\xee" * 32
INDEX, SUM, DENSE, LINEAR = OP_OF["index"], OP_OF["reduce_sum"], OP_OF["contract"], OP_OF["linear"]
# The last chunk of the first op's output is half padding; under its Data node two of four chunks are none.
LAST_ELEMENT = Target(INDEX, 97 * 96 - 1)


def refused_reveal(game: Game, body: bytes) -> str:
    function, _ = reveal_function(game, game.challenge, body)
    return error_of(partial(game.claimed.claimant.send, function))


def require_answerable(game: Game) -> None:
    """What was refused was the body: the right one is taken."""
    before = len(game.played)
    game.step()
    assert game.played[before].side == "defender"


def test_reveal_with_padding_that_is_not_zero_is_refused(table: Table, truth: CommittedTrace) -> None:
    for to, phase in ((Target(34), Phase.TRACE), (LAST_ELEMENT, Phase.DATA)):
        game = walked(table, truth, to, phase)
        body = truth.reveal_body(game.challenge.at)
        assert refused_reveal(game, body[:-1] + b"\1") == "PaddingNotZero"
        require_answerable(game)


def test_tensor_reveal_with_padding_that_is_not_zero_is_refused(table: Table, truth: CommittedTrace) -> None:
    for to in (Target(LINEAR), LAST_ELEMENT):
        game = walked(table, truth, to, Phase.TRACE, at_leaf=True)
        body = truth.reveal_body(game.challenge.at)
        assert refused_reveal(game, body[:-1] + b"\1") == "PaddingNotZero"
        require_answerable(game)


@pytest.mark.parametrize(
    ("to", "phase", "at_leaf"),
    [
        (Target(9), Phase.TRACE, False),
        (Target(LINEAR), Phase.TRACE, True),
        (LAST_ELEMENT, Phase.TRACE, True),
        (Target(INDEX, 4000), Phase.NODES, False),
        (Target(INDEX, 4000), Phase.DATA, False),
        (LAST_ELEMENT, Phase.DATA, False),
    ],
)
def test_reveal_of_another_length_or_of_other_bytes_is_refused(
    table: Table, truth: CommittedTrace, to: Target, phase: Phase, at_leaf: bool
) -> None:
    game = walked(table, truth, to, phase, at_leaf=at_leaf)
    body = truth.reveal_body(game.challenge.at)
    for other in (b"", body[:-32], body + bytes(32), body[:-1], body * 2):
        assert refused_reveal(game, other) == "BodyLength"
    assert refused_reveal(game, bytes([body[0] ^ 1]) + body[1:]) == "OtherRoot"
    assert refused_reveal(game, body[32:64] + body[:32] + body[64:]) == "OtherRoot"
    require_answerable(game)


def test_tensor_reveal_under_another_root_or_descriptor_is_refused(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(LINEAR), Phase.TRACE, at_leaf=True)
    body, root = truth.reveal_body(game.challenge.at), truth.chunk_tree(LINEAR).root
    descriptors = truth.committed.descriptors
    claimant, named = game.claimed.claimant, game.challenge_id
    reveal = table.as_seen_by(claimant).reveal_tensor
    assert error_of(lambda: claimant.send(reveal(named, descriptors[LINEAR], JUNK, body))) == "OtherTensor"
    # The product of two ops' dims is the same, and so would be their chunks.
    other = descriptors[DENSE]
    assert error_of(lambda: claimant.send(reveal(named, other, root, body))) == "OtherDescriptor"
    require_answerable(game)


# Sums: what is claimed is a lie about an element, so that every accumulator but the first is a choice of the liar


def bent(game: Game, change: Callable[[Challenge, list[int]], list[int]]) -> str:
    challenge = game.challenge
    return refused_reveal(game, encode_sums(change(challenge, sums_for(game.claimed.trace, challenge))))


@pytest.mark.parametrize("kind", ["contract", "max", "argmax", "reduce_sum"])
def test_prefix_that_does_not_start_at_the_start_is_refused(table: Table, truth: CommittedTrace, kind: str) -> None:
    game = walked(table, lie(truth, OP_OF[kind], 0, recomputed=True), Target(OP_OF[kind]), Phase.SUM)
    for start in (1, -1, 2**127 - 1):
        assert bent(game, lambda c, sums, start=start: [start, *sums[1:]]) == "WrongAccumulator"
    require_answerable(game)


@pytest.mark.parametrize("kind", ["contract", "max", "argmax", "reduce_sum"])
def test_prefix_that_does_not_finish_at_the_element_is_refused(table: Table, truth: CommittedTrace, kind: str) -> None:
    """The truth is refused, for it ends elsewhere, and so is what ends a step of the rescale beside the element."""
    op = OP_OF[kind]
    game = walked(table, lie(truth, op, 0, recomputed=True), Target(op), Phase.SUM)
    true = truth.reveal_body(game.challenge.at)
    assert refused_reveal(game, true) == "WrongElement"
    beside = 1 << getattr(truth.op(op), "shift", 0)
    assert bent(game, lambda c, sums: [*sums[:-1], sums[-1] + beside]) == "WrongElement"
    assert bent(game, lambda c, sums: [*sums[:-1], -(2**127)]) == "WrongElement"
    require_answerable(game)


def test_prefix_of_a_part_that_does_not_join_its_ends_is_refused(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, lie(truth, SUM, 0, recomputed=True), Target(SUM, 0, 5000), Phase.SUM)
    game.play(until=lambda c: c.at.phase is Phase.SUM and c.at.lo > 0)
    assert bent(game, lambda c, sums: [sums[0] + 1, *sums[1:]]) == "WrongAccumulator"
    assert bent(game, lambda c, sums: [*sums[:-1], sums[-1] - 1]) == "WrongAccumulator"
    require_answerable(game)


def test_prefix_with_an_accumulator_too_many_or_too_few_is_refused(table: Table, truth: CommittedTrace) -> None:
    game = walked(table, truth, Target(DENSE), Phase.SUM)
    assert bent(game, lambda c, sums: [*sums[:2], *sums[1:]]) == "BodyLength"
    assert bent(game, lambda c, sums: [*sums[:1], *sums[2:]]) == "BodyLength"
    assert bent(game, lambda c, sums: []) == "BodyLength"
    require_answerable(game)
