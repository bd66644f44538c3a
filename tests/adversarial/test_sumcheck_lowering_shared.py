"""What ops share in a system binds each of them (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sumcheck_programs import const, constant, made

from circuits.lower.sumcheck.lowering import lower
from circuits.lower.sumcheck.satisfy import violations
from circuits.program.graph import Constant, Program
from circuits.program.interpreter import trace
from circuits.program.ops import Accumulating, Index, Linear, Lookup, Op
from circuits.program.ranges import Ranges
from circuits.program.refs import UNMAPPED, AffineMap, Output, Port, Ref, Source
from circuits.program.validate import validate

X = Ref(Source.INPUT, 0)
FOUR = AffineMap.identity((4,))


def program(ops: list[Op], bits: int, outputs: list[int], constants: tuple[Constant, ...] = ()) -> Program:
    """Of one input of four elements; flags of saturation are what the ranges say."""
    port = Port("x", (4,), bits, (0,))
    known, fixed = Ranges((port,), constants), []
    for op in ops:
        if isinstance(op, Accumulating):
            op = replace(op, saturates=op.bound(known.operands(op)).saturates)
        known.add(op)
        fixed.append(op)
    named = (Output(made(i), Port(f"y{i}", fixed[i].dims, fixed[i].bits, (fixed[i].scale,))) for i in outputs)
    whole = Program((port,), constants, tuple(fixed), tuple(named))
    validate(whole)
    return whole


@pytest.mark.parametrize("first_is_constant", [True, False])
def test_lookups_of_one_argument_are_bound_also_beside_one_that_is_constant(first_is_constant: bool) -> None:
    tables = [constant(np.full(256, 7)), constant(np.arange(256) * 3)]
    order = (0, 1) if first_is_constant else (1, 0)
    lookups: list[Op] = [Lookup((X, const(table)), (FOUR, UNMAPPED), (4,), (), 16, 0, -128) for table in order]
    source = program(lookups, 8, [0, 1], tuple(tables))
    inputs = [np.array([1, 2, 3, 4])]
    lowering, outputs = lower(source), trace(source, inputs)
    assert violations(lowering.system, lowering.assign(inputs, outputs)) == []
    for op in range(2):
        for element in range(4):
            forged = [values.copy() for values in outputs]
            forged[op][element] += 3
            assert violations(lowering.system, lowering.assign(inputs, forged))


@pytest.mark.parametrize("outputs", [[1], [2], [1, 2]])
def test_a_remainder_known_on_a_small_box_says_nothing_where_its_maps_miss(outputs: list[int]) -> None:
    """x − 256·⌊x/256⌉ over four elements, the quotient known of two: elsewhere it reads 0, and the sum saturates."""
    quotient = Linear((X,), (AffineMap((4,), (0,), ((1,),)),), (2,), (), 24, 0, 8, True, (1,))
    rest = Linear((X, made(0)), (FOUR, AffineMap((2,), (0,), ((1,),))), (4,), (), 9, 0, 0, True, (1, -256))
    copy = Index((made(1),), (FOUR,), (4,), (), 32, 0, 0)
    source = program([quotient, rest, copy], 16, outputs)
    inputs = [np.array([1000, -2000, 30000, -30000])]
    lowering, values = lower(source), trace(source, inputs)
    assert values[1].tolist() == [-24, 48, 255, -256]
    assert violations(lowering.system, lowering.assign(inputs, values)) == []
    unclamped = np.array([-24, 48, 30000, -30000])
    assert violations(lowering.system, lowering.assign(inputs, [values[0], unclamped, unclamped]))
