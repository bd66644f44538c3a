"""The products of all identities at the point ζ, in one batched sumcheck (docs/protocol/sumcheck.md section 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.system import System
from prover.kernels.field import ProductSumcheck, Vector
from prover.sumcheck.channel import Channel
from prover.sumcheck.factors import factor_table
from prover.sumcheck.functionals import WeightBook
from verifier.claims import Product, Terms, factor_positions, product_instances
from verifier.field import MODULUS, powers
from verifier.products import instance_factor
from verifier.transcript import Tag

Integers = npt.NDArray[np.int64]


def prove_products(
    system: System, values: Sequence[Integers], zeta: Sequence[int], gamma: int, book: WeightBook, channel: Channel
) -> list[Terms]:
    """Steps 5 to 7; returns the functionals whose values step 7 sends."""
    products = product_instances(system)
    if not products:
        return []
    weights = powers(gamma, len(system.identities))
    batch = ProductSumcheck([_instance(product, values, zeta, weights[product.identity], book) for product in products])
    channel.send(Tag.PRODUCT_SUM, [batch.total()])
    rho = []
    for _ in range(batch.rounds):
        channel.send(Tag.PRODUCT_ROUND, batch.round())
        rho.append(channel.challenge(Tag.RHO))
        batch.bind(rho[-1])
    finals = batch.finals()
    sent = factor_positions(system, products)
    channel.send(Tag.FACTORS, [finals[number][which] for number, which in sent])
    return [((products[number].functional(which, zeta, rho), 1),) for number, which in sent]


def _instance(
    product: Product, values: Sequence[Integers], zeta: Sequence[int], weight: int, book: WeightBook
) -> tuple[int, list[int], Vector, Vector]:
    a, b = (
        factor_table(values[reading.tensor], reading.how, product, product.summed_weights(which, zeta), book)
        for which, reading in enumerate(product.readings)
    )
    return weight * instance_factor(product, zeta) % MODULUS, list(product.eq_point(zeta)), a, b
