"""The lowering table of docs/protocol/halo2.md section 5: what is not here, the halo2 route refuses by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from circuits.lower.halo2.choices import lower_argmax, lower_compare, lower_max, lower_select
from circuits.lower.halo2.context import Context, Operand
from circuits.lower.halo2.graph import Integers, Row
from circuits.lower.halo2.moves import lower_gather, lower_index, lower_lookup
from circuits.lower.halo2.quotients import lower_divide, lower_rsqrt
from circuits.lower.halo2.sums import lower_contract, lower_linear, lower_mul, lower_reduce_sum
from circuits.program import ops
from circuits.program.indexing import hits
from circuits.program.interpreter import evaluate_op
from circuits.program.ops import Op

LOWERINGS: dict[type[Op], Callable[[Context, Any], Row]] = {
    ops.Contract: lower_contract,
    ops.Linear: lower_linear,
    ops.Mul: lower_mul,
    ops.ReduceSum: lower_reduce_sum,
    ops.Lookup: lower_lookup,
    ops.Max: lower_max,
    ops.Argmax: lower_argmax,
    ops.Compare: lower_compare,
    ops.Select: lower_select,
    ops.Index: lower_index,
    ops.Gather: lower_gather,
    ops.Divide: lower_divide,
    ops.Rsqrt: lower_rsqrt,
}


def lower_ops(context: Context) -> None:
    """Lowers the program's ops in execution order."""
    for op in context.program.ops:
        context.finish(_lower(context, op))


def _constant(context: Context, op: Op, number: int) -> Integers | None:
    """An operand's elements, if no input decides what is read of it: zeros for a row that is missed at every point."""
    operand = context.operand(op.operands[number])
    if not isinstance(operand, Row):
        return operand
    read = hits(op.maps[number], op.iteration_of(number)).any()
    return None if read else np.zeros(operand.size, np.int64)


def _lower(context: Context, op: Op) -> Operand:
    if 0 in op.iteration or any(not math.prod(how.view) for how in op.maps):
        raise context.refusal("it makes or reads a tensor without elements")
    constants = [_constant(context, op, number) for number in range(len(op.operands))]
    known = [values for values in constants if values is not None]
    if len(known) == len(constants):
        return evaluate_op(op, known).reshape(-1)
    only = context.span.output
    if only.lo == only.hi:  # what ezkl's importer would fold, and then miss
        return context.repeated(only.lo, math.prod(op.dims))
    lowering = LOWERINGS.get(type(op))
    if lowering is None:
        raise context.refusal("the lowering table has no entry for it")
    return lowering(context, op)
