"""What the prover says, in order: a transcript that keeps what it absorbs (docs/protocol/sumcheck.md section 5)."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.statement import Hasher, keccak256
from verifier.field import scalar_bytes
from verifier.transcript import Tag, Transcript


class Channel(Transcript):
    """Absorbed values are exactly the bytes on the wire, so a proof is its messages one after the other."""

    def __init__(self, hasher: Hasher = keccak256) -> None:
        super().__init__(hasher)
        self._sent: list[bytes] = []

    def absorb(self, tag: Tag, data: bytes) -> None:
        super().absorb(tag, data)
        if tag is not Tag.STATEMENT:  # both sides have it already
            self._sent.append(data)

    def send(self, tag: Tag, values: Sequence[int]) -> None:
        """Absorbs scalars, each below the modulus."""
        self.absorb(tag, scalar_bytes(values))

    def messages(self) -> bytes:
        """Everything said so far."""
        return b"".join(self._sent)
