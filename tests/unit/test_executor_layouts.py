"""What the executor lays out in memory to read a program's operands."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from sumcheck_programs import program

from circuits.execute import Executor
from circuits.execute.layouts import layout_bytes
from circuits.program.graph import Program
from circuits.program.interpreter import trace
from circuits.program.ops import Argmax, Contract, Linear, Mul
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


def far_out_of_bounds() -> Program:
    far = 4_000_000
    how = AffineMap((4,), (-far,), ((far,),))
    return program([Linear((X,), (how,), (2,), (), 16, 0, 0, False, (1,))], [(4,)])


def windows_of_a_batch() -> Program:
    """Σ_{k1,k2} a(o+k1+k2)·b(o+k1+k2): windows of both factors, in one stack."""
    windows = AffineMap((1_100,), (0,), ((1, 1, 1),))
    return program([Contract((X, Y), (windows, windows), (1_000,), (32, 32), 32, 0, 8, False)], [(1_100,), (1_100,)])


def convolution() -> Program:
    """In blocks of 4 MiB."""
    windows, weights = AffineMap((30_000,), (0,), ((1, 1),)), AffineMap((256,), (0,), ((0, 1),))
    op = Contract((X, const(0)), (windows, weights), (29_000,), (256,), 32, 0, 0, False)
    return program([op], [(30_000,)], [constant(np.arange(256) % 5 - 2)])


def turned_constant() -> Program:
    """Windows of a constant, which are kept."""
    windows, x = AffineMap((2_000,), (0,), ((1, 1),)), AffineMap((1_000,), (0,), ((0, 1),))
    op = Contract((const(0), X), (windows, x), (1_000,), (1_000,), 32, 0, 0, False)
    return program([op], [(1_000,)], [constant(np.arange(2_000) % 5 - 2)])


def repeated_constant() -> Program:
    maps = AffineMap.identity((1_000_000,)), AffineMap.broadcast((), (1_000_000,))
    return program([Mul((X, const(0)), maps, (1_000_000,), (), 16, 0, 0, False)], [(1_000_000,)], [constant(3)])


def best_of_windows() -> Program:
    how = AffineMap((2_000,), (0,), ((1, 1),))
    return program([Argmax((X,), (how,), (1_000,), (1_000,), 16, 0)], [(2_000,)])


@pytest.mark.parametrize(
    "make",
    [far_out_of_bounds, windows_of_a_batch, convolution, turned_constant, repeated_constant, best_of_windows],
)
def test_what_is_laid_out_is_told(make: Callable[[], Program]) -> None:
    """Beside inputs, outputs and a few copies of constants."""
    whole = make()
    (told,) = layout_bytes(whole)
    tensors = sum(int(np.prod(dims)) for dims in (*(port.dims for port in whole.inputs), whole.ops[0].dims))
    assert told > 3 * MIB
    assert told <= traced_peak(whole) <= 1.6 * told + 3 * 8 * tensors + MIB


def test_ops_share_a_constant_and_scratch() -> None:
    windows, weights = AffineMap((30_000,), (0,), ((1, 1),)), AffineMap((256,), (0,), ((0, 1),))
    op = Contract((X, const(0)), (windows, weights), (29_000,), (256,), 32, 0, 0, False)
    first, second = layout_bytes(program([op, op], [(30_000,)], [constant(np.arange(256) % 5 - 2)]))
    assert second == 0 < first


def test_a_constants_first_layout_goes_with_it_and_others_do_not() -> None:
    identity = AffineMap.identity((1_000,))
    op = Mul((X, const(0)), (identity, identity), (1_000,), (), 16, 0, 0, False)
    whole = program([op, op], [(1_000,)], [constant(np.arange(1_000) % 5)])
    assert layout_bytes(whole) == [0, 8_000]
