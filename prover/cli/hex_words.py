"""32-byte words on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from circuits.errors import InputError

LEAST_DIGITS = 8


def word(text: str, what: str) -> bytes:
    """64 hex digits, with or without 0x; `what` names it in the refusal."""
    digits = text.removeprefix("0x")
    if len(digits) != 64 or not _is_hex(digits):
        raise InputError("hex_malformed", f"a {what} is 64 hex digits", got=text[:80])
    return bytes.fromhex(digits)


def known_word(text: str, what: str, known: Callable[[], Iterable[bytes]]) -> bytes:
    """64 hex digits, or 8 at least with which only one of the known words begins; `known` is asked for only then.

    `what` is "claim" or "challenge". Raises InputError `hex_malformed`, `id_ambiguous`, `claim_unknown`,
    `challenge_unknown`.
    """
    digits = text.removeprefix("0x").lower()
    if len(digits) == 64 and _is_hex(digits):
        return bytes.fromhex(digits)
    if not LEAST_DIGITS <= len(digits) < 64 or not _is_hex(digits):
        message = f"a {what} id is 64 hex digits, or the first {LEAST_DIGITS} of them at least"
        raise InputError("hex_malformed", message, got=text[:80])
    found = sorted({name for name in known() if name.hex().startswith(digits)})
    if not found:
        raise InputError(f"{what}_unknown", f"no {what} here begins with 0x{digits}", got=text)
    if len(found) > 1:
        names = ["0x" + name.hex() for name in found]
        raise InputError("id_ambiguous", f"{len(found)} {what}s begin with 0x{digits}", matches=names)
    return found[0]


def _is_hex(digits: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in digits)
