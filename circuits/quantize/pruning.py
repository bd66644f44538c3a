"""What no output depends on is no part of a program: an unread state of an LSTM costs nobody a proof."""

from __future__ import annotations

from dataclasses import replace

from circuits.program.graph import Program
from circuits.program.refs import Ref, Source

# Where each kept tensor is now.
Places = dict[Ref, Ref]


def pruned(program: Program) -> tuple[Program, Places]:
    """`program` without the ops and constants that no output reads; all inputs stay, as the statement has them all."""
    needed = {output.ref for output in program.outputs}
    for index in reversed(range(len(program.ops))):
        if Ref(Source.OP, index) in needed:
            needed.update(program.ops[index].operands)
    places: Places = {Ref(Source.INPUT, index): Ref(Source.INPUT, index) for index in range(len(program.inputs))}
    for source, count in ((Source.CONST, len(program.constants)), (Source.OP, len(program.ops))):
        kept = [Ref(source, index) for index in range(count) if Ref(source, index) in needed]
        places |= {ref: Ref(source, position) for position, ref in enumerate(kept)}
    ops = tuple(
        replace(op, operands=tuple(places[ref] for ref in op.operands))
        for index, op in enumerate(program.ops)
        if Ref(Source.OP, index) in places
    )
    constants = tuple(c for index, c in enumerate(program.constants) if Ref(Source.CONST, index) in places)
    outputs = tuple(replace(output, ref=places[output.ref]) for output in program.outputs)
    return Program(program.inputs, constants, ops, outputs), places
