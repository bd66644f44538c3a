"""Golden programs at the edges: ties, halves, extremes, reads that miss, axes of size 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from circuits.program.graph import Program
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
    ReduceSum,
    Relation,
    Rsqrt,
    Select,
)
from circuits.program.refs import UNMAPPED, AffineMap, Port
from tests.programs import X, Y, const, made
from tests.vectors.golden_layers import HIGH, LOW, constant, program, rows

LEAST, MOST = -(2**31), 2**31 - 1
FLAT = AffineMap.identity((4,))
BEFORE = AffineMap((4,), (-1,), ((1,),))  # misses at 0
EVERY = AffineMap((), (), ())  # a scalar, everywhere


def choices() -> Program:
    """Argmax over padded windows with ties, every relation, a selection; then the class that a row of scores gives."""
    windows = AffineMap((4,), (-1,), ((2, 1),))
    # The second row of scores is the first one moved by a place, so that it misses at its end.
    scores = AffineMap((4,), (0,), ((1, 1),))
    ops = [
        Argmax((X,), (windows,), (2,), (3,), 8, 0),
        Compare((X, Y), (FLAT, FLAT), (4,), (), 8, 0, Relation.LESS),
        Compare((X, Y), (FLAT, FLAT), (4,), (), 8, 0, Relation.LESS_OR_EQUAL),
        Compare((X, Y), (FLAT, BEFORE), (4,), (), 8, 0, Relation.EQUAL),
        Select((made(1), X, Y), (FLAT, FLAT, BEFORE), (4,), (), 32, 0),
        Select((made(3), X, Y), (BEFORE, FLAT, FLAT), (4,), (), 32, 0),
        Argmax((made(4),), (scores,), (2,), (4,), 8, 0),
    ]
    return program([Port("x", (4,), 32, (0,)), Port("y", (4,), 32, (0,))], [], ops, ("deny", "refer", "allow", "é"))


def decided() -> Program:
    """Comparisons and selections that intervals decide."""
    ops = [
        Compare((X, const(0)), (FLAT, EVERY), (4,), (), 8, 0, Relation.LESS),
        Compare((const(0), X), (EVERY, FLAT), (4,), (), 8, 0, Relation.LESS_OR_EQUAL),
        Compare((const(0), const(0)), (EVERY, EVERY), (4,), (), 8, 0, Relation.EQUAL),
        Compare((X, const(0)), (FLAT, EVERY), (4,), (), 8, 0, Relation.EQUAL),
        Select((made(0), X, const(0)), (FLAT, FLAT, EVERY), (4,), (), 16, 0),
        Select((made(1), const(0), X), (FLAT, EVERY, FLAT), (4,), (), 16, 0),
    ]
    return program([Port("x", (4,), 16, (0,))], [constant("above", 2**15)], ops)


def gathered() -> Program:
    """An embedding by a clipped input, a permutation by a constant, and elements along two inner axes."""
    pair = AffineMap.identity((2,))
    embedding = AffineMap((3, 2), (0, 0), rows([(2, 1)], [(1, 1)], rank=3))
    by_row = AffineMap((2,), (0,), ((1, 0, 0),))
    along, by_output = AffineMap((4,), (0,), ((0, 1),)), AffineMap((3,), (0,), ((1, 0),))
    transposed = AffineMap((2, 2), (0, 0), rows([(2, 1)], [(1, 1)], rank=3))
    backwards = AffineMap((3,), (2,), ((-1, 0, 0),))
    ops = [
        Max((X, const(0)), (pair, AffineMap.broadcast((), (2,))), (2,), (), 16, 0),
        Linear((made(0),), (pair,), (2,), (), 16, 0, 0, False, (-1,)),
        Max((made(1), const(1)), (pair, AffineMap.broadcast((), (2,))), (2,), (), 16, 0),
        Linear((made(2),), (pair,), (2,), (), 16, 0, 0, False, (-1,)),
        Gather((const(2), made(3)), (embedding, by_row), (2, 2), (3,), 32, 0),
        Gather((made(4), const(3)), (along, by_output), (3,), (4,), 32, 0),
        Gather((Y, const(3)), (transposed, backwards), (3,), (2, 2), 8, 0),
    ]
    constants = [
        constant("zero", 0),
        constant("last", -2),
        constant("table", [[LEAST, MOST], [-1, 0], [7, 8]]),
        constant("positions", [3, 0, 1]),
    ]
    return program([Port("x", (2,), 16, (0,)), Port("y", (2, 2), 8, (0,))], constants, ops)


def quotients() -> Program:
    """Division with halves of both signs, by a divisor that varies, saturated, and of nothing; inverse roots."""
    ops = [
        Divide((X, const(0)), (FLAT, EVERY), (4,), (), 16, 0, 0, False),
        Divide((X, const(1)), (FLAT, EVERY), (4,), (), 16, 0, 1, False),
        Max((Y, const(2)), (FLAT, EVERY), (4,), (), 16, 0),
        Divide((X, made(2)), (BEFORE, FLAT), (4,), (), 12, 3, 15, True),
        Divide((const(3), const(3)), (EVERY, EVERY), (4,), (), 32, 0, 20, False),
        Rsqrt((made(2),), (FLAT,), (4,), (), 32, 30, 30),
        Rsqrt((made(2),), (FLAT,), (4,), (), 8, 0, 0),
        Rsqrt((const(4),), (FLAT,), (4,), (), 16, 0, 5),
    ]
    constants = [
        constant("two", 2),
        constant("seven", 7),
        constant("one", 1),
        constant("large", 2**31 - 1),
        constant("radicands", [1, 5, 2**12, MOST]),
    ]
    return program([Port("x", (4,), 16, (0,)), Port("y", (4,), 16, (0,))], constants, ops)


def extremes() -> Program:
    """32-bit tensors: saturation at both ends, the largest shift, the widest bias, entries and fills that just fit."""
    ops = [
        Linear((X,), (FLAT,), (4,), (), 32, 0, 0, True, (-1,)),
        Linear((X, const(0)), (FLAT, FLAT), (4,), (), 8, 0, 31, True, (2**20,)),
        Linear((X, X), (FLAT, BEFORE), (4,), (), 32, 0, 1, False, (1, 1)),
        ReduceSum((X,), (AffineMap((4,), (0,), ((0, 1),)),), (1,), (4,), 32, 0, 31, False, -(2**19)),
        Mul((X, const(1)), (FLAT, EVERY), (4,), (), 32, 0, 21, False),
        Index((X,), (BEFORE,), (4,), (), 32, 0, LEAST),
        Max((X, made(0)), (FLAT, BEFORE), (4,), (), 32, 0),
        Lookup((const(2), const(3)), (FLAT, UNMAPPED), (4,), (), 32, 0, LEAST),
    ]
    constants = [
        constant("bias", [2**52, -(2**52), 0, -(2**30)], 8),
        constant("half", 2**20),
        constant("lowest", [LEAST, LEAST + 1, LEAST, LEAST + 1]),
        constant("table", [MOST, LEAST]),
    ]
    return program([Port("x", (4,), 32, (0,))], constants, ops)


def empty_axes() -> Program:
    """Sums of nothing, with and without a bias; tensors without elements read, made, joined and skipped."""
    by_row, by_column = (AffineMap((0, 3), (0, 0), rows([(i, 1)], [(1 - i, 1)], rank=2)) for i in range(2))
    bias, position = AffineMap((2,), (-1,), ((1, 0),)), AffineMap((0,), (0,), ((1, 0),))
    absent = AffineMap((0,), (0,), ((1,),))
    ops = [
        ReduceSum((X,), (by_column,), (3,), (0,), 8, 0, 1, False, 5),
        Contract((X, X, const(0)), (by_column, by_column, bias), (3,), (0,), 8, 0, 1, False),
        Linear((X,), (by_row,), (0, 3), (), 8, 0, 0, False, (1,)),
        Max((made(2),), (by_row,), (0,), (3,), 8, 0),
        Argmax((X,), (by_row,), (0,), (3,), 8, 0),
        Index((X, made(1)), (absent, AffineMap((3,), (-1,), ((1,),))), (5,), (), 16, 0, 4),
        Gather((X, made(4)), (by_row, position), (0,), (3,), 32, 0),
        Linear((X, made(5)), (absent, AffineMap.identity((5,))), (5,), (), 18, 0, 0, False, (3, 1)),
    ]
    return program([Port("x", (0, 3), 16, (1, 2, 3))], [constant("bias", [3, -3], 8)], ops)


INPUTS: dict[Callable[[], Program], list[list[Any]]] = {
    choices: [
        [[5, 5, 7, 7], [5, 6, 6, 7]],
        [[LEAST, LEAST, LEAST, LEAST], [MOST, LEAST, LEAST, LEAST]],
        [[-1, 0, MOST, MOST], [0, 0, 0, MOST]],
    ],
    decided: [[[LOW, -1, 0, HIGH]]],
    gathered: [
        [[0, 2], [[1, 2], [3, 4]]],
        [[LOW, HIGH], [[-128, 127], [0, -1]]],
        [[1, 1], [[5, 6], [7, 8]]],
    ],
    quotients: [
        [[1, -1, 3, -3], [1, 2, 3, 4]],
        [[7, -7, 6, -6], [LOW, 0, HIGH, HIGH]],
        [[HIGH, LOW, LOW, HIGH], [1, 1, HIGH, 1]],
    ],
    extremes: [
        [[LEAST, MOST, -1, 0]],
        [[LEAST, LEAST, LEAST, LEAST]],
        [[MOST, MOST, MOST, MOST]],
        [[1, -1, 2**30, -(2**30)]],
    ],
    empty_axes: [[[]]],
}
