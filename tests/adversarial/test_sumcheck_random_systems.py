"""Systems that no lowering makes: what is satisfied is accepted, and no single cell of the witness or the output can be
another (docs/protocol/sumcheck.md section 2)."""

import random

import pytest
import sumcheck_reference as reference
from kzg_reference import KnownTau
from sumcheck_forging import proving_key
from sumcheck_random import random_system

from circuits.lower.sumcheck.satisfy import violations
from circuits.lower.sumcheck.system import Kind
from prover.sumcheck import Argument
from verifier.errors import VerificationError
from verifier.sumcheck import verify
from verifier.sumcheck_key import SumcheckKey

SEEDS = range(25)


def outcome(prover: reference.Prover) -> str:
    try:
        verify(prover.statement(), prover.key, prover.proof().encode(), reference.ACCEPTED, KnownTau())
    except VerificationError as refusal:
        return refusal.code
    return "accepted"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_satisfied_is_accepted_and_both_provers_say_the_same(seed):
    system, values = random_system(seed)
    assert violations(system, values) == []
    key = SumcheckKey.decode(reference.key_of(system, values).encode())
    prover = reference.Prover(system, key, values)
    proof = prover.proof().encode()
    verify(prover.statement(), key, proof, reference.ACCEPTED, KnownTau())
    assert Argument(proving_key(key, values), values).prove(prover.statement()) == proof


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_not_satisfied_is_rejected(seed):
    system, values = random_system(seed)
    key = reference.key_of(system, values)
    generator = random.Random(seed)
    out = system.of_kind(Kind.OUTPUT)[0]
    changeable = [n for n, t in enumerate(system.tensors) if t.kind in (Kind.WITNESS, Kind.OUTPUT, Kind.INPUT)]
    for number in [out, *generator.sample(changeable, min(3, len(changeable)))]:
        forged = [value.copy() for value in values]
        forged[number].reshape(-1)[generator.randrange(forged[number].size)] += generator.choice([-1, 1])
        satisfied = not violations(system, forged, 1)
        assert (outcome(reference.Prover(system, key, forged)) == "accepted") == satisfied
        assert not satisfied or number != out
