"""The rounding of every accumulating op (docs/protocol/program.md section 3)."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from circuits.program.intervals import Interval

Integer = TypeVar("Integer", int, npt.NDArray[np.int64])


def rescale_half_up(acc: Integer, shift: int) -> Integer:
    """floor((acc + 2^(shift-1)) / 2^shift), toward minus infinity; shift 0 changes nothing."""
    if shift == 0:
        return acc
    return (acc + (1 << (shift - 1))) >> shift


def saturate(values: npt.NDArray[np.int64], bits: int) -> npt.NDArray[np.int64]:
    """Clamp to the signed `bits`-bit range."""
    bound = Interval.of_bits(bits)
    return np.clip(values, bound.lo, bound.hi)
