"""Programs whose disputes take every turn: deep traces, large tensors, long sums, every op."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
from tests.programs import X, const, constant, made, ports, program_of

Integers = npt.NDArray[np.int64]
BITS = 12


def program(inputs: list[tuple[int, ...]], constants: list[Constant], ops: list[Op], outputs: list[int]) -> Program:
    return program_of(ports(inputs, BITS), constants, ops, {f"y{i}": i for i in outputs})


def wide_index(operands: int) -> Program:
    """One op that copies an element; each of its operands, all the input, adds 326 bytes to its descriptor."""
    dims = (1,) * 8
    same = AffineMap.identity(dims)
    return program([dims], [], [Index((X,) * operands, (same,) * operands, dims, (), BITS, 0)], [0])


def random_constant(dims: tuple[int, ...], bound: int, width: int = 4) -> Constant:
    return constant(np.random.default_rng(len(dims) + bound).integers(-bound, bound, dims, endpoint=True), width)


def copy_of(ref: Ref, dims: tuple[int, ...], factor: int = 1) -> Linear:
    return Linear((ref,), (AffineMap.identity(dims),), dims, (), 16, 0, 0, True, (factor,))


def random_inputs(of: Program, seed: int = 0) -> list[Integers]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-(2 ** (p.bits - 1)), 2 ** (p.bits - 1), p.dims) for p in of.inputs]


def chain(count: int) -> Program:
    """So many tiny ops, each of the one before it."""
    ops: list[Op] = [copy_of(X if i == 0 else made(i - 1), (3,), -1 if i % 2 else 1) for i in range(count)]
    return program([(3,)], [], ops, [count - 1])


def wide(elements: int) -> Program:
    """One large tensor, and a small one beside it."""
    doubled = copy_of(X, (elements,), 2)
    head = Index((made(0),), (AffineMap((elements,), (0,), ((1,),)),), (2,), (), 16, 0, 0)
    return program([(elements,)], [], [doubled, head], [0, 1])


def long_sums(points: int) -> Program:
    """Each op with more than a segment of terms, of so many points an element."""
    dims, row = (2,), AffineMap((2, points), (0, 0), ((1, 0), (0, 1)))
    vector = AffineMap((points,), (0,), ((0, 1),))
    weights = AffineMap((2, points), (0, 0), ((1, 0), (0, 1)))
    at_output, fourth = AffineMap((2,), (0,), ((1, 0),)), AffineMap((2, points), (0, 3), ((1,), (0,)))
    ops: list[Op] = [
        Contract((X, const(0), const(1)), (row, weights, at_output), dims, (points,), 32, 0, 2, True),
        ReduceSum((X,), (row,), dims, (points,), 32, 0, 0, True, 3),
        Max((X, const(2)), (row, vector), dims, (points,), 32, 0),
        Argmax((X,), (row,), dims, (points,), 32, 0),
        Linear((X,) * 60, (fourth,) * 60, dims, (), 32, 0, 1, True, (1, -2, 3) * 20),
    ]  # fmt: skip
    constants = [random_constant((2, points), 100), random_constant((2,), 1000, 8), random_constant((points,), 2**11)]
    return program([(2, points)], constants, ops, [4, 0])


def every_op() -> Program:
    """One op of every opcode, some of their points out of bounds."""
    dims, inner = (5, 7), (30,)
    same, shifted = AffineMap.identity(dims), AffineMap(dims, (1, -2), ((1, 0), (0, 1)))
    window = AffineMap(dims, (-1, -3), ((1, 0, 0), (0, 1, 1)))
    rows = AffineMap(dims, (0, -3), ((1, 0, 0), (0, 1, 1)))
    weights = AffineMap((7, 30), (0, 0), ((0, 1, 0), (0, 0, 1)))
    last = AffineMap((7,), (0,), ((0, 1),))
    bias = AffineMap((7,), (0,), ((0, 1, 0),))
    table = constant(np.arange(4096)[::-1] - 2000)
    one = AffineMap((), (), ())
    ops: list[Op] = [
        Contract((X, const(0), const(1)), (window, weights, bias), dims, inner, 16, 0, 3, True),  # 0
        Linear((made(0), X, const(1)), (same, shifted, last), dims, (), 16, 0, 1, True, (3, -2)),  # 1
        Mul((made(1), X, const(1)), (same, shifted, last), dims, (), 24, 0, 4, True),  # 2
        ReduceSum((made(2),), (window,), dims, inner, 32, 0, 2, True, -5),  # 3
        Lookup((X, const(2)), (same, UNMAPPED), dims, (), 16, 0, -2048),  # 4
        Max((made(4), X), (window, rows), dims, inner, 16, 0),  # 5
        Argmax((made(1),), (rows,), dims, inner, 8, 0),  # 6
        Compare((made(5), made(1)), (shifted, same), dims, (), 8, 0, Relation.LESS),  # 7
        Select((made(7), made(5), made(1)), (shifted, same, shifted), dims, (), 16, 0),  # 8
        Index((made(8), X), (shifted, shifted), dims, (), 16, 0, -77),  # 9
        Argmax((X,), (AffineMap(dims, (0, 0), ((1, 0, 0), (0, 0, 1))),), dims, (7,), 8, 0),  # 10
        Gather((made(9), made(10)), (AffineMap(dims, (0, 0), ((1, 0, 0), (0, 0, 1))),
                                     AffineMap(dims, (0, 0), ((1, 0, 0), (0, 1, 0)))), dims, (7,), 16, 0),  # 11
        Max((made(11), const(3)), (same, one), dims, (), 16, 0),  # 12
        Divide((made(2), made(12)), (shifted, same), dims, (), 16, 0, 4, True),  # 13
        Rsqrt((made(12),), (same,), dims, (), 24, 0, 20),  # 14
    ]  # fmt: skip
    weights_of = [random_constant((7, 30), 200), random_constant((7,), 10**6, 8), table, constant(1)]
    return program([dims], weights_of, ops, [14, 3, 13])
