"""Where every integer of a program lies (docs/protocol/program.md section 5)."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.program.errors import ProgramError
from circuits.program.graph import Constant, Program
from circuits.program.intervals import Interval, Operand, OpRange
from circuits.program.ops import Op
from circuits.program.refs import Port, Ref, Source


class Ranges:
    """Operands and ranges of a program's tensors, grown op by op; what the compiler and the validator share."""

    def __init__(self, inputs: Sequence[Port], constants: Sequence[Constant]) -> None:
        self._inputs: list[Operand] = []
        self._constants: list[Operand] = []
        self._outputs: list[Operand] = []
        self.ops: list[OpRange] = []
        for port in inputs:
            self.add_input(port)
        for constant in constants:
            self.add_constant(constant)

    def operand(self, ref: Ref) -> Operand:
        source = {Source.INPUT: self._inputs, Source.CONST: self._constants, Source.OP: self._outputs}[ref.source]
        if not 0 <= ref.index < len(source):
            raise ProgramError(
                "program_bad_reference",
                f"{ref.source.name}({ref.index}) does not exist there: {len(source)} come before",
                kind=ref.source.name,
                index=ref.index,
            )
        return source[ref.index]

    def operands(self, op: Op) -> list[Operand]:
        return [self.operand(ref) for ref in op.operands]

    def add_input(self, port: Port) -> None:
        self._inputs.append(Operand(port.dims, port.width, Interval.of_bits(port.bits)))

    def add_constant(self, constant: Constant) -> None:
        self._constants.append(constant_operand(constant))

    def add(self, op: Op) -> OpRange:
        """The range of the next op in execution order."""
        result = op.bound(self.operands(op))
        self.ops.append(result)
        self._outputs.append(Operand(op.dims, 4, result.output))
        return result


def constant_operand(constant: Constant) -> Operand:
    values = constant.values
    return Operand(tuple(values.shape), constant.width, Interval.of_values(values), values)


def at_op(error: ProgramError, index: int, op: Op) -> ProgramError:
    """The same refusal, saying which op it is about."""
    message = f"op {index} ({op.opcode.name.lower()}) {error.message}"
    return ProgramError(error.code, message, op=index, opcode=op.opcode.name.lower(), **error.details)


def ranges(program: Program) -> list[OpRange]:
    """Output interval, accumulator interval and magnitude of every op, from the input bits and the actual weights.

    Raises ProgramError `program_range_overflow` naming the op. The program's structure has to be valid.
    """
    known = Ranges(program.inputs, program.constants)
    for index, op in enumerate(program.ops):
        try:
            known.add(op)
        except ProgramError as error:
            raise at_op(error, index, op) from error
    return known.ops
