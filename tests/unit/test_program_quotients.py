"""divide and rsqrt against exact arithmetic and values worked out by hand, and each rule with what breaks it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from circuits.program.errors import ProgramError
from circuits.program.graph import Constant
from circuits.program.intervals import Interval
from circuits.program.ops import Divide, Op, Rsqrt
from circuits.program.ops.divide import divide_half_up, rsqrt_half_up
from circuits.program.ranges import ranges
from circuits.program.refs import AffineMap
from circuits.program.validate import validate
from tests.one_op import program, result
from tests.programs import X, Y, const, constant

FOUR = AffineMap.identity((4,))
EVERY = AffineMap.broadcast((), (4,))
MISSES = AffineMap((4,), (-1,), ((1,),))  # out of bounds at 0
HALVES = Divide((X, const(0)), (FOUR, EVERY), (4,), (), 16, 0, 0, False)
I32 = st.integers(-(2**31), 2**31 - 1)
POSITIVE = st.integers(1, 2**31 - 1)


@given(I32, POSITIVE, st.integers(0, 31))
@example(-(2**31), 1, 31)
@example(-3, 2, 0)
@example(3, 2, 0)
def test_a_quotient_is_rounded_half_up_and_the_remainder_makes_it_unique(a: int, d: int, up: int) -> None:
    y = divide_half_up(a, d, up)
    assert y == floor(Fraction(a * 2**up, d) + Fraction(1, 2))
    assert [z for z in range(y - 2, y + 3) if 0 <= 2 * a * 2**up + d - 2 * d * z < 2 * d] == [y]


@given(POSITIVE, st.integers(0, 30))
@example(1, 30)
@example(4, 0)  # 1/2 is a tie, and goes up
@example(2**31 - 1, 0)
def test_an_inverse_root_is_rounded_half_up_and_its_squares_make_it_unique(x: int, exponent: int) -> None:
    y = rsqrt_half_up(x, exponent)

    def holds(z: int) -> bool:
        below = z == 0 or (2 * z - 1) ** 2 * x <= 2 ** (2 * exponent + 2)
        return below and 2 ** (2 * exponent + 2) < (2 * z + 1) ** 2 * x

    assert [z for z in range(max(y - 2, 0), y + 3) if holds(z)] == [y]
    # y - 1/2 <= 2^exponent / sqrt(x) < y + 1/2, squared.
    assert max(Fraction(0), y - Fraction(1, 2)) ** 2 <= Fraction(4**exponent, x) < (y + Fraction(1, 2)) ** 2


def test_divide_rounds_negative_halves_up() -> None:
    assert result(program(HALVES, [(4,)], [constant(2)]), [1, -1, 3, -3]) == [1, 0, 2, -1]


def test_divide_raises_before_it_divides() -> None:
    raised = replace(HALVES, up=2, bits=20)
    # 4 * 5 / 7 = 2.86, 4 * -5 / 7 = -2.86, 4 * 7 / 7, 0.
    assert result(program(raised, [(4,)], [constant(7)]), [5, -5, 7, 0]) == [3, -3, 4, 0]


def test_divide_saturates_at_both_ends() -> None:
    narrow = replace(HALVES, bits=8, saturates=True)
    assert result(program(narrow, [(4,)], [constant(2)]), [255, 253, -256, -32768]) == [127, 127, -128, -128]


def test_divide_reads_a_zero_dividend_outside() -> None:
    assert result(program(replace(HALVES, maps=(MISSES, EVERY)), [(4,)], [constant(1)]), [5, 6, 7, 8]) == [0, 5, 6, 7]


@pytest.mark.parametrize(
    ("dividends", "divisors", "expected"),
    [
        ([4, 9], [2, 3], (1, 5)),
        ([-9, -4], [2, 3], (-4, -1)),
        ([-9, 9], [2, 3], (-4, 5)),
        ([0, 0], [1, 5], (0, 0)),
    ],
)
def test_divide_has_the_range_of_its_corners(
    dividends: list[int], divisors: list[int], expected: tuple[int, int]
) -> None:
    pair = AffineMap.identity((2,))
    op = Divide((const(0), const(1)), (pair, pair), (2,), (), 8, 0, 0, False)
    assert ranges(program(op, [(2,)], [constant(dividends), constant(divisors)]))[0].output == Interval(*expected)


def test_divide_says_exactly_whether_it_saturates() -> None:
    def quotient(bits: int, saturates: bool) -> Divide:
        return replace(HALVES, bits=bits, saturates=saturates)

    # [-32768, 32767] / 2 is [-16384, 16384], which takes 16 bits.
    for op in (quotient(16, False), quotient(15, True)):
        validate(program(op, [(4,)], [constant(2)]))
        with pytest.raises(ProgramError, match="saturates"):
            validate(program(replace(op, saturates=not op.saturates), [(4,)], [constant(2)]))


def test_a_dividend_of_2_to_the_53_is_refused() -> None:
    # 2^(up+1) * 2^31 + d < 2^53 for X of 32 bits and up 20, as long as d < 2^52.
    wide = Divide((X, const(0)), (FOUR, EVERY), (4,), (), 32, 0, 20, False)
    validate(program(wide, [(4,)], [constant(2**31 - 1)], bits=32))
    with pytest.raises(ProgramError, match="at most 2\\^53") as refusal:
        validate(program(replace(wide, up=21), [(4,)], [constant(1)], bits=32))
    assert refusal.value.details["magnitude"] == 2**53 + 1


ROOT = Rsqrt((const(0),), (FOUR,), (4,), (), 32, 30, 30)


def test_rsqrt() -> None:
    radicands = constant([1, 2, 4, 2**31 - 1])
    assert result(program(ROOT, [(4,)], [radicands]), [0] * 4) == [2**30, 759250125, 2**29, 23170]
    # 1, 0.71, 0.5 (a tie), 0.00002.
    assert result(program(replace(ROOT, exponent=0), [(4,)], [radicands]), [0] * 4) == [1, 1, 1, 0]


def test_rsqrt_has_the_range_of_its_ends() -> None:
    op = replace(ROOT, exponent=8, bits=16)
    assert ranges(program(op, [(4,)], [constant([4, 9, 16, 100])]))[0].output == Interval(26, 128)


@pytest.mark.parametrize(
    ("op", "constants", "code"),
    [
        pytest.param(HALVES, [constant(0)], "program_range_overflow", id="division by zero"),
        pytest.param(HALVES, [constant(-1)], "program_range_overflow", id="negative divisor"),
        pytest.param(
            replace(HALVES, operands=(X, Y), maps=(FOUR, FOUR)),
            [],
            "program_range_overflow",
            id="divisor that may be zero",
        ),
        pytest.param(
            replace(HALVES, maps=(FOUR, MISSES)), [constant([1] * 4)], "program_bad_map", id="divisor outside"
        ),
        pytest.param(replace(HALVES, up=32), [constant(1)], "program_bad_attribute", id="up 32"),
        pytest.param(replace(HALVES, up=-1), [constant(1)], "program_bad_attribute", id="up -1"),
        pytest.param(replace(HALVES, operands=(X,), maps=(FOUR,)), [constant(1)], "program_bad_shape", id="divide one"),
        pytest.param(
            replace(HALVES, inner=(1,), maps=(AffineMap.broadcast((), (4, 1)),) * 2, operands=(const(0),) * 2),
            [constant(1)],
            "program_bad_shape",
            id="divide not elementwise",
        ),
        pytest.param(ROOT, [constant([0, 1, 2, 3])], "program_range_overflow", id="root of zero"),
        pytest.param(ROOT, [constant([-1, 1, 2, 3])], "program_range_overflow", id="root of a negative"),
        pytest.param(replace(ROOT, bits=31), [constant([1] * 4)], "program_range_overflow", id="root over 31 bits"),
        pytest.param(replace(ROOT, exponent=31), [constant([1] * 4)], "program_bad_attribute", id="exponent 31"),
        pytest.param(replace(ROOT, exponent=-1), [constant([1] * 4)], "program_bad_attribute", id="exponent -1"),
        pytest.param(replace(ROOT, maps=(MISSES,)), [constant([1] * 4)], "program_bad_map", id="root outside"),
        pytest.param(
            replace(ROOT, operands=(const(0),) * 2, maps=(FOUR,) * 2),
            [constant([1] * 4)],
            "program_bad_shape",
            id="root of two",
        ),
        pytest.param(
            replace(ROOT, inner=(1,), maps=(AffineMap((4,), (0,), ((1, 0),)),)),
            [constant([1] * 4)],
            "program_bad_shape",
            id="root not elementwise",
        ),
    ],
)
def test_rejects_quotient_that_breaks_a_rule(op: Op, constants: list[Constant], code: str) -> None:
    with pytest.raises(ProgramError) as refusal:
        validate(program(op, [(4,), (4,)], constants))
    assert refusal.value.code == code
    assert refusal.value.details["op"] == 0
