"""Smooth functions of one number as lookup tables, each with the largest error that it can have."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from circuits.program.intervals import Interval
from circuits.quantize.arithmetic import rescaled
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.report import TableError
from circuits.quantize.scales import Floats, Reach, Target, Want, integers_at, scale_for

Function = Callable[[Floats], Floats]
# What a function that is infinite or undefined at an argument counts as there.
HUGE = 1e300


def argument_want(b: Builder, flat_beyond: float = math.inf) -> Reach:
    """What a table's argument shall be: no wider than a table, reaching no further than the function bends."""
    return Reach(b.options.table_bits, flat_beyond)


def apply(
    b: Builder,
    name: str,
    x: Tensor,
    function: Function,
    want: Want,
    *,
    flat_beyond: float = math.inf,
    least: float = -math.inf,
    bits: int | None = None,
) -> Tensor:
    """function(x), the argument rescaled first if it has more values than a table of `bits` (or the options') may.

    `function` maps float64 arrays elementwise; `flat_beyond` is an absolute argument from which on it hardly changes;
    where its domain has an end, a table's arguments below `least` count as `least`.
    """
    exact = b.shadow(x)
    x, rounded = _argument(b, x, flat_beyond, b.options.table_bits if bits is None else bits)
    arguments = b.interval(x)
    points = np.arange(arguments.lo, arguments.hi + 1, dtype=np.float64)

    def within(argument: Floats) -> Floats:
        return function(np.maximum(argument, least))

    real = _finite(within, points * 2.0**-x.scale)
    with np.errstate(all="ignore"):
        shadow = function(exact)
    target = b.resolve(want, shadow, 0, Interval(math.floor(real.min()), math.ceil(real.max())))
    entries = integers_at(real, target.scale, target.bits)
    table = b.constant(f"{name}.table", entries, target.scale)
    made = b.lookup(x, table, arguments.lo, target, shadow * 2.0**target.scale)
    error = _largest_error(within, points, x.scale, entries, target.scale, rounded)
    b.tables.append(TableError(made.ref.index, name, len(entries), error))
    return made


def _argument(b: Builder, x: Tensor, flat_beyond: float, bits: int) -> tuple[Tensor, bool]:
    """x as it is if a table can hold all its values, else rounded to the bits of a table; and whether it was."""
    if b.interval(x).hi - b.interval(x).lo < 2**bits:
        return x, False
    peak = float(np.abs(b.shadow(x)).max(initial=0.0)) * b.options.headroom
    scale = min(scale_for(min(peak, flat_beyond), bits), x.scale)
    return rescaled(b, x, Target(scale, bits)), True


def _finite(function: Function, x: Floats) -> Floats:
    with np.errstate(all="ignore"):
        y = function(x)
    finite: Floats = np.nan_to_num(np.asarray(y, np.float64), nan=0.0, posinf=HUGE, neginf=-HUGE)
    return finite


def _largest_error(
    function: Function, points: Floats, x_scale: int, entries: np.ndarray, y_scale: int, rounded: bool
) -> float:
    """The largest |entry − function| at the table's arguments, and half a step around them if they were rounded."""
    values = entries * 2.0**-y_scale
    errors = [
        np.abs(values - _finite(function, (points + offset) * 2.0**-x_scale)).max(initial=0.0)
        for offset in ((-0.5, 0.0, 0.4999) if rounded else (0.0,))
    ]
    return float(max(errors))


@dataclass(frozen=True)
class Table:
    """A function over every integer of its argument: what several ops share whose arguments have one scale."""

    name: str
    function: Function
    argument: Target
    result: Target
    entries: Tensor
    error: float


def tabulated(b: Builder, name: str, function: Function, argument: Target, result: Target) -> Table:
    half = 1 << (argument.bits - 1)
    points = np.arange(-half, half, dtype=np.float64)
    entries = integers_at(_finite(function, points * 2.0**-argument.scale), result.scale, result.bits)
    error = _largest_error(function, points, argument.scale, entries, result.scale, rounded=True)
    return Table(name, function, argument, result, b.constant(f"{name}.table", entries, result.scale), error)


def looked_up(b: Builder, table: Table, x: Tensor) -> Tensor:
    """table[x] for an x that has its argument's scale and bits."""
    shadow = table.function(b.shadow(x)) * 2.0**table.result.scale
    made = b.lookup(x, table.entries, -(1 << (table.argument.bits - 1)), table.result, shadow)
    b.tables.append(TableError(made.ref.index, table.name, table.entries.dims[0], table.error))
    return made
