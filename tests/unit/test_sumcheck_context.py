"""What a context knows of the sums that it is given, and which columns it refuses."""

from __future__ import annotations

import pytest
from sumcheck_programs import ONE, constant_floor, program

from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.system import Kind
from circuits.lower.sumcheck.tables import Table
from circuits.program.intervals import Interval
from circuits.program.ranges import Ranges
from circuits.program.refs import AffineMap
from tests.programs import X, constant


@pytest.fixture
def context() -> Context:
    """Of a program of an input of 8 bits and a maximum."""
    source = program([constant_floor()], constants=[constant(0)])
    known = Ranges(source.inputs, source.constants)
    for op in source.ops:
        known.add(op)
    return Context(source, known, 16)


def test_a_sum_can_have_all_that_its_members_can(context: Context) -> None:
    x = context.whole(context.inputs[0])
    again = context.read(X, AffineMap(ONE, (0,), ((0, 1),)), (1, 3))
    assert context.magnitude(context.product(-5, x, x)) == 5 * 128 * 128
    assert context.magnitude(context.product(-5, again, again, (3,))) == 5 * 128 * 128 * 3
    assert context.magnitude(context.product(7, again, 1, (3,))) == 7 * 128 * 3


def test_a_column_that_could_wrap_is_never_made(context: Context) -> None:
    small, large = (context.constant(number) for number in ((1 << 160) - 1, 1 << 160))
    rows = Interval(0, 0)
    context.look_up("small", Table(rows), ONE, [small])
    context.fraction(context.tag(), ONE, [small], None)
    for columns in ([large], [small, large]):
        with pytest.raises(ArithmeticError, match=str(1 << 160)):
            context.look_up("large", Table(rows), ONE, columns)
        with pytest.raises(ArithmeticError, match=str(1 << 160)):
            context.fraction(context.tag(), ONE, columns, None)
    assert all(tensor.kind is not Kind.WITNESS for tensor in context.tensors)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_numbers_of_places_are_below_the_size(context: Context, size: int) -> None:
    assert context.magnitude(context.numbers((size,), (0,))) == size - 1
