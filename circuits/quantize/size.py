"""How much one operator may make of a small file: refused before anything is laid out."""

from __future__ import annotations

from circuits.errors import InputError


def require_at_most(number: int, limit: int, what: str) -> None:
    """Raises `program_too_large` where the operator takes more than `limit` of `what`."""
    if number > limit:
        raise InputError(
            "program_too_large", f"it takes {number} {what}, at most {limit} are possible", number=number, limit=limit
        )
