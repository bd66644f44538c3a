"""One sum of fractions: its leaves, and the tree from its top to the point ζ (docs/protocol/sumcheck.md section 6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.layout import FractionLayout
from circuits.lower.sumcheck.system import Kind, Reading, System
from circuits.program.indexing import strided_view
from prover.kernels import field
from prover.kernels.field import FractionTree, Vector
from prover.sumcheck.channel import Channel
from prover.sumcheck.table import padded
from verifier.field import MODULUS, powers
from verifier.transcript import Tag

Integers = npt.NDArray[np.int64]


def prove_fractions(
    system: System, layout: FractionLayout, values: Sequence[Integers], alpha: int, beta: int, channel: Channel
) -> list[int]:
    """Sends steps 2 and 3; returns the point ζ of as many coordinates as the tree is deep."""
    tree = FractionTree(*_leaves(system, layout, values, alpha, beta))
    channel.send(Tag.LAYER_VALUES, tree.top())
    point = [channel.challenge(Tag.LAYER_CHILD)]
    for layer in range(1, tree.depth):
        point = _prove_layer(tree, layer, point, channel)
    return point


def _prove_layer(tree: FractionTree, layer: int, point: Sequence[int], channel: Channel) -> list[int]:
    """From a claim about a layer at `point` to one about its children at a point of one more coordinate."""
    sumcheck = tree.layer(layer, point, channel.challenge(Tag.LAYER_COMBINER))
    reached = []
    for _ in range(layer):
        channel.send(Tag.LAYER_ROUND, sumcheck.round())
        reached.append(channel.challenge(Tag.LAYER_CHALLENGE))
        sumcheck.bind(reached[-1])
    channel.send(Tag.LAYER_VALUES, sumcheck.finals())
    return [*reached, channel.challenge(Tag.LAYER_CHILD)]


def _leaves(
    system: System, layout: FractionLayout, values: Sequence[Integers], alpha: int, beta: int
) -> tuple[Vector, Vector]:
    """Numerators and denominators; 0 and 1 outside blocks."""
    numerators, denominators = Vector.zeros(1 << layout.depth), Vector.ones(1 << layout.depth)
    reader = _Reader(system, values)
    for fractions, block in zip(system.fractions, layout.blocks, strict=True):
        term = fractions.numerator
        numerators.write_integers(block.offset, reader.read(term.readings[0], fractions.dims), term.coefficient)
        # A column's terms go in one by one, so that no sum of integers can overflow.
        factors, columns = [], []
        for power, column in zip(powers(beta, len(fractions.columns) + 1)[1:], fractions.columns, strict=True):
            for term in column:
                factors.append(power * term.coefficient % MODULUS)
                columns.append(reader.read(term.readings[0], fractions.dims))
        mask = reader.mask(fractions.dims)
        field.fingerprints(denominators, block.offset, alpha, fractions.tag, factors, columns, mask)
    return numerators, denominators


class _Reader:
    """Readings at every cell of a padded box, 0 over the padding; those of ONES, which nearly all blocks have, once."""

    def __init__(self, system: System, values: Sequence[Integers]) -> None:
        self._system, self._values = system, values
        self._ones: dict[tuple[Reading, tuple[int, ...]], Integers] = {}
        self._masks: dict[tuple[int, ...], Integers] = {}

    def read(self, reading: Reading, dims: tuple[int, ...]) -> Integers:
        if self._system.tensors[reading.tensor].kind is not Kind.ONES:
            return self._read(reading, dims)
        if (reading, dims) not in self._ones:
            self._ones[reading, dims] = self._read(reading, dims)
        return self._ones[reading, dims]

    def _read(self, reading: Reading, dims: tuple[int, ...]) -> Integers:
        return padded(strided_view(self._values[reading.tensor], reading.how, dims))

    def mask(self, dims: tuple[int, ...]) -> Integers:
        if dims not in self._masks:
            self._masks[dims] = padded(np.ones(dims, np.int64))
        return self._masks[dims]
