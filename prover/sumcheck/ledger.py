"""All claims about committed tensors, reduced to one value of the table at one point (docs/protocol/sumcheck.md
section 8).

The first M rounds bind a cell's place in its row: an instance a present row. What is left is a number a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.layout import Layout
from circuits.lower.sumcheck.system import System
from prover.kernels.field import ProductSumcheck, Vector
from prover.sumcheck.channel import Channel
from prover.sumcheck.functionals import WeightBook
from prover.sumcheck.table import block_starts
from verifier.claims import Terms, weighed
from verifier.field import MODULUS, powers
from verifier.transcript import Tag

Integers = npt.NDArray[np.int64]


def weigh_claims(system: System, layout: Layout, claims: Sequence[Terms], delta: int, book: WeightBook) -> list[Vector]:
    """Φ, a vector for each present row."""
    weights = [Vector.zeros(1 << layout.row_bits) for _ in (*layout.setup_rows, *layout.witness_rows)]
    starts = block_starts(layout)
    for functional, coefficient in weighed(claims, powers(delta, len(claims))).items():
        dims = system.tensors[functional.tensor].dims
        book.weights(functional, dims).scatter(weights, starts[functional.tensor], coefficient)
    return weights


def prove_evaluation(layout: Layout, rows: Sequence[Integers], weights: list[Vector], channel: Channel) -> list[int]:
    """Sends steps 8 and 9 from the present rows and their weights, which it empties; returns the point x."""
    instances = zip(rows, weights, strict=True)
    batch = ProductSumcheck([(1, [], row, weight) for row, weight in instances])
    weights.clear()
    point = []
    for _ in range(layout.row_bits):
        constant, quadratic, _cubic = batch.round() if rows else (0, 0, 0)
        point.append(_round(constant, quadratic, channel))
        if rows:
            batch.bind(point[-1])
    numbers = (*layout.setup_rows, *layout.witness_rows)
    cells = dict(zip(numbers, batch.finals(), strict=True))
    for _ in range(layout.variables - layout.row_bits):
        point.append(_round(*_row_polynomial(cells), channel))
        cells = _bind_rows(cells, point[-1])
    value, _weight = cells.get(0, (0, 0))
    channel.send(Tag.EVALUATION, [value])
    return point


def _round(constant: int, quadratic: int, channel: Channel) -> int:
    channel.send(Tag.EVALUATION_ROUND, [constant, quadratic])
    return channel.challenge(Tag.EVALUATION_CHALLENGE)


# A present row's number, and the two factors that are left of it; a row that is not there has both 0.
Cells = dict[int, tuple[int, int]]


def _pairs(cells: Cells) -> list[tuple[int, tuple[int, int], tuple[int, int]]]:
    return [
        (pair, cells.get(2 * pair, (0, 0)), cells.get(2 * pair + 1, (0, 0)))
        for pair in sorted({number >> 1 for number in cells})
    ]


def _row_polynomial(cells: Cells) -> tuple[int, int]:
    constant = quadratic = 0
    for _, (a0, b0), (a1, b1) in _pairs(cells):
        constant += a0 * b0
        quadratic += (a1 - a0) * (b1 - b0)
    return constant % MODULUS, quadratic % MODULUS


def _bind_rows(cells: Cells, x: int) -> Cells:
    return {
        pair: ((a0 + x * (a1 - a0)) % MODULUS, (b0 + x * (b1 - b0)) % MODULUS)
        for pair, (a0, b0), (a1, b1) in _pairs(cells)
    }
