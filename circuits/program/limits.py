"""Numbers that bound every program (docs/protocol/program.md sections 1 to 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from circuits.program.errors import ProgramError
from circuits.statement import MAX_RANK

MIN_BITS = 8
MAX_BITS = 32
MAX_SHIFT = 31
MAX_EXPONENT = 30
MAX_ELEMENTS = 2**28
MAX_POINTS = 2**36
# What checking a program may read: this many elements, and this many more for each element of its constants.
RANGE_READS = 2**23
RANGE_READS_AN_ELEMENT = 4
MAX_TABLE = 2**16
MAX_PORTS = 255
MAX_LABELS = 2**16
MAX_NAME = 256
MAX_OPS = 2**16
ACCUMULATOR_LIMIT = 2**53


def extent(dims: Sequence[int]) -> int:
    """The number of elements, an axis of size 0 counting as 1, so that no empty tensor hides a huge axis."""
    return math.prod(max(d, 1) for d in dims)


def safe_name(text: str) -> str:
    """The start of `text`, with ? for what is not printable: a name that a program may have."""
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_NAME])


def require_dims(dims: Sequence[int], what: str, limit: int = MAX_ELEMENTS) -> None:
    """Rank, dims and number of elements of a tensor or an iteration space; see `extent`."""
    if len(dims) > MAX_RANK or any(not 0 <= d <= MAX_ELEMENTS for d in dims) or extent(dims) > limit:
        shown = list(dims[: MAX_RANK + 1])
        raise ProgramError(
            "program_bad_shape",
            f"{what} has dims {shown}: at most {MAX_RANK} dims of 0 to {MAX_ELEMENTS}, at most {limit} elements",
            dims=shown,
        )


def require_within(value: int, low: int, high: int, what: str, code: str = "program_bad_attribute") -> None:
    """low <= value <= high, and an honest integer (a JSON true is not 1)."""
    if isinstance(value, bool) or not low <= value <= high:
        raise ProgramError(code, f"{what} is {value}, outside [{low}, {high}]", value=value, low=low, high=high)


def require_i32(value: int, what: str) -> None:
    require_within(value, -(2**31), 2**31 - 1, what)
