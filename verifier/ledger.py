"""All claims about committed tensors as one about the table at one point (docs/protocol/sumcheck.md section 8)."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.lower.sumcheck.layout import Layout
from verifier.claims import Claim, weighed
from verifier.errors import VerificationError
from verifier.field import dot, powers, round_at, scalar_bytes
from verifier.functionals import Functionals
from verifier.transcript import Tag, Transcript


def check_ledger(
    claims: Sequence[Claim],
    functionals: Functionals,
    table: Layout,
    rounds: Sequence[Sequence[int]],
    evaluation: int,
    transcript: Transcript,
) -> tuple[int, ...]:
    """Steps 8 and 9: if W has the value `evaluation` at the point returned, every claim is true."""
    modulus = transcript.modulus
    weights = powers(transcript.challenge(Tag.DELTA), len(claims), modulus)
    left = dot(weights, [claim.value for claim in claims], modulus)
    x: list[int] = []
    for sent in rounds:
        transcript.absorb(Tag.EVALUATION_ROUND, scalar_bytes(sent))
        x.append(transcript.challenge(Tag.EVALUATION_CHALLENGE))
        left = round_at(left, sent, x[-1], modulus)
    transcript.absorb(Tag.EVALUATION, scalar_bytes((evaluation,)))
    if (evaluation * extension(claims, weights, functionals, table, x) - left) % modulus:
        raise VerificationError("evaluation_mismatch", "the claims about committed tensors do not hold together")
    return tuple(x)


def extension(
    claims: Sequence[Claim], weights: Sequence[int], functionals: Functionals, table: Layout, x: Sequence[int]
) -> int:
    """Φ̃(x). No tensor without elements is read (circuits/lower/sumcheck/bounds.py), so that each has a block."""
    return sum(
        weight * functionals.extension(functional, table.blocks[functional.tensor], x)
        for functional, weight in weighed([claim.terms for claim in claims], weights, functionals.modulus).items()
    )
