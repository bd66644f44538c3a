"""What the lowering of one op sees: its operands, read; and how it says no.

Every op reads its operands through affine maps. Reading is done by an arrangement with constant indices, which moves
cells without constraining them again; so convolution is the same matrix product as a dense layer.
"""

from __future__ import annotations

import math

import numpy as np

from circuits.errors import InputError
from circuits.lower.halo2.graph import GraphBuilder, Integers, Row, float_parts
from circuits.program.graph import Program
from circuits.program.indexing import strided_view
from circuits.program.intervals import OpRange
from circuits.program.ops import Op
from circuits.program.ranges import ranges
from circuits.program.refs import AffineMap, Ref, Source

OUT_OF_BOUNDS = -1
OTHER_ROUTES = ["sumcheck", "optimistic"]

# A value of the graph, or the elements of a constant, flattened.
Operand = Row | Integers


def read_positions(access: AffineMap, iteration: tuple[int, ...]) -> Integers:
    """For every iteration point, in row-major order, the flat position it reads, or OUT_OF_BOUNDS."""
    numbered = np.arange(math.prod(access.view), dtype=np.int64)
    return np.array(strided_view(numbered, access, iteration, fill=OUT_OF_BOUNDS), np.int64)


def used_axes(access: AffineMap, iteration: tuple[int, ...]) -> set[int]:
    """Iteration axes that change what is read."""
    return {d for d, extent in enumerate(iteration) if extent > 1 and any(row[d] for row in access.strides)}


def over_axes(access: AffineMap, axes: list[int]) -> AffineMap:
    """The same read over `axes` alone, in that order; it does not depend on the others."""
    return AffineMap(access.view, access.offsets, tuple(tuple(row[d] for d in axes) for row in access.strides))


class Context:
    """The program and what is lowered of it so far; the current op is the next one."""

    def __init__(self, program: Program, builder: GraphBuilder, inputs: list[Row]) -> None:
        self.program = program
        self.builder = builder
        self._spans = ranges(program)
        self._inputs = inputs
        self._results: list[Operand] = []

    @property
    def span(self) -> OpRange:
        """Where the current op's output and accumulator lie."""
        return self._spans[len(self._results)]

    def finish(self, result: Operand) -> None:
        """`result` is the current op's."""
        if isinstance(result, Row):
            result = Row(result.name, result.size, min(result.bound, self.span.output.magnitude))
        self._results.append(result)

    def refusal(self, reason: str, position: int | None = None) -> InputError:
        """Why the current op, or the one at `position`, cannot be lowered."""
        position = len(self._results) if position is None else position
        name, routes = type(self.program.ops[position]).__name__.lower(), " and ".join(OTHER_ROUTES)
        message = (
            f"op {position} ({name}) cannot be proven by the halo2 route: {reason}. There are other routes: {routes}"
        )
        details = {"op": name, "position": position, "reason": reason, "routes": OTHER_ROUTES}
        return InputError("halo2_cannot_lower", message, **details)

    def operand(self, ref: Ref) -> Operand:
        if ref.source is Source.CONST:
            return self.program.constants[ref.index].values.reshape(-1)
        return self._inputs[ref.index] if ref.source is Source.INPUT else self._results[ref.index]

    def as_row(self, operand: Operand) -> Row:
        if isinstance(operand, Row):
            return operand
        if len(float_parts(operand)) == 1:
            return self.builder.constant_row(operand)
        return self.builder.add_constant(self.repeated(0, operand.size), operand)

    def repeated(self, value: int, size: int) -> Row:
        """`size` times `value`, of any size, where a constant will not do."""
        return self.builder.repeated(self._inputs[0], value, size)

    def read(self, operand: Operand, access: AffineMap, iteration: tuple[int, ...]) -> Operand:
        """The operand's value at every iteration point, 0 outside of its view."""
        positions = read_positions(access, iteration)
        outside = positions == OUT_OF_BOUNDS
        if not isinstance(operand, Row):
            return np.where(outside, 0, operand[np.where(outside, 0, positions)]).reshape(-1)
        if not outside.any():
            return self.builder.arrange([operand], positions)
        if outside.all():
            return self.builder.repeated(operand, 0, positions.size)
        return self.builder.arrange([operand], np.where(outside, operand.size, positions), fill=0)

    def read_at_outputs(self, op: Op, number: int) -> Operand:
        """Operand `number` of an elementwise op, or one that is read at the output index alone."""
        axes = list(range(len(op.dims)))
        return self.read(self.operand(op.operands[number]), over_axes(op.maps[number], axes), op.dims)

    # Arithmetic on operands of which either may be constant.

    def times(self, a: Operand, b: Operand) -> Operand:
        if isinstance(a, Row):
            return self.builder.multiply(a, b)
        return self.builder.multiply(b, a) if isinstance(b, Row) else a * b

    def plus(self, a: Operand, b: Operand) -> Operand:
        if isinstance(a, Row):
            return self.builder.add(a, b) if isinstance(b, Row) else self.builder.add_constant(a, b)
        return self.builder.add_constant(b, a) if isinstance(b, Row) else a + b

    def minus(self, a: Operand, b: Operand) -> Operand:
        if isinstance(a, Row):
            return self.builder.subtract(a, b) if isinstance(b, Row) else self.builder.add_constant(a, -b)
        return self.builder.add_constant(self.builder.scale(b, -1), a) if isinstance(b, Row) else a - b
