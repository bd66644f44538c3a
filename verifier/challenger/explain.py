"""A finding in words and as a picture: which op, which element, what is claimed and what it should have been."""

from __future__ import annotations

import math
from collections.abc import Sequence

from circuits.lower.optimistic import term_count
from circuits.lower.optimistic.terms import coordinates
from circuits.program.graph import Program
from circuits.program.ops import Op
from circuits.program.refs import Ref, Source
from verifier.challenger.findings import Finding

# One sentence an opcode: what its output is made of.
MEANINGS = {
    "contract": "sums of products, as a matrix product or a convolution makes them",
    "linear": "a weighted sum of tensors",
    "mul": "a product of two tensors",
    "reduce_sum": "sums over an axis",
    "lookup": "a table's entries",
    "max": "largest elements",
    "argmax": "places of largest elements",
    "compare": "comparisons, 1 where they hold",
    "select": "one of two tensors, element by element",
    "index": "elements put in other places",
    "gather": "elements at computed places",
    "divide": "quotients",
    "rsqrt": "inverse square roots",
}
CONTEXT = 2  # ops shown on either side


def shape(dims: Sequence[int]) -> str:
    return "×".join(str(d) for d in dims) or "1 element"


def op_in_words(program: Program, number: int) -> str:
    op = program.ops[number]
    name = op.opcode.name.lower()
    operands = ", ".join(_operand(program, ref) for ref in op.operands)
    return f"op {number} of {len(program.ops)}, {name} ({MEANINGS[name]}): {shape(op.dims)} from {operands}"


def _operand(program: Program, ref: Ref) -> str:
    if ref.source is Source.INPUT:
        port = program.inputs[ref.index]
        return f"input {port.name!r} ({shape(port.dims)})"
    if ref.source is Source.CONST:
        constant = program.constants[ref.index]
        return f"constant {ref.index} {constant.name!r} ({shape(constant.values.shape)})"
    return f"op {ref.index} ({shape(program.ops[ref.index].dims)})"


def in_words(program: Program, finding: Finding) -> list[str]:
    """Sentences, from the whole to the detail."""
    if finding.op is None:
        span = f"ops {finding.first_op} to {finding.last_op} of {len(program.ops)}"
        return [f"The first difference is in {span}; the claimant has not shown which op it is."]
    op = program.ops[finding.op]
    lines = [f"The first wrong output is that of {op_in_words(program, finding.op)}."]
    if finding.element is None:
        return [*lines, "The claimant has not shown which of its elements are wrong."]
    place = list(coordinates(finding.element, op.dims))
    lines.append(
        f"Element {place} is claimed to be {_value(op, finding.claimed)}; "
        f"{_terms(op)} of the operands that the claim itself commits to give {_value(op, finding.true)}."
    )
    return lines


def _terms(op: Op) -> str:
    count = term_count(op)
    return f"the {count} terms" if count > 1 else "the one term"


def _value(op: Op, value: int | None) -> str:
    """The integer, and what it stands for."""
    assert value is not None
    return f"{value}" if op.scale == 0 else f"{value} ({value / 2.0**op.scale:.6g})"


def picture(program: Program, finding: Finding) -> list[str]:
    """The ops around the first difference, in execution order: ✓ is as our own run, ✗ is not, ? was not looked at."""
    last = len(program.ops) - 1
    first_shown = max(0, finding.first_op - CONTEXT)
    last_shown = min(last, finding.last_op + CONTEXT)
    lines = [f"  ✓ ops 0 to {first_shown - 1}"] if first_shown > 1 else []
    if finding.op is None:
        lines += [_row(program, i, "✓") for i in range(first_shown, finding.first_op)]
        lines.append(f"  ✗ ops {finding.first_op} to {finding.last_op}: one of them, or several")
    else:
        start = 0 if first_shown == 1 else first_shown
        lines += [_row(program, i, "✓") for i in range(start, finding.op)]
        lines += [_row(program, finding.op, "✗"), *_cells(program.ops[finding.op], finding)]
    lines += [_row(program, i, "?") for i in range(finding.last_op + 1, last_shown + 1)]
    return lines if last_shown == last else [*lines, f"  ? ops {last_shown + 1} to {last}"]


def _row(program: Program, number: int, mark: str) -> str:
    op = program.ops[number]
    sources = " ".join(f"{ref.source.name.lower()}{ref.index}" for ref in op.operands)
    return f"  {mark} op{number} {op.opcode.name.lower()} [{shape(op.dims)}] ← {sources}"


def _cells(op: Op, finding: Finding) -> list[str]:
    """The wrong element between its neighbours in the last axis."""
    if finding.element is None:
        return []
    row = op.dims[-1] if op.dims else 1
    place = finding.element % max(1, row)
    left, right = min(place, 3), min(row - 1 - place, 3)
    cells = ["…"] * (place > left) + ["·"] * left + ["✗"] + ["·"] * right + ["…"] * (place + right < row - 1)
    rows = math.prod(op.dims[:-1]) if op.dims else 1
    where = f"row {finding.element // max(1, row)} of {rows}, " if rows > 1 else ""
    return [
        f"      {' '.join(cells)}   {where}element {place} of {row}",
        f"      claimed {_value(op, finding.claimed)}",
        f"      true    {_value(op, finding.true)}",
    ]
