"""What the field kernels refuse, and that their twins refuse it too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from prover.kernels import field, field_reference
from prover.kernels.field import Vector
from tests.field_cases import INT64
from verifier.field import MODULUS

INTS = np.arange(3)
ROOM = np.zeros(5, np.int64)

# The kernel and its arguments; lists of scalars become vectors for the kernel and stay lists for its twin.
REFUSED: dict[str, tuple[str, list[Any]]] = {
    "integers past the end": ("Vector.write_integers", [[0, 0, 0], 1, INTS, 1]),
    "a slice past the end": ("Vector.slice", [[0, 0, 0], 1, 4]),
    "a slice backwards": ("Vector.slice", [[0, 0, 0], 2, 1]),
    "fewer weights than columns": ("weighted_sum", [INTS.reshape(1, 3), [1, 2]]),
    "a point without a cell": ("functional", [INTS, 4, [[1, 2], [3, 4]]]),
    "a cell that is none": ("functional", [INTS, 2, [[1, 2, 3]]]),
    "a cell without a point": ("functional", [INTS[:0], 2, ()]),
    "positions without values": ("scatter", [[0] * 9, 0, 1, [(INTS, [1, 2])]]),
    "a cell past the end": ("scatter", [[0] * 9, 5, 1, [(INTS, [1, 2, 3]), (INTS, [1, 2, 3])]]),
    "a cell before the start": ("scatter", [[0] * 9, 1, 1, [(-INTS, [1, 2, 3])]]),
    "a cell beyond all integers": ("scatter", [[0] * 9, 9, 1, [(INTS + (INT64.max - 2), [1, 2, 3])] * 3]),
    "columns of two lengths": ("fingerprints", [[0] * 9, 0, 1, 1, [1, 1], [INTS, INTS[:2]], INTS]),
    "a column without a factor": ("fingerprints", [[0] * 9, 0, 1, 1, [1], [INTS, INTS], INTS]),
    "a mask of another length": ("fingerprints", [[0] * 9, 0, 1, 1, [1], [INTS], INTS[:2]]),
    "fingerprints past the end": ("fingerprints", [[0] * 9, 7, 1, 1, [1], [INTS], INTS]),
    "a row longer than all": ("combine_integers", [[INTS], [1], 2]),
    "a row without a factor": ("combine_integers", [[INTS], [], 3]),
    "a vector without a factor": ("linear_combination", [[[1], [2]], [1]]),
    "half a pair": ("fold", [[1, 2, 3], 5]),
    "a polynomial without coefficients": ("divide_by_linear", [[], 5]),
    "tables of two lengths": ("ProductSumcheck", [[(1, [], [1, 2], [1])]]),
    "a table of three": ("ProductSumcheck", [[(1, [], [1, 2, 3], [1, 2, 3])]]),
    "an empty table": ("ProductSumcheck", [[(1, [], [], [])]]),
    "a point of too many coordinates": ("ProductSumcheck", [[(1, [1, 2], [1, 2], [1, 2])]]),
    "numerators without denominators": ("FractionTree", [[1, 2], [1, 2, 3, 4]]),
    "a tree of three leaves": ("FractionTree", [[1, 2, 3], [1, 2, 3]]),
    "a tree of one leaf": ("FractionTree", [[1], [1]]),
}


def vectors_for(twin: Any, value: Any) -> Any:
    """Lists of ints as the module's vectors where the kernel takes a vector."""
    if isinstance(value, list) and all(isinstance(x, int) for x in value):
        return twin.Vector.from_scalars(value)
    if isinstance(value, list | tuple):
        return type(value)(vectors_for(twin, x) for x in value)
    return value


PLAIN = {  # Positions of arguments that are lists of scalars rather than vectors.
    "fingerprints": {4},
    "combine_integers": {1},
    "linear_combination": {1},
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("twin", [field, field_reference], ids=["fast", "plain"])
def test_refuses(twin: Any, case: str) -> None:
    name, arguments = REFUSED[case]
    kernel = twin
    for part in name.split("."):
        kernel = getattr(kernel, part)
    given: list[Any]
    if name == "ProductSumcheck":
        given = [[(c, p, vectors_for(twin, a), vectors_for(twin, b)) for c, p, a, b in arguments[0]]]
    else:
        plain = PLAIN.get(name, set())
        given = [value if i in plain else vectors_for(twin, value) for i, value in enumerate(arguments)]
    with pytest.raises(ValueError):  # noqa: PT011  (the messages differ)
        kernel(*given)


def test_a_scalar_outside_the_field_is_refused_wherever_one_is_taken() -> None:
    ones = Vector.ones(2)
    for call in (
        lambda: field.fold(ones, MODULUS),
        lambda: field.eq_table([MODULUS]),
        lambda: field.msm([(1, 2)], [MODULUS]),
        lambda: field.ProductSumcheck([(1, [], ones, ones)]).bind(MODULUS),
    ):
        with pytest.raises(ValueError, match="outside the field"):
            call()


def test_an_array_of_another_dtype_is_refused_not_read_as_if() -> None:
    for wrong in (np.zeros(3, np.int32), np.zeros(3, np.uint64), np.zeros(3), np.zeros(3, bool)):
        with pytest.raises(TypeError, match="int64"):
            Vector.from_integers(wrong)


def test_a_strided_array_is_read_in_its_own_order() -> None:
    values = np.arange(12).reshape(3, 4)
    assert Vector.from_integers(values.T).scalars() == values.T.reshape(-1).tolist()
    assert Vector.from_integers(values[:, ::2]).scalars() == values[:, ::2].reshape(-1).tolist()


def test_a_refused_write_leaves_the_target_as_it_was() -> None:
    target = Vector.ones(4)
    with pytest.raises(ValueError, match="outside"):
        field.scatter(target, 0, 1, [(np.array([0, 4]), Vector.ones(2))])
    with pytest.raises(ValueError, match="outside"):
        target.write_integers(2, np.arange(3), 1)
    assert target.scalars() == [1] * 4


def test_what_no_machine_has_memory_for_is_refused_and_ends_no_process() -> None:
    wide = Vector.zeros(1 << 16)
    for call in (
        lambda: field.eq_table([1] * 60),
        lambda: field.eq_table([1] * 64),
        lambda: field.outer([wide] * 3),
        lambda: field.outer([wide] * 4),
        lambda: Vector.zeros(1 << 50),
        lambda: Vector.ones((1 << 64) - 1),
        lambda: field.combine_integers([], [], 1 << 50),
        lambda: field.functional(np.zeros(1, np.int64), 1 << 50, []),
    ):
        with pytest.raises(ValueError, match="memory"):
            call()
