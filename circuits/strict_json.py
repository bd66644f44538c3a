"""JSON from strangers.

A deeply nested text can overflow the C stack before Python's recursion limit stops the parser: py_ecc, which web3 and
py-evm import, raises that limit to 100,000 for the whole process. So depth is bounded before anything is parsed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_DEPTH = 32  # a tensor has at most 8 axes

# How many bytes are looked at together: enough to be fast, few enough that memory stays flat.
_BLOCK = 2**20


def is_shallow(raw: bytes) -> bool:
    """Whether brackets outside of strings nest at most MAX_DEPTH deep. An unclosed string runs to the end."""
    # Pairs from the left: what is left of a run of backslashes escapes what follows it.
    text = np.frombuffer(raw.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    depth, quotes = 0, 0
    for start in range(0, len(text), _BLOCK):
        block = text[start : start + _BLOCK]
        in_string = (np.cumsum(block == ord('"'), dtype=np.int64) + quotes) % 2 == 1
        # "[" and "]", "{" and "}" differ by 2 as codes, and "[" | 32 is "{".
        opened, closed = ((block | 32) == code for code in (ord("{"), ord("}")))
        steps = np.where(in_string, 0, opened.astype(np.int8) - closed.astype(np.int8))
        depths = depth + np.cumsum(steps, dtype=np.int64)
        if depths.max() > MAX_DEPTH:
            return False
        depth, quotes = int(depths[-1]), int(quotes + (block == ord('"')).sum())
    return True


def parse(raw: bytes, *, parse_float: Callable[[str], Any] | None = None) -> Any:
    """The value of a UTF-8 JSON text; ValueError for anything else, for a repeated field, for deep nesting.

    `parse_float` takes the text of every number that is not an integer, NaN and the infinities included.
    """
    if not is_shallow(raw):
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    return json.loads(
        raw.decode("utf-8"), object_pairs_hook=_unique, parse_float=parse_float, parse_constant=parse_float
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields
