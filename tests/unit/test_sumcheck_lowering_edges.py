"""Numbers at the end of what whole digits hold: as far as they may go a run is satisfied, and one beside it is not."""

from __future__ import annotations

import numpy as np
import pytest
from sumcheck_programs import ONE, SAME, constant_floor, program

from circuits.lower.sumcheck.lowering import LIMB_BITS
from circuits.program.graph import Program
from circuits.program.interpreter import trace
from circuits.program.ops import Argmax, Compare, Divide, Max, Relation, Rsqrt
from circuits.program.refs import AffineMap, Ref
from tests.programs import X, Y, const, constant, made
from tests.sumcheck_traces import claiming, require_only

EVERYWHERE = AffineMap.broadcast((), ONE)


def floor(of: Ref, dims: tuple[int, ...] = ONE) -> Max:
    return constant_floor(of, 0, dims, 32)


def require_one(source: Program, limb_bits: int, inputs: list[list[int]], claims: tuple[int, ...] = ()) -> None:
    """The interpreter's output, of one element, and none beside it nor one of the claims."""
    arrays = [np.array(elements) for elements in inputs]
    values = trace(source, arrays)
    (right,) = values[-1].reshape(-1).tolist()
    require_only(source, arrays, claiming(values, 0, {right - 1, right + 1, *claims}), limb_bits)


@pytest.mark.parametrize("limb_bits", LIMB_BITS)
@pytest.mark.parametrize("relation", Relation)
def test_elements_as_far_apart_as_whole_digits_hold_are_compared(relation: Relation, limb_bits: int) -> None:
    """Of differences in [−2^κ + 1 + c, 2^κ + c], for c around −1, one end or the other needs another digit."""
    end, refs, maps = 1 << limb_bits, (X, const(0)), (SAME, EVERYWHERE)
    for number in (-2, -1, 0, 1):
        for turn in (1, -1):
            op = Compare(refs[::turn], maps[::turn], ONE, (), 8, 0, relation)
            source = program([op], constants=[constant(number)], bits=limb_bits + 1)
            for x in (-end, number - 1, number, number + 1, end - 1):
                require_one(source, limb_bits, [[x]], (0, 1))


@pytest.mark.parametrize("limb_bits", LIMB_BITS)
def test_the_largest_of_two_is_found_however_far_apart_they_are(limb_bits: int) -> None:
    """The first is at least −1, so that the differences are no more symmetric than either operand."""
    end = 1 << limb_bits
    for floored, refs in ((X, (made(0), Y)), (Y, (X, made(0)))):
        ops = [floor(floored), Max(refs, (SAME, SAME), ONE, (), 32, 0)]
        source = program(ops, [ONE, ONE], [constant(-1)], limb_bits + 1)
        for x, y in ((-end, end - 1), (end - 1, -end), (-1, -end), (5, 5), (-end, -end), (end - 1, end - 1)):
            require_one(source, limb_bits, [[x], [y]], (x, y))


@pytest.mark.parametrize("limb_bits", LIMB_BITS)
def test_the_largest_may_be_a_whole_digit_above_another(limb_bits: int) -> None:
    """In [−2^(κ−1), 2^(κ−1)]: what is between them takes κ + 1 bits at the ends alone."""
    half, pair = 1 << (limb_bits - 1), AffineMap((2,), (0,), ((0, 1),))
    op = Max((X, const(0)), (pair, pair), ONE, (2,), 32, 0)
    source = program([op], [(2,)], [constant([half, -half])], limb_bits)
    require_one(source, limb_bits, [[-half, half - 1]], (-half, half - 1))


@pytest.mark.parametrize(("count", "least", "limb_bits"), [(3, -43, 9), (257, -128, 16), (4, -128, 10)])
def test_keys_a_whole_digit_apart_have_a_largest(count: int, least: int, limb_bits: int) -> None:
    """K·(127 − least + 1) keys are one more than a digit holds, or what the elements' own numbers make them more."""
    dims = (count,)
    largest = Argmax((made(0),), (AffineMap(dims, (0,), ((0, 1),)),), ONE, dims, 32, 0)
    source = program([floor(X, dims), largest], [dims], [constant(least)])
    for place in (0, count - 1):
        require_one(source, limb_bits, [[127 if n == place else least for n in range(count)]], (0, count - 1))
    require_one(source, limb_bits, [[least] * count], (count - 1,))


@pytest.mark.parametrize("limb_bits", LIMB_BITS)
@pytest.mark.parametrize("number", [2, 3, 4, 6, 12, 96])
def test_every_remainder_of_a_constant_divisor_is_one(number: int, limb_bits: int) -> None:
    op = Divide((X, const(0)), (SAME, EVERYWHERE), ONE, (), 16, 0, 0, False)
    source = program([op], constants=[constant(number)])
    for x in (-128, -97, -7, -3, -2, -1, 0, 1, 2, 3, 5, 6, 11, 95, 127):
        require_one(source, limb_bits, [[x]])


@pytest.mark.parametrize("limb_bits", LIMB_BITS)
def test_every_remainder_of_a_divisor_near_the_end_of_a_digit_is_one(limb_bits: int) -> None:
    """Below 2·d, which takes a digit more than d."""
    end = 1 << limb_bits
    op = Divide((X, made(0)), (SAME, SAME), ONE, (), 32, 0, 2, False)
    source = program([floor(Y), op], [ONE, ONE], [constant(1)], limb_bits + 1)
    for x in (-end, -end // 2, -1, 0, 1, end // 2 - 1, end // 2, end - 1):
        for d in (1, end // 2, end - 1):
            require_one(source, limb_bits, [[x], [d]])


# Bits of an argument, exponent and κ: what bounds A and B, or y·A where y may be 0, then needs all of its digits.
NEAR_THE_END = [(8, 6, 12), (8, 10, 16), (12, 0, 10), (12, 1, 10), (12, 4, 9)]


@pytest.mark.parametrize(("bits", "exponent", "limb_bits"), NEAR_THE_END)
def test_every_argument_has_its_inverse_root(bits: int, exponent: int, limb_bits: int) -> None:
    dims, inputs = ((1 << (bits - 1)) - 1,), [np.arange(1, 1 << (bits - 1))]
    root = Rsqrt((made(0),), (AffineMap.identity(dims),), dims, (), 32, 0, exponent)
    source = program([floor(X, dims), root], [dims], [constant(1)], bits)
    argument, found = trace(source, inputs)
    require_only(source, inputs, [[argument, found + amount] for amount in (-1, 1)], limb_bits)
