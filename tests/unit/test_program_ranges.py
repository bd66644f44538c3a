"""The range rules: exact flags, the bound of 2^53, and what finding the ranges may cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuits.program.errors import ProgramError
from circuits.program.graph import Program
from circuits.program.ops import Argmax, Contract, Max, Op
from circuits.program.ranges import ranges
from circuits.program.refs import AffineMap
from circuits.program.validate import validate
from tests.one_op import MATVEC, MATVEC_CONSTANTS, linear, program
from tests.programs import X, const, constant


def test_saturates_flag_is_exact() -> None:
    validate(program(linear((1,), (2,), 0, False), [(2,)]))
    validate(program(linear((2,), (2,), 1, False), [(2,)]))
    # 32767 + 1/2 already rounds to 32768 once the least bit is shifted out: one more unit saturates.
    with pytest.raises(ProgramError, match="saturates"):
        validate(program(linear((1,), (2,), 0, True), [(2,)]))
    with pytest.raises(ProgramError, match="saturates"):
        validate(program(linear((2,), (2,), 0, False), [(2,)]))


def test_accumulator_of_2_to_the_53_is_refused_naming_the_op_and_its_range() -> None:
    def wide(weight: int) -> Program:
        maps = (AffineMap((2,), (0,), ((0, 1),)), AffineMap((2,), (0,), ((0, 1),)))
        return program(Contract((X, const(0)), maps, (1,), (2,), 32, 0, 0, True), [(2,)], [constant([weight, 1])], 32)

    validate(wide(2**22 - 2))
    with pytest.raises(ProgramError) as refusal:
        validate(wide(2**22 - 1))
    assert refusal.value.code == "program_range_overflow"
    assert refusal.value.details["op"] == 0
    assert refusal.value.details["magnitude"] == 2**53


def test_partial_sums_count_even_if_the_total_cancels() -> None:
    maps = (AffineMap((2,), (0,), ((0, 1),)), AffineMap((2,), (0,), ((0, 1),)))
    op = Contract((X, const(0)), maps, (1,), (2,), 32, 0, 0, True)
    of = program(op, [(2,)], [constant([2**22, -(2**22)])], 32)
    with pytest.raises(ProgramError, match="accumulator"):
        ranges(of)


def test_ranges_hold_for_the_extremes_of_the_actual_weights() -> None:
    found = ranges(program(MATVEC, [(3,)], MATVEC_CONSTANTS))[0]
    assert found.accumulator is not None
    # Row 1: -4 and -6 take the most from -32768, 5 from 32767; the bias interval is [-10, 10].
    assert found.accumulator.hi == 4 * 32768 + 5 * 32767 + 6 * 32768 + 10
    assert found.accumulator.lo == -4 * 32767 - 5 * 32768 - 6 * 32767 - 10
    assert found.magnitude == 15 * 32768 + 10


def test_rejects_a_program_that_would_keep_its_reader_busy() -> None:
    far = 2**27
    padded = AffineMap((1,), (far,), ((1, 0),))
    plain = AffineMap((2,), (0,), ((1, 0),))
    op = Contract((X, const(0)), (plain, padded), (2,), (1,), 16, 0, 0, True)
    with pytest.raises(ProgramError) as refusal:
        validate(program(op, [(2,)], [constant([1])]))
    assert refusal.value.code == "program_too_large"


def shared(uses: int, weights: int) -> Program:
    """As an unrolled recurrence: `uses` products by one constant of `weights` elements."""
    maps = (AffineMap((2,), (0,), ((0, 0),)), AffineMap((weights,), (0,), ((0, 1),)))
    one = Contract((X, const(0)), maps, (1,), (weights,), 32, 0, 0, False)
    of = program(one, [(2,)], [constant(np.ones(weights))], bits=8)
    return replace(of, ops=(one,) * uses)


def test_weights_that_many_ops_read_in_the_same_way_are_counted_once() -> None:
    validate(shared(300, 2**17))  # 39 million reads if each counted: more than 2^23 + 4 * 2^17
    of = shared(300, 2**17)
    # Each reads it another way round, from another place.
    turned = tuple(
        replace(op, maps=(op.maps[0], AffineMap((2**17,), (2**17 - 1 - i,), ((0, -1),))), saturates=False)
        for i, op in enumerate(of.ops)
    )
    validate(replace(of, ops=turned[:30]))
    with pytest.raises(ProgramError) as refusal:
        validate(replace(of, ops=turned))
    assert refusal.value.code == "program_too_large"


def test_a_large_padded_pooling_looks_at_its_padded_axes_alone() -> None:
    # 1024 channels of 64 x 64 with 3 x 3 windows: 37 million points, 36,864 of them on the padded axes.
    dims, view = (1024, 64, 64), (1024, 64, 64)
    rows = ((1, 0, 0, 0, 0), (0, 1, 0, 1, 0), (0, 0, 1, 0, 1))
    pool = Max((X,), (AffineMap(view, (0, -1, -1), rows),), dims, (3, 3), 16, 0)
    validate(program(pool, [view]))
    # A window of one element, right outside of one corner.
    with pytest.raises(ProgramError, match="every point is out of bounds"):
        validate(program(replace(pool, inner=(1, 1)), [view]))


@pytest.mark.parametrize(("offset", "stride", "step"), [(-1, 1, 1), (1, 1, -1), (3, -1, -1), (1, -1, 1)])
@pytest.mark.parametrize("kind", [Max, Argmax])
def test_a_maximum_may_miss_by_one_only_where_another_point_hits(
    kind: type[Op], offset: int, stride: int, step: int
) -> None:
    window = AffineMap((3,), (offset,), ((stride, step),))
    validate(program(kind((X,), (window,), (3,), (2,), 16, 0), [(3,)]))
    with pytest.raises(ProgramError, match="every point is out of bounds"):
        validate(program(kind((X,), (window,), (3,), (1,), 16, 0), [(3,)]))
