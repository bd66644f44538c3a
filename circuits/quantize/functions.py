"""Smooth functions of one number: a lookup table, or straight lines that a table chooses, with their largest error."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from circuits.errors import InputError
from circuits.program.intervals import Interval
from circuits.program.limits import MAX_BITS
from circuits.quantize.arithmetic import at_least, rescaled
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.lines import along
from circuits.quantize.report import TableError
from circuits.quantize.scales import Floats, Reach, Target, Want, bits_of, integers_at
from circuits.quantize.segments import Curve, planned

Function = Callable[[Floats], Floats]
# What a function that is infinite or undefined at an argument counts as there.
HUGE = 1e300
# A variance that is 0 may come out as less than that, relative to what it was made of.
ROUNDING_SLACK = 1e-6
# How near the lines have to be, as a power of two of steps of the result.
CLOSE = -3
# How many arguments show how far a function reaches.
SHOWN = 4097


def argument_want(b: Builder, flat_beyond: float = math.inf) -> Reach:
    """What a function's argument shall be: as fine as the bits allow, reaching no further than the function bends."""
    return Reach(b.options.bits, flat_beyond)


def apply(
    b: Builder,
    name: str,
    x: Tensor,
    function: Function,
    want: Want,
    *,
    flat_beyond: float = math.inf,
    least: float = -math.inf,
    covers: float = 0.0,
    graded: bool = False,
    tolerance: float | None = None,
) -> Tensor:
    """function(x): a table of every argument if there are at most 2^`table_bits`, else lines.

    `function` maps float64 arrays elementwise. Arguments lie within what calibration shows, or at least ±`covers`, but
    not beyond ±`flat_beyond`, where the function hardly changes; those below `least`, the end of its domain, count as
    `least`. `graded` says that it bends most at its lowest arguments. `tolerance` is how near the lines have to be, if
    the result's steps do not say it.
    """
    exact = b.shadow(x)
    x = _within_reach(b, x, covers, flat_beyond)
    known, step = b.interval(x), 2.0**-x.scale

    def of_integers(points: Floats) -> Floats:
        return _finite(function, np.maximum(points * step, least))

    with np.errstate(all="ignore"):
        shadow = function(exact)
    target = _result(b, want, shadow, of_integers, known)
    size, most = known.hi - known.lo + 1, 1 << b.options.table_bits
    if size <= most:
        return _direct(b, name, x, of_integers, target, shadow)
    near = 2.0 ** (CLOSE - target.scale) if tolerance is None else tolerance
    curve = Curve(of_integers, known.lo, size, 2.0 ** (target.bits - 1 - target.scale))
    made, error = along(b, name, x, curve, planned(curve, most, near, graded), target, shadow)
    b.tables.append(TableError(made.ref.index, name, error.entries, error.largest))
    return made


def logarithm(b: Builder, name: str, x: Tensor, want: Want, *, of_zero: bool = False) -> Tensor:
    """log(x); what is not positive counts as x's smallest positive number.

    Unless `of_zero` says that the caller means it so, the calibration data may not have it.
    """
    if not of_zero:
        require_domain(b, x, "a logarithm", np.nextafter(0.0, 1.0), math.inf, slack=0.0)
    return apply(b, name, at_least(b, x, np.array(2.0**-x.scale)), np.log, want, graded=True)


def require_domain(
    b: Builder, x: Tensor, function: str, low: float, high: float, slack: float = ROUNDING_SLACK
) -> None:
    """The float model has to be finite on its own calibration data, apart from what rounding errors explain."""
    known = b.shadow(x)
    least, most = float(known.min(initial=high)), float(known.max(initial=low))
    slack *= float(np.abs(known).max(initial=0.0))
    if least < low - slack or most > high + slack:
        found = least if least < low else most
        raise InputError(
            "calibration_not_finite",
            f"{function} of {found:g} occurs on the calibration data, which is outside its domain",
            value=found,
        )


def _within_reach(b: Builder, x: Tensor, covers: float, flat_beyond: float) -> Tensor:
    """x without what calibration and headroom do not reach, and without what is flat."""
    peak = max(covers, float(np.abs(b.shadow(x)).max(initial=0.0)) * b.options.headroom)
    reach = math.ceil(min(peak, flat_beyond) * 2.0**x.scale)
    want = Target(x.scale, min(bits_of(Interval(-reach, reach)), MAX_BITS), clamps=flat_beyond < peak)
    return x if b.interval(x).within(Interval.of_bits(want.bits)) else rescaled(b, x, want)


def _result(b: Builder, want: Want, shadow: Floats, of_integers: Function, known: Interval) -> Target:
    """Headroom ends where the function's own range does."""
    shown = of_integers(np.unique(np.rint(np.linspace(known.lo, known.hi, SHOWN))))
    if isinstance(want, Reach):
        want = Reach(want.bits, min(want.most, float(np.abs(shown).max())))
    return b.resolve(want, shadow, 0, Interval(math.floor(shown.min()), math.ceil(shown.max())))


def _direct(b: Builder, name: str, x: Tensor, of_integers: Function, target: Target, shadow: Floats) -> Tensor:
    """An entry for every argument."""
    known = b.interval(x)
    real = of_integers(np.arange(known.lo, known.hi + 1, dtype=np.float64))
    entries = integers_at(real, target.scale, target.bits)
    table = b.constant(f"{name}.table", entries, target.scale)
    made = b.lookup(x, table, known.lo, target, shadow * 2.0**target.scale)
    limit = 2.0 ** (target.bits - 1 - target.scale)
    errors = np.abs(entries * 2.0**-target.scale - real)[np.abs(real) <= limit]
    b.tables.append(TableError(made.ref.index, name, len(entries), float(errors.max(initial=0.0))))
    return made


def _finite(function: Function, x: Floats) -> Floats:
    with np.errstate(all="ignore"):
        y = function(x)
    finite: Floats = np.nan_to_num(np.asarray(y, np.float64), nan=0.0, posinf=HUGE, neginf=-HUGE)
    return finite


# One table for several ops.


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
    error = _largest_error(function, points, argument.scale, entries, result.scale)
    return Table(name, function, argument, result, b.constant(f"{name}.table", entries, result.scale), error)


def looked_up(b: Builder, table: Table, x: Tensor) -> Tensor:
    """table[x] for an x that has its argument's scale and bits."""
    shadow = table.function(b.shadow(x)) * 2.0**table.result.scale
    made = b.lookup(x, table.entries, -(1 << (table.argument.bits - 1)), table.result, shadow)
    b.tables.append(TableError(made.ref.index, table.name, table.entries.dims[0], table.error))
    return made


def _largest_error(function: Function, points: Floats, x_scale: int, entries: np.ndarray, y_scale: int) -> float:
    """The largest |entry − function| at the table's arguments, and half a step around them: they were rounded."""
    values = entries * 2.0**-y_scale
    errors = [
        np.abs(values - _finite(function, (points + offset) * 2.0**-x_scale)).max(initial=0.0)
        for offset in (-0.5, 0.0, 0.4999)
    ]
    return float(max(errors))
