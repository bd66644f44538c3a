"""Straight lines instead of a table: y = T[i] + D[i] · (x − centre of segment i), i being the segment that x is in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from circuits.program.intervals import Interval
from circuits.program.limits import MAX_BITS, MAX_SHIFT, MIN_BITS
from circuits.program.ops import Linear, Mul
from circuits.program.rescale import rescale_half_up
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.scales import Floats, Integers, Target, bits_of, integers_at
from circuits.quantize.segments import Curve, Lines, Piece, probes

# How many bits finer than the result the two addends are, and how much finer than those a slope's share.
GUARD_BITS, SLOPE_BITS = 4, 3
# In how many places of a segment its largest error is looked for.
STATED_PROBES = 33
# Slope times distance stays below 2^52.
PRODUCT_BITS = 52


@dataclass(frozen=True)
class Stated:
    """The number of segments, and the largest error that the integers can make anywhere in them."""

    entries: int
    largest: float


@dataclass(frozen=True)
class Entries:
    """The lines as integers: T at `scale`, D · distance shifted by `shift` to it."""

    intercepts: Integers
    slopes: Integers
    scale: int
    shift: int


def along(
    b: Builder, name: str, x: Tensor, curve: Curve, lines: Lines, target: Target, shadow: Floats
) -> tuple[Tensor, Stated]:
    """The function that `lines` follow, at x; `shadow` is the function itself."""
    entries = _entries(lines, target)
    number, low = _number(b, x, curve, lines)
    distance = _distance(b, x, number, curve, lines)

    def looked_up(what: str, values: Integers, scale: int, real: Floats) -> Tensor:
        """Segments are numbered downwards from 0 (see `_number`), so tables are stored last segment first."""
        table = b.constant(f"{name}.{what}", values[::-1], scale)
        bits = bits_of(Interval(int(values.min()), int(values.max())))
        return b.lookup(number, table, low, Target(scale, bits), real)

    height = looked_up("heights", entries.intercepts, entries.scale, shadow * 2.0**entries.scale)
    slope_scale = entries.scale + entries.shift - x.scale
    slope = looked_up("slopes", entries.slopes, slope_scale, np.zeros_like(shadow))
    reach = b.interval(slope).times(b.interval(distance))
    bits = bits_of(Interval(*(rescale_half_up(end, entries.shift) for end in (reach.lo, reach.hi))))
    readings = [slope.identity(), distance.identity()]
    rise = b.accumulate(
        Mul, readings, x.dims, entries.scale + entries.shift, Target(entries.scale, min(bits, MAX_BITS))
    )
    readings = [height.identity(), rise.identity()]
    real = shadow * 2.0**entries.scale
    made = b.accumulate(Linear, readings, x.dims, entries.scale, target, shadow=real, coefficients=(1, 1))
    return made, Stated(len(lines.centres), _largest_error(curve, lines, entries, target))


def _entries(lines: Lines, target: Target) -> Entries:
    scale = target.scale + max(0, min(GUARD_BITS, MAX_BITS - 2 - target.bits))
    longest = int(lines.shifts.max())
    steepest = float(np.abs(lines.slopes).max()) * 2.0**scale
    room = min(MAX_BITS - 2, PRODUCT_BITS - longest)
    fits = room - math.ceil(math.log2(steepest)) if steepest else MAX_SHIFT
    shift = max(0, min(longest + SLOPE_BITS, MAX_SHIFT, fits))
    intercepts = integers_at(lines.intercepts, scale, MAX_BITS)
    return Entries(intercepts, integers_at(lines.slopes, scale + shift, MAX_BITS), scale, shift)


def _number(b: Builder, x: Tensor, curve: Curve, lines: Lines) -> tuple[Tensor, int]:
    """Minus the number of x's segment, and its least value.

    Every piece extends its numbering to all arguments. Segments grow from piece to piece, so that the right number is
    the least of these: of their negatives the largest.
    """
    numbers = [_number_by(b, x, curve, piece) for piece in lines.pieces]
    made = numbers[0]
    if len(numbers) > 1:
        made = b.max_over([n.identity() for n in numbers], x.dims, (), 0)
    return made, 1 - len(lines.centres)


def _number_by(b: Builder, x: Tensor, curve: Curve, piece: Piece) -> Tensor:
    """−floor((x − low − start) / 2^shift) − first."""
    offset = curve.low + piece.start - (piece.first << piece.shift)
    ends = [-((end - offset) >> piece.shift) for end in (curve.low + curve.size - 1, curve.low)]
    half = (1 << piece.shift >> 1) - 1 if piece.shift else 0
    bias = b.constant("start", np.array(offset + half, np.int64), piece.shift, width=8)
    return b.linear([(-1, x)], x.dims, piece.shift, Target(0, bits_of(Interval(*ends))), bias)


def _distance(b: Builder, x: Tensor, number: Tensor, curve: Curve, lines: Lines) -> Tensor:
    """x minus the centre of its segment."""
    longest = int(lines.shifts.max())
    # A bit to spare: what intervals cannot rule out is then seen never to be clamped.
    want = Target(x.scale, max(MIN_BITS, longest + 1))
    if len(lines.pieces) == 1:
        first = np.array(-int(lines.centres[0]), np.int64)
        bias = b.constant("centre", first, x.scale, width=8)
        return b.linear([(1, x), (1 << longest, number)], x.dims, x.scale, want, bias)
    table = b.constant("centres", lines.centres[::-1], x.scale)
    bits = bits_of(Interval(int(lines.centres.min()), int(lines.centres.max())))
    real = b.shadow(x) * 2.0**x.scale
    centre = b.lookup(number, table, 1 - len(lines.centres), Target(x.scale, bits), real)
    return b.linear([(1, x), (-1, centre)], x.dims, x.scale, want)


def _largest_error(curve: Curve, lines: Lines, entries: Entries, target: Target) -> float:
    """Exactly what the program computes, at the ends of every segment and in many places between them."""
    worst = 0.0
    for shift in np.unique(lines.shifts):
        chosen = lines.shifts == shift
        offsets = probes(int(shift), STATED_PROBES)
        points = lines.centres[chosen][:, None] + offsets
        inside = points <= curve.low + curve.size - 1
        rise = rescale_half_up(entries.slopes[chosen][:, None] * offsets, entries.shift)
        acc = entries.intercepts[chosen][:, None] + rise
        limit = 1 << (target.bits - 1)
        made = np.clip(rescale_half_up(acc, entries.scale - target.scale), -limit, limit - 1) * 2.0**-target.scale
        real = curve.function(points.astype(np.float64))
        seen = inside & (np.abs(real) <= curve.limit)
        worst = max(worst, float(np.abs(made - real)[seen].max(initial=0.0)))
    return worst
