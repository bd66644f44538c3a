"""Tiny programs for the sumcheck route's lowering: one or two for each way in which an op is lowered, with inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from circuits.program.graph import Constant, Program
from circuits.program.ops import (
    Argmax,
    Compare,
    Contract,
    Divide,
    Gather,
    Index,
    Linear,
    Lookup,
    Max,
    Mul,
    Op,
    ReduceSum,
    Relation,
    Rsqrt,
    Select,
)
from circuits.program.refs import UNMAPPED, AffineMap, Ref
from tests.programs import X, Y, const, constant, made, ports, program_of

ONE = (1,)
SAME = AffineMap.identity(ONE)
EDGES = [(-128,), (-127,), (-3,), (-1,), (0,), (1,), (2,), (126,), (127,)]
PAIRS = [(0, 0), (-128, 127), (127, -128), (5, 5), (-1, 0), (0, -1), (1, 0), (127, 127), (-128, -128)]

# A program and the inputs to try, each the elements of all its input tensors in a row.
Case = tuple[Program, list[tuple[int, ...]]]


def program(
    ops: Sequence[Op], dims: Sequence[tuple[int, ...]] = (ONE,), constants: Sequence[Constant] = (), bits: int = 8
) -> Program:
    """With the last op as the output."""
    return program_of(ports(dims, bits), constants, ops)


def linear(factor: int, shift: int, bits: int, of: Ref = X) -> Linear:
    return Linear((of,), (SAME,), ONE, (), bits, 0, shift, False, (factor,))


def split_input(program: Program, elements: Sequence[int]) -> list[np.ndarray]:
    """The elements as the program's input tensors."""
    arrays, start = [], 0
    for port in program.inputs:
        size = int(np.prod(port.dims))
        arrays.append(np.array(elements[start : start + size], np.int64).reshape(port.dims))
        start += size
    return arrays


def linear_program(factor: int, shift: int, bits: int) -> Callable[[], Case]:
    return lambda: (program([linear(factor, shift, bits)]), EDGES)


def constant_floor(of: Ref = X, number: int = 0, dims: tuple[int, ...] = ONE, bits: int = 16) -> Max:
    """max(of, a constant)."""
    return Max((of, const(number)), (AffineMap.identity(dims), AffineMap.broadcast((), dims)), dims, (), bits, 0)


def relu_of(op: Linear) -> Callable[[], Case]:
    return lambda: (program([op, constant_floor(made(0))], constants=[constant(0)]), EDGES)


def floor_far_below() -> Case:
    """A sum of 53 bits clamped to two integers: the excess is nearly as large."""
    ops = [linear((1 << 21) - 1, 0, 8), constant_floor(made(0))]
    tries = [(x,) for x in (-(2**31), -1, 0, 1, 2**31 - 1)]
    return program(ops, constants=[constant(126)], bits=32), tries


def contract(shift: int, bits: int) -> Case:
    a, b = AffineMap((2,), (0,), ((0, 1),)), AffineMap((1, 2), (0, 0), ((1, 0), (0, 1)))
    bias = AffineMap((1,), (0,), ((1, 0),))
    op = Contract((X, const(0), const(1)), (a, b, bias), ONE, (2,), bits, 0, shift, False)
    return program([op], [(2,)], [constant([[7, -5]]), constant([33], 8)]), PAIRS


def mul(shift: int, bits: int) -> Case:
    return program([Mul((X, Y), (SAME, SAME), ONE, (), bits, 0, shift, False)], [ONE, ONE]), PAIRS


def reduce_sum() -> Case:
    op = ReduceSum((X,), (AffineMap((2,), (0,), ((0, 1),)),), ONE, (2,), 8, 0, 1, False, 3)
    return program([op], [(2,)]), PAIRS


def remainder() -> Case:
    """A quotient, and what it leaves: as an interpolated table's index and fraction are found."""
    left = Linear((X, made(0)), (SAME, SAME), ONE, (), 8, 0, 0, False, (1, 16))
    return program([linear(-1, 4, 16), left], bits=12), [(x,) for x in (-2048, -9, -8, 7, 8, 2047)]


def remainders_far_apart() -> Case:
    """A remainder clamped twice: once moved far beyond the clamp, and once to its end."""

    def moved(by: int) -> Linear:
        return Linear((X, made(0), const(by)), (SAME,) * 3, ONE, (), 8, 0, 0, False, (1023, -1024))

    both = Linear((made(1), made(2)), (SAME, SAME), ONE, (), 16, 0, 0, False, (1, 3))
    far_and_near = [constant([4 * 10**6], 8), constant([600], 8)]
    return program([linear(1023, 10, 32), moved(0), moved(1), both], constants=far_and_near, bits=12), EDGES


def two_lookups() -> Case:
    tables = [constant(np.arange(256) * 3 % 251), constant(-(np.arange(256) ** 2))]
    ops: list[Op] = [Lookup((X, const(i)), (SAME, UNMAPPED), ONE, (), 32, 0, -128) for i in range(2)]
    both = Linear((made(0), made(1)), (SAME, SAME), ONE, (), 32, 0, 0, False, (1, 2))
    return program([*ops, both], constants=tables), EDGES


def lookups_alike() -> Case:
    """The same function of the same argument."""
    op = Lookup((X, const(0)), (SAME, UNMAPPED), ONE, (), 16, 0, -128)
    both = Linear((made(0), made(1)), (SAME, SAME), ONE, (), 32, 0, 0, False, (1, 1000))
    return program([op, op, both], constants=[constant(np.arange(256) * 3 % 251)]), EDGES


def window_max() -> Case:
    """Of three neighbours of four, the first and the last of which are out of bounds."""
    op = Max((X,), (AffineMap((2,), (-1,), ((0, 1),)),), ONE, (4,), 8, 0)
    return program([op], [(2,)]), PAIRS


def largest_of(count: int) -> Case:
    refs = (X, Y, X)[:count]
    maps = (AffineMap((2,), (0,), ((0,),)), SAME, AffineMap((2,), (1,), ((0,),)))[:count]
    return program([Max(refs, maps, ONE, (), 8, 0)], [(2,), ONE]), [(*pair, z) for pair in PAIRS for z in (-3, 5)]


def argmax(offset: int) -> Case:
    op = Argmax((X,), (AffineMap((3,), (offset,), ((0, 1),)),), ONE, (3,), 8, 0)
    return program([op], [(3,)]), [(5, 5, 5), (-1, 5, 5), (7, 7, -128), (0, 0, 1), (127, -128, 127), (-5, -6, -7)]


def argmax_that_reads_twice() -> Case:
    """Each of three elements at two inner points."""
    op = Argmax((X,), (AffineMap((3,), (0,), ((0, 1, 0),)),), ONE, (3, 2), 8, 0)
    return program([op], [(3,)]), [(5, 5, 5), (-1, 5, 5), (0, 0, 1), (127, -128, 127)]


def compare(relation: Relation) -> Callable[[], Case]:
    return lambda: (program([Compare((X, Y), (SAME, SAME), ONE, (), 8, 0, relation)], [ONE, ONE]), PAIRS)


def select() -> Case:
    ops = [
        Compare((X, Y), (SAME, SAME), ONE, (), 8, 0, Relation.LESS),
        Select((made(0), X, Y), (SAME, SAME, SAME), ONE, (), 8, 0),
    ]
    return program(ops, [ONE, ONE]), PAIRS


def index() -> Case:
    """The first two operands overlap; at the last place there is nothing but the fill."""
    first, second = AffineMap((2,), (0,), ((1,),)), AffineMap((2,), (-1,), ((1,),))
    return program([Index((X, Y), (first, second), (4,), (), 8, 0, 9)], [(2,), (2,)]), [(1, 2, 3, 4), (-128, 7, 7, 127)]


def gather(rows: int) -> Case:
    """Of each of `rows` rows of three the element at a computed position."""
    ops = [
        Lookup((Y, const(0)), (AffineMap.identity((rows,)), UNMAPPED), (rows,), (), 8, 0, -128),
        Gather(
            (X, made(0)),
            (AffineMap((rows, 3), (0, 0), ((1, 0), (0, 1))), AffineMap((rows,), (0,), ((1, 0),))),
            (rows,),
            (3,),
            8,
            0,
        ),
    ]
    tries = [tuple(range(10, 10 + 3 * rows)) + tuple(range(at, at + rows)) for at in range(3)]
    return program(ops, [(rows, 3), (rows,)], [constant((np.arange(256) - 128) % 3)]), tries


def divide_by(divisor: int, up: int, bits: int) -> Callable[[], Case]:
    op = Divide((X, const(0)), (SAME, AffineMap.broadcast((), ONE)), ONE, (), bits, 0, up, False)
    return lambda: (program([op], constants=[constant(divisor)]), EDGES)


def divide(up: int, bits: int) -> Case:
    ops = [
        Max((Y, const(0)), (SAME, AffineMap.broadcast((), ONE)), ONE, (), 8, 0),
        Divide((X, made(0)), (SAME, SAME), ONE, (), bits, 0, up, False),
    ]
    return program(ops, [ONE, ONE], [constant(1)]), [(0, 0), (127, -128), (5, 5), (3, 2), (-3, 2), (-128, 3)]


def rsqrt(exponent: int) -> Case:
    ops = [
        Max((X, const(0)), (SAME, AffineMap.broadcast((), ONE)), ONE, (), 8, 0),
        Rsqrt((made(0),), (SAME,), ONE, (), 16, 0, exponent),
    ]
    return program(ops, constants=[constant(1)]), [(-3,), (3,), (16,), (17,), (127,)]


CASES: dict[str, Callable[[], Case]] = {
    "linear that is its sum": linear_program(3, 0, 16),
    "linear that rescales": linear_program(3, 2, 8),
    "linear that rescales by more than a limb": linear_program(1 << 20, 17, 16),
    "linear that saturates, without a rescale": linear_program(9, 0, 8),
    "linear that saturates on both sides by one": linear_program(5, 1, 8),
    "linear that saturates far": linear_program(30, 2, 8),
    "linear that saturates after more than a limb": linear_program(1 << 22, 18, 8),
    "linear that saturates to flags": linear_program(1 << 14, 0, 8),
    "remainder of another": remainder,
    "contract that saturates": lambda: contract(2, 8),
    "contract that rescales": lambda: contract(3, 16),
    "contract that is its sum": lambda: contract(0, 16),
    "mul that saturates": lambda: mul(3, 8),
    "mul that rescales": lambda: mul(3, 16),
    "reduce_sum": reduce_sum,
    "relu of a saturating sum": relu_of(linear(30, 2, 8)),
    "relu of a sum": relu_of(linear(3, 2, 16)),
    "lookups of one argument": two_lookups,
    "lookups alike": lookups_alike,
    "max of a constant": lambda: (program([constant_floor()], constants=[constant(3)]), EDGES),
    "max of a window that misses": window_max,
    "max of two": lambda: largest_of(2),
    "max of three": lambda: largest_of(3),
    "argmax": lambda: argmax(0),
    "argmax that misses": lambda: argmax(-1),
    "argmax that reads twice": argmax_that_reads_twice,
    "less": compare(Relation.LESS),
    "less or equal": compare(Relation.LESS_OR_EQUAL),
    "equal": compare(Relation.EQUAL),
    "select": select,
    "index": index,
    "gather": lambda: gather(1),
    "gather of rows": lambda: gather(2),
    "divide by a power of two": divide_by(8, 2, 8),
    "divide by a constant": divide_by(7, 2, 8),
    "divide that saturates, by a constant": divide_by(3, 3, 8),
    "divide": lambda: divide(2, 16),
    "divide that saturates": lambda: divide(4, 8),
    "rsqrt": lambda: rsqrt(5),
    "rsqrt that may be zero": lambda: rsqrt(1),
}

# Those whose witnesses are too many to be searched one by one.
WIDE: dict[str, Callable[[], Case]] = {
    "floor far below a sum": floor_far_below,
    "remainders clamped far apart": remainders_far_apart,
}
