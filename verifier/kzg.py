"""One opening: the value of a multilinear polynomial whose coefficients are committed by KZG (docs/protocol/sumcheck.md
section 9).

The polynomial is folded a variable at a time (Gemini), the folds are evaluated at three points and opened together
(Boneh, Drake, Fisch and Gabizon 2020, second scheme): one pairing check, and one multi-scalar multiplication before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from verifier.curve import G1, G1_GENERATOR, Arithmetic, encode_point, negate
from verifier.errors import VerificationError
from verifier.field import MODULUS, dot, powers, scalar_bytes
from verifier.srs import G2_GENERATOR, G2Point
from verifier.transcript import Tag, Transcript

# A polynomial's values at t, −t and t².
Values = tuple[int, int, int]


@dataclass(frozen=True)
class Opening:
    """Steps 10 to 13: for M variables M − 1 folds and the values of M polynomials."""

    folds: tuple[G1, ...]
    values: tuple[Values, ...]
    quotient: G1
    last: G1


def verify_opening(
    rows: Sequence[tuple[G1, int]],
    point: Sequence[int],
    value: int,
    opening: Opening,
    s_g2: G2Point,
    transcript: Transcript,
    arithmetic: Arithmetic,
) -> None:
    """Accepts that the coefficients committed by Σ scalar·C over `rows`, a table of len(point) variables, have the
    multilinear evaluation `value` at `point`; raises VerificationError else.

    `value` has been absorbed. Points are on the curve and scalars reduced, as whoever parses them makes sure; `s_g2` is
    the verifier's own choice.
    """
    if len(opening.folds) != len(point) - 1 or len(opening.values) != len(point):
        message = f"an opening in {len(point)} variables has another number of folds"
        details = {"folds": len(opening.folds), "values": len(opening.values)}
        raise VerificationError("proof_malformed", message, **details)
    transcript.absorb(Tag.FOLDS, b"".join(map(encode_point, opening.folds)))
    t = transcript.challenge(Tag.FOLD_POINT)
    if t in (0, 1, MODULUS - 1):
        raise VerificationError("opening_mismatch", f"the points t, -t and t² are not different for t = {t}")
    _check_folds(point, value, opening.values, t)
    transcript.absorb(Tag.FOLD_VALUES, scalar_bytes([at for values in opening.values for at in values]))
    v = transcript.challenge(Tag.FOLD_COMBINER)
    transcript.absorb(Tag.QUOTIENT, encode_point(opening.quotient))
    z = transcript.challenge(Tag.OPENING_POINT)
    transcript.absorb(Tag.LAST_QUOTIENT, encode_point(opening.last))
    _check_quotients(rows, opening, (t, v, z), s_g2, arithmetic)


def _check_folds(point: Sequence[int], value: int, values: Sequence[Values], t: int) -> None:
    """Each fold at t² follows from the polynomial before it at t and −t; the last one is the constant `value`."""
    folded = [at_square for _, _, at_square in values[1:]] + [value]
    for index, (x, (plus, minus, _), fold) in enumerate(zip(point, values, folded, strict=True)):
        even, odd = plus + minus, plus - minus
        if (2 * t * fold - (1 - x) * t * even - x * odd) % MODULUS:
            raise VerificationError("opening_mismatch", f"fold {index + 1} does not follow from the one before it")


def _check_quotients(
    rows: Sequence[tuple[G1, int]],
    opening: Opening,
    challenges: tuple[int, int, int],
    s_g2: G2Point,
    arithmetic: Arithmetic,
) -> None:
    """e(C_B − I(z)·G_1 − Z(z)·C_q + z·π, G_2) = e(π, τ·G_2)."""
    t, v, z = challenges
    weights = powers(v, len(opening.values))
    at_z = interpolate(combine(opening.values, weights), t, z)
    vanishing = (z * z - t * t) * (z - t * t)
    terms = [*rows, *zip(opening.folds, weights[1:], strict=True)]
    terms += [(G1_GENERATOR, -at_z), (opening.quotient, -vanishing), (opening.last, z)]
    left = arithmetic.msm([g1 for g1, _ in terms], [scalar % MODULUS for _, scalar in terms])
    try:
        accepts = arithmetic.pairing_check([(left, G2_GENERATOR), (negate(opening.last), s_g2)])
    except ValueError as error:
        raise VerificationError("srs_malformed", "the s·G2 that this verifier accepts is not in G2") from error
    if not accepts:
        raise VerificationError("opening_mismatch", "the committed polynomials do not have the values sent")


def combine(values: Sequence[Values], weights: Sequence[int]) -> Values:
    """The values of Σ weight·polynomial."""
    at_t, at_minus_t, at_square = (dot(weights, at_one_point) for at_one_point in zip(*values, strict=True))
    return at_t, at_minus_t, at_square


def interpolate(values: Values, t: int, z: int) -> int:
    """I(z), of degree 2 through the values at t, −t, t²: a + b·z + c·(z² − t²)."""
    plus, minus, at_square = values
    square = t * t
    a = (plus + minus) * pow(2, -1, MODULUS)
    b = (plus - minus) * pow(2 * t, -1, MODULUS)
    c = (at_square - a - b * square) * pow(square * square - square, -1, MODULUS)
    return (a + b * z + c * (z * z - square)) % MODULUS
