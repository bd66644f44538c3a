"""When a gather's tuples hold runs of elements, and that they are then the gather's (docs/protocol/sumcheck.md 4)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuits.lower.sumcheck.lowering import Lowering, lower
from circuits.lower.sumcheck.moves import Runs
from circuits.lower.sumcheck.satisfy import violations
from circuits.lower.sumcheck.system import Fractions
from circuits.program.graph import Constant, Program
from circuits.program.interpreter import trace
from circuits.program.ops import Gather, Lookup, Op
from circuits.program.refs import UNMAPPED, AffineMap, Ref
from tests.programs import X, Y, const, constant, made, ports, program_of
from tests.random_programs import inputs_of, programs


def rows(of: Ref, count: int, width: int) -> list[Op]:
    """Two of `count` rows of `width`, by the tokens X; constant 0 takes a token to its row."""
    read = AffineMap((count, width), (0, 0), ((0, 0, 1), (0, 1, 0)))
    return [
        Lookup((X, const(0)), (AffineMap.identity((2,)), UNMAPPED), (2,), (), 16, 0, -128),
        Gather((of, made(0)), (read, AffineMap((2,), (0,), ((1, 0, 0),))), (2, width), (count,), 16, 0),
    ]


def of_constant(count: int, width: int) -> Program:
    table = np.random.default_rng(1).integers(-(2**15), 2**15, (count, width))
    return program_of(ports([(2,)], 8), [tokens(count), constant(table)], rows(const(1), count, width))


def tokens(count: int) -> Constant:
    return constant(41 * np.arange(256) % count)


def gathered(lowering: Lowering) -> list[Fractions]:
    """The lookups and the table of the first tag, which the gather's are."""
    return [fractions for fractions in lowering.system.fractions if fractions.tag == 1]


def test_long_rows_of_a_long_table_are_looked_up_in_runs() -> None:
    lowering = lower(of_constant(1024, 128))
    found = gathered(lowering)
    assert [(f.dims, len(f.columns)) for f in found] == [((2, 16), 9), ((16, 1024), 9)]
    made = trace(lowering.program, [np.array([5, -128])])
    assert violations(lowering.system, lowering.assign([np.array([5, -128])], made)) == []


def test_what_is_short_is_looked_up_by_itself() -> None:
    assert [len(f.columns) for f in gathered(lower(of_constant(8, 4)))] == [2, 2]


def test_an_input_is_looked_up_by_itself() -> None:
    """A verifier weighs all of its elements for each column."""
    of_input = program_of(ports([(2,), (1024, 128)], 8), [tokens(1024)], rows(Y, 1024, 128))
    assert [len(f.columns) for f in gathered(lower(of_input))] == [2, 2]


def test_a_run_may_be_the_row() -> None:
    found = gathered(lower(of_constant(1 << 16, 3)))
    assert [(f.dims, len(f.columns)) for f in found] == [((2, 1), 4), ((1 << 16,), 4)]


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_gathers_in_the_longest_runs_are_satisfied(data: st.DataObject) -> None:
    drawn = data.draw(programs([Gather], most=3))
    inputs = data.draw(inputs_of(drawn))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runs, "cost", lambda runs, entries: -runs.width)
        lowering = lower(drawn)
    made = trace(drawn, inputs)
    assert violations(lowering.system, lowering.assign(inputs, made)) == []
