"""Every rule of docs/protocol/program.md, checked: what comes back from here has exactly one meaning."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from circuits.program import limits
from circuits.program.errors import ProgramError
from circuits.program.graph import Constant, Program
from circuits.program.indexing import missing_axes, padded_dims, reading_cost, reduced_iteration
from circuits.program.intervals import Interval, Operand
from circuits.program.limits import extent, require_dims, require_i32, require_within
from circuits.program.ops import Accumulating, Argmax, Contract, Divide, Lookup, Max, Op
from circuits.program.ranges import Ranges, at_op
from circuits.program.refs import AffineMap, Output, Port, Source


def validate(program: Program) -> None:
    """Raises ProgramError, with a stable code and the op's index, for the first rule that `program` breaks."""
    _check_counts(program)
    for port in program.inputs:
        _check_input(port)
    _check_names([p.name for p in program.inputs], "input")
    for index, constant in enumerate(program.constants):
        _check_constant(index, constant)
    known = Ranges(program.inputs, program.constants)
    budget = _Budget(program.constants)
    for index, op in enumerate(program.ops):
        try:
            _check_op(op, known, budget)
        except ProgramError as error:
            raise at_op(error, index, op) from error
    for output in program.outputs:
        _check_output(output, program)
        _check_labels(output.port, known.operand(output.ref).interval)
    _check_names([o.port.name for o in program.outputs], "output")


def _check_counts(program: Program) -> None:
    for what, count in (("inputs", len(program.inputs)), ("outputs", len(program.outputs))):
        require_within(count, 1, limits.MAX_PORTS, f"the number of {what}", "program_bad_port")
    for what, count in (("ops", len(program.ops)), ("constants", len(program.constants))):
        require_within(count, 0, limits.MAX_OPS, f"the number of {what}", "program_too_large")


def _check_names(names: list[str], what: str) -> None:
    for name in names:
        _check_name(name, f"an {what} name")
        if not name or names.count(name) > 1:
            raise ProgramError("program_bad_port", f"{what} name {name!r} is empty or used twice", name=name)


def _check_name(name: str, what: str) -> None:
    """Short, and safe to print on a terminal."""
    if len(name) > limits.MAX_NAME or not name.isprintable():
        shown = ascii(name[: limits.MAX_NAME])
        raise ProgramError(
            "program_bad_name", f"{what} is not printable or over {limits.MAX_NAME} characters: {shown}", name=shown
        )


def _check_port(port: Port) -> None:
    require_dims(port.dims, f"port {port.name!r}")
    require_within(port.bits, limits.MIN_BITS, limits.MAX_BITS, f"bits of port {port.name!r}", "program_bad_bits")
    require_within(port.width, 4, 4, f"width of port {port.name!r}", "program_bad_port")
    for scale in port.scales:
        require_within(scale, -128, 127, f"a scale of port {port.name!r}", "program_bad_port")


def _check_input(port: Port) -> None:
    _check_port(port)
    if port.labels:
        raise ProgramError("program_bad_port", f"input {port.name!r} has labels, which only an output may have")
    if len(port.scales) != 1 and (not port.scales or not port.dims or len(port.scales) != port.dims[-1]):
        raise ProgramError(
            "program_bad_port",
            f"input {port.name!r} has {len(port.scales)} scales: give one, or one for each element of the last axis",
            scales=len(port.scales),
        )


def _check_labels(port: Port, interval: Interval) -> None:
    """Labels belong to an output that is an index and never lies outside of them."""
    if not port.labels:
        return
    require_within(len(port.labels), 1, limits.MAX_LABELS, f"the number of labels of {port.name!r}", "program_bad_port")
    for label in port.labels:
        _check_name(label, f"a label of output {port.name!r}")
    if port.scales != (0,) or not interval.within(Interval(0, len(port.labels) - 1)):
        raise ProgramError(
            "program_bad_port",
            f"output {port.name!r} has {len(port.labels)} labels, but its integers at scale {port.scales[0]} lie in "
            f"[{interval.lo}, {interval.hi}], not in [0, {len(port.labels) - 1}] at scale 0",
            labels=len(port.labels),
            low=interval.lo,
            high=interval.hi,
        )


def _check_constant(index: int, constant: Constant) -> None:
    values = constant.values
    if values.dtype != np.int64:
        raise ProgramError("program_bad_constant", f"constant {index} is {values.dtype}, not int64", constant=index)
    _check_name(constant.name, f"the name of constant {index}")
    require_dims(values.shape, f"constant {index}")
    require_within(constant.scale, -128, 127, f"scale of constant {index}", "program_bad_constant")
    allowed = {4: Interval.of_bits(32), 8: Interval(1 - limits.ACCUMULATOR_LIMIT, limits.ACCUMULATOR_LIMIT - 1)}
    span = Interval.of_values(values)
    if constant.width not in allowed or not span.within(allowed[constant.width]):
        raise ProgramError(
            "program_bad_constant",
            f"constant {index} spans [{span.lo}, {span.hi}], which width {constant.width} cannot hold",
            constant=index,
            width=constant.width,
        )


class _Budget:
    """How much the checks of a program may read, so that no file keeps a reader busy for long."""

    def __init__(self, constants: Sequence[Constant]) -> None:
        elements = sum(constant.values.size for constant in constants)
        self._left = limits.RANGE_READS + limits.RANGE_READS_AN_ELEMENT * elements

    def spend(self, op: Op, operands: Sequence[Operand]) -> None:
        """Takes what the rules of `op` are about to read; its maps are well-formed."""
        reads = 0 if 0 in op.dims else self._reads(op, operands)
        self._left -= reads
        if self._left < 0:
            raise ProgramError("program_too_large", "needs too many reads to be checked", reads=reads)

    @staticmethod
    def _reads(op: Op, operands: Sequence[Operand]) -> int:
        if isinstance(op, Contract) and len(operands) > 1:
            weights = op.weights(operands)
            if weights is None or op.is_weighed(operands[weights], weights):
                return 0
            how = op.maps[weights]
            return reading_cost(how, reduced_iteration(how, op.iteration))
        if isinstance(op, Argmax | Max) and 0 not in op.inner:
            missing = [missing_axes(how, op.iteration) for how in op.maps]
            return sum(reading_cost(how, reduced_iteration(how, op.iteration)) for how in missing)
        return 0


def _check_op(op: Op, known: Ranges, budget: _Budget) -> None:
    """One op after all those before it, whose ranges are in `known`; adds its own."""
    operands = known.operands(op)
    require_dims(op.dims, "output")
    require_dims(op.inner, "inner", limits.MAX_POINTS)
    if extent(op.iteration) > limits.MAX_POINTS:
        raise ProgramError("program_bad_shape", "has over 2^36 iteration points", iteration=list(op.iteration))
    require_within(op.bits, limits.MIN_BITS, limits.MAX_BITS, "bits", "program_bad_bits")
    require_within(op.scale, -128, 127, "scale")
    op.require_operands(1, limits.MAX_PORTS)
    _check_maps(op, operands)
    if isinstance(op, Accumulating):
        require_within(op.shift, 0, limits.MAX_SHIFT, "shift")
    budget.spend(op, operands)
    op.check(operands)
    saturates = known.add(op).saturates
    if isinstance(op, Accumulating | Divide) and op.saturates is not saturates:
        raise ProgramError("program_bad_attribute", f"has saturates {op.saturates}, its range says {saturates}")


def _check_maps(op: Op, operands: list[Operand]) -> None:
    if len(op.maps) != len(op.operands):
        raise ProgramError("program_bad_map", f"has {len(op.maps)} maps for {len(op.operands)} operands")
    for position, (how, operand) in enumerate(zip(op.maps, operands, strict=True)):
        is_bias = op.has_bias and position == len(operands) - 1
        if operand.width != 4 and not is_bias:
            raise ProgramError("program_bad_constant", f"operand {position} is a constant of width 8, not a bias")
        is_table = isinstance(op, Lookup) and position == 1  # not read at iteration points
        if not is_table:
            _check_map(how, operand, op, position)


def _check_map(how: AffineMap, operand: Operand, op: Op, position: int) -> None:
    require_dims(how.view, f"the view of operand {position}")
    if len(how.offsets) != len(how.view) or len(how.strides) != len(how.view):
        raise ProgramError("program_bad_map", f"operand {position}: offsets and strides do not match the view's rank")
    if any(len(row) != len(op.iteration) for row in how.strides):
        raise ProgramError("program_bad_map", f"operand {position}: a stride row is not {len(op.iteration)} long")
    if math.prod(how.view) != math.prod(operand.dims):
        raise ProgramError(
            "program_bad_map",
            f"operand {position} has dims {list(operand.dims)} and cannot be viewed as {list(how.view)}",
            view=list(how.view),
            dims=list(operand.dims),
        )
    for value in (*how.offsets, *(stride for row in how.strides for stride in row)):
        require_i32(value, f"an offset or stride of operand {position}")
    if extent(padded_dims(how, op.iteration_of(position))) > limits.MAX_ELEMENTS:
        raise ProgramError("program_bad_map", f"operand {position} is read too far outside its view")


def _check_output(output: Output, program: Program) -> None:
    port, ref = output.port, output.ref
    _check_port(port)
    if ref.source != Source.OP or not 0 <= ref.index < len(program.ops):
        raise ProgramError("program_bad_reference", f"output {port.name!r} does not name an op of the program")
    op = program.ops[ref.index]
    if (port.dims, port.bits, port.scales) != (op.dims, op.bits, (op.scale,)):
        raise ProgramError(
            "program_bad_port",
            f"output {port.name!r} does not have the dims, bits and scale of op {ref.index}",
            op=ref.index,
        )
