"""OneStep.sol runs every op's terms as plain integers do, and ends where the interpreter does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from circuits.lower.optimistic import SEGMENT_TERMS, accumulators, element_count, points, start, term_count
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
    Mul,
    Op,
    ReduceSum,
    Rsqrt,
    Select,
)
from circuits.program.refs import AffineMap
from circuits.program.validate import validate
from tests import one_op
from tests.one_step_cases import Case, compare, corners, falsified, segment, whole
from tests.one_step_chain import OneStepChain, one_step_chain
from tests.programs import X, const, constant
from tests.random_programs import GROW, inputs_of, programs
from verifier.dispute.commitment import CommittedTrace

LEAST_CASES = 1000  # of each op
LEAST_IN_A_CORNER = 3
MOST_ROUNDS = 20
# Tensors of several chunks, sums of several segments.
LARGE = ((), (2,), (150,), (2, 90), (3, 7, 9))
EVERYWHERE = {"several chunks", "int32 extreme"}
ROUNDED = {"saturated below", "saturated above", "half below zero"}
CORNERS: dict[type[Op], set[str]] = {
    Contract: EVERYWHERE | ROUNDED | {"out of bounds", "no inner points", "several segments"},
    Linear: {"int32 extreme", "out of bounds"} | ROUNDED,
    Mul: {"int32 extreme", "out of bounds"} | ROUNDED,
    ReduceSum: EVERYWHERE | ROUNDED | {"out of bounds", "no inner points", "several segments"},
    Lookup: {"no value", "int32 extreme"},
    Max: EVERYWHERE | {"out of bounds", "tie", "several segments"},
    Argmax: EVERYWHERE | {"out of bounds", "tie", "several segments"},
    Compare: {"int32 extreme", "out of bounds"},
    Select: {"int32 extreme", "out of bounds"},
    Index: {"int32 extreme", "out of bounds"},
    Gather: {"int32 extreme", "no value"},
    Divide: {"int32 extreme", "out of bounds", "no value"} | ROUNDED,
    Rsqrt: {"no value"},
}
ANY_ACC = st.one_of(
    st.sampled_from([-(2**127), -(2**53), -1, 0, 1, 2**53, 2**127 - 1]), st.integers(-(2**127), 2**127 - 1)
)


@pytest.fixture(scope="module")
def chain() -> Iterator[OneStepChain]:
    with one_step_chain() as deployed:
        yield deployed


def traced(
    data: st.DataObject, kind: type[Op], shapes: Sequence[tuple[int, ...]] = ()
) -> tuple[CommittedTrace, list[int]]:
    """A random program with its true trace, and which of its ops are of `kind`."""
    program = data.draw(programs([kind], shapes=shapes))
    inputs = data.draw(inputs_of(program))
    ops = [j for j, op in enumerate(program.ops) if type(op) is kind and element_count(op)]
    return CommittedTrace(program, inputs, trace(program, inputs)), ops


def elements_of(op: Op, rng: np.random.Generator, most: int) -> list[int]:
    """The first, the last and some between."""
    count = element_count(op)
    return sorted({0, count - 1, *(int(e) for e in rng.integers(0, count, size=most - 2))})


def small_cases(data: st.DataObject, kind: type[Op], seen: Counter[str]) -> list[Case]:
    """Whole elements of a true and of a false trace, and segments from any accumulator."""
    true, ops = traced(data, kind)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    cases = []
    for at in (true, falsified(true, rng)):
        for j in ops:
            count = term_count(at.op(j))
            for element in elements_of(at.op(j), rng, 6):
                case = whole(at, j, element)
                seen.update(corners(case))
                lo, hi = sorted(int(t) for t in rng.integers(0, count, size=2, endpoint=True))
                cases += [case, segment(at, j, element, lo, hi, data.draw(ANY_ACC))]
                if at is true:
                    assert case.expected is not None
    return cases


def made_by_hand(kind: type[Op]) -> list[CommittedTrace]:
    """What random programs seldom have: quotients halfway between integers, the largest of many."""
    found: list[tuple[Program, npt.NDArray[np.int64]]] = []
    if kind is Divide:
        a, d = np.meshgrid(np.arange(-9, 10), np.arange(1, 9))
        how = AffineMap.identity((a.size,))
        for up in (0, 1):
            op = Divide((X, const(0)), (how, how), (a.size,), (), 32, 0, up, False)
            found.append((one_op.program(op, [(a.size,)], [constant(d.reshape(-1))]), a.reshape(-1)))
    if kind is Argmax:
        rows = AffineMap((4, 150), (0, 0), ((1, 0), (0, 1)))
        op = Argmax((X,), (rows,), (4,), (150,), 16, 0)
        for least in (-1, -(2**15)):
            x = np.random.default_rng(least + 2**15).integers(least, 0, size=(4, 150), endpoint=True)
            found.append((one_op.program(op, [(4, 150)]), x))
    for program, _ in found:
        validate(program)
    return [CommittedTrace(program, [x], trace(program, [x])) for program, x in found]


@pytest.mark.parametrize("kind", GROW, ids=lambda kind: kind.__name__.lower())
def test_terms_on_the_chain_are_the_programs(kind: type[Op], chain: OneStepChain) -> None:
    seen: Counter[str] = Counter()
    rng = np.random.default_rng(0)
    for hand_made in made_by_hand(kind):
        compare_segments(chain, hand_made, [(0, e) for e in elements_of(hand_made.op(0), rng, 40)], seen)

    def small(data: st.DataObject) -> None:
        compare(chain, small_cases(data, kind, seen), [data.draw(ANY_ACC)], seen)

    def large(data: st.DataObject) -> None:
        true, ops = traced(data, kind, LARGE)
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        compare_segments(chain, true, [(j, e) for j in ops for e in elements_of(true.op(j), rng, 4)], seen)

    def missing() -> dict[str, int]:
        return {corner: seen[corner] for corner in CORNERS[kind] if seen[corner] < LEAST_IN_A_CORNER}

    for number in range(MOST_ROUNDS):
        if seen["cases"] >= LEAST_CASES and not missing():
            break
        # A round has its own seed, so that a campaign is the same every time.
        seed(number)(settings(max_examples=20, database=None)(given(st.data())(small)))()
        seed(number)(settings(max_examples=4, database=None)(given(st.data())(large)))()
    assert seen["cases"] >= LEAST_CASES
    assert missing() == {}


def compare_segments(
    chain: OneStepChain, true: CommittedTrace, elements: Sequence[tuple[int, int]], seen: Counter[str]
) -> None:
    """Elements of ops, in segments as a dispute cuts them; the last one ends in the interpreter's element."""
    for j, element in elements:
        seen.update(corners(whole(true, j, element)))
        cases = segments(true, j, element)
        seen["several segments"] += len(cases) > 1
        compare(chain, cases, [], seen)
        last = cases[-1].expected
        assert last is not None
        ended = chain.values([OneStepChain.finish(true.op(j).encode(), last)])
        assert ended == [int(true.made[j].reshape(-1)[element])]


def segments(at: CommittedTrace, j: int, element: int) -> list[Case]:
    """A fold cut where a defender reveals its accumulators, each part from the accumulator revealed."""
    op, count = at.op(j), term_count(at.op(j))
    ends, revealed = points(0, count), accumulators(op, at.operands(j), element, 0, count)
    assert revealed[0] == start(op)
    assert max(np.diff(ends), default=0) <= SEGMENT_TERMS
    cases = [segment(at, j, element, lo, hi, acc) for lo, hi, acc in zip(ends, ends[1:], revealed, strict=False)] or [
        whole(at, j, element)
    ]
    assert [case.expected for case in cases[:-1]] == revealed[1:-1]
    return cases
