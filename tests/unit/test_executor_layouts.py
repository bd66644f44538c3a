"""What the executor lays out in memory to read a program's operands."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from sumcheck_programs import program

from circuits.execute import Executor
from circuits.program.graph import Program
from circuits.program.interpreter import trace
from circuits.program.ops import Contract
from circuits.program.refs import AffineMap
from tests.programs import X, Y, const, constant

MIB = 1 << 20


def outer_product(size: int) -> Program:
    """Σ_{k1,k2} a(k1)·b(k2)."""
    a, b = (AffineMap((size,), (0,), (row,)) for row in ((0, 1, 0), (0, 0, 1)))
    return program([Contract((X, Y), (a, b), (1,), (size, size), 32, 0, 20, False)], [(size,), (size,)])


def columns_and_a_constant(rows: int, inner: int, columns: int) -> Program:
    """Σ_{k1,k2} w(o,k1)·x(k1,k2)."""
    w, x = (
        AffineMap((rows, inner), (0, 0), ((1, 0, 0), (0, 1, 0))),
        AffineMap((inner, columns), (0, 0), ((0, 1, 0), (0, 0, 1))),
    )
    values = np.arange(rows * inner).reshape(rows, inner) % 7 - 3
    op = Contract((X, const(0)), (x, w), (rows,), (inner, columns), 32, 0, 0, False)
    return program([op], [(inner, columns)], [constant(values)])


def an_axis_of_neither(size: int) -> Program:
    """Σ_{k1,k2} a(o,k1)·b(k1), for every k2 once more."""
    a, b = AffineMap((3, 4), (0, 0), ((1, 0, 0), (0, 1, 0))), AffineMap((4,), (0,), ((0, 1, 0),))
    return program([Contract((X, Y), (a, b), (3,), (4, size), 32, 0, 3, False)], [(3, 4), (4,)])


def traced_peak(whole: Program) -> int:
    """Bytes that an executor and its run take at most."""
    inputs = [np.full(port.dims, 3, np.int64) for port in whole.inputs]
    tracemalloc.start()
    try:
        Executor(whole).run(inputs)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "whole", [outer_product(40), columns_and_a_constant(5, 4, 6), an_axis_of_neither(5)], ids=["a·b", "w·x", "neither"]
)
def test_an_inner_axis_of_one_factor_alone_is_summed_exactly(whole: Program) -> None:
    rng = np.random.default_rng(0)
    inputs = [rng.integers(-(1 << port.bits - 1), 1 << port.bits - 1, port.dims) for port in whole.inputs]
    for defined, fast in zip(trace(whole, inputs), Executor(whole).trace(inputs), strict=True):
        np.testing.assert_array_equal(fast, defined)


@pytest.mark.parametrize(
    "whole",
    [outer_product(1 << 18), columns_and_a_constant(512, 64, 512), an_axis_of_neither(1 << 24)],
    ids=["a·b", "w·x", "neither"],
)
def test_an_inner_axis_of_one_factor_alone_is_not_laid_out(whole: Program) -> None:
    """One that were would take from 128 MiB to 1 TiB."""
    assert traced_peak(whole) < 16 * MIB
