"""Programs of one op, for tests that work out its values by hand."""

from __future__ import annotations

import numpy as np

from circuits.program.graph import Constant, Program
from circuits.program.interpreter import run
from circuits.program.ops import Op
from circuits.program.refs import Output, Port, Ref, Source
from circuits.program.validate import validate

X, Y = Ref(Source.INPUT, 0), Ref(Source.INPUT, 1)


def const(index: int) -> Ref:
    return Ref(Source.CONST, index)


def constant(values: object, width: int = 4) -> Constant:
    return Constant("c", np.array(values, np.int64), width, 0)


def program(op: Op, inputs: list[tuple[int, ...]], constants: list[Constant] | None = None, bits: int = 16) -> Program:
    ports = tuple(Port(f"x{i}", dims, bits, (0,)) for i, dims in enumerate(inputs))
    port = Port("y", op.dims, op.bits, (op.scale,))
    return Program(ports, tuple(constants or ()), (op,), (Output(Ref(Source.OP, 0), port),))


def result(of: Program, *inputs: object) -> list[object]:
    validate(of)
    return run(of, [np.array(values, np.int64) for values in inputs])[0].tolist()
