"""Smooth functions of one number as lookup tables, each with the largest error that it can have."""

from __future__ import annotations

import math
from collections.abc import Callable

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
) -> Tensor:
    """function(x), the argument rescaled first if it has more values than a table may.

    `function` maps float64 arrays elementwise; `flat_beyond` is an absolute argument from which on it hardly changes;
    where its domain has an end, a table's arguments below `least` count as `least`.
    """
    exact = b.shadow(x)
    x, rounded = _argument(b, x, flat_beyond)
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


def _argument(b: Builder, x: Tensor, flat_beyond: float) -> tuple[Tensor, bool]:
    """x as it is if a table can hold all its values, else rounded to the bits of a table; and whether it was."""
    bits = b.options.table_bits
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
