"""contract, linear, mul, reduce_sum: exact sums in float64, then the rescale.

The accumulator is kept divided by 2^shift from the start: a factor of a power of two changes no significant bit, so
every sum stays exact, and what is left of the rescale is floor(acc / 2^shift + 1/2).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from circuits.execute.contraction import Factor, contraction_steps
from circuits.execute.tensors import Floats, Step, Tensors
from circuits.program.indexing import reduced_iteration, strided_view
from circuits.program.ops import Accumulating, Contract, Linear, Mul, ReduceSum
from circuits.program.refs import Ref, Source

Plan = tuple[Floats, list[Step]]


def contract(op: Contract, tensors: Tensors) -> Plan:
    out = np.empty(op.dims)
    shifts = _shifts(op)
    a, b = (_factor(tensors, ref, shift) for ref, shift in zip(op.operands[:2], shifts, strict=True))
    steps = contraction_steps(op, (a, b), out, tensors.shared, tensors.arithmetic)
    return out, steps + _divided(op, out, shifts) + _finish(op, tensors, out)


def linear(op: Linear, tensors: Tensors) -> Plan:
    out, term = np.empty(op.dims), np.empty(op.dims)
    steps: list[Step] = []
    for position, coefficient in enumerate(op.coefficients):
        view, reading = tensors.read(op, position)
        factor = coefficient * 2.0**-op.shift
        steps += reading
        if position == 0:
            steps.append(partial(np.multiply, view, factor, out))
        elif factor == 1.0:
            steps.append(partial(np.add, out, view, out))
        else:
            steps += [partial(np.multiply, view, factor, term), partial(np.add, out, term, out)]
    return out, steps + _finish(op, tensors, out)


def mul(op: Mul, tensors: Tensors) -> Plan:
    out = np.empty(op.dims)
    shifts = _shifts(op)
    a, steps = tensors.read(op, 0, shift=shifts[0])
    b, more = tensors.read(op, 1, shift=shifts[1])
    steps = [*steps, *more, partial(np.multiply, a, b, out)]
    return out, steps + _divided(op, out, shifts) + _finish(op, tensors, out)


def reduce_sum(op: ReduceSum, tensors: Tensors) -> Plan:
    out = np.empty(op.dims)
    view, steps = tensors.read(op, 0)
    axes = tuple(range(len(op.dims), len(op.iteration)))
    steps.append(partial(np.add.reduce, view, axis=axes, out=out))
    steps.append(partial(np.multiply, out, op.multiplier * 2.0**-op.shift, out))
    return out, steps + _finish(op, tensors, out)


def _factor(tensors: Tensors, ref: Ref, shift: int) -> Factor:
    return Factor(tensors.of(ref, shift), (ref, shift) if ref.source == Source.CONST else None)


def _shifts(op: Contract | Mul) -> tuple[int, int]:
    """What the two factors are divided by 2^ of: a constant, if one is there, takes the whole shift."""
    constant = [ref.source == Source.CONST for ref in op.operands[:2]]
    if constant[1]:
        return 0, op.shift
    return (op.shift, 0) if constant[0] else (0, 0)


def _divided(op: Accumulating, acc: Floats, shifts: tuple[int, int]) -> list[Step]:
    """The division by 2^shift, where no constant took it."""
    return [partial(np.multiply, acc, 2.0**-op.shift, acc)] if sum(shifts) != op.shift else []


def _finish(op: Accumulating, tensors: Tensors, acc: Floats) -> list[Step]:
    """Bias, rounding and saturation of an accumulator that is already divided by 2^shift, in place."""
    steps: list[Step] = []
    half = 0.5 if op.shift else 0.0
    if op.has_bias:
        steps.append(partial(np.add, acc, _bias(op, tensors) + half, acc))
    elif op.shift:
        steps.append(partial(np.add, acc, half, acc))
    if op.shift:
        steps.append(partial(np.floor, acc, acc))
    if op.saturates:
        steps += tensors.clamp(acc, op.bits)
    return steps


def _bias(op: Accumulating, tensors: Tensors) -> Floats:
    """The bias divided by 2^shift, of size 1 on every output axis that it does not depend on."""
    how = op.maps[-1]
    over_outputs = replace(how, strides=tuple(row[: len(op.dims)] for row in how.strides))
    values = tensors.of(op.operands[-1], op.shift)
    return np.array(strided_view(values, over_outputs, reduced_iteration(over_outputs, op.dims)))
