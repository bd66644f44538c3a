"""A smooth function as straight lines: one for each segment of its argument, the segments as long as it bends little.

Segments have a power of two of arguments each. Where a function bends most at its lowest arguments (a logarithm, a
root), the segments are shorter there: they come in pieces, each with segments longer than the piece before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from circuits.quantize.scales import Floats, Integers

# Where in a segment it is compared with its line: a parabola is furthest off in the middle and at the ends.
PROBES = 9
# How many segments of an octave stand for all of them.
SAMPLED = 16
MAX_PIECES = 6
# What a tolerance that is out of reach is multiplied by, until it is not.
LOOSER = 2.0
# A line is asked to follow a function no further than this many times what the result can hold.
BEYOND = 2.0


@dataclass(frozen=True)
class Piece:
    """Arguments from `start` on (counted from the lowest) in segments of 2^shift, numbered from `first`."""

    start: int
    shift: int
    first: int


@dataclass(frozen=True)
class Lines:
    """Segment i is the arguments around centres[i]; there the function is intercepts[i] + slopes[i] · (x − centre)."""

    pieces: tuple[Piece, ...]
    centres: Integers
    shifts: Integers
    intercepts: Floats
    slopes: Floats
    error: float


@dataclass(frozen=True)
class Curve:
    """A function of integers from `low` on, `size` of them; what it is beyond ±`limit` nobody can see."""

    function: Callable[[Floats], Floats]
    low: int
    size: int
    limit: float

    def lines(self, pieces: tuple[Piece, ...]) -> Lines:
        """The straight lines nearest to the function in all segments of these pieces."""
        made, centres, shifts = [], [], []
        ends = [piece.start for piece in pieces[1:]] + [self.size]
        for piece, end in zip(pieces, ends, strict=True):
            starts = np.arange(piece.start, end, 1 << piece.shift, dtype=np.int64)
            made.append(self.fit(starts, piece.shift))
            centres.append(starts + self.low + (1 << piece.shift >> 1))
            shifts.append(np.full(len(starts), piece.shift, np.int64))
        intercepts, slopes, errors = (np.concatenate(parts) for parts in zip(*made, strict=True))
        error = float(errors.max(initial=0.0))
        return Lines(pieces, np.concatenate(centres), np.concatenate(shifts), intercepts, slopes, error)

    def fit(self, starts: Integers, shift: int) -> tuple[Floats, Floats, Floats]:
        """Value at the centre, slope for one argument and largest error of the best line in each segment."""
        offsets = probes(shift)
        values = np.clip(self._at(starts[:, None], shift, offsets), -BEYOND * self.limit, BEYOND * self.limit)
        span = max(1, int(offsets[-1] - offsets[0]))
        slopes = (values[:, -1] - values[:, 0]) / span
        rest = values - slopes[:, None] * offsets
        intercepts = (rest.max(1) + rest.min(1)) / 2
        seen = np.abs(values) <= self.limit
        errors = np.where(seen, np.abs(rest - intercepts[:, None]), 0.0).max(1)
        return intercepts, slopes, errors

    def _at(self, starts: Integers, shift: int, offsets: Integers) -> Floats:
        """The last segment may reach over the end: what lies there counts as the end."""
        inside = np.minimum(starts + (1 << shift >> 1) + offsets, self.size - 1)
        return self.function((inside + self.low).astype(np.float64))


def probes(shift: int, count: int = PROBES) -> Integers:
    """Offsets from a segment's centre, its ends among them, at which it is compared with its line."""
    half = 1 << shift >> 1
    last = half - 1 if shift else 0
    return np.unique(np.rint(np.linspace(-half, last, count)).astype(np.int64))


def planned(curve: Curve, most: int, tolerance: float, graded: bool) -> Lines:
    """As few segments as keep within `tolerance`, but at most `most`: then it is as near as that allows.

    `graded` allows shorter segments at the lowest arguments.
    """
    least = max(0, (curve.size - 1).bit_length() - (most.bit_length() - 1))
    for shift in range(max(least, curve.size.bit_length() - 3), least, -1):
        even = curve.lines((Piece(0, shift, 0),))
        if even.error <= tolerance:
            return even
    even = curve.lines((Piece(0, least, 0),))
    while graded and tolerance < even.error:
        pieces = _graded(curve, most, tolerance)
        if pieces is not None:
            return curve.lines(pieces)
        tolerance *= LOOSER
    return even


def _graded(curve: Curve, most: int, tolerance: float) -> tuple[Piece, ...] | None:
    """Pieces of segments each as long as the tolerance allows from there on, in as few pieces as fit `most`."""
    octaves = (curve.size - 1).bit_length()
    longest = _longest(curve, octaves, tolerance)
    for count in range(2, MAX_PIECES + 1):
        found = _cheapest(longest, count)
        if found is not None and found[0] <= most:
            return _pieces(found[1], longest)
    return None


def _longest(curve: Curve, octaves: int, tolerance: float) -> list[int]:
    """For each octave of arguments [2^j, 2^(j+1)) the largest shift that is fine there and above it."""
    found: list[int] = []
    for octave in reversed(range(octaves)):
        shift = min(octave, found[-1]) if found else octave
        while shift and _error(curve, octave, shift) > tolerance:
            shift -= 1
        found.append(shift)
    return found[::-1]


def _error(curve: Curve, octave: int, shift: int) -> float:
    start, end = 1 << octave, min(2 << octave, curve.size)
    starts = np.arange(start, end, max(1 << shift, (end - start) // SAMPLED >> shift << shift), dtype=np.int64)
    return float(curve.fit(starts, shift)[2].max(initial=0.0))


def _cheapest(longest: Sequence[int], count: int) -> tuple[int, tuple[int, ...]] | None:
    """The fewest segments in `count` pieces, and the octaves that pieces begin with; the first begins at 0."""
    octaves = len(longest)

    def cost(first: int, end: int) -> int:
        return ((1 << end) - (1 << first if first else 0)) >> longest[first]

    best: dict[int, tuple[int, tuple[int, ...]]] = {end: (cost(0, end), (0,)) for end in range(1, octaves + 1)}
    for _ in range(count - 1):
        best = {
            end: min((best[cut][0] + cost(cut, end), (*best[cut][1], cut)) for cut in range(1, end) if cut in best)
            for end in range(2, octaves + 1)
            if any(cut in best for cut in range(1, end))
        }
    return best.get(octaves)


def _pieces(octaves: Sequence[int], longest: Sequence[int]) -> tuple[Piece, ...]:
    made: list[Piece] = []
    for octave in octaves:
        start = 1 << octave if octave else 0
        first = made[-1].first + ((start - made[-1].start) >> made[-1].shift) if made else 0
        made.append(Piece(start, longest[octave], first))
    return tuple(made)
