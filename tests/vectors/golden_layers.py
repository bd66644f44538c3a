"""Golden programs of whole layers: what a network is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from circuits.program.graph import Constant, Program
from circuits.program.ops import Contract, Index, Linear, Lookup, Max, Mul, Op, ReduceSum
from circuits.program.refs import UNMAPPED, AffineMap, Output, Port, Visibility
from tests.programs import X, Y, const, made

LOW, HIGH = -(2**15), 2**15 - 1


def constant(name: str, values: Any, width: int = 4, scale: int = 0) -> Constant:
    return Constant(name, np.array(values, np.int64), width, scale)


def rows(*walks: list[tuple[int, int]], rank: int) -> tuple[tuple[int, ...], ...]:
    """Stride rows from (iteration axis, stride) pairs, one list an axis of the view."""
    return tuple(tuple(dict(walk).get(d, 0) for d in range(rank)) for walk in walks)


def program(inputs: list[Port], constants: list[Constant], ops: list[Op], labels: tuple[str, ...] = ()) -> Program:
    """Its output is the last op's."""
    last = ops[-1]
    port = Port("y", last.dims, last.bits, (last.scale,), labels=labels)
    return Program(tuple(inputs), tuple(constants), tuple(ops), (Output(made(len(ops) - 1), port),))


def dense_relu() -> Program:
    """Gemm with bias, rescale and saturation, then Relu."""
    maps = (
        AffineMap((1, 3), (0, 0), ((1, 0, 0), (0, 0, 1))),
        AffineMap((3, 3), (0, 0), ((0, 1, 0), (0, 0, 1))),
        AffineMap((3,), (0,), ((0, 1, 0),)),
    )
    ops = [
        Contract((X, const(0), const(1)), maps, (1, 3), (3,), 16, 10, 6, True),
        Max((made(0), const(2)), (AffineMap.identity((1, 3)), AffineMap.broadcast((), (1, 3))), (1, 3), (), 16, 10),
    ]
    weights = constant("weights", [[100, -200, 300], [-300, 200, 1], [-32768, 32767, 0]], scale=6)
    constants = [weights, constant("bias", [-1400, 2**20, -(2**33)], 8, 16), constant("zero", 0)]
    return program([Port("x", (1, 3), 16, (10,))], constants, ops)


def convolution_pool() -> Program:
    """A padded, strided convolution of two groups, then a padded maximum over windows."""
    x_map = AffineMap(
        (1, 2, 1, 3, 3),
        (0, 0, 0, -1, -1),
        rows([(0, 1)], [(1, 1)], [(5, 1)], [(3, 2), (6, 1)], [(4, 1), (7, 1)], rank=8),
    )
    w_map = AffineMap(
        (2, 1, 1, 2, 2),
        (0,) * 5,
        rows([(1, 1)], [(2, 1)], [(5, 1)], [(6, 1)], [(7, 1)], rank=8),
    )
    pool = AffineMap(
        (1, 2, 2, 4),
        (0, 0, 0, -1),
        rows([(0, 1)], [(1, 1)], [(2, 2), (4, 1)], [(3, 2), (5, 1)], rank=6),
    )
    ops = [
        Contract((X, const(0)), (x_map, w_map), (1, 2, 1, 2, 4), (1, 2, 2), 16, 0, 3, True),
        Max((made(0),), (pool,), (1, 2, 1, 2), (2, 2), 16, 0),
    ]
    weights = constant("weights", [[[[[1, -2], [3, -4]]]], [[[[5, 6], [7, -32768]]]]])
    return program([Port("x", (1, 2, 3, 3), 16, (0,))], [weights], ops)


def lookup_mean() -> Program:
    """Rescale to 8 bits, a table, a product with another input, and a mean over three."""
    rows, flat = AffineMap.identity((2, 3)), AffineMap.identity((2, 3))
    table = constant("table", [v * v - 5 for v in range(-128, 128)], scale=4)
    ops = [
        Linear((X,), (rows,), (2, 3), (), 8, 4, 6, True, (1,)),
        Lookup((made(0), const(0)), (flat, UNMAPPED), (2, 3), (), 16, 4, -128),
        Mul((made(1), Y), (flat, AffineMap.broadcast((3,), (2, 3))), (2, 3), (), 16, 4, 9, True),
        ReduceSum((made(2),), (AffineMap.identity((2, 3)),), (2,), (3,), 16, 4, 16, False, round(2**16 / 3)),
    ]
    inputs = [Port("x", (2, 3), 16, (10, 11, 12), Visibility.HASHED), Port("y", (3,), 12, (0,))]
    return program(inputs, [table], ops)


BY_COLUMN = AffineMap.broadcast((4,), (3, 4))


def rearranged() -> Program:
    """Transpose, reversed slice beside another tensor, padding; then a combination with a bias."""
    transpose = AffineMap((2, 3), (0, 0), ((0, 1), (1, 0)))
    ops = [
        Index((X,), (transpose,), (3, 2), (), 16, 0),
        Index(
            (made(0), Y),
            (AffineMap((3, 2), (2, 0), ((-1, 0), (0, 1))), AffineMap((3, 1), (0, -2), ((1, 0), (0, 1)))),
            (3, 4), (), 16, 0, -7,
        ),
        Linear(
            (made(1), made(1), const(0)),
            (AffineMap.identity((3, 4)), AffineMap((3, 4), (0, 1), rows([(0, 1)], [(1, 1)], rank=2)), BY_COLUMN),
            (3, 4), (), 16, -1, 1, True, (3, -2),
        ),
    ]  # fmt: skip
    inputs = [Port("x", (2, 3), 16, (0,)), Port("y", (3,), 16, (0,))]
    return program(inputs, [constant("bias", [1, -1, 0, 5], 8)], ops)


INPUTS: dict[Callable[[], Program], list[list[Any]]] = {
    dense_relu: [
        [[[1, -2, 3]]],
        [[[0, 0, 0]]],
        [[[HIGH, LOW, HIGH]]],
        [[[LOW, HIGH, LOW]]],
    ],
    convolution_pool: [
        [np.arange(-9, 9).reshape(1, 2, 3, 3).tolist()],
        [np.full((1, 2, 3, 3), LOW).tolist()],
        [np.full((1, 2, 3, 3), HIGH).tolist()],
    ],
    lookup_mean: [
        [[[31, 32, 33], [-31, -32, -33]], [1, -2, 3]],
        [[[LOW, HIGH, 0], [-96, 96, 8191]], [-2048, 2047, -1]],
    ],
    rearranged: [
        [[[1, 2, 3], [4, 5, 6]], [7, 8, 9]],
        [[[LOW, HIGH, -1], [0, 1, LOW]], [HIGH, LOW, -3]],
    ],
}
