"""The sumcheck route's key (docs/protocol/sumcheck.md section 10): what a verifier has to know about one program."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from circuits.lower.sumcheck.bounds import require_bounded
from circuits.lower.sumcheck.encoding import decode_system, encode_system
from circuits.lower.sumcheck.layout import FractionLayout, Layout, fraction_layout, layout
from circuits.lower.sumcheck.reading import GroupBook
from circuits.lower.sumcheck.system import System
from circuits.statement import keccak256
from verifier.curve import G1, POINT_BYTES, decode_point, encode_point
from verifier.errors import VerificationError

MAGIC = b"IPSC"
VERSION = 1
MAX_BYTES = 1 << 26
_DIGEST_TAG = b"\x0c"
_WORD = 32
_WORDS = len(MAGIC) + 1  # where modelId and srsDigest stand
_HEAD_BYTES = _WORDS + 2 * _WORD + 1 + 2


@dataclass(frozen=True)
class SumcheckKey:
    """`commitments` are those of the present SETUP rows, in order, each of 2^row_bits cells."""

    model_id: bytes
    srs_digest: bytes
    row_bits: int
    commitments: tuple[G1, ...]
    system: System

    @cached_property
    def layout(self) -> Layout:
        return layout(self.system, self.row_bits)

    @cached_property
    def fraction_layout(self) -> FractionLayout:
        return fraction_layout(self.system)

    @cached_property
    def group_book(self) -> GroupBook:
        return GroupBook()

    def encode(self) -> bytes:
        head = MAGIC + bytes([VERSION]) + self.model_id + self.srs_digest + bytes([self.row_bits])
        points = b"".join(map(encode_point, self.commitments))
        return head + len(self.commitments).to_bytes(2, "big") + points + encode_system(self.system)

    def digest(self) -> bytes:
        return keccak256(_DIGEST_TAG + self.encode())

    @classmethod
    def decode(cls, raw: bytes) -> SumcheckKey:
        """Parses the canonical encoding of a key that keeps to section 10's bounds; VerificationError else."""
        try:
            key = _parse(raw)
            key.check()
        except ValueError as error:
            message = "this is not the canonical encoding of a sumcheck key"
            raise VerificationError("key_malformed", message, reason=str(error)[:200]) from error
        return key

    def check(self) -> None:
        """Raises ValueError for a key that no verifier would look at."""
        require_bounded(self.system, self.row_bits)
        rows = len(self.layout.setup_rows)
        if len(self.commitments) != rows:
            raise ValueError(f"{len(self.commitments)} commitments do not fit the {rows} SETUP rows of the system")


def _parse(raw: bytes) -> SumcheckKey:
    if not _HEAD_BYTES <= len(raw) <= MAX_BYTES:
        raise ValueError(f"a key has {_HEAD_BYTES} to {MAX_BYTES} bytes, got {len(raw)}")
    if raw[: len(MAGIC)] != MAGIC or raw[len(MAGIC)] != VERSION:
        raise ValueError(f"a key begins with {MAGIC!r} and version {VERSION}, got {raw[: len(MAGIC) + 1]!r}")
    model_id, srs_digest = raw[_WORDS : _WORDS + _WORD], raw[_WORDS + _WORD : _WORDS + 2 * _WORD]
    row_bits, count = raw[_WORDS + 2 * _WORD], int.from_bytes(raw[_HEAD_BYTES - 2 : _HEAD_BYTES], "big")
    end = _HEAD_BYTES + POINT_BYTES * count
    if end > len(raw):
        raise ValueError(f"a key of {len(raw)} bytes has no room for its commitments")
    points = tuple(decode_point(raw[at : at + POINT_BYTES]) for at in range(_HEAD_BYTES, end, POINT_BYTES))
    return SumcheckKey(model_id, srs_digest, row_bits, points, decode_system(raw[end:]))
