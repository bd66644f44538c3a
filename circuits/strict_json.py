"""JSON from strangers.

A deeply nested text can overflow the C stack before Python's recursion limit stops the parser: py_ecc, which web3 and
py-evm import, raises that limit to 100,000 for the whole process. So depth is bounded before anything is parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 32  # a tensor has at most 8 axes

# A whole string, in which brackets do not count, or one bracket. An unclosed string runs to the end.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_STEP = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


def is_shallow(raw: bytes) -> bool:
    """Whether brackets outside of strings nest at most MAX_DEPTH deep."""
    depth = 0
    for token in _TOKEN.finditer(raw):
        depth += _STEP.get(token[0], 0)
        if depth > MAX_DEPTH:
            return False
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
