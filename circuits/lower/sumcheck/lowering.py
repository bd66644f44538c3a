"""Program -> system, and the values with which an honest prover satisfies it (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from circuits.errors import InputError
from circuits.execute.tensors import Arithmetic
from circuits.lower.sumcheck.assembly import assemble
from circuits.lower.sumcheck.choices import lower_argmax, lower_compare, lower_max, lower_select
from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.expressions import minus
from circuits.lower.sumcheck.filling import Accumulators, Integers, Values
from circuits.lower.sumcheck.layout import box_bits, fraction_layout
from circuits.lower.sumcheck.merging import Merges, find_merges
from circuits.lower.sumcheck.moves import lower_functions, lower_gather, lower_index
from circuits.lower.sumcheck.owners import Owners
from circuits.lower.sumcheck.quotients import lower_divide, lower_rsqrt
from circuits.lower.sumcheck.sums import accumulator, clamped, lower_accumulating
from circuits.lower.sumcheck.system import Kind, System
from circuits.program import ops
from circuits.program.graph import Program
from circuits.program.ops import Op
from circuits.program.ranges import Ranges
from circuits.program.refs import Visibility

# κ of section 4, to choose among, the largest first; for systems of so many leaves the largest table is no matter.
LIMB_BITS = (16, 15, 14, 12, 10, 9)
LEAVES_WORTH_THE_TABLE = 1 << 19
CELLS_A_TENSOR = 1 << 8

LOWERINGS: dict[type[Op], Callable[[Context, int, Any], None]] = {
    ops.Contract: lower_accumulating,
    ops.Linear: lower_accumulating,
    ops.Mul: lower_accumulating,
    ops.ReduceSum: lower_accumulating,
    ops.Max: lower_max,
    ops.Argmax: lower_argmax,
    ops.Compare: lower_compare,
    ops.Select: lower_select,
    ops.Index: lower_index,
    ops.Gather: lower_gather,
    ops.Divide: lower_divide,
    ops.Rsqrt: lower_rsqrt,
}


class Lowering:
    """A program's system, and how to satisfy it."""

    def __init__(self, program: Program, known: Ranges, limb_bits: int) -> None:
        self.program = program
        self._context = context = Context(program, known, limb_bits)
        merges = find_merges(context)
        # By position: the op whose sum a maximum clamps, and which is lowered with that.
        self.fused = {position: source for position, (source, _, _) in merges.clamps.items()}
        for position in range(len(program.ops)):
            context.owner = position
            _lower_op(context, merges, position)
        context.owner = None
        for number, output in enumerate(program.outputs):
            if 0 not in output.port.dims:
                public, made = context.outputs[number], context.output(output.ref.index)
                context.identity(output.port.dims, minus(context.itself(made), context.itself(public)))
        context.offer_tables()
        self.system, self._order = assemble(context)
        found = context.owners
        self.owners = Owners([found.tensors[t] for t in self._order], found.identities, found.fractions)

    def setup_values(self) -> list[Integers]:
        """Of the SETUP tensors, in order."""
        return [self._context.setup[t] for t in self._order if self._context.tensors[t].kind is Kind.SETUP]

    def assign(
        self, inputs: Sequence[Integers], made: Sequence[Integers], arithmetic: Arithmetic | None = None
    ) -> list[Integers]:
        """int64 values of every tensor of the system, in its dims.

        `made` is every op's output in execution order. Of what is no trace of the program, the assignment satisfies
        no system; everything but `made` is filled in as if it were one. `arithmetic` as in `Executor`.
        """
        context = self._context
        sums = Accumulators(self.program, arithmetic).of(inputs, made)
        values = Values(context.tensors, dict(context.setup), sums)
        for tensor, known in zip(context.inputs, inputs, strict=True):
            values[tensor] = known
        for tensor, output in zip(context.outputs, self.program.outputs, strict=True):
            values[tensor] = made[output.ref.index]
        for position, tensor in context.made.items():
            values[tensor] = made[position]
        self._fill_public(values)
        for step in (*context.fills, *context.counts):
            step(values)
        return [values[tensor] for tensor in self._order]

    def recount(self, assignment: Sequence[Integers]) -> list[Integers]:
        """The assignment with its multiplicities counted anew."""
        context = self._context
        values = Values(context.tensors, dict(zip(self._order, assignment, strict=True)), {})
        for step in context.counts:
            step(values)
        return [values[tensor] for tensor in self._order]

    def _fill_public(self, values: Values) -> None:
        for number in self._order:
            tensor = self._context.tensors[number]
            if tensor.kind is Kind.ONES:
                values[number] = np.ones(tensor.dims, np.int64)
            elif tensor.kind is Kind.IOTA:
                values[number] = np.arange(tensor.dims[0], dtype=np.int64)


def lower(program: Program, limb_bits: int | None = None) -> Lowering:
    """Raises InputError `route_unsupported` for a program that this route does not prove. The program is valid.

    Without `limb_bits` LIMB has the size that makes the system cheapest: many lookups are worth a large table.
    """
    _require_public(program)
    known = Ranges(program.inputs, program.constants)
    for op in program.ops:
        known.add(op)
    if limb_bits is not None:
        return Lowering(program, known, limb_bits)
    best = Lowering(program, known, LIMB_BITS[0])
    if _leaves(best.system) >= LEAVES_WORTH_THE_TABLE:
        return best
    for bits in LIMB_BITS[1:]:  # one at a time: a program of many ops has large ones
        made = Lowering(program, known, bits)
        if _cost(made.system) < _cost(best.system):
            best = made
    return best


def _leaves(system: System) -> int:
    return sum(1 << box_bits(fractions.dims) for fractions in system.fractions)


def _cost(system: System) -> int:
    """What a proof takes, counted in cells: the tree is of 2^L leaves, and each tensor has claims of its own."""
    cells = sum(1 << box_bits(system.tensors[tensor].dims) for tensor in system.of_kind(Kind.WITNESS))
    return (2 << fraction_layout(system).depth) + cells + CELLS_A_TENSOR * len(system.tensors)


def _require_public(program: Program) -> None:
    for port in (*program.inputs, *(output.port for output in program.outputs)):
        if port.visibility is not Visibility.PUBLIC:
            raise InputError(
                "route_unsupported",
                f"the sumcheck route hides nothing, and {port.name!r} is hashed; the halo2 route can prove that",
                port=port.name,
            )


def _lower_op(context: Context, merges: Merges, position: int) -> None:
    op = context.program.ops[position]
    if 0 in op.dims or position in merges.fused:
        return
    only = context.spans[position].output
    if only.lo == only.hi:  # the operands leave no other result
        context.identity(op.dims, minus(context.itself(context.output(position)), context.constant(only.lo)))
    elif position in merges.clamps:
        source, made, clamp = merges.clamps[position]
        clamped(context, context.output(position), accumulator(context, source, made), clamp)
    elif position in merges.grouped:
        together = merges.grouped[position]
        if together[0] == position:
            lower_functions(context, together, merges.floors)
    else:
        LOWERINGS[type(op)](context, position, op)
