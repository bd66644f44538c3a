"""One sum of fractions that has to be 0 (docs/protocol/sumcheck.md section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from verifier.errors import VerificationError
from verifier.field import scalar_bytes
from verifier.sumcheck_proof import LayerProof
from verifier.transcript import Tag, Transcript


@dataclass(frozen=True)
class LeafClaim:
    """The extensions of the leaves' numerators and denominators have these values at `point`."""

    point: tuple[int, ...]
    numerator: int
    denominator: int


def reduce_to_leaves(top: tuple[int, int, int, int], layers: Sequence[LayerProof], transcript: Transcript) -> LeafClaim:
    """Steps 2 and 3: the whole sum is 0 and has no pole if the claim returned is true."""
    modulus = transcript.modulus
    p0, p1, q0, q1 = top
    if (p0 * q1 + p1 * q0) % modulus:
        raise VerificationError("fraction_sum_not_zero", "the fractions do not add up to 0")
    # A denominator of 0 would hide any numerator.
    if q0 * q1 % modulus == 0:
        raise VerificationError("fraction_pole", "one of the fractions has denominator 0")
    transcript.absorb(Tag.LAYER_VALUES, scalar_bytes(top))
    claim = _child((), top, transcript)
    for layer in layers:
        claim = _reduce_layer(claim, layer, transcript)
    return claim


def _reduce_layer(claim: LeafClaim, layer: LayerProof, transcript: Transcript) -> LeafClaim:
    """From the nodes at claim.point to their children at a point of one more coordinate."""
    modulus = transcript.modulus
    combiner = transcript.challenge(Tag.LAYER_COMBINER)
    left = (claim.numerator + combiner * claim.denominator) % modulus
    point: list[int] = []
    for coordinate, (linear, quadratic) in zip(claim.point, layer.rounds, strict=True):
        transcript.absorb(Tag.LAYER_ROUND, scalar_bytes((linear, quadratic)))
        x = transcript.challenge(Tag.LAYER_CHALLENGE)
        # With (1 − u)·g(0) + u·g(1) = left, the constant follows.
        constant = left - coordinate * (linear + quadratic)
        left = (constant + x * (linear + x * quadratic)) % modulus
        point.append(x)
    p0, p1, q0, q1 = layer.values
    if (p0 * q1 + p1 * q0 + combiner * q0 * q1 - left) % modulus:
        layer_number = len(point) + 1
        message = (
            f"layer {layer_number} of the sum of fractions does not follow from the layer above it: the proof, or a "
            "value that it is about, was changed after it was made"
        )
        raise VerificationError("layer_mismatch", message, layer=layer_number)
    transcript.absorb(Tag.LAYER_VALUES, scalar_bytes(layer.values))
    return _child(point, layer.values, transcript)


def _child(point: Sequence[int], values: tuple[int, int, int, int], transcript: Transcript) -> LeafClaim:
    """Two claims about a node's children become one, between them."""
    p0, p1, q0, q1 = values
    c, modulus = transcript.challenge(Tag.LAYER_CHILD), transcript.modulus
    return LeafClaim((*point, c), (p0 + c * (p1 - p0)) % modulus, (q0 + c * (q1 - q0)) % modulus)
