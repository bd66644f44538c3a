"""The definition of a program's output (docs/protocol/program.md): plain, slow, and the judge of everything else.

Each op is evaluated at every point of its iteration space, in blocks so that memory stays bounded: of many outputs, or
of a slice of the inner points of one. The semantics of an op are its `fold`, or `evaluate` if it is elementwise, in its
own module under `ops/`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.program.indexing import Read, block_points, read_points
from circuits.program.intervals import Interval
from circuits.program.ops import Op
from circuits.program.refs import Port, Ref, Source

Integers = npt.NDArray[np.int64]

BLOCK_POINTS = 2**18


def check_inputs(ports: Sequence[Port], inputs: Sequence[Integers]) -> None:
    """Refuses integers that are not the program's inputs: wrong count, dims or dtype, or outside a port's bits."""
    if len(inputs) != len(ports):
        raise InputError("input_wrong_shape", f"{len(ports)} input tensors are needed, got {len(inputs)}")
    for port, values in zip(ports, inputs, strict=True):
        if tuple(values.shape) != port.dims or values.dtype != np.int64:
            raise InputError(
                "input_wrong_shape",
                f"input {port.name!r} must be int64 of shape {list(port.dims)}, "
                f"got {values.dtype} of shape {list(values.shape)}",
                input=port.name,
                expected=list(port.dims),
                got=list(values.shape),
            )
        span, allowed = Interval.of_values(values), Interval.of_bits(port.bits)
        if not span.within(allowed):
            raise InputError(
                "input_out_of_range",
                f"input {port.name!r} spans [{span.lo}, {span.hi}], outside {port.bits} bits",
                input=port.name,
                low=span.lo,
                high=span.hi,
                bits=port.bits,
            )


def evaluate_op(op: Op, tensors: Sequence[Integers]) -> Integers:
    """The output of one op over its operands' tensors, point by point."""
    flats = [tensor.reshape(-1) for tensor in tensors]
    outputs, points = math.prod(op.dims), math.prod(op.inner)
    result = np.empty(outputs, np.int64)
    for block in _blocks(outputs, max(1, BLOCK_POINTS // max(1, points))):
        result[block.start : block.stop] = op.fold(_reads(op, flats, block))
    return result.reshape(op.dims)


def _blocks(count: int, size: int) -> Iterator[range]:
    return (range(start, min(start + size, count)) for start in range(0, count, size))


def _reads(op: Op, flats: Sequence[Integers], outputs: range) -> Iterator[list[Read]]:
    """All operands at these outputs, slice by slice of the inner points."""
    points = math.prod(op.inner)
    # Without inner points there is one slice all the same, of none: an op may have a bias.
    for part in _blocks(points, BLOCK_POINTS) if points else (range(0),):
        yield [_read(op, position, flat, outputs, part) for position, flat in enumerate(flats)]


def _read(op: Op, operand: int, flat: Integers, outputs: range, points: range) -> Read:
    inner = op.iteration_of(operand)[len(op.dims) :]
    wanted = points if inner == op.inner else range(1)
    return read_points(flat, op.maps[operand], block_points(op.dims, inner, outputs, wanted))


def trace(program: Program, inputs: Sequence[Integers]) -> list[Integers]:
    """Every op's output, in execution order, of a valid program. Inputs are int64 of the ports' dims."""
    check_inputs(program.inputs, inputs)
    constants = [constant.values for constant in program.constants]
    made: list[Integers] = []
    sources: dict[Source, Sequence[Integers]] = {Source.INPUT: inputs, Source.CONST: constants, Source.OP: made}

    def tensor(ref: Ref) -> Integers:
        return sources[ref.source][ref.index]

    for op in program.ops:
        made.append(evaluate_op(op, [tensor(ref) for ref in op.operands]))
    return made


def run(program: Program, inputs: Sequence[Integers]) -> list[Integers]:
    """The program's outputs, in graph order."""
    made = trace(program, inputs)
    return [made[output.ref.index] for output in program.outputs]
