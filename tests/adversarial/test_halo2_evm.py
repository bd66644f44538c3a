"""What of a verifier contract's answer means yes."""

from __future__ import annotations

import pytest

from circuits.statement import keccak256
from verifier import evm

VKA = (b"\x01" * 32,)
DIGEST = keccak256(VKA[0])
RETURN, REVERT = 0xF3, 0xFD
YES, NO, TWO = (word.to_bytes(32, "big") for word in (1, 0, 2))


def ending(opcode: int, *words: bytes) -> bytes:
    """Code that puts the words into memory and ends with them."""
    stores = b"".join(bytes([0x7F]) + word + bytes([0x60, 32 * place, 0x52]) for place, word in enumerate(words))
    return stores + bytes([0x60, 32 * len(words), 0x5F, opcode])


@pytest.mark.parametrize(
    ("code", "accepted"),
    [
        (ending(RETURN, YES, DIGEST), True),
        (ending(RETURN, YES, DIGEST, bytes(32)), True),
        (ending(RETURN, NO, DIGEST), False),
        (ending(RETURN, TWO, DIGEST), False),
        (ending(RETURN, YES, bytes(32)), False),
        (ending(RETURN, YES), False),
        (ending(RETURN), False),
        (b"", False),
        (ending(REVERT, YES, DIGEST), False),
        (bytes([0xFE]), False),
        (bytes.fromhex("5f63ffffffff52") + ending(RETURN, YES, DIGEST), False),  # memory that no gas pays for
    ],
    ids=[
        "yes",
        "yes, and more",
        "no",
        "neither",
        "other key",
        "no key",
        "nothing",
        "no code",
        "revert",
        "invalid",
        "out of gas",
    ],
)
def test_only_a_yes_about_this_key_is_one(code: bytes, accepted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evm, "reusable_verifier_code", lambda: code)
    assert evm.accepts(b"proof", [1, 2], VKA) is accepted


def test_the_gas_is_what_a_transaction_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code says yes where the gas that is left after its first instruction, of 2, is 2^24 - 2."""
    compare = bytes([0x5A, 0x63]) + (2**24 - 2).to_bytes(4, "big") + bytes([0x14, 0x5F, 0x52])
    store = bytes([0x7F]) + DIGEST + bytes([0x60, 32, 0x52])
    monkeypatch.setattr(evm, "reusable_verifier_code", lambda: compare + store + bytes([0x60, 64, 0x5F, RETURN]))
    assert evm.accepts(b"proof", [1, 2], VKA)
