"""Powers of two: which scale a tensor gets, and real constants as integers at it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.program.intervals import Interval
from circuits.program.limits import MAX_BITS, MIN_BITS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# A tensor of tiny values needs no finer scale than this, and a rescale shifts by at most 31.
MAX_SCALE = 24
MIN_SCALE = -16
MAX_WEIGHT_SCALE = 40
# Integers of so many bits, times a power of two, are exact in a float32, which the halo2 route passes weights through.
EXACT_WEIGHT_BITS = 24
# How much finer than the coarsest channel's a channel's scale may at least be; 24 + 8 bits still fit a constant.
SPARE_BITS = 8
# How many bits a mask may cost that the values it leaves do not need.
TOPS_BITS = 4
# Magnitudes beyond these ask for a scale past either end, whatever the bits.
SMALLEST, LARGEST = 2.0**-128, 2.0**128
# Half of what an accumulator may reach; the other half is for what rounding adds.
ROOM = 2.0**52


@dataclass(frozen=True)
class Target:
    """The scale and bits that a value shall have. `clamps` says that what lies beyond is meant to be clamped."""

    scale: int
    bits: int
    clamps: bool = False


@dataclass(frozen=True)
class Reach:
    """The finest scale at which a value fits `bits`, reaching as far as calibration shows, but not beyond `most`."""

    bits: int
    most: float = math.inf


@dataclass(frozen=True)
class Tops(Reach):
    """A reach of values of `dims` of which only those matter that are no more than `depth` below the largest along
    `axis`: these are as fine as `bits` allow, and there are up to TOPS_BITS more for the others."""

    dims: tuple[int, ...] = ()
    axis: int = 0
    depth: float = 0.0


@dataclass(frozen=True)
class Exact:
    """No rescale, and as many bits as the value can take: integers and truth values."""


Want = Target | Reach | Exact


def scale_for(magnitude: float, bits: int, largest: int = MAX_SCALE) -> int:
    """The largest scale at which `magnitude` fits signed `bits` bits."""
    limit = 2 ** (bits - 1) - 1
    if magnitude <= 0:
        return min(bits - 1, largest)
    magnitude = min(max(magnitude, SMALLEST), LARGEST)
    scale = math.floor(math.log2(limit / magnitude))
    while round(magnitude * 2.0**scale) > limit:  # log2 is not exact at a power of two
        scale -= 1
    return max(MIN_SCALE, min(scale, largest))


def _peak(values: Floats) -> float:
    """How far finite values reach; far below where a headroom would make it infinite."""
    return min(float(np.abs(values).max(initial=0.0)), LARGEST)


def reached(want: Reach, values: Floats, headroom: float) -> Target:
    """The finest scale for values that calibration shows."""
    peak = _peak(values) * headroom
    if isinstance(want, Tops):
        tops = values.reshape(-1, *want.dims).max(want.axis + 1, initial=-math.inf)
        top = _peak(tops) * headroom
        reach = min(peak, top + want.depth)
        scale = min(scale_for(top, want.bits), scale_for(reach, want.bits + TOPS_BITS))
        bits = min(MAX_BITS, max(want.bits, 1 + math.ceil(reach * 2.0**scale).bit_length()))
        return Target(scale, bits, clamps=reach < peak)
    return Target(scale_for(min(peak, want.most), want.bits), want.bits, clamps=want.most < peak)


def round_half_up(values: Floats) -> Integers:
    """floor(x + 1/2): the rounding of every rescale, for constants too."""
    return np.floor(values + 0.5).astype(np.int64)


def integers_at(values: Floats, scale: int, bits: int) -> Integers:
    """Real `values` at `scale`, saturated to signed `bits` bits (a value at the very top may round over it)."""
    limit = 2 ** (bits - 1)
    return round_half_up(np.clip(values * 2.0**scale, -limit, limit - 1))


@dataclass(frozen=True)
class Weights:
    """Integer weights with one scale."""

    values: Integers
    scale: int


def quantize_weights(
    values: Floats, bits: int, largest: int, channels: tuple[int, ...] = (), reach: float = 1.0, offset: float = 0.0
) -> Weights:
    """Weights as integers at one scale, at most `largest`.

    With `channels` (axes), every channel is rounded to `bits` bits at its own scale first, and then multiplied by an
    exact power of two to share one divisor: small channels keep their precision, as far as the accumulator has room.
    It sums weights times integers up to `reach`, and a bias up to `offset` at weights of scale 0.
    """
    if not channels or not values.size:
        scale = scale_for(float(np.abs(values).max(initial=0.0)), bits, largest)
        return Weights(integers_at(values, scale, bits), scale)
    others = tuple(axis for axis in range(values.ndim) if axis not in channels)
    peaks = np.abs(values).max(axis=others, keepdims=True)
    # A channel of zeros asks for nothing: it must not hold the others back.
    peaks = np.where(peaks > 0, peaks, peaks.max())
    scales = np.vectorize(lambda peak: scale_for(peak, bits, largest), otypes=[np.int64])(peaks)
    total = float(np.abs(values).sum(axis=others).max()) * reach + offset
    total = min(max(total, SMALLEST), LARGEST) if total else 0.0
    room = math.floor(math.log2(ROOM / total)) - int(scales.min()) if total else SPARE_BITS
    spare = max(0, min(max(SPARE_BITS, EXACT_WEIGHT_BITS - bits), room))
    scales = np.minimum(scales, scales.min() + spare)
    common = int(scales.max())
    rounded = integers_at(values / 2.0**-scales, 0, bits)
    return Weights(rounded << (common - scales), common)


def bits_of(interval: Interval) -> int:
    """How many signed bits hold every member; at least 8."""
    needed = max(interval.hi.bit_length(), (-interval.lo - 1).bit_length() if interval.lo < 0 else 0) + 1
    return max(MIN_BITS, needed)
