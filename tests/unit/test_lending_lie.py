"""The demo's liar lies in one element only, and answers as well as the game lets it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from circuits.lower.optimistic import accumulators, finish, start, term_count
from circuits.program.graph import Program
from circuits.program.interpreter import evaluate_op, trace
from circuits.quantize import CompileOptions, compile_model
from examples.lending.dishonest import DishonestTrace, Lie, calm_markets
from examples.lending.feed_input import returns_integers, rounds_for
from examples.lending.market import HERE, MAX_STALENESS_S, WINDOW, load_prices
from verifier.dispute.reveals import encode_sums
from verifier.dispute.types import Phase, Position

Integers = npt.NDArray[np.int64]


@pytest.fixture(scope="module")
def program() -> Program:
    with np.load(HERE / "calibration.npz") as stored:
        calibration = {name: stored[name] for name in stored.files}
    return compile_model(HERE / "lending.onnx", calibration, CompileOptions(input_scales={"returns": 15}))[0]


@pytest.fixture(scope="module")
def inputs() -> list[Integers]:
    history = load_prices()
    rounds = rounds_for(history.rounds, history.next_midnight, WINDOW, MAX_STALENESS_S)
    return [np.array([returns_integers([r.answer for r in rounds], 15, 16)])]


@pytest.fixture(scope="module")
def lied(program: Program, inputs: list[Integers]) -> tuple[Lie, DishonestTrace]:
    return calm_markets(program, inputs)


def test_one_element_of_one_op_is_false_and_everything_after_follows_from_it(
    program: Program, lied: tuple[Lie, DishonestTrace]
) -> None:
    lie, false = lied
    for number, op in enumerate(program.ops):
        made = evaluate_op(op, [t.astype(np.int64) for t in false.operands(number)])
        wrong = np.flatnonzero(made.reshape(-1) != false.made[number].reshape(-1)).tolist()
        assert wrong == ([lie.element] if number == lie.op else [])


def test_the_lie_flatters(program: Program, inputs: list[Integers], lied: tuple[Lie, DishonestTrace]) -> None:
    true = trace(program, inputs)
    assert true[lied[0].op].reshape(-1)[lied[0].element] == lied[0].true
    assert lied[1].made[-1].item() < true[-1].item()


def sums(body: bytes) -> list[int]:
    return [int.from_bytes(body[i : i + 16], "big", signed=True) for i in range(0, len(body), 16)]


def test_the_sums_of_the_false_element_begin_and_end_as_the_game_forces_them_to(
    program: Program, lied: tuple[Lie, DishonestTrace]
) -> None:
    lie, false = lied
    op, terms = program.ops[lie.op], term_count(program.ops[lie.op])
    said = sums(false.reveal_body(Position(Phase.SUM, op=lie.op, element=lie.element, hi=terms)))
    true = accumulators(op, false.operands(lie.op), lie.element, 0, terms)
    assert (said[0], finish(op, said[-1])) == (start(op), lie.claimed)
    assert said[:-1] == true[:-1]
    assert finish(op, true[-1]) == lie.true


def test_the_sums_of_a_true_element_are_true(program: Program, lied: tuple[Lie, DishonestTrace]) -> None:
    lie, false = lied
    op, terms = program.ops[lie.op], term_count(program.ops[lie.op])
    said = false.reveal_body(Position(Phase.SUM, op=lie.op, element=0, hi=terms))
    assert said == encode_sums(accumulators(op, false.operands(lie.op), 0, 0, terms))
