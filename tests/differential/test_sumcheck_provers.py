"""The prover says, byte for byte, what the slow second prover of the tests says, written from the note alone."""

from __future__ import annotations

import numpy as np
import pytest
import sumcheck_reference as reference
import sumcheck_toy as toy
from sumcheck_forging import proving_key

from circuits.lower.sumcheck.system import Kind, System
from prover.sumcheck import Argument


def agree(system: System, values: list[np.ndarray], row_bits: int) -> None:
    second = reference.Prover(system, reference.key_of(system, toy.values(), row_bits), values)
    first = Argument(proving_key(second.key, toy.values()), values)
    assert first.prove(second.statement()) == second.proof().encode()


@pytest.mark.parametrize(("seed", "row_bits"), [(1, 4), (2, 5), (3, 8)])
def test_provers_agree_on_rows_of_every_size(seed: int, row_bits: int) -> None:
    agree(toy.SYSTEM, toy.values(toy.assignment(seed)), row_bits)


def test_provers_agree_on_an_assignment_that_satisfies_nothing() -> None:
    generator = np.random.default_rng(5)
    kept = (Kind.ONES, Kind.IOTA, Kind.SETUP)
    values = [
        honest if tensor.kind in kept else generator.integers(-100, 100, tensor.dims)
        for tensor, honest in zip(toy.SYSTEM.tensors, toy.values(), strict=True)
    ]
    agree(toy.SYSTEM, values, 4)


def test_provers_agree_without_products_and_without_fractions() -> None:
    linear = tuple(identity for identity in toy.IDENTITIES if all(len(term.readings) == 1 for term in identity.terms))
    agree(System(toy.SYSTEM.tensors, linear, ()), toy.values(), 4)
