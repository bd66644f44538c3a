"""32-byte words on the command line."""

from __future__ import annotations

from circuits.errors import InputError


def word(text: str, what: str) -> bytes:
    """64 hex digits, with or without 0x; `what` names it in the refusal."""
    digits = text.removeprefix("0x")
    if len(digits) != 64 or any(c not in "0123456789abcdefABCDEF" for c in digits):
        raise InputError("hex_malformed", f"a {what} is 64 hex digits", got=text[:80])
    return bytes.fromhex(digits)
