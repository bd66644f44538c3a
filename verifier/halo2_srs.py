"""Which SRS a halo2 key may stand on, docs/protocol/halo2.md section 3."""

from __future__ import annotations

from verifier.errors import VerificationError
from verifier.field import BASE_MODULUS
from verifier.halo2_key import Halo2Key
from verifier.srs import G2_GENERATOR, Accepted, G2Point, srs_digest

_NUM_INSTANCES, _ACCUMULATOR, _G1, _G2, _NEG_S_G2 = 2, 10, 14, 16, 20


def negate(point: G2Point) -> G2Point:
    return (point[0], point[1], -point[2] % BASE_MODULUS, -point[3] % BASE_MODULUS)


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
        raise VerificationError("srs_not_accepted", message, srs_digest="0x" + srs_digest(key_s_g2(key)).hex())
    if int.from_bytes(key.vka[_ACCUMULATOR], "big") != 0:
        raise VerificationError("key_malformed", "the key's artifact reads an accumulator from the public values")
    count = int.from_bytes(key.vka[_NUM_INSTANCES], "big")
    if count != key.instance_count():
        message = f"the key's artifact takes {count} public values, its shapes need {key.instance_count()}"
        raise VerificationError("key_malformed", message, expected=key.instance_count(), got=count)
