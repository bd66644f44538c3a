"""The fast prover of the opening says, byte for byte, what the plain one of tests/kzg_reference.py says."""

import random

import pytest
from kzg_reference import check, commit, multilinear, prove

from prover.kernels import KnownTauSrs, field
from prover.kernels.field import ReferenceString, Vector
from prover.srs import DEVELOPMENT_TAU
from prover.sumcheck.channel import Channel
from prover.sumcheck.opening import prove_opening
from verifier.curve import IDENTITY, PurePython, encode_point
from verifier.field import MODULUS, scalar_bytes
from verifier.kzg import Opening
from verifier.transcript import Transcript

POINTS = 1 << 10


@pytest.fixture(scope="module")
def string() -> ReferenceString:
    return ReferenceString(KnownTauSrs(10, DEVELOPMENT_TAU.to_bytes(32, "big")).monomial(0, POINTS))


def encoded(opening: Opening) -> bytes:
    values = [scalar_bytes(values) for values in opening.values]
    return b"".join((*map(encode_point, opening.folds), *values, *map(encode_point, (opening.quotient, opening.last))))


def proven(table: list[int], point: list[int], string: ReferenceString) -> bytes:
    channel = Channel()
    prove_opening(Vector.from_scalars(table), point, channel, string)
    return channel.messages()


@pytest.mark.parametrize("variables", [4, 5, 8])
def test_is_the_plain_provers_opening(variables, string):
    rng = random.Random(variables)
    point = [rng.randrange(MODULUS) for _ in range(variables)]
    for low, high in ((0, MODULUS), (-9, 9)):
        table = [rng.randrange(low, high) % MODULUS for _ in range(1 << variables)]
        opening = prove(table, point, Transcript())
        assert proven(table, point, string) == encoded(opening)
        check(commit(table), point, multilinear(table, point), opening)


@pytest.mark.parametrize("table", [[0] * 16, [5] + [0] * 15, [0] * 15 + [1]], ids=["zeros", "constant", "last cell"])
def test_sparse_tables_are_opened_like_any_other(table, string):
    point = [3, 1, 4, 15]
    opening = prove(table, point, Transcript())
    assert proven(table, point, string) == encoded(opening)
    check(commit(table), point, multilinear(table, point), opening)


def test_the_fast_arithmetic_of_the_verifier_agrees_with_the_plain_one(string):
    rng = random.Random(2)
    table, point = [rng.randrange(MODULUS) for _ in range(64)], [rng.randrange(MODULUS) for _ in range(6)]
    opening, value = prove(table, point, Transcript()), multilinear(table, point)
    assert string.commit([Vector.from_scalars(table)]) == [encode_point(commit(table))]
    for arithmetic in (field, PurePython()):
        check(commit(table), point, value, opening, arithmetic=arithmetic)
        with pytest.raises(Exception, match="do not have the values sent"):
            check(IDENTITY, point, value, opening, arithmetic=arithmetic)
