"""A small program with every kind of op, and lies about its run, for playing disputes.

Its sizes reach every position of a game, and its padding: 35 ops are more than the top of a trace tree shows, 9,312
elements are more than one reveal of nodes spans, a sum of as many terms takes two reveals of accumulators.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from halo2_programs import program, values

from circuits.lower.optimistic import accumulators, finish
from circuits.lower.optimistic.geometry import ARGMAX_SHIFT
from circuits.program.graph import Constant, Program
from circuits.program.interpreter import evaluate_op, trace
from circuits.program.ops import (
    Accumulating,
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
from tests.programs import X, Y, const, made
from verifier.dispute.commitment import CommittedProgram, CommittedTrace

Integers = npt.NDArray[np.int64]

OPS = 35
# The first op of each kind, by its number.
OP_OF = {
    "index": 0,
    "reduce_sum": 1,
    "contract": 2,
    "linear": 3,
    "mul": 4,
    "lookup": 6,
    "max": 7,
    "argmax": 8,
    "compare": 9,
    "select": 10,
    "gather": 11,
    "divide": 13,
    "rsqrt": 14,
}
SAME = AffineMap.identity((40,))
ONE = AffineMap.identity((1,))
ALL = AffineMap((40,), (0,), ((0, 1),))  # 40 elements along the inner axis


def mixed_program() -> Program:
    return program(_ops(), _constants(), (96,), bits=12, extra_inputs=(Port("x1", (40,), 12, (0,)),))


def _constants() -> list[Constant]:
    rng = np.random.default_rng(11)
    return [
        values("weights", rng.integers(-99, 99, (40, 96))),
        values("bias", rng.integers(-(2**20), 2**20, (40,)), 8),
        values("offset", rng.integers(-(2**9), 2**9, (40,)), 8),
        values("table", rng.integers(-999, 999, (256,))),
        values("one", np.ones(1)),
    ]


def _ops() -> list[Op]:
    square = AffineMap((97, 96), (0, 0), ((0, 1, 0), (0, 0, 1)))
    rows = AffineMap((40, 96), (0, 0), ((1, 0), (0, 1)))
    inputs, outputs = AffineMap((96,), (0,), ((0, 1),)), AffineMap((40,), (0,), ((1, 0),))
    position = AffineMap((1,), (0,), ((1, 0),))
    ops: list[Op] = [
        Index((X,), (inputs,), (97, 96), (), 16, 0, 0),
        ReduceSum((made(0),), (square,), (1,), (97, 96), 32, 0, 10, True, 3),
        Contract((X, const(0), const(1)), (inputs, rows, outputs), (40,), (96,), 16, 0, 9, True),
        Linear((made(2), Y, const(2)), (SAME,) * 3, (40,), (), 16, 0, 2, True, (3, -2)),
        Mul((made(3), made(2)), (SAME, SAME), (40,), (), 16, 0, 12, True),
        Linear((made(4),), (SAME,), (40,), (), 8, 0, 8, True, (1,)),
        Lookup((made(5), const(3)), (SAME, UNMAPPED), (40,), (), 16, 0, -128),
        Max((made(6),), (ALL,), (1,), (40,), 16, 0),
        Argmax((made(2),), (ALL,), (1,), (40,), 8, 0),
        Compare((made(6), made(3)), (SAME, SAME), (40,), (), 8, 0, Relation.LESS),
        Select((made(9), made(6), made(3)), (SAME,) * 3, (40,), (), 16, 0),
        Gather((made(10), made(8)), (ALL, position), (1,), (40,), 16, 0),
        Max((made(7), const(4)), (ONE, ONE), (1,), (), 16, 0),
        Divide((made(11), made(12)), (ONE, ONE), (1,), (), 24, 0, 4, True),
        Rsqrt((made(12),), (ONE,), (1,), (), 24, 0, 15),
        Linear((made(13), made(14), made(1)), (ONE,) * 3, (1,), (), 32, 0, 1, True, (1, 1, 1)),
    ]
    return ops + [Linear((made(j - 1),), (ONE,), (1,), (), 32, 0, 0, False, (1,)) for j in range(len(ops), OPS)]


def mixed_inputs(seed: int = 0) -> list[Integers]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-(2**11), 2**11, dims) for dims in ((96,), (40,))]


def honest(of: CommittedProgram, inputs: Sequence[Integers]) -> CommittedTrace:
    return CommittedTrace(of, inputs, trace(of.program, inputs))


def false_value(op: Op, true: int) -> int:
    """Another element, which the op's later readers can still take: a bit, a position that exists, or far away."""
    if isinstance(op, Compare):
        return 1 - true
    if isinstance(op, Argmax):
        return (true + 1) % op.inner[0]
    return true - 2 ** (op.bits - 3) if true > 0 else true + 2 ** (op.bits - 3)


def lie(true: CommittedTrace, op: int, element: int, *, recomputed: bool) -> CommittedTrace:
    """The trace with one element of one op's output changed; later ops are made from it, or left as they were."""
    made = list(true.made)
    made[op] = made[op].copy()
    flat = made[op].reshape(-1)
    flat[element] = false_value(true.op(op), int(flat[element]))
    claimed = CommittedTrace(true.committed, true.inputs, made)
    if recomputed:
        for j in range(op + 1, len(made)):
            made[j] = evaluate_op(true.op(j), claimed.operands(j))
    return claimed


def ending(op: Op, element: int, near: int) -> int:
    """An accumulator that finishes at `element`, whatever the terms are."""
    if isinstance(op, Argmax):
        acc = ((near >> ARGMAX_SHIFT) << ARGMAX_SHIFT) - element
    elif isinstance(op, ReduceSum):
        acc = (element << op.shift) // op.multiplier
    elif isinstance(op, Accumulating):
        acc = element << op.shift
    else:
        acc = element
    if finish(op, acc) != element:
        raise ValueError(f"{acc} finishes at {finish(op, acc)}, not at {element}")
    return acc


def false_sums(op: Op, tensors: Sequence[Integers], element: int, lo: int, hi: int, first: int, last: int) -> list[int]:
    """Accumulators that begin and end where they have to: right from the left, and from some place on a lie."""
    found = accumulators(op, tensors, element, lo, hi)
    bend = 1 + (element + lo) % (len(found) - 1)
    before, after = first - found[0], last - found[-1]
    return [acc + (before if place < bend else after) for place, acc in enumerate(found)]
