"""Programs of several ops for the ways of lowering that need more than one: shared tables and operands that are made.

What is asked about is no program output but half of one, so that only its own op bounds it.
"""

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
    Op,
    Relation,
    Select,
)
from circuits.program.refs import UNMAPPED, AffineMap, Ref
from tests.programs import X, Y, const, constant, made, ports, program_of

Dims = tuple[int, ...]
ONE, TWO = (1,), (2,)
SAME, PAIR = AffineMap.identity(ONE), AffineMap.identity(TWO)
# Of the integers of 8 bits: how much they are modulo 3.
THIRDS = constant((np.arange(256) - 128) % 3)


def along(size: int, offset: int, *strides: int) -> AffineMap:
    """Of rank 1."""
    return AffineMap((size,), (offset,), (strides,))


def linear(refs: Sequence[Ref], factors: Sequence[int], dims: Dims, by: int = 0, bits: int = 8) -> Linear:
    """The sum, rescaled by `by` bits; each operand in its own place."""
    maps = (AffineMap.identity(dims),) * len(refs)
    return Linear(tuple(refs), maps, dims, (), bits, 0, by, False, tuple(factors))


def floor(of: Ref, number: int, dims: Dims) -> Max:
    """max with a constant."""
    return Max((of, const(number)), (AffineMap.identity(dims), AffineMap.broadcast((), dims)), dims, (), 16, 0)


def thirds(of: Ref, number: int) -> Lookup:
    """Of two elements, in THIRDS as constant `number`."""
    return Lookup((of, const(number)), (PAIR, UNMAPPED), TWO, (), 8, 0, -128)


def doubled(
    ops: Sequence[Op], asked: Sequence[int], dims: Sequence[Dims], constants: Sequence[Constant] = (), bits: int = 8
) -> Program:
    """With outputs that are twice what these ops make."""
    readers = [linear([made(number)], [2], ops[number].dims, bits=32) for number in asked]
    outputs = {f"y{n}": len(ops) + n for n in range(len(asked))}
    return program_of(ports(dims, bits), constants, [*ops, *readers], outputs)


def clamps_of_one_table() -> Program:
    ops = [
        linear([X], [5], ONE, 1),
        linear([X], [30], ONE, 2),
        linear([X], [9], ONE),
        floor(X, 0, ONE),
        linear([made(3)], [-40], ONE, 1),
        linear([made(0)], [7], ONE),
    ]
    return doubled(ops, [0, 1, 2, 4, 5], [ONE], [constant(0)])


def clamps_fused_and_not() -> Program:
    ops = [
        linear([X], [30], TWO, 2),
        floor(made(0), 0, TWO),
        linear([X], [30], TWO, 1),
        linear([X], [-25], TWO, 3, 9),
        floor(made(3), 1, TWO),
    ]
    return doubled(ops, [1, 2, 4], [TWO], [constant(0), constant(5)])


def floors_beside_lookups() -> Program:
    ops = [
        Lookup((X, const(0)), (PAIR, UNMAPPED), TWO, (), 32, 0, -130),
        floor(X, 1, TWO),
        floor(Y, 1, TWO),
        floor(X, 2, TWO),
        Lookup((X, const(3)), (PAIR, UNMAPPED), TWO, (), 32, 0, -128),
        floor(X, 1, TWO),
        Lookup((X, const(0)), (PAIR, UNMAPPED), TWO, (), 32, 0, -130),
    ]
    tables = [constant(np.arange(260) ** 2 % 97), constant(3), constant(-5), constant(np.full(256, 3))]
    return doubled(ops, range(7), [TWO, TWO], tables)


def lookups_of_which_one_is_constant() -> Program:
    ops = [Lookup((X, const(number)), (PAIR, UNMAPPED), TWO, (), 16, 0, -128) for number in range(2)]
    return doubled(ops, [0, 1], [TWO], [constant(np.full(256, 7)), constant(np.arange(256) * 3)])


def gather_of_ops_backwards() -> Program:
    maps = AffineMap((2, 3), (1, 2), ((-1, 0, 0), (0, 0, -1))), along(2, 0, 0, 1, 0)
    ops = [linear([X], [3], (2, 3), 1), thirds(Y, 0), Gather((made(0), made(1)), maps, (2, 2), (3,), 8, 0)]
    return doubled(ops, [2], [(2, 3), TWO], [THIRDS])


def gather_of_a_flat_view() -> Program:
    maps = along(6, 0, 3, 0, 1, 1), along(2, 0, 0, 1, 0, 0)
    ops = [linear([X], [1], (2, 3)), thirds(Y, 0), Gather((made(0), made(1)), maps, (2, 2), (1, 3), 8, 0)]
    return doubled(ops, [2], [(2, 3), TWO], [THIRDS])


def argmax_of_an_op_that_misses() -> Program:
    how = AffineMap((2, 2), (-1, 0), ((1, 1, 0), (0, 0, 1)))
    return doubled([linear([X], [7], (2, 2), 2), Argmax((made(0),), (how,), TWO, (2, 2), 8, 0)], [1], [(2, 2)])


def max_of_three_kinds() -> Program:
    largest = Max((made(0), Y, const(0)), (along(3, -1, 1, 1), along(2, 0, 0, 1), along(2, 0, 1, 0)), TWO, TWO, 16, 0)
    return doubled([linear([X], [7], (3,), 2), largest], [1], [(3,), TWO], [constant([-20, 4])])


def max_where_all_miss() -> Program:
    largest = Max((X, Y), (along(3, -2, 2, 1), along(2, 1, -1, 1)), (3,), TWO, 16, 0)
    return doubled([largest], [0], [(3,), TWO])


def index_with_masks() -> Program:
    choice = Index((made(0), Y, const(0)), (along(2, 1, -1), along(2, -1, 1), along(3, 0, 1)), (5,), (), 10, 0, -300)
    return doubled([linear([X], [2], TWO, bits=9), choice], [1], [TWO, TWO], [constant([5, 6, 7])])


def index_of_a_constant() -> Program:
    choice = Index((const(0), X), (along(2, 0, 1), along(2, -1, 1)), (4,), (), 8, 0, 9)
    return doubled([choice], [0], [TWO], [constant([5, 5])])


def contractions_of_pieces() -> Program:
    weights = constant(np.random.default_rng(1).integers(-9, 9, (3, 5)))
    forwards = along(5, 0, 0, 1), AffineMap((3, 5), (0, 0), ((1, 0), (0, 1)))
    backwards = along(5, 1, 0, -1), AffineMap((3, 5), (-1, 4), ((1, 0), (0, -2)))
    ops = [
        Contract((X, const(0)), forwards, (3,), (5,), 8, 0, 2, False),
        Contract((X, const(0)), backwards, (4,), (5,), 8, 0, 1, False),
    ]
    return doubled(ops, [0, 1], [(5,)], [weights])


def remainders() -> Program:
    more = (PAIR, PAIR, AffineMap.broadcast((), TWO))
    ops = [
        linear([X], [-3], TWO, 4, 12),
        linear([X, made(0)], [-3, -16], TWO),
        linear([made(0), X], [16, 3], TWO, 1),
        Linear((X, made(0), const(0)), more, TWO, (), 8, 0, 0, False, (-3, -16)),
    ]
    return doubled(ops, [1, 2, 3], [TWO], [constant(100, 8)], 12)


def remainder_of_a_smaller_box() -> Program:
    """The quotient is known of two elements of three: elsewhere it reads 0, and the sum saturates."""
    quotient = Linear((X,), (along(3, 0, 1),), TWO, (), 24, 0, 8, False, (1,))
    rest = Linear((X, made(0)), (along(3, 0, 1), along(2, 0, 1)), (3,), (), 9, 0, 0, False, (1, -256))
    return doubled([quotient, rest], [1], [(3,)], bits=16)


def choices_of_choices() -> Program:
    ops = [
        Compare((X, Y), (SAME, SAME), ONE, (), 8, 0, Relation.EQUAL),
        Compare((X, Y), (SAME, along(1, 1, 1)), ONE, (), 8, 0, Relation.LESS),
        Select((made(0), X, made(1)), (SAME,) * 3, ONE, (), 8, 0),
        Select((made(1), made(2), Y), (along(1, -1, 0), SAME, SAME), ONE, (), 8, 0),
    ]
    return doubled(ops, [0, 2, 3], [ONE, ONE])


def quotients_of_three_kinds() -> Program:
    everywhere = AffineMap.broadcast((), ONE)
    ops = [
        floor(Y, 0, ONE),
        Divide((X, made(0)), (SAME, SAME), ONE, (), 8, 0, 6, False),
        Divide((X, const(1)), (SAME, everywhere), ONE, (), 8, 0, 5, False),
        Divide((X, const(2)), (along(1, 1, 0), everywhere), ONE, (), 8, 0, 5, False),
    ]
    return doubled(ops, [1, 2, 3], [ONE, ONE], [constant(1), constant(4), constant(3)])


VARIANTS: dict[str, Callable[[], Program]] = {
    made_of.__name__.replace("_", " "): made_of
    for made_of in (
        clamps_of_one_table,
        clamps_fused_and_not,
        floors_beside_lookups,
        lookups_of_which_one_is_constant,
        gather_of_ops_backwards,
        gather_of_a_flat_view,
        argmax_of_an_op_that_misses,
        max_of_three_kinds,
        max_where_all_miss,
        index_with_masks,
        index_of_a_constant,
        contractions_of_pieces,
        remainders,
        remainder_of_a_smaller_box,
        choices_of_choices,
        quotients_of_three_kinds,
    )
}
