"""The table of moves: it is whole, positions follow from picks as the note says, and bodies have one length."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.lower.optimistic import longest_game, longest_game_of, term_count
from circuits.program.ops import ReduceSum
from circuits.program.refs import AffineMap
from tests import dispute_programs
from tests.dispute_games import refusal
from verifier.dispute import rules
from verifier.dispute.rules import (
    OVER,
    RULES,
    Move,
    OpSize,
    Side,
    body_length,
    element_picked,
    node_picked,
    opened,
    pick_at,
    range_picked,
    revealed_height,
    rule_at,
)
from verifier.dispute.types import Phase, Position


def test_every_phase_has_its_rule_and_the_ends_have_none() -> None:
    assert {rule.phase for rule in RULES} == set(Phase) - {Phase.NONE, *OVER}
    assert [rule.phase for rule in RULES if rule.leaf] == [Phase.TRACE]
    for over in (Position(phase) for phase in (Phase.NONE, *OVER)):
        assert refusal(lambda at=over: rule_at(at)) == "wrong_phase"
    assert {move for rule in RULES for move in (rule.reveal, *rule.picks) if move} == set(Move)


def test_from_every_rule_the_game_ends() -> None:
    """A table of 7 rows; each leads to the next, and the last to a win."""
    reached, todo = {Phase.COMMITTED}, [Phase.COMMITTED]
    while todo:
        phase = todo.pop()
        for rule in RULES:
            if rule.phase is phase:
                todo += set(rule.next) - reached
                reached |= set(rule.next)
    assert reached == {rule.phase for rule in RULES} | {Phase.WON}


def test_the_defender_moves_first_where_there_is_something_to_reveal() -> None:
    for rule in RULES:
        assert rule.turn(revealed=True) is Side.CHALLENGER
        assert rule.turn(revealed=False) is (Side.DEFENDER if rule.reveal else Side.CHALLENGER)


@pytest.mark.parametrize(
    ("ops", "index", "at"),
    [
        (1, 0, Position(Phase.TRACE, op=0)),
        (32, 31, Position(Phase.TRACE, op=31)),
        (33, 16, Position(Phase.TRACE, 1, 16)),
        (500, 31, Position(Phase.TRACE, 4, 31)),
        (2**16, 31, Position(Phase.TRACE, 11, 31)),
    ],
)
def test_opening_a_node_of_the_top(ops: int, index: int, at: Position) -> None:
    assert opened(ops, index) == at


@pytest.mark.parametrize(("ops", "index"), [(1, 1), (3, 3), (32, 32), (33, 17), (500, 32), (500, -1)])
def test_refuses_to_open_padding_or_past_the_top(ops: int, index: int) -> None:
    assert refusal(lambda: opened(ops, index)) == "pick_out_of_range"


def test_positions_of_the_notes_example() -> None:
    """500 ops, outputs of 4,096 elements, inner products of 4,096 terms and a bias."""
    size = OpSize(4096, 4097)
    assert (size.chunks, size.height) == (64, 6)
    at = opened(500, 3)
    assert (at, revealed_height(at), body_length(at)) == (Position(Phase.TRACE, 4, 3), 0, 512)
    at = node_picked(at, 50, 500)
    assert (at, pick_at(at, size), body_length(at, size)) == (Position(Phase.TRACE, op=50), Move.PICK_NODE, 512)
    at = node_picked(at, 15, 500, size)
    assert (at, body_length(at, size)) == (Position(Phase.DATA, 2, 15, 50), 1024)
    at = element_picked(at, 4095, size)
    assert (at, body_length(at, size)) == (Position(Phase.SUM, op=50, element=4095, lo=0, hi=4097), 16 * 172)
    at = range_picked(at, 170)
    assert at == Position(Phase.STEP, op=50, element=4095, lo=4080, hi=4097)
    assert range_picked(Position(Phase.SUM, op=50, element=4095, lo=0, hi=4097), 0).hi == 24


@pytest.mark.parametrize(
    ("at", "elements", "length"),
    [
        (Position(Phase.TRACE, 11, 0), 1, 32 << 5),
        (Position(Phase.TRACE, 6, 0), 1, 32 << 5),
        (Position(Phase.TRACE, 1, 0), 1, 64),
        (Position(Phase.TRACE, op=3), 1, 256),
        (Position(Phase.TRACE, op=3), 0, 256),
        (Position(Phase.TRACE, op=3), 129, 3 * 256),
        (Position(Phase.TRACE, op=3), 256, 4 * 256),
        (Position(Phase.TRACE, op=3), 257, 64),
        (Position(Phase.TRACE, op=3), 2**13, 32 << 5),
        (Position(Phase.TRACE, op=3), 2**13 + 1, 32 << 5),
        (Position(Phase.NODES, 3, 0, 3), 2**13 + 1, 64),
        (Position(Phase.NODES, 17, 0, 3), 2**28, 32 << 5),
        (Position(Phase.DATA, 2, 1, 3), 5 * 64, 256),
        (Position(Phase.DATA, 2, 1, 3), 8 * 64, 4 * 256),
        (Position(Phase.DATA, 1, 1, 3), 3 * 64, 256),
        (Position(Phase.DATA, 2, 2, 3), 5 * 64, 0),
        (Position(Phase.SUM, op=3, lo=0, hi=25), 1, 16 * 3),
        (Position(Phase.SUM, op=3, lo=4608, hi=9216), 1, 16 * 193),
    ],
)
def test_bodies_have_one_length(at: Position, elements: int, length: int) -> None:
    assert body_length(at, OpSize(elements, 100)) == length


def test_refuses_picks_that_a_position_does_not_have() -> None:
    small, large = OpSize(100, 30), OpSize(5000, 30)
    leaf, data = Position(Phase.TRACE, op=1), Position(Phase.DATA, 2, 0, 1)
    assert refusal(lambda: node_picked(leaf, 0, 9, small)) == "wrong_phase"
    assert refusal(lambda: element_picked(leaf, 0, large)) == "wrong_phase"
    assert refusal(lambda: element_picked(Position(Phase.TRACE, 2, 0), 0, large)) == "wrong_phase"
    assert refusal(lambda: node_picked(data, 0, 9, large)) == "wrong_phase"
    assert refusal(lambda: range_picked(data, 0)) == "wrong_phase"
    assert refusal(lambda: node_picked(leaf, 0, 9)) == refusal(lambda: body_length(leaf)) == "wrong_phase"
    assert refusal(lambda: element_picked(data, 256, large)) == "pick_out_of_range"
    assert refusal(lambda: element_picked(leaf, 100, small)) == "pick_out_of_range"
    assert refusal(lambda: node_picked(leaf, 20, 9, large)) == "pick_out_of_range"  # over padding: 79 chunks
    assert refusal(lambda: node_picked(leaf, 32, 9, large)) == "pick_out_of_range"
    assert refusal(lambda: range_picked(Position(Phase.SUM, op=1, lo=0, hi=25), 2)) == "pick_out_of_range"


@settings(max_examples=300)
@given(st.integers(1, 2**16), st.integers(1, 2**28), st.integers(0, 255 * 2**36), st.data())
def test_any_walk_ends_at_a_step_within_the_longest_game(
    ops: int, elements: int, terms: int, data: st.DataObject
) -> None:
    """Random picks in any op: every reveal is small, and there are at most as many moves as the note's table says."""
    size, moves = OpSize(elements, terms), 2
    height = max(0, (ops - 1).bit_length() - rules.TOP_DEPTH)
    at = opened(ops, data.draw(st.integers(0, (ops - 1) >> height)))
    while at.phase is not Phase.STEP:
        assert body_length(at, size) <= 193 * 16
        move = pick_at(at, size)
        if move is Move.PICK_RANGE:
            at = range_picked(at, data.draw(st.integers(0, body_length(at, size) // 16 - 2)))
        elif move is Move.PICK_ELEMENT:
            first = 0 if at.is_leaf else at.index << (at.height + 6)
            last = min(elements, first + (64 << (size.height if at.is_leaf else at.height))) - 1
            at = element_picked(at, data.draw(st.integers(first, last)), size)
        else:
            in_trace = at.phase is Phase.TRACE and not at.is_leaf
            below = revealed_height(at, size.height)
            first = at.index << ((size.height if at.is_leaf else at.height) - below)
            last = min(first + body_length(at, size) // 32, (((ops if in_trace else size.chunks) - 1) >> below) + 1) - 1
            at = node_picked(at, data.draw(st.integers(first, last)), ops, None if in_trace else size)
        moves += 2
    assert 0 <= at.hi - at.lo <= 24
    assert moves + 1 <= moves_of(ops, size)


def moves_of(ops: int, size: OpSize) -> int:
    """The table of section 7, of an op with these elements and terms."""
    op = ReduceSum((), (AffineMap((), (), ()),), (size.elements,), (size.terms,), 16, 0, 0, True, 1)
    assert (term_count(op), math.prod(op.dims)) == (size.terms, size.elements)
    return longest_game_of(op, ops)


def test_the_longest_game_is_that_of_the_longest_op() -> None:
    program = dispute_programs.long_sums(5000)
    assert longest_game(program) == max(longest_game_of(op, 5) for op in program.ops) == 9
