"""A stranger's program may have billions of inner points: the definition looks at some of them at a time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.program import interpreter
from circuits.program.interpreter import evaluate_op
from circuits.program.ops import Argmax, Contract, Gather, Max, Op, ReduceSum
from circuits.program.refs import AffineMap, Ref, Source

Integers = npt.NDArray[np.int64]

X, Y, BIAS = (Ref(Source.INPUT, number) for number in range(3))
ROWS, POINTS = 3, 7
ROW = AffineMap((ROWS, POINTS), (0, 0), ((1, 0), (0, 1)))
SHIFTED = AffineMap((ROWS, POINTS), (0, -2), ((1, 0), (0, 1)))  # the first two points are out of bounds
AT_OUTPUT = AffineMap((ROWS,), (0,), ((1, 0),))

OPS: dict[str, Op] = {
    "contract": Contract((X, Y), (ROW, SHIFTED), (ROWS,), (POINTS,), 32, 0, 1, True),
    "contract with a bias": Contract((X, Y, BIAS), (ROW, ROW, AT_OUTPUT), (ROWS,), (POINTS,), 32, 0, 1, True),
    "reduce_sum": ReduceSum((X,), (SHIFTED,), (ROWS,), (POINTS,), 32, 0, 2, True, -3),
    "max": Max((X, Y), (SHIFTED, ROW), (ROWS,), (POINTS,), 32, 0),
    "argmax": Argmax((X,), (SHIFTED,), (ROWS,), (POINTS,), 32, 0),
    "gather": Gather((X, BIAS), (ROW, AT_OUTPUT), (ROWS,), (POINTS,), 32, 0),
}


def plain(name: str, x: Integers, y: Integers, bias: Integers) -> Integers:
    """What the note says, a row at a time."""
    late = np.concatenate([np.zeros((ROWS, 2), np.int64), x[:, :-2]], axis=1)
    late_y = np.concatenate([np.zeros((ROWS, 2), np.int64), y[:, :-2]], axis=1)
    meant: dict[str, Callable[[], Integers]] = {
        "contract": lambda: ((x * late_y).sum(1) + 1) >> 1,
        "contract with a bias": lambda: ((x * y).sum(1) + bias + 1) >> 1,
        "reduce_sum": lambda: (-3 * late.sum(1) + 2) >> 2,
        "max": lambda: np.maximum(late[:, 2:].max(1), y.max(1)),
        "argmax": lambda: late[:, 2:].argmax(1) + 2,
        "gather": lambda: x[np.arange(ROWS), bias],
    }
    return meant[name]()


@pytest.mark.parametrize("name", OPS)
@given(st.integers(1, 3 * ROWS * POINTS), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_slices_of_any_size_give_what_the_note_says(name: str, block: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Few values, so that equal ones stand in different slices.
    x, y = rng.integers(-3, 4, (2, ROWS, POINTS))
    bias = rng.integers(0, POINTS, ROWS)
    tensors = {X: x, Y: y, BIAS: bias}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpreter, "BLOCK_POINTS", block)
        found = evaluate_op(OPS[name], [tensors[ref] for ref in OPS[name].operands])
    np.testing.assert_array_equal(found, plain(name, x, y, bias))


def test_a_sum_over_no_points_is_its_bias() -> None:
    none = AffineMap((ROWS, 0), (0, 0), ((1, 0), (0, 1)))
    op = Contract((X, Y, BIAS), (none, none, AT_OUTPUT), (ROWS,), (0,), 32, 0, 0, True)
    empty = np.zeros((ROWS, 0), np.int64)
    np.testing.assert_array_equal(evaluate_op(op, [empty, empty, np.array([5, -6, 7])]), [5, -6, 7])


@pytest.mark.parametrize("kind", ["sum", "product", "max", "argmax"])
def test_memory_does_not_grow_with_the_points_of_one_element(kind: str) -> None:
    """x[0], sixteen million times: a few hundred bytes of program, and gigabytes if all points are read at once."""
    count = 2**24
    again = AffineMap((1,), (0,), ((0, 0),))
    ops: dict[str, Op] = {
        "sum": ReduceSum((X,), (again,), (1,), (count,), 32, 0, 10, True, 1),
        "product": Contract((X, Y), (again, again), (1,), (count,), 32, 0, 10, True),
        "max": Max((X,), (again,), (1,), (count,), 32, 0),
        "argmax": Argmax((X,), (again,), (1,), (count,), 32, 0),
    }
    three = np.full(1, 3, np.int64)
    tracemalloc.start()
    (found,) = evaluate_op(ops[kind], [three] * len(ops[kind].operands))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == {"sum": 3 * 2**14, "product": 9 * 2**14, "max": 3, "argmax": 0}[kind]
    assert peak < 64 * interpreter.BLOCK_POINTS * 4
