"""Programs of one op, for tests that work out its values by hand."""

from __future__ import annotations

import numpy as np

from circuits.program.graph import Constant, Program
from circuits.program.interpreter import run
from circuits.program.ops import Contract, Linear, Op
from circuits.program.refs import AffineMap
from circuits.program.validate import validate
from tests.programs import X, Y, const, constant, output, ports


def program(op: Op, inputs: list[tuple[int, ...]], constants: list[Constant] | None = None, bits: int = 16) -> Program:
    """With the flag of saturation that the op has, right or wrong."""
    return Program(ports(inputs, bits), tuple(constants or ()), (op,), (output("y", 0, op),))


def result(of: Program, *inputs: object) -> list[object]:
    validate(of)
    return run(of, [np.array(values, np.int64) for values in inputs])[0].tolist()


def linear(coefficients: tuple[int, ...], dims: tuple[int, ...], shift: int, saturates: bool, bits: int = 16) -> Linear:
    count = len(coefficients)
    operands, maps = (X, Y)[:count], (AffineMap.identity(dims),) * count
    return Linear(operands, maps, dims, (), bits, 0, shift, saturates, coefficients)


MATVEC = Contract(
    (X, const(0), const(1)),
    (
        AffineMap((3,), (0,), ((0, 1),)),
        AffineMap((2, 3), (0, 0), ((1, 0), (0, 1))),
        AffineMap((2,), (0,), ((1, 0),)),
    ),
    (2,), (3,), 16, 0, 2, True,
)  # fmt: skip
MATVEC_CONSTANTS = [constant([[1, 2, 3], [-4, 5, -6]]), constant([10, -10], 8)]
