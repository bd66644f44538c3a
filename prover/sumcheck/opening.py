"""One opening of a committed polynomial at a multilinear point (docs/protocol/sumcheck.md section 9)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from prover.kernels.field import ReferenceString, Vector, divide_by_linear, evaluate, fold, linear_combination
from prover.sumcheck.channel import Channel
from verifier.field import MODULUS, powers
from verifier.transcript import Tag


def prove_opening(polynomial: Vector, point: Sequence[int], channel: Channel, string: ReferenceString) -> None:
    """Sends steps 10 to 13 for the value of 2^len(point) coefficients at `point`, which has been sent."""
    polynomials = [polynomial]
    for x in point[:-1]:
        polynomials.append(fold(polynomials[-1], x))
    channel.absorb(Tag.FOLDS, b"".join(string.commit(polynomials[1:])))
    t = channel.challenge(Tag.FOLD_POINT)
    points = (t, -t % MODULUS, t * t % MODULUS)
    channel.send(Tag.FOLD_VALUES, [evaluate(each, at) for each in polynomials for at in points])
    v = channel.challenge(Tag.FOLD_COMBINER)
    _prove_batch(linear_combination(polynomials, powers(v, len(polynomials))), points, channel, string)


def _prove_batch(batch: Vector, points: Sequence[int], channel: Channel, string: ReferenceString) -> None:
    """Steps 12 and 13. Divisions drop their remainders, which are what I takes away from B."""
    quotient = batch
    for root in points:
        quotient = divide_by_linear(quotient, root)
    channel.absorb(Tag.QUOTIENT, b"".join(string.commit([quotient])))
    z = channel.challenge(Tag.OPENING_POINT)
    vanishing = math.prod(z - root for root in points) % MODULUS
    last = divide_by_linear(linear_combination([batch, quotient], [1, -vanishing]), z)
    channel.absorb(Tag.LAST_QUOTIENT, b"".join(string.commit([last])))
