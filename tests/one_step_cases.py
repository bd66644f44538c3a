"""One-step cases: what the contract is asked, what plain integers say, and which corner of an op that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.lower.optimistic import UndefinedTermError, finish, reads, run_terms, start, term_count
from circuits.lower.optimistic.terms import coordinates, flat_index
from circuits.program.intervals import Interval
from circuits.program.ops import Accumulating, Argmax, Divide, Max, Op, ReduceSum
from circuits.program.rescale import rescale_half_up
from tests.one_step_chain import OneStepChain
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_tensor, open_terms
from verifier.dispute.types import Opening

Integers = npt.NDArray[np.int64]
SOME_POINTS = 32
EXTREMES = (-(2**31), 2**31 - 1)


@dataclass(frozen=True)
class Case:
    """Terms lo <= t < hi of one element, from `acc`; `expected` is None where they have no value."""

    trace: CommittedTrace
    op: int
    element: int
    lo: int
    hi: int
    acc: int
    openings: tuple[Opening, ...]
    expected: int | None

    @property
    def node(self) -> Op:
        return self.trace.op(self.op)

    def call(self, openings: Sequence[Opening] | None = None) -> bytes:
        shown = self.openings if openings is None else openings
        descriptor, roots = self.node.encode(), self.trace.step_roots
        return OneStepChain.run(descriptor, roots, self.element, self.lo, self.hi, self.acc, shown)


def segment(trace: CommittedTrace, op: int, element: int, lo: int, hi: int, acc: int) -> Case:
    """A case with just what it reads opened; with everything where a term has no value."""
    node, tensors = trace.op(op), trace.operands(op)
    try:
        expected = run_terms(node, tensors, element, lo, hi, acc)
    except UndefinedTermError:
        return Case(trace, op, element, lo, hi, acc, open_all(trace, op), None)
    return Case(trace, op, element, lo, hi, acc, open_terms(trace, op, element, lo, hi), expected)


def whole(trace: CommittedTrace, op: int, element: int) -> Case:
    node = trace.op(op)
    return segment(trace, op, element, 0, term_count(node), start(node))


def open_all(trace: CommittedTrace, op: int) -> tuple[Opening, ...]:
    """Every chunk of every operand."""
    refs = enumerate(trace.op(op).operands)
    return tuple(open_tensor(trace, ref, i, list(range(max(1, trace.tensor(ref).size)))) for i, ref in refs)


def falsified(trace: CommittedTrace, rng: np.random.Generator) -> CommittedTrace:
    """The same program over inputs and outputs that nobody computed: extremes, small numbers, anything."""

    def any_integers(values: Integers) -> Integers:
        small = rng.integers(-3, 3, size=values.shape, endpoint=True)
        large = rng.integers(*EXTREMES, size=values.shape, endpoint=True)
        choice = rng.integers(0, 4, size=values.shape)
        made = np.select([choice == 0, choice == 1, choice == 2], [small, large, values], rng.choice(EXTREMES))
        return np.asarray(made, np.int64).reshape(values.shape)

    inputs = [any_integers(values) for values in trace.inputs]
    return CommittedTrace(trace.committed, inputs, [any_integers(values) for values in trace.made])


def corners(case: Case) -> Iterator[str]:
    """Which corners of its op a case of a whole element is in."""
    node = case.node
    tensors = [tensor.reshape(-1) for tensor in case.trace.operands(case.op)]
    outer = coordinates(case.element, node.dims)
    inner = [coordinates(k, node.inner) for k in range(min(math.prod(node.inner), SOME_POINTS))]
    if any(flat_index(how, outer + k) is None for how in node.maps for k in inner):
        yield "out of bounds"
    if 0 in node.inner:
        yield "no inner points"
    if case.expected is None:
        yield "no value"
        return
    read = reads(node, tensors, case.element, case.lo, case.hi)
    values = [int(tensors[position][flat]) for position, flats in read.items() for flat in flats]
    if set(values) & set(EXTREMES):
        yield "int32 extreme"
    if any(len(opening.numbers) > 1 for opening in case.openings):
        yield "several chunks"
    if isinstance(node, Max | Argmax) and values.count(max(values)) > 1:
        yield "tie"
    if isinstance(node, Accumulating):
        yield from _rounding(node, case.expected)
    if isinstance(node, Divide):
        dividend, divisor = tensors[0][read[0][0]] if 0 in read else 0, int(tensors[1][read[1][0]])
        if dividend < 0 and (int(dividend) * 2 ** (node.up + 1) + divisor) % (2 * divisor) == 0:
            yield "half below zero"
        yield from _saturation(node, case.expected)


def _rounding(node: Accumulating, acc: int) -> Iterator[str]:
    total = node.multiplier * acc if isinstance(node, ReduceSum) else acc
    if total < 0 and node.shift and total % (1 << node.shift) == 1 << (node.shift - 1):
        yield "half below zero"
    rescaled, bounds = rescale_half_up(total, node.shift), Interval.of_bits(node.bits)
    if rescaled < bounds.lo:
        yield "saturated below"
    if rescaled > bounds.hi:
        yield "saturated above"


def _saturation(node: Divide, element: int) -> Iterator[str]:
    bounds = Interval.of_bits(node.bits)
    if element == bounds.lo:
        yield "saturated below"
    if element == bounds.hi:
        yield "saturated above"


def compare(chain: OneStepChain, cases: Sequence[Case], accs: Sequence[int], seen: Counter[str]) -> None:
    """Asks the chain for every case, and for what its op makes of each of `accs`."""
    calls = [case.call() for case in cases]
    ends = [(case.node, acc) for case in cases for acc in (*accs, case.expected) if acc is not None]
    calls += [OneStepChain.finish(node.encode(), acc) for node, acc in ends]
    found = chain.values(calls)
    for case, got in zip(cases, found, strict=False):
        assert (got if isinstance(got, int) else None) == case.expected, (case, got)
    for (node, acc), got in zip(ends, found[len(cases) :], strict=True):
        assert got == finish(node, acc), (node, acc)
    seen["cases"] += len(cases)
