"""Which SRS a halo2 key may stand on, docs/protocol/halo2.md section 3."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.statement import keccak256
from verifier.errors import VerificationError
from verifier.halo2_key import Halo2Key

BASE_MODULUS = 21888242871839275222246405745257275088696311157297823662689037894645226208583

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
_NUM_INSTANCES, _ACCUMULATOR, _G1, _G2, _NEG_S_G2 = 2, 10, 14, 16, 20


@dataclass(frozen=True)
class Accepted:
    """The verifier's policy, never the proof's: the s·G2 it accepts, and whether unbound statements may pass."""

    srs_g2: frozenset[G2Point]
    allow_unbound: bool = False


def negate(point: G2Point) -> G2Point:
    return (point[0], point[1], -point[2] % BASE_MODULUS, -point[3] % BASE_MODULUS)


def srs_digest(s_g2: G2Point) -> bytes:
    """Names an SRS by its secret alone, whatever its size."""
    return keccak256(b"".join(c.to_bytes(32, "big") for c in s_g2))


def key_s_g2(key: Halo2Key) -> G2Point:
    """The s·G2 that the key's artifact carries (negated there)."""
    return negate(_point(key, _NEG_S_G2))


def _point(key: Halo2Key, start: int) -> G2Point:
    a, b, c, d = (int.from_bytes(word, "big") for word in key.vka[start : start + 4])
    return (a, b, c, d)


def check_artifact(key: Halo2Key, accepted: Accepted) -> None:
    """Section 3's table."""
    if _point(key, _G2) != G2_GENERATOR or [int.from_bytes(w, "big") for w in key.vka[_G1 : _G1 + 2]] != [1, 2]:
        raise VerificationError("key_wrong_generators", "the key's artifact does not stand on BN254's generators")
    if _point(key, _NEG_S_G2) not in {negate(point) for point in accepted.srs_g2}:
        message = "the key was made over an SRS that this verifier does not accept"
        raise VerificationError("srs_not_accepted", message, srs_digest=srs_digest(key_s_g2(key)).hex())
    if int.from_bytes(key.vka[_ACCUMULATOR], "big") != 0:
        raise VerificationError("key_malformed", "the key's artifact reads an accumulator from the public values")
    count = int.from_bytes(key.vka[_NUM_INSTANCES], "big")
    if count != key.instance_count():
        message = f"the key's artifact takes {count} public values, its shapes need {key.instance_count()}"
        raise VerificationError("key_malformed", message, expected=key.instance_count(), got=count)
