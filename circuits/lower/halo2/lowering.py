"""Program -> integer-exact ONNX graph for ezkl at scale 0 (docs/protocol/halo2.md sections 2 and 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from circuits.errors import InputError
from circuits.lower.halo2.context import Context
from circuits.lower.halo2.graph import GraphBuilder, Row
from circuits.lower.halo2.table import lower_ops
from circuits.program.graph import Program
from circuits.program.refs import Port, Visibility

SALT_ELEMENTS = 8
SALT_BITS = 23  # of each element: a float32 holds it exactly; 8 · 23 = 184 bits in all
DEFAULT_DIGIT_BITS = 14


@dataclass(frozen=True)
class Lowered:
    """The ONNX graph and what ezkl's settings must say for it to be exact."""

    model: bytes
    input_size: int  # elements of the program's inputs
    salt_size: int  # elements of salt after them, 0 unless the input is hidden
    digit_bits: int
    digits: int

    def ezkl_base(self) -> int:
        return 1 << self.digit_bits


def hides_input(program: Program) -> bool:
    """Whether the program's input is hashed; all its input ports must agree."""
    kinds = {port.visibility for port in program.inputs}
    if len(kinds) != 1:
        message = "the halo2 route needs all inputs public or all hashed; this program mixes them"
        raise InputError("halo2_mixed_visibility", message, visibilities=[p.visibility.name for p in program.inputs])
    if any(output.port.visibility is not Visibility.PUBLIC for output in program.outputs):
        raise InputError("halo2_hidden_output", "the halo2 route proves public outputs only")
    return kinds == {Visibility.HASHED}


def lower(program: Program, *, salted: bool, digit_bits: int = DEFAULT_DIGIT_BITS) -> Lowered:
    """`salted`: the input is not public, so salt elements and the range violation are added (section 4)."""
    builder = GraphBuilder(digit_bits)
    sizes = [_elements(port) for port in program.inputs]
    size, salt = sum(sizes), SALT_ELEMENTS if salted else 0
    bound = max(1 << (port.bits - 1) for port in program.inputs)
    everything = builder.input_row(size + salt, max(bound, 1 << SALT_BITS) if salted else bound)
    inputs, start = [], 0
    for port, count in zip(program.inputs, sizes, strict=True):
        part = builder.arrange([everything], np.arange(start, start + count))
        inputs.append(Row(part.name, count, 1 << (port.bits - 1)))
        start += count
    context = Context(program, builder, inputs)
    lower_ops(context)
    outputs: list[Row] = []
    for index in range(len(program.outputs)):
        row = _output(context, program, index)
        while row in outputs:  # ezkl has no room for one node that is two outputs
            row = builder.copied(row)
        outputs.append(row)
    if salted:
        outputs.append(_range_violation(builder, program, inputs))
    model = builder.model(size + salt, outputs)
    return Lowered(model, size, salt, digit_bits, builder.digits())


def _elements(port: Port) -> int:
    count = math.prod(port.dims)
    if not count:
        message = f"input {port.name!r} has no elements; the halo2 route proves tensors that have some"
        raise InputError("halo2_cannot_lower", message, input=port.name, dims=list(port.dims))
    return count


def _output(context: Context, program: Program, index: int) -> Row:
    ref = program.outputs[index].ref
    row = context.operand(ref)
    if not isinstance(row, Row):
        raise context.refusal(f"it makes output {index} of constants alone", ref.index)
    return row


def _range_violation(builder: GraphBuilder, program: Program, inputs: list[Row]) -> Row:
    """Σ relu(x - max) + relu(min - x) over all inputs: 0 exactly if every element is in its port's range."""
    total: Row | None = None
    for port, row in zip(program.inputs, inputs, strict=True):
        limit = 1 << (port.bits - 1)
        above = builder.relu(builder.add_constant(row, np.array([-(limit - 1)], np.int64)))
        below = builder.relu(builder.add_constant(builder.scale(row, -1), np.array([-limit], np.int64)))
        excess = builder.sum_all(builder.add(above, below))
        total = excess if total is None else builder.add(total, excess)
    if total is None:
        raise InputError("halo2_cannot_lower", "the program has no input")
    return total
