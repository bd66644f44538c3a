"""Identities at the point ζ: linear readings one by one, products in one batched sumcheck (docs/protocol/sumcheck.md
section 7).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.system import System
from prover.kernels.field import ProductSumcheck, Vector
from prover.sumcheck.channel import Channel
from prover.sumcheck.factors import factor_table
from prover.sumcheck.functionals import WeightBook, axis_total
from verifier.claims import Functional, Product, axis_points, factor_positions, linear_readings, product_instances
from verifier.field import MODULUS, powers
from verifier.transcript import Tag

Integers = npt.NDArray[np.int64]


def send_readings(
    system: System, values: Sequence[Integers], zeta: Sequence[int], book: WeightBook, channel: Channel
) -> list[Functional]:
    """Step 5: the values at ζ of all linear readings of committed tensors; returns what they are values of."""
    functionals = [linear.functional(zeta) for linear in linear_readings(system)]
    alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, functional in enumerate(functionals):
        dims = system.tensors[functional.tensor].dims
        alike[functional.how, functional.grid, functional.weights, dims].append(number)
    found = [0] * len(functionals)
    for members in alike.values():
        first = functionals[members[0]]
        weights = book.weights(first, system.tensors[first.tensor].dims)
        sums = weights.sums([values[functionals[number].tensor] for number in members])
        for number, value in zip(members, sums, strict=True):
            found[number] = value
    channel.send(Tag.READINGS, found)
    return functionals


def prove_products(
    system: System, values: Sequence[Integers], zeta: Sequence[int], gamma: int, book: WeightBook, channel: Channel
) -> list[Functional]:
    """Steps 6 and 7; returns the functionals whose values step 7 sends."""
    products = product_instances(system)
    if not products:
        return []
    weights = powers(gamma, len(system.identities))
    batch = ProductSumcheck([_instance(product, values, zeta, weights[product.identity], book) for product in products])
    rho = []
    for _ in range(batch.rounds):
        channel.send(Tag.PRODUCT_ROUND, batch.round())
        rho.append(channel.challenge(Tag.RHO))
        batch.bind(rho[-1])
    finals = batch.finals()
    sent = factor_positions(system, products)
    channel.send(Tag.FACTORS, [finals[number][which] for number, which in sent])
    return [products[number].functional(which, zeta, rho) for number, which in sent]


def _instance(
    product: Product, values: Sequence[Integers], zeta: Sequence[int], weight: int, book: WeightBook
) -> tuple[int, list[int], Vector, Vector]:
    points = axis_points(product.box, zeta)
    outer, inner_points = product.unused()
    masks = math.prod(axis_total(product.box[axis], points[axis]) for axis in outer)
    factor = weight * product.coefficient * masks * inner_points % MODULUS
    a, b = (
        factor_table(values[reading.tensor], reading.how, product, product.summed_weights(which, zeta), book)
        for which, reading in enumerate(product.readings)
    )
    return factor, list(product.eq_point(zeta)), a, b
