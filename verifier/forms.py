"""What fractions and identities say at ζ, as sums of readings (docs/protocol/sumcheck.md sections 6 and 7).

Prover and verifier both take the sums from here, so that they cannot disagree silently. Nothing here reads a tensor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from circuits.lower.sumcheck.layout import FractionLayout
from circuits.lower.sumcheck.system import Expression, Fractions, Identity, System
from verifier.claims import LinearReading, axis_points
from verifier.field import MODULUS, eq_index, eq_prefix, powers


@dataclass(frozen=True)
class Form:
    """constant + Σ coefficient·(the reading at ζ); the readings are in the order of their first appearance."""

    constant: int
    readings: Mapping[LinearReading, int]


class _Sum:
    """A form that grows."""

    def __init__(self, modulus: int) -> None:
        self._modulus = modulus
        self.constant = 0
        self._readings: dict[LinearReading, int] = defaultdict(int)

    def add(self, factor: int, terms: Expression, dims: tuple[int, ...]) -> None:
        """factor times the terms of one reading on the box `dims`."""
        for term in terms:
            if len(term.readings) == 1:
                reading = LinearReading(term.readings[0], dims, term.inner)
                self._readings[reading] = (self._readings[reading] + factor * term.coefficient) % self._modulus

    def form(self) -> Form:
        return Form(self.constant % self._modulus, dict(self._readings))


def leaf_forms(
    system: System,
    places: FractionLayout,
    zeta: Sequence[int],
    challenges: tuple[int, int],
    modulus: int = MODULUS,
) -> tuple[Form, Form]:
    """The extensions of the leaves' numerators and denominators; `challenges` are α and β."""
    alpha, beta = challenges
    numerator, denominator = _Sum(modulus), _Sum(modulus)
    denominator.constant = 1  # the leaves outside blocks
    for block, fractions in zip(places.blocks, system.fractions, strict=True):
        inside, above = zeta[: block.bits], zeta[block.bits : places.depth]
        selector = eq_index(above, block.offset >> block.bits, modulus)
        numerator.add(selector, (fractions.numerator,), fractions.dims)
        denominator.constant += selector * (alpha - fractions.tag * _mask_at(fractions, inside, modulus) - 1)
        for power, column in zip(powers(beta, len(fractions.columns) + 1, modulus)[1:], fractions.columns, strict=True):
            denominator.add(-selector * power % modulus, column, fractions.dims)
    return numerator.form(), denominator.form()


def _mask_at(fractions: Fractions, inside: Sequence[int], modulus: int) -> int:
    mask = 1
    for size, point in zip(fractions.dims, axis_points(fractions.dims, inside), strict=True):
        mask = mask * eq_prefix(point, size, modulus) % modulus
    return mask


def identity_form(identities: Sequence[Identity], gamma: int, modulus: int = MODULUS) -> Form:
    """Σ γ^i·(the terms of one reading of identity i)."""
    total = _Sum(modulus)
    for power, identity in zip(powers(gamma, len(identities), modulus), identities, strict=True):
        total.add(power, identity.terms, identity.dims)
    return total.form()
