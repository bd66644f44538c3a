"""A hostile key costs a verifier no more points than section 10 counts, however often it repeats itself."""

from __future__ import annotations

import numpy as np
import pytest

from circuits.lower.sumcheck import bounds, reading
from circuits.lower.sumcheck.system import Identity, Kind, Reading, System, Tensor, Term
from circuits.program.refs import AffineMap
from circuits.statement import Statement, input_root, output_root
from verifier import functionals
from verifier.errors import VerificationError
from verifier.functionals import Functionals
from verifier.srs import G2_GENERATOR, Accepted, srs_digest
from verifier.sumcheck import verify
from verifier.sumcheck_key import SumcheckKey
from verifier.sumcheck_proof import ProofShape

CELLS = 1 << 6
PORTS = (Tensor(Kind.INPUT, (1,), 8), Tensor(Kind.OUTPUT, (1,), 8))
NOTHING = np.zeros(1, np.int64)
ONES, IOTA, WITNESS = (Tensor(kind, (CELLS,)) for kind in (Kind.ONES, Kind.IOTA, Kind.WITNESS))


def off_by(cells: int) -> AffineMap:
    """A reading that misses, so that nothing about it has a closed form."""
    return AffineMap((CELLS,), (cells,), ((1,),))


def products() -> System:
    """One product of ones, again and again."""
    ones = Reading(2, off_by(1))
    return System((*PORTS, ONES), (Identity((CELLS,), (Term(1, (ones, ones)),) * 50),), ())


def of_kinds() -> System:
    """Every kind read alike, from many tensors of it; the public ones have one element, and as many points."""
    tensors = (*PORTS * 20, *(ONES,) * 20, *(IOTA,) * 20, *(WITNESS,) * 20)
    first = AffineMap((1,), (0,), ((1,),))
    terms = (
        Term(1, (Reading(number, first if tensor in PORTS else off_by(1)),)) for number, tensor in enumerate(tensors)
    )
    return System(tensors, (Identity((CELLS,), tuple(terms)),), ())


def many() -> System:
    """More different readings than a cache of a fixed size would hold, each of two tensors."""
    terms = (Term(1, (Reading(tensor, off_by(cells)),)) for tensor in (2, 3) for cells in range(1, 5000))
    return System((*PORTS, WITNESS, WITNESS), (Identity((CELLS,), tuple(terms)),), ())


@pytest.mark.parametrize("hostile", [products, of_kinds, many])
def test_a_verifier_weighs_no_more_points_than_are_counted(monkeypatch, hostile) -> None:
    weighed, summed, listed = [], [], []

    def total(self, group, functional, values):
        weighed.append(len(values))
        return 0

    def cell_weights(self, group, functional):
        weighed.append(len(group.cells))
        return weights(self, group, functional)

    def summing(values, others, modulus):
        summed.append(len(values))
        return dot(values, others, modulus)

    def groups(*args):
        found = original(*args)
        listed.extend(len(group.cells) for group in found)
        return found

    original, weights, dot = reading.groups, Functionals._cell_weights, functionals.dot
    monkeypatch.setattr(reading, "groups", groups)
    monkeypatch.setattr(Functionals, "_total", total)
    monkeypatch.setattr(Functionals, "_cell_weights", cell_weights)
    monkeypatch.setattr(functionals, "dot", summing)
    reach_the_ledger(hostile())
    counted = points_counted(monkeypatch, hostile())
    assert 0 < sum(weighed) <= counted
    assert 0 < sum(listed) <= counted
    assert sum(summed) <= counted


def points_counted(monkeypatch, system: System) -> int:
    """What `require_bounded` finds."""
    monkeypatch.setattr(bounds, "MAX_GROUP_POINTS_IN_ALL", 0)
    with pytest.raises(ValueError, match="points in all") as refusal:
        bounds.require_bounded(system, 4)
    return int(str(refusal.value).rpartition(": ")[2])


def reach_the_ledger(system: System) -> None:
    """A proof of zeros: it is accepted, or refused only there."""
    raw = SumcheckKey(bytes(32), srs_digest(G2_GENERATOR), 8, (), system).encode()
    key = SumcheckKey.decode(raw)
    shape = ProofShape.of(key.system, key.layout)
    proof = bytearray(shape.length)
    inputs, outputs = ([NOTHING] * len(system.of_kind(kind)) for kind in (Kind.INPUT, Kind.OUTPUT))
    q0 = 2 * len(inputs + outputs) + 64 * shape.rows + 64
    for at in (q0 + 31, q0 + 63):  # q0 and q1 of the first layer: without a leaf their product is all that counts
        proof[at] = 1
    statement = Statement(key.model_id, input_root(inputs), output_root(outputs))
    try:
        verify(statement, key, bytes(proof), Accepted(frozenset([G2_GENERATOR])))
    except VerificationError as refusal:
        if refusal.code not in ("products_mismatch", "evaluation_mismatch", "opening_mismatch"):
            raise
