"""What the hand-made programs of the tests are built of: references, constants, ports, and ops made into a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from circuits.program.graph import Constant, Program
from circuits.program.ops import Accumulating, Divide, Op
from circuits.program.ranges import Ranges
from circuits.program.refs import Output, Port, Ref, Source
from circuits.program.validate import validate

X, Y = Ref(Source.INPUT, 0), Ref(Source.INPUT, 1)


def const(index: int) -> Ref:
    return Ref(Source.CONST, index)


def made(index: int) -> Ref:
    return Ref(Source.OP, index)


def constant(values: object, width: int = 4) -> Constant:
    return Constant("c", np.array(values, np.int64), width, 0)


def ports(shapes: Sequence[tuple[int, ...]], bits: int) -> tuple[Port, ...]:
    """Inputs `x0`, `x1` and so on."""
    return tuple(Port(f"x{i}", dims, bits, (0,)) for i, dims in enumerate(shapes))


def output(name: str, index: int, op: Op) -> Output:
    return Output(made(index), Port(name, op.dims, op.bits, (op.scale,)))


def program_of(
    inputs: Sequence[Port], constants: Sequence[Constant], ops: Sequence[Op], outputs: Mapping[str, int] | None = None
) -> Program:
    """A valid program: every op gets the flag of saturation that its range gives.

    Args:
        outputs: the op of each, by its number; without them the last op's is `y`.
    """
    known, flagged = Ranges(inputs, constants), []
    for op in ops:
        saturates = known.add(op).saturates
        flagged.append(replace(op, saturates=saturates) if isinstance(op, Accumulating | Divide) else op)
    named = {"y": len(flagged) - 1} if outputs is None else outputs
    results = tuple(output(name, index, flagged[index]) for name, index in named.items())
    whole = Program(tuple(inputs), tuple(constants), tuple(flagged), results)
    validate(whole)
    return whole
