"""All products of readings in one batched sumcheck (docs/protocol/sumcheck.md section 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from verifier.claims import Product, axis_points
from verifier.errors import VerificationError
from verifier.field import MODULUS, eq, eq_prefix, powers, round_at, scalar_bytes
from verifier.transcript import Tag, Transcript

# The value of A' (0) or B' (1) of an instance at ρ: sent, or known to everybody.
Factors = Callable[[int, int], int]


def reduce_products(
    target: int, rounds: Sequence[Sequence[int]], transcript: Transcript
) -> tuple[tuple[int, ...], int]:
    """Step 6: the point ρ and what the instances have to add up to there, if they add up to `target`."""
    point: list[int] = []
    for sent in rounds:
        transcript.absorb(Tag.PRODUCT_ROUND, scalar_bytes(sent))
        point.append(transcript.challenge(Tag.RHO))
        target = round_at(target, sent, point[-1], transcript.modulus)
    return tuple(point), target


def check_products(
    last: int,
    products: Sequence[Product],
    points: tuple[Sequence[int], Sequence[int]],
    gamma: int,
    factors: Factors,
    modulus: int = MODULUS,
) -> None:
    """Step 7: the instances at ρ, from their factors' values; `points` are ζ and ρ."""
    zeta, rho = points
    weights = powers(gamma, 1 + max((product.identity for product in products), default=0), modulus)
    total = 0
    for number, product in enumerate(products):
        scale = weights[product.identity] * instance_factor(product, zeta, modulus) % modulus
        scale = scale * instance_at(product, zeta, rho, modulus) % modulus
        total += scale * (factors(number, 0) * factors(number, 1) % modulus)
    if (total - last) % modulus:
        raise VerificationError("products_mismatch", "the products do not add up to the sum that was sent")


def instance_factor(product: Product, zeta: Sequence[int], modulus: int = MODULUS) -> int:
    """c_i·factor_i: the coefficient, and the axes that neither reading depends on, summed."""
    outer, inner_points = product.unused()
    points = axis_points(product.box, zeta)
    factor = product.coefficient * inner_points
    for axis in outer:
        factor = factor * eq_prefix(points[axis], product.box[axis], modulus) % modulus
    return factor % modulus


def instance_at(product: Product, zeta: Sequence[int], rho: Sequence[int], modulus: int = MODULUS) -> int:
    """eq(ζ_shared, ρ_shared)·Π_(j ≥ n_i) (1 − ρ_j)."""
    eq_point = product.eq_point(zeta)
    value = eq(eq_point, rho[product.rounds - len(eq_point) : product.rounds], modulus)
    for r in rho[product.rounds :]:
        value = value * (1 - r) % modulus
    return value
