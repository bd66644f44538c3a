"""Which reference strings a verifier may stand on, named by tau·G2 alone (docs/protocol/halo2.md section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from circuits.statement import keccak256

# A point of G2 in the order of the pairing precompile: x imaginary, x real, y imaginary, y real.
G2Point = tuple[int, int, int, int]

G2_GENERATOR: G2Point = (
    0x198E9393920D483A7260BFB731FB5D25F1AA493335A9E71297E485B7AEF312C2,
    0x1800DEEF121F1E76426A00665E5C4479674322D4F75EDADD46DEBD5CD992F6ED,
    0x090689D0585FF075EC9E99AD690C3395BC4B313370B38EF355ACDADCD122975B,
    0x12C85EA5DB8C6DEB4AAB71808DCB408FE3D1E7690C43D37B4CE6CC0166FA7DAA,
)
# The development SRS, whose tau everybody knows: accepted only where the caller says that INSECURE is fine.
DEVELOPMENT_S_G2: G2Point = (
    0x2D0794D12EFB27EFE4CCFFA3F4BED33D946F074A8C8E369106806F4891E8BA80,
    0x2EFAD5647E848A9D5500188C221921040D9F36DDC1150250CA89C71C74530F23,
    0x2AEA43AC32A6EBA696403F56D8652141D5C143A396D2AFF9F09B4D8FD5A324E6,
    0x15CD72E52FD98ABB00519FE5D3007FCC2527E31B9CDED7DF22AC7156CBC233F0,
)


@dataclass(frozen=True)
class Accepted:
    """The verifier's policy, never the proof's: the s·G2 it accepts, and whether unbound statements may pass."""

    srs_g2: frozenset[G2Point]
    allow_unbound: bool = False


def srs_digest(s_g2: G2Point) -> bytes:
    """Names an SRS by its secret alone, whatever its size (docs/protocol/sumcheck.md section 10)."""
    return keccak256(b"".join(c.to_bytes(32, "big") for c in s_g2))


def srs_fields(digest: bytes) -> dict[str, Any]:
    """Which SRS a key or a proof stands on, as every verb's document tells it."""
    return {"srs_digest": "0x" + digest.hex(), "insecure_srs": digest == srs_digest(DEVELOPMENT_S_G2)}
