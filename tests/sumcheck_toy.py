"""A small system made by hand that has every kind of tensor, reading and axis, and an assignment that satisfies it."""

import numpy as np
import sumcheck_reference as reference

from circuits.lower.sumcheck.system import Fractions, Identity, Kind, Reading, System, Tensor, Term
from circuits.program.refs import AffineMap

TENSORS = {
    "x": Tensor(Kind.INPUT, (3, 5), 8),
    "out": Tensor(Kind.OUTPUT, (3, 2), 32),
    "ones": Tensor(Kind.ONES, (3, 5)),
    "iota16": Tensor(Kind.IOTA, (16,)),
    "iota20": Tensor(Kind.IOTA, (20,)),
    "w": Tensor(Kind.SETUP, (2, 5)),
    "filter": Tensor(Kind.SETUP, (3,)),
    "squares": Tensor(Kind.SETUP, (16,)),
    "y": Tensor(Kind.WITNESS, (3, 2)),
    "conv": Tensor(Kind.WITNESS, (3, 5)),
    "flat": Tensor(Kind.WITNESS, (15,)),
    "high": Tensor(Kind.WITNESS, (3, 5)),
    "low": Tensor(Kind.WITNESS, (3, 5)),
    "square": Tensor(Kind.WITNESS, (3, 5)),
    "wide": Tensor(Kind.WITNESS, (3, 2, 4)),
    "long": Tensor(Kind.WITNESS, (20, 10)),
    "uses_low": Tensor(Kind.WITNESS, (16,)),
    "uses_square": Tensor(Kind.WITNESS, (16,)),
}
NUMBER = {name: number for number, name in enumerate(TENSORS)}


def read(name: str, offsets, *strides, view=None) -> Reading:
    return Reading(NUMBER[name], AffineMap(view or TENSORS[name].dims, tuple(offsets), strides))


def plain(name: str) -> Reading:
    return Reading(NUMBER[name], AffineMap.identity(TENSORS[name].dims))


# Shifted by one place: out of bounds in the last column.
SHIFTED = read("ones", (0, 1), (1, 0), (0, 1))
IDENTITIES = (
    # y = x·w, one product with all three axes of the grid used: o0 by x only, o1 by w only, k by both.
    Identity(
        (3, 2),
        (
            Term(1, (read("x", (0, 0), (1, 0, 0), (0, 0, 1)), read("w", (0, 0), (0, 1, 0), (0, 0, 1))), (5,)),
            Term(-1, (plain("y"),)),
        ),
    ),
    # conv(i, j) = Σ_k x(i, j + k − 1)·filter(k), out of bounds at the borders.
    Identity(
        (3, 5),
        (
            Term(1, (read("x", (0, -1), (1, 0, 0), (0, 1, 1)), read("filter", (0,), (0, 0, 1))), (3,)),
            Term(-1, (plain("conv"),)),
        ),
    ),
    # flat = 2·conv² + 3, reshaped.
    Identity(
        (15,),
        (
            Term(2, (read("conv", (0,), (1,), view=(15,)), read("conv", (0,), (1,), view=(15,)))),
            Term(3, (read("ones", (0,), (1,), view=(15,)),)),
            Term(-1, (plain("flat"),)),
        ),
    ),
    Identity((3, 5), (Term(1, (plain("x"),)), Term(-16, (plain("high"),)), Term(-1, (plain("low"),)))),
    # wide(i, j, l) = Σ_(k < 2) y(i, j)·w(j, 0) + Σ_(k < 2) iota20(4·j + k): axis l and the inner one used by neither.
    Identity(
        (3, 2, 4),
        (
            Term(
                1, (read("y", (0, 0), (1, 0, 0, 0), (0, 1, 0, 0)), read("w", (0, 0), (0, 1, 0, 0), (0, 0, 0, 0))), (2,)
            ),
            Term(1, (read("iota20", (0,), (0, 4, 0, 1)),), (2,)),
            Term(-1, (plain("wide"),)),
        ),
    ),
    # A box with more variables than the tree is deep; iota20 out of bounds where i + 3·j is 20 or more.
    Identity((20, 10), (Term(7, (read("iota20", (0,), (1, 3)),)), Term(-1, (plain("long"),)))),
    Identity((3, 2), (Term(1, (plain("y"),)), Term(-1, (plain("out"),)))),
    # A product of a known tensor with a committed one.
    Identity((3, 5), (Term(1, (SHIFTED, plain("low"))), Term(-1, (SHIFTED, plain("low"))))),
)
FRACTIONS = (
    Fractions(1, (3, 5), Term(1, (SHIFTED,)), ((Term(1, (plain("low"),)),),)),
    Fractions(2, (3, 5), Term(1, (plain("ones"),)), ((Term(1, (plain("low"),)),), (Term(1, (plain("square"),)),))),
    Fractions(1, (16,), Term(-1, (plain("uses_low"),)), ((Term(1, (plain("iota16"),)),),)),
    Fractions(
        2, (16,), Term(-1, (plain("uses_square"),)), ((Term(1, (plain("iota16"),)),), (Term(1, (plain("squares"),)),))
    ),
)
SYSTEM = System(tuple(TENSORS.values()), IDENTITIES, FRACTIONS)


def assignment(seed: int = 1) -> dict[str, np.ndarray]:
    """By name; int64. Another seed is another input under the same constants."""
    generator = np.random.default_rng(0)
    made = {
        "x": np.random.default_rng(seed).integers(-128, 128, (3, 5)),
        "ones": np.ones((3, 5), np.int64),
        "iota16": np.arange(16),
        "iota20": np.arange(20),
        "w": generator.integers(-9, 10, (2, 5)),
        "filter": generator.integers(-9, 10, (3,)),
        "squares": np.arange(16) ** 2,
    }
    x, w = made["x"], made["w"]
    made["y"] = made["out"] = x @ w.T
    padded = np.pad(x, ((0, 0), (1, 1)))
    made["conv"] = sum(padded[:, k : k + 5] * made["filter"][k] for k in range(3))
    made["flat"] = 2 * made["conv"].reshape(15) ** 2 + 3
    made["high"], made["low"] = x >> 4, x & 15
    made["square"] = made["low"] ** 2
    ramp = np.array([0 + 1, 4 + 5])
    made["wide"] = np.broadcast_to((2 * made["y"] * w[:, 0] + ramp)[:, :, None], (3, 2, 4)).copy()
    place = np.arange(20)[:, None] + 3 * np.arange(10)[None, :]
    made["long"] = 7 * np.where(place < 20, place, 0)
    made["uses_low"] = np.bincount(made["low"][:, :4].reshape(-1), minlength=16)
    made["uses_square"] = np.bincount(made["low"].reshape(-1), minlength=16)
    return made


def values(made: dict[str, np.ndarray] | None = None) -> list[np.ndarray]:
    made = assignment() if made is None else made
    return [np.ascontiguousarray(made[name], np.int64) for name in TENSORS]


def prover(made: dict[str, np.ndarray] | None = None, tell=reference.truthful) -> reference.Prover:
    key = reference.key_of(SYSTEM, values())
    return reference.Prover(SYSTEM, key, values(made), tell)
