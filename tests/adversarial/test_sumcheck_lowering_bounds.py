"""What the lowering counts on, of an operand, holds wherever it is read (docs/protocol/sumcheck.md section 4).

Each of these programs has a value at the end of what it may be, or a 0 read out of bounds that lies beyond it: a bound
a little too tight would leave the interpreter's run unprovable, one that is not asked for would let another pass.
"""

from __future__ import annotations

import numpy as np
import pytest
from sumcheck_programs import constant_floor

from circuits.program.interpreter import trace
from circuits.program.ops import Compare, Divide, Gather, Linear, Lookup, Max, Op, Relation
from circuits.program.refs import UNMAPPED, AffineMap
from tests.programs import X, Y, const, constant, made, ports, program_of
from tests.sumcheck_traces import beside, claiming, require_only

FEWEST = 9  # bits that a digit may have
FOUR = AffineMap.identity((4,))
# Of four elements the three behind the first, and one that is out of bounds.
NEXT = AffineMap((4,), (1,), ((1,),))
EVERYWHERE = AffineMap.broadcast((), (4,))


# Of two inputs, each with the constant of its number.
FLOORS: list[Op] = [constant_floor(of, number, (4,)) for number, of in enumerate((X, Y))]


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_a_dividend_out_of_bounds_is_zero_also_where_its_elements_never_are(bits: int) -> None:
    """In 8 bits the quotients saturate."""
    quotient = Divide((made(0), const(1)), (NEXT, EVERYWHERE), (4,), (), bits, 0, 3, False)
    source = program_of(ports([(4,)], 16), [constant(30000), constant(7)], [FLOORS[0], quotient])
    inputs = [np.array([-100, 30001, 31000, 32000])]
    values = trace(source, inputs)
    assert values[1][3] == 0 < min(values[1][:3])
    lies = [*claiming(values, 0, [int(values[1][0]) - 1]), *claiming(values, 3, [1, 100])]
    require_only(source, inputs, lies, FEWEST)


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("maps", [(NEXT, FOUR), (FOUR, NEXT)], ids=["first", "second"])
def test_what_is_compared_out_of_bounds_is_zero_also_where_its_elements_never_are(
    relation: Relation, maps: tuple[AffineMap, AffineMap]
) -> None:
    """All elements lie within 268 of each other, and 2^9 from 0."""
    compare = Compare((made(0), made(1)), maps, (4,), (), 8, 0, relation)
    source = program_of(ports([(4,), (4,)], 16), [constant(32500)] * 2, [*FLOORS, compare])
    inputs = [np.array([32600, 32700, 32501, 32502]), np.array([32700, 32501, 32767, 32760])]
    values = trace(source, inputs)
    lies = [lie for element in range(4) for lie in claiming(values, element, (0, 1, 2, 64, -63, -64))]
    require_only(source, inputs, lies, FEWEST)


@pytest.mark.parametrize("maps", [(NEXT, FOUR), (FOUR, NEXT)], ids=["first", "second"])
def test_a_maximum_of_two_is_none_of_what_is_read_out_of_bounds(maps: tuple[AffineMap, AffineMap]) -> None:
    """All elements are below the 0 that is read there."""
    source = program_of(ports([(4,), (4,)], 8), [], [Max((X, Y), maps, (4,), (), 8, 0)])
    inputs = [np.array([-5, -6, -7, -8]), np.array([-9, -4, -7, -3])]
    values = trace(source, inputs)
    lies = [lie for n in range(4) for lie in claiming(values, n, {0, -1, -9, int(values[0][n]) + 1})]
    require_only(source, inputs, lies)


@pytest.mark.parametrize("bits", [8, 32])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_quotient_is_as_small_as_the_largest_divisor_makes_it(sign: int, bits: int) -> None:
    """Of a dividend that is never near 0, by a divisor that may be 1; in 8 bits it saturates."""
    ops = [
        *FLOORS,
        Linear((made(0),), (FOUR,), (4,), (), 32, 0, 0, False, (sign,)),
        Divide((made(2), made(1)), (FOUR, FOUR), (4,), (), bits, 0, 0, False),
    ]
    source = program_of(ports([(4,), (4,)], 16), [constant(30000), constant(1)], ops)
    inputs = [np.array([30000, 32767, 30000, 32767]), np.array([1, 1, 32767, 32767])]
    require_only(source, inputs, beside(trace(source, inputs), (-1, 1, -sign * 100)), FEWEST)


@pytest.mark.parametrize("by", [-300, 0, 300])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_remainder_lies_around_zero_whatever_is_added_to_it(sign: int, by: int) -> None:
    """x − 512·⌊x/512 + 1/2⌋ is in [−256, 255], moved and clamped to 8 bits."""
    ops = [
        Linear((X,), (FOUR,), (4,), (), 16, 0, 9, False, (1,)),
        Linear((X, made(0), const(0)), (FOUR, FOUR, EVERYWHERE), (4,), (), 8, 0, 0, False, (sign, -512 * sign)),
    ]
    source = program_of(ports([(4,)], 16), [constant(by, 8)], ops)
    inputs = [np.array([-256, 255 - 512, 1024 - 10, 32767])]
    values = trace(source, inputs)
    assert values[1].tolist() == np.clip(sign * np.array([-256, 255, -10, -1]) + by, -128, 127).tolist()
    lies = [lie for n in range(4) for lie in claiming(values, n, {-128, 127, int(values[1][n]) + 1})]
    require_only(source, inputs, lies, FEWEST)


def test_a_largest_below_zero_is_none_of_what_a_window_misses() -> None:
    """All elements lie in [-1000, -900]."""
    pair, window = AffineMap.identity((2,)), AffineMap((2,), (-1,), ((0, 1),))
    ops = [
        Lookup((X, const(0)), (pair, UNMAPPED), (2,), (), 16, 0, -128),
        Max((made(0),), (window,), (1,), (4,), 16, 0),
    ]
    source = program_of(ports([(2,)], 8), [constant(np.arange(256) % 101 - 1000)], ops)
    inputs = [np.array([-120, -100])]
    require_only(source, inputs, claiming(trace(source, inputs), 0, (-1000, -992, -973, -971, 0)), FEWEST)


def test_a_maximum_is_over_inner_points_that_only_a_later_axis_depends_on() -> None:
    rows = AffineMap((2, 3), (0, 0), ((1, 0), (0, 1)))
    source = program_of(ports([(2, 3)], 8), [], [Max((X,), (rows,), (2,), (3,), 8, 0)])
    inputs = [np.array([[-5, 7, -7], [-9, -4, -3]])]
    require_only(source, inputs, [[np.array(lie)] for lie in ([-5, -3], [7, -9], [7, -4], [8, -3], [7, 0])])


@pytest.mark.parametrize("count", [2, 3])
def test_a_gather_is_of_one_element_and_not_of_their_sum(count: int) -> None:
    positions = constant((np.arange(256) - 128) % count)
    maps = AffineMap((4, count), (0, 0), ((1, 0), (0, 1))), AffineMap((4,), (0,), ((1, 0),))
    ops = [
        Lookup((Y, const(0)), (FOUR, UNMAPPED), (4,), (), 8, 0, -128),
        Gather((X, made(0)), maps, (4,), (count,), 8, 0),
    ]
    source = program_of(ports([(4, count), (4,)], 8), [positions], ops)
    inputs = [np.arange(1, 1 + 4 * count).reshape(4, count), np.array([0, 1, 2, 3])]
    looked_up, _ = trace(source, inputs)
    require_only(source, inputs, [[looked_up, lie] for lie in (inputs[0].sum(axis=1), *inputs[0].T[:2])])
