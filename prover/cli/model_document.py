"""What is said about a program: its name, its ports, its size, its ops."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from circuits.program.graph import Program
from circuits.program.ops import Accumulating, Divide, Linear, Lookup, Op
from circuits.program.ranges import ranges
from circuits.program.refs import Port, Ref, Source


def summary(program: Program) -> dict[str, Any]:
    """`parameters` are the elements of all constants but tables, `values` those of all ops' outputs;
    `multiply_accumulates` are the terms that accumulating ops add up."""
    tables = {op.operands[1].index for op in program.ops if isinstance(op, Lookup)}
    sizes = [constant.values.size for constant in program.constants]
    return {
        "model_id": "0x" + program.model_id().hex(),
        "inputs": [_port(port) for port in program.inputs],
        "outputs": [_port(output.port) for output in program.outputs],
        "op_counts": dict(sorted(Counter(op.opcode.name.lower() for op in program.ops).items())),
        "parameters": sum(size for index, size in enumerate(sizes) if index not in tables),
        "table_entries": sum(sizes[index] for index in tables),
        "values": sum(math.prod(op.dims) for op in program.ops),
        "multiply_accumulates": sum(_terms(op) for op in program.ops),
    }


def _port(port: Port) -> dict[str, Any]:
    return {
        "name": port.name,
        "shape": list(port.dims),
        "bits": port.bits,
        "scale_bits": list(port.scales),
        "visibility": port.visibility.name.lower(),
        "labels": list(port.labels),
    }


def _terms(op: Op) -> int:
    if not isinstance(op, Accumulating):
        return 0
    return math.prod(op.iteration) * (len(op.coefficients) if isinstance(op, Linear) else 1)


def ops_of(program: Program) -> list[dict[str, Any]]:
    """Every op with the range that its output lies in."""
    listed = []
    for index, (op, found) in enumerate(zip(program.ops, ranges(program), strict=True)):
        entry: dict[str, Any] = {
            "op": index,
            "kind": op.opcode.name.lower(),
            "operands": [f"{ref.source.name}({ref.index})" for ref in op.operands],
            "of": _names(program, op.operands),
            "dims": list(op.dims),
            "inner": list(op.inner),
            "bits": op.bits,
            "scale": op.scale,
            "range": [found.output.lo, found.output.hi],
        }
        if isinstance(op, Accumulating):
            entry |= {"shift": op.shift, "accumulator_magnitude": found.magnitude}
        if isinstance(op, Accumulating | Divide):
            entry["saturates"] = op.saturates
        listed.append(entry)
    return listed


def _names(program: Program, operands: Sequence[Ref]) -> str:
    """Operands as a person finds them: an op by number, an input or a constant by name."""
    named = {
        Source.INPUT: lambda index: program.inputs[index].name,
        Source.CONST: lambda index: program.constants[index].name,
        Source.OP: lambda index: f"op {index}",
    }
    return ", ".join(named[ref.source](ref.index) for ref in operands)
