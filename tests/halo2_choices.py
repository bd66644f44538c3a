"""Small programs for argmax, compare, select, gather, divide and rsqrt on the halo2 route; every op is an output."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from halo2_programs import values

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
from circuits.program.refs import UNMAPPED, AffineMap, Port
from tests.programs import X, const, made, program_of


def all_outputs(ops: list[Op], constants: list[Constant], dims: tuple[int, ...], *, bits: int = 16) -> Program:
    return program_of((Port("x", dims, bits, (0,)),), constants, ops, {f"y{i}": i for i in range(len(ops))})


def row(index: int, rows: int, columns: int) -> AffineMap:
    """Row `index` of a matrix, over one axis."""
    return AffineMap((rows, columns), (index, 0), ((0,), (1,)))


def argmaxes(rows: int = 4, columns: int = 5) -> Program:
    """Of every row; of windows of three that reach over both ends; of a single point; two axes at once."""
    flat = rows * columns
    across = AffineMap((rows, columns), (0, 0), ((1, 0), (0, 1)))
    window = AffineMap((flat,), (-1,), ((2, 1),))
    both = AffineMap((rows, columns), (0, columns - 1), ((0, 1, 0), (0, 0, -1)))
    ops: list[Op] = [
        Argmax((X,), (across,), (rows,), (columns,), 8, 0),
        Argmax((X,), (window,), (flat // 2,), (3,), 8, 0),
        Argmax((X,), (AffineMap.broadcast((rows, columns), (rows, columns)),), (rows, columns), (), 8, 0),
        Argmax((X,), (both,), (1,), (rows, columns), 8, 0),
    ]
    return all_outputs(ops, [], (rows, columns))


def comparisons(columns: int = 6, bits: int = 32) -> Program:
    """Row 0 with row 1 by every relation; with constants of over 24 bits, on either side; past the end."""
    thresholds = values("t", np.array([-(2**31), -(2**24) - 1, 0, 1, 2**30 + 1, 2**31 - 1][:columns]))
    first, second = row(0, 2, columns), row(1, 2, columns)
    same, beyond = AffineMap.identity((columns,)), AffineMap((2 * columns,), (columns + 2,), ((1,),))
    ops: list[Op] = []
    for relation in Relation:
        ops.append(Compare((X, X), (first, second), (columns,), (), 8, 0, relation))
        ops.append(Compare((X, const(0)), (first, same), (columns,), (), 8, 0, relation))
        ops.append(Compare((const(0), X), (same, beyond), (columns,), (), 8, 0, relation))
    return all_outputs(ops, [thresholds], (2, columns), bits=bits)


def selections(columns: int = 4) -> Program:
    """By a comparison: between rows, between wide constants, one of each; and by a constant."""
    first, second, same = row(0, 2, columns), row(1, 2, columns), AffineMap.identity((columns,))
    constants = [
        values("a", np.array([2**31 - 1, -5, 2**27 + 1, 0])),
        values("b", np.array([-(2**31), 5, -(2**27) - 1, 1])),
        values("c", np.array([0, 1, 1, 0])),
    ]
    less = Compare((X, X), (first, second), (columns,), (), 8, 0, Relation.LESS)
    a, b, x = (const(0), same), (const(1), same), (X, first)
    ops: list[Op] = [less]
    for chosen, other in ((x, (X, second)), (a, b), (a, x), (x, b)):
        ops.append(Select((made(0), chosen[0], other[0]), (same, chosen[1], other[1]), (columns,), (), 32, 0))
    ops.append(Select((const(2), X, X), (same, first, second), (columns,), (), 16, 0))
    return all_outputs(ops, constants, (2, columns))


def gathers() -> Program:
    """Computed positions into computed elements (one position for two outputs), into an embedding and into a table that
    depends on the output; constant positions into computed elements."""
    rng = np.random.default_rng(3)
    constants = [
        values("embedding", rng.integers(-(2**15), 2**15, (5, 3))),
        values("per row", rng.integers(-(2**23), 2**23, (4, 5))),
        values("order", np.array([3, 0, 4, 1])),
    ]
    across = AffineMap((4, 5), (0, 0), ((1, 0), (0, 1)))
    position = Argmax((X,), (across,), (4,), (5,), 8, 0)
    twice = (AffineMap((4, 5), (0, 0), ((1, 1, 0), (0, 0, 1))), AffineMap((4,), (0,), ((1, 0, 0),)))
    embedded = (AffineMap((5, 3), (0, 0), ((0, 0, 1), (0, 1, 0))), twice[1])
    at_row = AffineMap((4,), (0,), ((1, 0),))
    ops: list[Op] = [
        position,
        Gather((X, made(0)), (twice[0], twice[1]), (3, 2), (5,), 16, 0),
        Gather((const(0), made(0)), embedded, (4, 3), (5,), 16, 0),
        Gather((const(1), made(0)), (across, at_row), (4,), (5,), 24, 0),
        Gather((X, const(2)), (across, at_row), (4,), (5,), 16, 0),
    ]
    return all_outputs(ops, constants, (4, 5))


def quotients(columns: int = 3) -> Program:
    """Row 0 by max(row 1, 1): in full, saturating, wide; by constants; a constant by it; and by one divisor for all."""
    first, second, same = row(0, 2, columns), row(1, 2, columns), AffineMap.identity((columns,))
    constants = [
        values("one", np.ones(1)),
        values("d", np.array([1, 2**24 + 1, 2**31 - 1, 2, 3, 7])[:columns]),
        values("a", np.array([-(2**31), 2**24 + 1, 2**31 - 1, -7, 0, 1])[:columns]),
    ]
    divisor = Max((X, const(0)), (second, AffineMap.broadcast((1,), (columns,))), (columns,), (), 16, 0)
    shared = AffineMap((columns,), (1,), ((0,),))
    x, d = (X, first), (made(0), same)

    def divide(over: tuple, under: tuple, bits: int, up: int) -> Op:
        return Divide((over[0], under[0]), (over[1], under[1]), (columns,), (), bits, 0, up, True)

    ops: list[Op] = [
        divisor,
        divide(x, d, 17, 0),
        divide(x, d, 16, 15),
        divide(x, d, 32, 31),
        divide(x, (const(1), same), 24, 6),
        divide((const(2), same), d, 32, 0),
        divide((X, AffineMap((2, columns), (0, 2), ((0,), (1,)))), (made(0), shared), 12, 3),
    ]
    return all_outputs(ops, constants, (2, columns))


def roots(columns: int = 2) -> Program:
    """Of max(x, 1) over 32 bits, at the least and the largest exponents; of a narrow range; of one value."""
    same = AffineMap.identity((columns,))
    every = AffineMap.broadcast((1,), (columns,))
    ops: list[Op] = [Max((X, const(i)), (same, every), (columns,), (), 32, 0) for i in range(2)]
    ops += [Rsqrt((made(0),), (same,), (columns,), (), 32, 0, exponent) for exponent in (0, 1, 15, 30)]
    ops += [Rsqrt((made(1),), (same,), (columns,), (), 16, 0, exponent) for exponent in (16, 26)]
    return all_outputs(ops, [values("one", np.ones(1)), values("low", np.array([2**23]))], (columns,), bits=32)


def attention(tokens: int = 3, width: int = 2) -> Program:
    """Softmax of scores q·k, as the compiler lowers it: the maximum, a table of exponentials, their sum, a division;
    then the weighted sum of values, and the token with the largest weight."""
    square = (tokens, tokens)
    read = AffineMap((tokens, width), (0, 0), ((1, 0, 0), (0, 0, 1)))
    across = AffineMap((tokens, width), (0, 0), ((0, 1, 0), (0, 0, 1)))
    rows = AffineMap(square, (0, 0), ((1, 0), (0, 1)))
    of_row = AffineMap((tokens,), (0,), ((1, 0),))
    exponentials = np.round(2**12 * np.exp(np.minimum(np.arange(-255, 256), 0) / 32))
    weighted = (
        AffineMap(square, (0, 0), ((1, 0, 0), (0, 0, 1))),
        AffineMap((tokens, width), (0, 0), ((0, 0, 1), (0, 1, 0))),
    )
    ops: list[Op] = [
        Contract((X, X), (read, across), square, (width,), 8, 0, 24, True),
        Max((made(0),), (rows,), (tokens,), (tokens,), 8, 0),
        Linear((made(0), made(1)), (AffineMap.identity(square), of_row), square, (), 9, 0, 0, False, (1, -1)),
        Lookup((made(2), const(0)), (AffineMap.identity(square), UNMAPPED), square, (), 16, 0, -255),
        ReduceSum((made(3),), (rows,), (tokens,), (tokens,), 16, 0, 0, False, 1),
        Divide((made(3), made(4)), (AffineMap.identity(square), of_row), square, (), 16, 0, 14, True),
        Contract((made(5), X), weighted, (tokens, width), (tokens,), 16, 0, 14, True),
        Argmax((made(5),), (rows,), (tokens,), (tokens,), 8, 0),
    ]
    return all_outputs(ops, [values("exp", exponentials)], (tokens, width))


def wide_constants() -> Program:
    """Constants that no float32 holds, wherever one may stand: table, fill, candidate, factor, gathered; and an op over
    constants alone, whose result another op reads."""
    four, near = (4,), 2**24 + 1
    same, one = AffineMap.identity(four), AffineMap.broadcast((1,), four)
    rng = np.random.default_rng(6)
    constants = [
        values("table", rng.integers(-(2**31), 2**31, 256)),
        values("least", np.array([near])),
        values("factor", np.array([near, -near, 2**31 - 1, -(2**31)])),
        values("rows", rng.integers(-(2**31), 2**31, (4, 3))),
        values("positions", np.arange(256) % 3),
    ]
    at_row = AffineMap(four, (0,), ((1, 0),))
    ops: list[Op] = [
        Lookup((X, const(0)), (same, UNMAPPED), four, (), 32, 0, -128),
        Index((X,), (AffineMap(four, (-1,), ((1,),)),), four, (), 32, 0, -near),
        Max((made(0), const(1)), (same, one), four, (), 32, 0),
        Mul((X, const(2)), (same, same), four, (), 32, 0, 7, True),
        Lookup((X, const(4)), (same, UNMAPPED), four, (), 8, 0, -128),
        Gather((const(3), made(4)), (AffineMap((4, 3), (0, 0), ((1, 0), (0, 1))), at_row), four, (3,), 32, 0),
        Linear((const(2),), (same,), four, (), 32, 0, 1, True, (-1,)),
        Linear((X, made(6)), (same, same), four, (), 32, 0, 0, True, (5, 1)),
    ]
    whole = all_outputs(ops, constants, four, bits=8)
    return replace(whole, outputs=tuple(o for o in whole.outputs if o.ref != made(6)))


def missed_operands() -> Program:
    """What is made of constants beside an operand that no point reads, over 24 bits: the importer would fold it in
    float32."""
    four = (4,)
    same, missed, one = AffineMap.identity(four), AffineMap(four, (4,), ((1,),)), AffineMap.broadcast((1,), four)
    ops: list[Op] = [
        Max((X, const(0)), (missed, one), four, (), 32, 0),
        Rsqrt((made(0),), (same,), four, (), 32, 0, 30),
        Linear((X, made(1)), (same, same), four, (), 32, 0, 0, True, (7, 1)),
    ]
    whole = all_outputs(ops, [values("least", np.array([2]))], four, bits=8)
    return replace(whole, outputs=whole.outputs[2:])


def repetitions() -> Program:
    """One matrix and one table four times, as a recurrent layer uses them."""
    size = 5
    rng = np.random.default_rng(7)
    constants = [values("w", rng.integers(-99, 99, (size, size))), values("table", rng.integers(-128, 128, 256))]
    maps = (
        AffineMap((1, size), (0, 0), ((1, 0, 0), (0, 0, 1))),
        AffineMap((size, size), (0, 0), ((0, 1, 0), (0, 0, 1))),
    )
    ops: list[Op] = []
    for step in range(4):
        source = made(2 * step - 1) if step else X
        ops.append(Contract((source, const(0)), maps, (1, size), (size,), 8, 0, 8, True))
        same = AffineMap.identity((1, size))
        ops.append(Lookup((made(2 * step), const(1)), (same, UNMAPPED), (1, size), (), 8, 0, -128))
    return all_outputs(ops, constants, (1, size), bits=8)


ONE_PER_OP = {
    "wide_constants": wide_constants,
    "missed_operands": missed_operands,
    "repetitions": repetitions,
    "argmaxes": argmaxes,
    "comparisons": comparisons,
    "selections": selections,
    "gathers": gathers,
    "quotients": quotients,
    "roots": roots,
    "attention": attention,
}
