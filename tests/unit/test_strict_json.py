"""JSON from strangers, with the recursion limit that py_ecc leaves behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from circuits.strict_json import MAX_DEPTH, parse


@pytest.fixture(autouse=True)
def _raised_recursion_limit() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(before)


def test_reads_what_json_reads_and_ignores_brackets_in_strings() -> None:
    assert parse(b'{"a": [1, 2.5, {"b": "]]]]\\"[[[["}], "c": null}') == {"a": [1, 2.5, {"b": ']]]]"[[[['}], "c": None}
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": 1, "a": 2}',
        b'"unclosed [[[[',
        b'"' + b"\\" * 1001,
        b"\xff",
        b"",
    ],
)
def test_refuses_what_would_crash_or_mislead_a_reader(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reason is the parser's own
        parse(raw)
