"""A lowered program's system has one output for each input, the interpreter's: asked of Z3 (decision 0105).

For all inputs: two copies of the system with the same ones have the same outputs. For some: no output but the
interpreter's, which is one. Both over the integers, which the field's solutions are (sumcheck.md section 4).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.lower.sumcheck import lowering as lowering_module
from circuits.lower.sumcheck import merging, pieces, sums
from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.expressions import KnownSums
from circuits.lower.sumcheck.filling import Integers
from circuits.lower.sumcheck.lowering import Lowering, lower
from circuits.lower.sumcheck.merging import Merges, find_merges
from circuits.lower.sumcheck.satisfy import violations
from circuits.lower.sumcheck.system import Expression, Identity, Kind, Reading, System, Tensor, Term
from circuits.program.interpreter import run
from circuits.program.intervals import Interval
from circuits.program.refs import UNMAPPED
from tests.sumcheck_bounds import Bounds
from tests.sumcheck_points import Points, known_tensors
from tests.sumcheck_programs import CASES, WIDE, split_input
from tests.sumcheck_smt import Assignment, Search
from tests.sumcheck_smt_tables import KnownTable
from tests.sumcheck_variants import VARIANTS

# Elements that share a table, rows of a clamp's table and cells of a constant that is cut: as they are, and so small
# that these tiny programs are lowered as large ones are, with clamps by table and by flags.
LIMITS = {"as they are": (1 << 15, 1 << 12, 1 << 16), "small": (1, 8, 1), "clamps by flags": (1, 1, 1)}
LIMB_BITS = 9  # the fewest that a key may have


@pytest.fixture(params=LIMITS)
def _limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, rows, cells = LIMITS[request.param]
    monkeypatch.setattr(merging, "SHARED_TABLE_ELEMENTS", shared)
    monkeypatch.setattr(sums, "MAX_CLAMP_ROWS", rows)
    monkeypatch.setattr(pieces, "WORTH_CELLS", cells)


def search(lowering: Lowering, system: System | None = None) -> Search:
    return Search(system or lowering.system, lowering.setup_values())


def counted_on(lowering: Lowering) -> list[Interval]:
    """Where the lowering takes each tensor to be, once the system is satisfied."""
    context = lowering._context
    return [context.bounds[tensor] for tensor in lowering._order]


def some_inputs(lowering: Lowering, count: int) -> list[list[Integers]]:
    """Random ones, and every other time the ends of what they may be."""
    rng, ports = np.random.default_rng(0), lowering.program.inputs
    ends = [[-(1 << port.bits - 1), (1 << port.bits - 1) - 1, -1, 0, 1] for port in ports]
    return [
        [
            rng.choice(end, port.dims) if n % 2 else rng.integers(end[0], end[1], port.dims, endpoint=True)
            for end, port in zip(ends, ports, strict=True)
        ]
        for n in range(count)
    ]


def require_one_output(lowering: Lowering, tried: list[list[Integers]]) -> None:
    """The interpreter's, for each of these inputs; and whatever they are, only one."""
    found = search(lowering)
    assert found.is_about_integers()
    assert found.beyond(counted_on(lowering)) is None
    assert found.two() is None
    for inputs in tried:
        outputs = run(lowering.program, inputs)
        assert found.having(inputs, outputs) is not None  # or what Z3 is told of the system could hold of nothing
        assert found.other_than(inputs, outputs) is None


@pytest.mark.parametrize("limb_bits", [4, LIMB_BITS, 16])
@pytest.mark.parametrize("name", CASES | WIDE)
def test_a_system_has_only_the_interpreters_output(name: str, limb_bits: int) -> None:
    program, tries = (CASES | WIDE)[name]()
    require_one_output(lower(program, limb_bits), [split_input(program, elements) for elements in tries[1::4]])


@pytest.mark.usefixtures("_limits")
@pytest.mark.parametrize("name", VARIANTS)
def test_ops_that_share_have_only_the_interpreters_outputs(name: str) -> None:
    lowering = lower(VARIANTS[name](), LIMB_BITS)
    require_one_output(lowering, some_inputs(lowering, 2))


# That the search can fail.


def forged(lowering: Lowering, system: System | None = None) -> Assignment:
    """One that the search finds beside the interpreter's; the judge agrees about the identities."""
    everything = search(lowering, system)
    for inputs in some_inputs(lowering, 4):
        outputs = run(lowering.program, inputs)
        found = everything.other_than(inputs, outputs)
        if found is not None:
            numbers = lowering.system.of_kind(Kind.OUTPUT)
            assert any((found[n] != right).any() for n, right in zip(numbers, outputs, strict=True))
            assert {v.kind for v in violations(system or lowering.system, found)} <= {"fractions"}
            return found
    pytest.fail("no other output is found")


@pytest.mark.parametrize("name", ["linear that rescales", "relu of a saturating sum", "max of two", "select", "divide"])
def test_every_identity_is_needed(name: str) -> None:
    lowering = lower(CASES[name]()[0], LIMB_BITS)
    identities = lowering.system.identities
    for left_out in range(len(identities)):
        weak = replace(lowering.system, identities=identities[:left_out] + identities[left_out + 1 :])
        forged(lowering, weak)


@pytest.mark.parametrize("name", ["linear that saturates to flags", "max of three", "argmax", "gather"])
def test_every_lookup_is_needed(name: str) -> None:
    """Without it there is a forgery, or something is bounded by nothing."""
    lowering = lower(CASES[name]()[0], LIMB_BITS)
    fractions = lowering.system.fractions
    for left_out, f in enumerate(fractions):
        if f.numerator.coefficient > 0:
            weak = replace(lowering.system, fractions=fractions[:left_out] + fractions[left_out + 1 :])
            left = search(lowering, weak)
            assert left.two() is not None or not left.is_about_integers()


def test_finds_what_a_constant_lookup_that_stands_for_a_group_leaves_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hole that there was: the op whose lookup the others share had a single result, and so no lookup."""

    def with_constants(context: Context) -> Merges:
        made = find_merges(context)
        made.grouped = {0: [0, 1], 1: [0, 1]}
        return made

    monkeypatch.setattr(lowering_module, "find_merges", with_constants)
    lowering = lower(VARIANTS["lookups of which one is constant"](), LIMB_BITS)
    assert violations(lowering.system, lowering.recount(forged(lowering))) == []
    assert search(lowering).two() is not None


def test_finds_what_a_remainder_known_on_another_box_leaves_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hole that there was: the same readings on a larger box, where a map misses, were taken for the same sum."""
    learn, interval = KnownSums.learn, KnownSums.interval

    def learn_anywhere(self: KnownSums, dims: tuple[int, ...], terms: Expression, within: Interval) -> None:
        learn(self, (), terms, within)

    def interval_anywhere(self: KnownSums, dims: tuple[int, ...], terms: Expression, otherwise: Interval) -> Interval:
        return interval(self, (), terms, otherwise)

    monkeypatch.setattr(KnownSums, "learn", learn_anywhere)
    monkeypatch.setattr(KnownSums, "interval", interval_anywhere)
    lowering = lower(VARIANTS["remainder of a smaller box"](), LIMB_BITS)
    assert violations(lowering.system, lowering.recount(forged(lowering))) == []
    assert search(lowering).two() is None  # one output, but not the interpreter's: that is why both are asked


# That bounds and tables are what they should be.


def halves(factor: int) -> System:
    """2·w = factor·x and y = 2·w, with w committed and not looked up."""
    x, y, w = (Reading(number, UNMAPPED) for number in range(3))
    tensors = (Tensor(Kind.INPUT, (), 8), Tensor(Kind.OUTPUT, (), 16), Tensor(Kind.WITNESS, ()))
    quotient = Identity((), (Term(2, (w,)), Term(-factor, (x,))))
    return System(tensors, (quotient, Identity((), (Term(1, (y,)), Term(-2, (w,))))), ())


def test_a_quotient_is_an_integer_only_where_the_divisor_divides() -> None:
    assert Search(halves(4)).is_about_integers()
    assert not Search(halves(3)).is_about_integers()


@pytest.mark.parametrize("name", ["linear that rescales", "max of three", "gather", "divide", "rsqrt"])
def test_a_sum_that_could_reach_the_limit_is_found(name: str) -> None:
    lowering = lower(CASES[name]()[0], LIMB_BITS)
    points = Points(lowering.system, known_tensors(lowering.system, lowering.setup_values()))
    assert not Bounds(points).failures
    assert Bounds(points, limit=1 << 8).failures


def test_a_bound_that_a_cell_can_exceed_is_found() -> None:
    lowering = lower(CASES["linear that saturates far"]()[0], LIMB_BITS)
    bounds = counted_on(lowering)
    for tensor, kind in enumerate(tensor.kind for tensor in lowering.system.tensors):
        if kind in (Kind.INPUT, Kind.OUTPUT):
            tighter = replace(bounds[tensor], hi=bounds[tensor].hi - 1)
            assert search(lowering).beyond([*bounds[:tensor], tighter, *bounds[tensor + 1 :]]) is not None


@pytest.mark.parametrize("name", ["linear that saturates far", "relu of a sum", "divide", "rsqrt"])
def test_a_cell_that_nothing_bounds_is_found(name: str) -> None:
    lowering = lower(CASES[name]()[0], LIMB_BITS)
    assert not search(lowering, replace(lowering.system, fractions=())).is_about_integers()


STEPS = st.sampled_from([1, 4, 512])
SETS = st.integers(1, 3).flatmap(lambda width: st.sets(st.tuples(*[st.integers(-3, 3)] * width), min_size=1))
FUNCTIONS = st.dictionaries(st.integers(-30, 30), st.integers(-9, 9), min_size=20).map(lambda made: set(made.items()))


@settings(max_examples=40)
@given(rows=SETS | FUNCTIONS, step=STEPS)
def test_a_known_table_has_its_rows_and_no_others(rows: set[tuple[int, ...]], step: int) -> None:
    rows = {(step * row[0], *row[1:]) for row in rows}
    table, row = KnownTable(rows), [z3.FreshInt() for _ in next(iter(rows))]
    solver = z3.Solver()
    solver.add(*table.definitions, table.has(row))
    is_one = [z3.And([unknown == entry for unknown, entry in zip(row, known, strict=True)]) for known in rows]
    assert all(solver.check(one) == z3.sat for one in is_one)
    assert solver.check(z3.Not(z3.Or(is_one))) == z3.unsat
