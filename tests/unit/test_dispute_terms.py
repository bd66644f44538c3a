"""Folds of terms give the interpreter's elements, wherever they are cut, and the fast accumulators are theirs."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from circuits.lower import optimistic
from circuits.lower.optimistic import (
    FANOUT,
    NEVER,
    SEGMENT_TERMS,
    UndefinedTermError,
    accumulators,
    finish,
    points,
    prefix,
    reads,
    run_terms,
    spacing,
    start,
    term_count,
)
from circuits.program.graph import Program
from circuits.program.interpreter import trace
from circuits.program.ops import (
    Argmax,
    Compare,
    Contract,
    Divide,
    Gather,
    Index,
    Linear,
    Lookup,
    Max,
    Op,
    ReduceSum,
    Rsqrt,
    Select,
)
from circuits.program.refs import UNMAPPED, AffineMap, Source
from tests.programs import X, Y, const
from tests.random_programs import GROW, inputs_of, programs

Integers = npt.NDArray[np.int64]

LEAST_ELEMENTS = 100  # of ops of each kind
MOST_ROUNDS = 10


def operands(program: Program, op: Op, inputs: list[Integers], made: list[Integers]) -> list[Integers]:
    tensors = {Source.INPUT: inputs, Source.CONST: [c.values for c in program.constants], Source.OP: made}
    return [tensors[ref.source][ref.index] for ref in op.operands]


@pytest.mark.parametrize("kind", GROW, ids=lambda kind: kind.__name__)
def test_every_element_is_the_interpreters(kind: type[Op]) -> None:
    reached = 0

    def check(data: st.DataObject) -> None:
        nonlocal reached
        program = data.draw(programs([kind], most=4, bits=(8, 12) if kind is Lookup else (8, 12, 16, 32)))
        inputs = data.draw(inputs_of(program))
        made = trace(program, inputs)
        for op, output in zip(program.ops, made, strict=True):
            tensors, count = operands(program, op, inputs, made), term_count(op)
            for element, expected in enumerate(output.reshape(-1).tolist()):
                cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=3)))
                acc = start(op)
                for lo, hi in pairwise([0, *cuts, count]):
                    acc = run_terms(op, tensors, element, lo, hi, acc)
                assert acc == run_terms(op, tensors, element, 0, count, start(op))
                assert finish(op, acc) == expected
                reached += isinstance(op, kind)

    for number in range(MOST_ROUNDS):
        if reached <= LEAST_ELEMENTS:  # what a round draws depends on Hypothesis and on what else is imported
            seed(number)(settings(max_examples=60, database=None)(given(st.data())(check)))()
    assert reached > LEAST_ELEMENTS


@settings(max_examples=150)
@given(st.data())
def test_reads_are_all_that_a_segment_needs_and_no_more(data: st.DataObject) -> None:
    program = data.draw(programs(empty_axes=False))
    inputs = data.draw(inputs_of(program))
    made = trace(program, inputs)
    for op in program.ops:
        tensors, count = operands(program, op, inputs, made), term_count(op)
        element = data.draw(st.integers(0, math.prod(op.dims) - 1))
        lo, hi = sorted(data.draw(st.tuples(st.integers(0, count), st.integers(0, count))))
        asked = reads(op, tensors, element, lo, hi)
        expected = run_terms(op, tensors, element, lo, hi, start(op))
        blanked = [np.full(tensor.size, -(2**31)) for tensor in tensors]
        for position, flats in asked.items():
            assert flats == sorted(set(flats))
            blanked[position][flats] = tensors[position].reshape(-1)[flats]
        assert run_terms(op, blanked, element, lo, hi, start(op)) == expected
        for position, flats in asked.items():
            short = [tensor.reshape(-1) for tensor in tensors]
            short[position] = short[position][: flats[-1]]
            with pytest.raises(UndefinedTermError):
                run_terms(op, short, element, lo, hi, start(op))


def conv(dims: tuple[int, ...], inner: tuple[int, ...], bias: bool) -> Contract:
    """A window over a 7x9 image that leaves it on every side, and weights."""
    x = AffineMap((7, 9), (-2, -1), ((2, 0, 1, 0), (0, 1, 0, 1)))
    rows = (1, math.prod(inner))
    w = AffineMap(rows, (0, 0), ((0,) * 4, (0, 0, inner[1], 1)))
    maps = (x, w, AffineMap((), (), ())) if bias else (x, w)
    return Contract((X, const(0), const(1))[: len(maps)], maps, dims, inner, 32, 0, 3, True)


def test_accumulators_are_those_of_the_terms_where_points_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefix, "BLOCK_TERMS", 7)  # blocks that end inside segments and rows
    rng = np.random.default_rng(0)
    image = rng.integers(-(2**31), 2**31, (7, 9))
    for bias in (False, True):
        op = conv((4, 8), (6, 5), bias)
        tensors = [image, rng.integers(-(2**31), 2**31, (1, 30)), np.array(-(2**52))][: 2 + bias]
        check_accumulators(op, tensors)
    window = AffineMap((7, 9), (-2, -1), ((2, 0, 1, 0), (0, 1, 0, 1)))
    check_accumulators(ReduceSum((X,), (window,), (4, 8), (6, 5), 32, 0, 3, True, -7), [image])
    check_accumulators(Max((X, Y), (window, window), (4, 8), (6, 5), 32, 0), [image, -image - 1])
    check_accumulators(Argmax((X,), (window,), (4, 8), (6, 5), 32, 0), [image // 2**30])


def check_accumulators(op: Op, tensors: list[Integers]) -> None:
    count = term_count(op)
    for element in (0, 1, 17, math.prod(op.dims) - 1):
        for lo, hi in ((0, count), (0, 1), (1, count), (5, 29), (count - 1, count), (count, count)):
            expected, acc = [], run_terms(op, tensors, element, 0, lo, start(op))
            for first, stop in pairwise([lo, *points(lo, hi)]):
                acc = run_terms(op, tensors, element, first, stop, acc)
                expected.append(acc)
            assert accumulators(op, tensors, element, lo, hi) == expected, (type(op), element, lo, hi)
            assert all(type(value) is int for value in expected)


@settings(max_examples=80)
@given(st.data())
def test_accumulators_are_those_of_the_terms_of_random_programs(data: st.DataObject) -> None:
    program = data.draw(programs(empty_axes=False))
    inputs = data.draw(inputs_of(program))
    made = trace(program, inputs)
    for op, output in zip(program.ops, made, strict=True):
        tensors, count = operands(program, op, inputs, made), term_count(op)
        element = data.draw(st.integers(0, output.size - 1))
        lo = data.draw(st.integers(0, count))
        narrow = [t.astype(np.int32) if t.min() >= -(2**31) and t.max() < 2**31 else t for t in tensors]
        got = accumulators(op, narrow, element, lo, count)
        assert got[0] == run_terms(op, tensors, element, 0, lo, start(op))
        assert finish(op, got[-1]) == output.reshape(-1)[element]


@pytest.mark.parametrize("least", [-(2**31), 2**31 - 1])
def test_sums_of_a_false_traces_extremes_do_not_wrap(least: int) -> None:
    """Nothing bounds what a liar commits to: 5,000 products of 2^62 pass 64 bits."""
    vector = AffineMap((5000,), (0,), ((1,),))
    tensors = [np.full(5000, least), np.full(5000, least)]
    contract = Contract((X, Y), (vector, vector), (), (5000,), 32, 0, 0, True)
    assert accumulators(contract, tensors, 0, 0, 5000) == [0, 4608 * least**2, 5000 * least**2]
    total = ReduceSum((X,), (vector,), (), (5000,), 32, 0, 0, True, 1)
    assert accumulators(total, tensors, 0, 4608, 5000) == [least * n for n in points(4608, 5000)]


def test_argmax_takes_the_first_of_equal_ones_across_blocks_and_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefix, "BLOCK_TERMS", 16)
    op = Argmax((X,), (AffineMap((100,), (-10,), ((1,),)),), (), (110,), 32, 0)
    values = np.full(100, -(2**31))
    sums = accumulators(op, [values], 0, 0, 110)
    assert sums[0] == NEVER
    assert {finish(op, acc) for acc in sums[1:]} == {10}  # the first ten points miss
    values[[30, 80]] = 2**31 - 1
    assert [finish(op, acc) for acc in accumulators(op, [values], 0, 0, 110)[1:]] == [10, 40, 40, 40, 40]


def test_max_and_argmax_start_below_every_element() -> None:
    one = AffineMap((1,), (5,), ((0,),))  # misses everywhere
    for op in (Max((X,), (one,), (), (3,), 32, 0), Argmax((X,), (one,), (), (3,), 32, 0)):
        assert start(op) == NEVER == accumulators(op, [np.zeros(1, np.int64)], 0, 0, 3)[-1]


def test_a_sum_over_no_points_is_its_start() -> None:
    x = AffineMap((3,), (0,), ((1, 0),))
    op = Contract((X, Y), (x, x), (3,), (0,), 16, 0, 2, False)
    tensors = [np.ones(3, np.int64)] * 2
    assert term_count(op) == 0
    assert accumulators(op, tensors, 1, 0, 0) == [0]
    assert finish(op, run_terms(op, tensors, 1, 0, 0, 0)) == 0


@pytest.mark.parametrize("length", [1, 24, 25, 4608, 4609, 4608 * 192, 4608 * 192 + 1, 2**36, 255 * 2**36])
def test_a_range_is_revealed_at_the_least_spacing_that_fits(length: int) -> None:
    step = spacing(length)
    assert -(-length // step) <= FANOUT
    assert step == SEGMENT_TERMS or -(-length // (step // FANOUT)) > FANOUT
    if length < 10**6:
        ends = points(0, length)
        assert (ends[0], ends[-1], len(ends)) == (0, length, -(-length // step) + 1)
        assert all(hi - lo <= step for lo, hi in pairwise(ends))


WIDE = AffineMap((4,), (0,), ((1,),))
SMALL = AffineMap((4,), (-2,), ((1,),))  # out of bounds at 0 and 1
ROWS = AffineMap((4, 5), (0, 0), ((1, 0), (0, 1)))
GATHER = Gather((X, Y), (ROWS, AffineMap((4,), (0,), ((1, 0),))), (4,), (5,), 32, 0)
# One factor misses at 0 and 1, the other at 3.
CROSSING = Contract((X, Y), (SMALL, AffineMap((4,), (1,), ((1,),))), (), (4,), 32, 0, 0, True)


@pytest.mark.parametrize(
    ("op", "tensors", "element", "expected"),
    [
        (Select((X, Y, X), (WIDE,) * 3, (4,), (), 32, 0), [[1, 0, 5, 1]] * 3, 0, {0: [0], 1: [0]}),
        (Select((X, Y, X), (WIDE,) * 3, (4,), (), 32, 0), [[1, 0, 5, 1]] * 3, 2, {0: [2], 2: [2]}),
        (Select((X, Y, X), (SMALL, WIDE, SMALL), (4,), (), 32, 0), [[1, 0, 5, 1]] * 3, 1, {}),
        (Index((X, Y, X), (SMALL, WIDE, WIDE), (4,), (), 32, 0, 9), [[1, 2, 3, 4]] * 3, 0, {1: [0]}),
        (Index((X, Y, X), (SMALL, WIDE, WIDE), (4,), (), 32, 0, 9), [[1, 2, 3, 4]] * 3, 3, {0: [1]}),
        (Index((X,), (SMALL,), (4,), (), 32, 0, 9), [[1, 2, 3, 4]], 1, {}),
        (Lookup((X, const(0)), (WIDE, UNMAPPED), (4,), (), 32, 0, -3), [[-3, 0, 2, 1], [7] * 9], 2, {0: [2], 1: [5]}),
        (Compare((X, Y), (SMALL, WIDE), (4,), (), 8, 0, 0), [[1, 2, 3, 4]] * 2, 1, {1: [1]}),
        (Divide((X, Y), (SMALL, WIDE), (4,), (), 32, 0, 3, True), [[1, 2, 3, 4]] * 2, 0, {1: [0]}),
        (GATHER, [list(range(20)), [4, 0, 3, 1]], 2, {0: [13], 1: [2]}),
        (CROSSING, [[1, 2, 3, 4]] * 2, 0, {0: [0], 1: [3]}),
    ],
)  # fmt: skip
def test_nothing_is_opened_that_decides_nothing(
    op: Op, tensors: list[list[int]], element: int, expected: dict[int, list[int]]
) -> None:
    arrays = [np.array(values, np.int64) for values in tensors]
    assert reads(op, arrays, element, 0, term_count(op)) == expected


@pytest.mark.parametrize(
    ("op", "tensors"),
    [
        (Divide((X, Y), (WIDE, WIDE), (4,), (), 32, 0, 3, True), [[1] * 4, [0] * 4]),
        (Divide((X, Y), (WIDE, WIDE), (4,), (), 32, 0, 3, True), [[1] * 4, [-1] * 4]),
        (Divide((X, Y), (WIDE, SMALL), (4,), (), 32, 0, 3, True), [[1] * 4, [1] * 4]),
        (Rsqrt((X,), (WIDE,), (4,), (), 32, 0, 3), [[0] * 4]),
        (Rsqrt((X,), (SMALL,), (4,), (), 32, 0, 3), [[1] * 4]),
        (Lookup((X, const(0)), (WIDE, UNMAPPED), (4,), (), 32, 0, 2), [[1] * 4, [5, 6, 7]]),
        (Lookup((X, const(0)), (WIDE, UNMAPPED), (4,), (), 32, 0, 2), [[5] * 4, [5, 6, 7]]),
        (Lookup((X, const(0)), (SMALL, UNMAPPED), (4,), (), 32, 0, 2), [[3] * 4, [5, 6, 7]]),
        (GATHER, [list(range(20)), [5] * 4]),
        (GATHER, [list(range(20)), [-1] * 4]),
    ],
)  # fmt: skip
def test_refuses_a_term_that_only_a_false_trace_can_have(op: Op, tensors: list[list[int]]) -> None:
    with pytest.raises(UndefinedTermError) as refused:
        run_terms(op, [np.array(values, np.int64) for values in tensors], 0, 0, 1, 0)
    assert refused.value.code == "term_undefined"


def test_refuses_terms_and_elements_that_are_not_there() -> None:
    op = Linear((X,), (WIDE,), (4,), (), 32, 0, 0, True, (1,))
    for element, lo, hi in ((4, 0, 1), (-1, 0, 1), (0, 0, 2), (0, -1, 1), (0, 1, 0)):
        with pytest.raises(UndefinedTermError):
            run_terms(op, [np.zeros(4, np.int64)], element, lo, hi, 0)


def test_the_constants_are_the_notes() -> None:
    noted = (optimistic.SEGMENT_TERMS, optimistic.FANOUT, optimistic.TOP_DEPTH, optimistic.REVEAL_DEPTH)
    assert (*noted, optimistic.DATA_HEIGHT, NEVER) == (24, 192, 5, 5, 2, -(2**127))
