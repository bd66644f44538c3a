"""Honest assignments satisfy the lowered system, whatever the program; and the system is as small as it says."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_programs import GROW, inputs_of, programs
from sumcheck_programs import CASES, EDGES, ONE, SAME, WIDE, constant_floor, linear, program, split_input

from circuits.errors import InputError
from circuits.lower.sumcheck import bounding, merging, pieces
from circuits.lower.sumcheck.bounds import require_bounded
from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.layout import choose_row_bits
from circuits.lower.sumcheck.lowering import Lowering, lower
from circuits.lower.sumcheck.satisfy import violations
from circuits.lower.sumcheck.system import Kind, System
from circuits.lower.sumcheck.tables import MAX_RESULTS
from circuits.program.graph import Program
from circuits.program.interpreter import trace
from circuits.program.intervals import Interval
from circuits.program.ops import Contract, Index, Linear, Lookup, Max, Mul, Op, ReduceSum
from circuits.program.ranges import Ranges
from circuits.program.refs import UNMAPPED, AffineMap, Output, Port, Visibility
from tests.programs import X, const, constant, made

RANDOM = settings(suppress_health_check=list(HealthCheck))


def honest(lowering: Lowering, elements: Sequence[int]) -> list[np.ndarray]:
    inputs = split_input(lowering.program, elements)
    return lowering.assign(inputs, trace(lowering.program, inputs))


def witnesses(system: System) -> int:
    """Witness tensors that are no multiplicities."""
    counted = {f.numerator.readings[0].tensor for f in system.fractions if f.numerator.coefficient < 0}
    return len(set(system.of_kind(Kind.WITNESS)) - counted)


@pytest.mark.parametrize("limb_bits", [None, 16])
@pytest.mark.parametrize("name", sorted(CASES | WIDE))
def test_an_honest_assignment_satisfies(name: str, limb_bits: int | None) -> None:
    small, tries = (CASES | WIDE)[name]()
    lowering = lower(small, limb_bits)
    for elements in tries:
        assert violations(lowering.system, honest(lowering, elements)) == []


@pytest.mark.parametrize("kind", sorted(GROW, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
@settings(RANDOM, max_examples=12)
@given(data=st.data())
def test_random_programs_of_one_op_are_satisfied(kind: type[Op], data: st.DataObject) -> None:
    drawn = data.draw(programs([kind], most=3))
    satisfied(drawn, data.draw(inputs_of(drawn)))


@settings(RANDOM, max_examples=80)
@given(st.data())
def test_random_programs_are_satisfied(data: st.DataObject) -> None:
    drawn = data.draw(programs())
    satisfied(drawn, data.draw(inputs_of(drawn)), data.draw(st.sampled_from([None, 16, 13, 9])))


@settings(RANDOM, max_examples=120)
@given(st.data())
def test_random_programs_of_clamped_sums_are_satisfied(data: st.DataObject) -> None:
    """The maximum that each ends with is fused with the sum, where that is allowed."""
    drawn = data.draw(programs([Linear, Contract, Mul, ReduceSum], most=2, empty_axes=False, floored=True))
    satisfied(drawn, data.draw(inputs_of(drawn)), data.draw(st.sampled_from([None, 16, 13, 9])))


def satisfied(drawn: Program, inputs: list[np.ndarray], limb_bits: int | None = None) -> None:
    lowering = lower(drawn, limb_bits)
    assignment = lowering.assign(inputs, trace(drawn, inputs))
    assert [values.shape for values in assignment] == [tensor.dims for tensor in lowering.system.tensors]
    assert violations(lowering.system, assignment) == []
    assert lower(drawn, limb_bits).system == lowering.system
    require_bounded(lowering.system, choose_row_bits(lowering.system))  # or no verifier would take a key of it


@settings(RANDOM, max_examples=40)
@given(st.data())
def test_every_element_of_every_witness_matters(data: st.DataObject) -> None:
    small, tries = CASES[data.draw(st.sampled_from(sorted(set(CASES) - {"argmax that misses"})))]()
    lowering = lower(small)
    assignment = honest(lowering, data.draw(st.sampled_from(tries)))
    tensor = data.draw(st.sampled_from(lowering.system.of_kind(Kind.WITNESS)))
    changed = [values.copy() for values in assignment]
    element = data.draw(st.integers(0, changed[tensor].size - 1))
    changed[tensor].reshape(-1)[element] += data.draw(st.sampled_from([-1, 1, 1 << 16]))
    assert violations(lowering.system, changed) != []


def test_recounting_changes_nothing_of_an_honest_assignment() -> None:
    for name in CASES:
        small, tries = CASES[name]()
        lowering = lower(small)
        assignment = honest(lowering, tries[0])
        again = lowering.recount(assignment)
        assert all(np.array_equal(a, b) for a, b in zip(assignment, again, strict=True)), name


def test_public_tensors_come_first_and_constants_before_tables() -> None:
    lowering = lower(CASES["index"]()[0])
    kinds = [tensor.kind for tensor in lowering.system.tensors]
    assert kinds == sorted(kinds)
    masks = lowering.setup_values()
    assert [values.tolist() for values in masks] == [[0, 0, 1, 0]]
    assert [t.dims for t in lowering.system.tensors if t.kind is Kind.SETUP] == [(4,)]


def test_constants_are_committed_in_the_programs_order_in_their_own_dims() -> None:
    small, _ = CASES["contract that saturates"]()
    lowering = lower(small)
    for values, known in zip(lowering.setup_values(), small.constants, strict=False):
        assert np.array_equal(values, known.values)


def test_a_constant_that_is_the_same_everywhere_is_not_committed() -> None:
    lowering = lower(CASES["divide by a constant"]()[0])
    assert lowering.system.of_kind(Kind.SETUP) == []


def test_a_table_of_clamps_has_no_rows_for_what_is_far_from_all_of_them() -> None:
    system = lower(WIDE["remainders clamped far apart"]()[0], 9).system
    assert max(math.prod(fractions.dims) for fractions in system.fractions) == 1 << 9  # LIMB's


def test_a_relu_is_fused_with_the_sum_that_only_it_reads() -> None:
    fused = lower(CASES["relu of a saturating sum"]()[0])
    small = program([linear(30, 2, 8), constant_floor(made(0))], constants=[constant(0)])
    port = Port("x", (1,), 8, (0,))
    shown = lower(dataclasses.replace(small, outputs=(*small.outputs, Output(made(0), port))))
    assert witnesses(fused.system) < witnesses(shown.system)
    for elements in EDGES:
        assert violations(fused.system, honest(fused, elements)) == []
        assert violations(shown.system, honest(shown, elements)) == []


def test_maxima_with_a_constant_share_a_table_where_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    few = lower(CASES["max of a constant"]()[0])
    monkeypatch.setattr(merging, "SHARED_TABLE_ELEMENTS", 1)
    many = lower(CASES["max of a constant"]()[0])
    assert (witnesses(few.system), witnesses(many.system)) == (2, 1)
    for elements in EDGES:
        assert violations(many.system, honest(many, elements)) == []


def test_lookups_of_one_argument_are_one() -> None:
    system = lower(CASES["lookups of one argument"]()[0]).system
    assert [len(f.columns) for f in system.fractions] == [3, 3]


def test_lookups_of_one_argument_have_as_many_columns_as_soundness_counts_on() -> None:
    tables = [constant([i ^ j for i in range(256)]) for j in range(MAX_RESULTS + 2)]
    ops = [Lookup((X, const(n)), (SAME, UNMAPPED), (1,), (), 16, 0, -128) for n in range(len(tables))]
    lowering = lower(program(ops, constants=tables))
    columns = [len(f.columns) for f in lowering.system.fractions]
    assert sorted(columns) == [3, 3, 1 + MAX_RESULTS, 1 + MAX_RESULTS]
    for elements in EDGES:
        assert violations(lowering.system, honest(lowering, elements)) == []


def test_a_system_commits_no_more_than_it_needs() -> None:
    """Witness tensors besides the program's own outputs and multiplicities."""
    needed = {
        "linear that is its sum": 0,
        "linear that rescales": 0,
        "linear that saturates far": 4,  # l, h, whether h = 0, whether h > 0
        "linear that saturates on both sides by one": 3,
        "linear that saturates, without a rescale": 3,
        "relu of a saturating sum": 4,
        "remainder of another": 0,
        "contract that rescales": 1,
        "max of a window that misses": 0,
        "max of two": 1,
        "less": 0,
        "equal": 1,
        "divide by a power of two": 0,
        "rsqrt": 3,  # the flag of the maximum before it, w, A
    }
    outputs = {"rsqrt": 2, "remainder of another": 2}
    for name, extra in needed.items():
        assert witnesses(lower(CASES[name]()[0], 16).system) == outputs.get(name, 1) + extra, name


def test_a_maximum_with_nothing_is_the_other_operand() -> None:
    of_nothing = AffineMap((0,), (0,), ((1,),))
    cut = Index((X,), (AffineMap.identity(ONE),), (0,), (), 8, 0, 0)
    lowering = lower(program([cut, Max((X, made(0)), (SAME, of_nothing), ONE, (), 8, 0)]))
    assert witnesses(lowering.system) == 1
    assert not lowering.system.fractions
    for elements in EDGES:
        assert violations(lowering.system, honest(lowering, elements)) == []


def test_a_sum_over_no_points_is_its_bias() -> None:
    nowhere = AffineMap((2,), (0,), ((0, 1),))
    for op in (
        ReduceSum((X,), (nowhere,), ONE, (0,), 8, 0, 1, False, 3),
        Contract((X, X), (nowhere, nowhere), ONE, (0,), 8, 0, 0, False),
    ):
        satisfied(program([op], [(2,)]), [np.array([100, -100])])


@settings(RANDOM, max_examples=30)
@given(st.data())
def test_constants_cut_in_pieces_are_the_whole(data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "WORTH_CELLS", 1)
        drawn = data.draw(programs([Contract], most=3))
        satisfied(drawn, data.draw(inputs_of(drawn)))


def test_a_large_constant_is_cut_where_that_leaves_less_padding() -> None:
    rows, columns = 540, 300
    matrix = np.random.default_rng(1).integers(-9, 9, size=(rows, columns))
    maps = AffineMap((columns,), (0,), ((0, 1),)), AffineMap.identity((rows, columns))
    op = Contract((X, const(0)), maps, (rows,), (columns,), 16, 0, 2, False)
    lowering = lower(program([op], [(columns,)], [constant(matrix)]))
    setup = lowering.setup_values()
    assert [values.shape for values in setup] == [(512, 256), (512, 44), (28, 256), (28, 44)]
    assert np.array_equal(np.block([setup[:2], setup[2:]]), matrix)
    assert violations(lowering.system, honest(lowering, [i % 256 - 128 for i in range(columns)])) == []


@pytest.mark.parametrize("what", ["input", "output"])
def test_refuses_what_is_hashed(what: str) -> None:
    small, _ = CASES["less"]()
    first, second = small.inputs
    (output,) = small.outputs
    second = dataclasses.replace(second, visibility=Visibility.HASHED)
    hidden = dataclasses.replace(output.port, visibility=Visibility.HASHED)
    hashed = {
        "input": dataclasses.replace(small, inputs=(first, second)),
        "output": dataclasses.replace(small, outputs=(dataclasses.replace(output, port=hidden),)),
    }
    with pytest.raises(InputError, match={"input": "x1", "output": "y"}[what]) as caught:
        lower(hashed[what])
    assert caught.value.code == "route_unsupported"


def test_an_identity_that_could_wrap_is_never_made() -> None:
    small, _ = CASES["max of two"]()
    assert isinstance(small.ops[0], Max)
    known = Ranges(small.inputs, small.constants)
    context = Context(small, known, 16)
    context.identity((1,), context.constant((1 << 160) - 1))
    with pytest.raises(ArithmeticError, match=str(1 << 160)):
        context.identity((1,), context.constant(1 << 160))


@pytest.mark.parametrize("bias", [-306, -250, -50, 0, 50, 250, 300])
def test_a_clamp_is_satisfied_whatever_the_excess_can_be(bias: int) -> None:
    """3·x + bias into 8 bits has an excess in [-3, 0], [-2, 1], [-1, 1], [-1, 2] or [0, 2]."""
    op = Linear((X, const(0)), (SAME, AffineMap.broadcast((), ONE)), ONE, (), 8, 0, 0, False, (3, 1))
    lowering = lower(program([op], constants=[constant(bias)]))
    for x in (-128, -100, -60, -1, 0, 1, 60, 100, 127):
        assert violations(lowering.system, honest(lowering, (x,))) == []


@pytest.mark.parametrize("bits", [(8, 9), (9, 8)])
def test_clamps_of_two_widths_share_no_table(bits: tuple[int, int]) -> None:
    both = Linear((made(0), made(1)), (SAME, SAME), ONE, (), 16, 0, 0, False, (1, 1))
    lowering = lower(program([*(linear(9, 0, width) for width in bits), both]))
    for x in (-128, -60, -27, 0, 27, 60, 127):
        assert violations(lowering.system, honest(lowering, (x,))) == []


@pytest.mark.parametrize("limb_bits", [9, 16])
@pytest.mark.parametrize("exponent", [9, 18, 48, 52])
def test_a_flags_width_holds_every_difference_and_int64_holds_both(limb_bits: int, exponent: int) -> None:
    """−T ≤ x < T, and x + T below 2^63."""
    small, size = program([linear(1, 0, 8)]), 1 << exponent
    context = Context(small, Ranges(small.inputs, small.constants), limb_bits)
    for within in (Interval(-size, size - 1), Interval(-1, size), Interval(-size - 1, 0), Interval(0, size)):
        most = 1 << bounding._flag_width(context, within)
        assert -most <= within.lo <= within.hi < most <= 1 << 62
