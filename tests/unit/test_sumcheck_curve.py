"""The verifier's own group arithmetic against py_ecc's, and the strict reading of points."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kzg_reference import point_outside_g2
from py_ecc.optimized_bn128 import FQ, G1, Z1, add, multiply, normalize

from prover.srs import DEVELOPMENT_TAU
from verifier.curve import (
    G1_GENERATOR,
    IDENTITY,
    PurePython,
    decode_point,
    encode_point,
    negate,
)
from verifier.field import BASE_MODULUS, MODULUS
from verifier.srs import DEVELOPMENT_S_G2, G2_GENERATOR

ARITHMETIC = PurePython()
SCALARS = st.one_of(st.sampled_from([0, 1, 2, 15, 16, MODULUS - 1, MODULUS, 2**256 - 1, -1]), st.integers(0, MODULUS))


def multiple(k):
    """k·G by py_ecc."""
    x, y = (c.n for c in normalize(multiply(G1, k % MODULUS)))
    return IDENTITY if k % MODULUS == 0 else (x, y)


def by_py_ecc(points, scalars):
    total = Z1
    for (x, y), scalar in zip(points, scalars, strict=True):
        if (x, y) != IDENTITY:
            total = add(total, multiply((FQ(x), FQ(y), FQ(1)), scalar % MODULUS))
    return IDENTITY if total[2] == FQ(0) else tuple(c.n for c in normalize(total))


# Few different points, so that equal and opposite ones and the identity meet all the time.
POINTS = [multiple(k) for k in (0, 1, -1, 2, -2, 3)]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(POINTS), SCALARS), max_size=6))
def test_a_multi_scalar_multiplication_is_py_eccs_sum(terms):
    points, scalars = [p for p, _ in terms], [s for _, s in terms]
    assert ARITHMETIC.msm(points, scalars) == by_py_ecc(points, scalars)


@pytest.mark.parametrize("scalar", [1, 2, 17, MODULUS - 1])
def test_opposite_points_cancel_and_equal_ones_double(scalar):
    point = multiple(7)
    assert ARITHMETIC.msm([point, negate(point)], [scalar, scalar]) == IDENTITY
    assert ARITHMETIC.msm([point, point], [scalar, scalar]) == multiple(14 * scalar)
    assert ARITHMETIC.msm([point, point], [scalar, MODULUS - scalar]) == IDENTITY


def test_refuses_a_scalar_without_a_point():
    with pytest.raises(ValueError, match="1 points do not fit 2 scalars"):
        ARITHMETIC.msm([G1_GENERATOR], [1, 2])


@pytest.mark.parametrize("point", [(1, 3), (0, 1), (1, 2 + BASE_MODULUS), (1, -2)])
def test_refuses_to_compute_with_what_is_no_point(point):
    for compute in (lambda: ARITHMETIC.msm([point], [1]), lambda: ARITHMETIC.pairing_check([(point, G2_GENERATOR)])):
        with pytest.raises(ValueError, match=r"curve|below"):
            compute()


@pytest.mark.parametrize("point", POINTS)
def test_a_point_is_read_as_it_was_written(point):
    assert decode_point(encode_point(point)) == point


def test_the_identity_is_64_zero_bytes():
    assert encode_point(IDENTITY) == bytes(64)


@pytest.mark.parametrize(
    "raw",
    [
        encode_point((1, 3)),  # off the curve
        bytes(31) + b"\1" + bytes(32),  # half an identity
        (1 + BASE_MODULUS).to_bytes(32, "big") + encode_point(G1_GENERATOR)[32:],  # another name for the generator
        encode_point(G1_GENERATOR)[:32] + (2 + BASE_MODULUS).to_bytes(32, "big"),
        BASE_MODULUS.to_bytes(32, "big") + BASE_MODULUS.to_bytes(32, "big"),  # another name for the identity
        b"\xff" * 64,
        encode_point(G1_GENERATOR)[:-1],
        encode_point(G1_GENERATOR) + b"\0",
        b"",
    ],
)
def test_rejects_bytes_that_are_no_point_or_a_second_name_for_one(raw):
    with pytest.raises(ValueError, match=r"curve|below|64 bytes"):
        decode_point(raw)


def test_the_pairing_tells_tau_from_its_neighbour():
    tau, next_to_it = multiple(DEVELOPMENT_TAU), multiple(DEVELOPMENT_TAU + 1)
    minus = negate(G1_GENERATOR)
    assert ARITHMETIC.pairing_check([(tau, G2_GENERATOR), (minus, DEVELOPMENT_S_G2)])
    assert not ARITHMETIC.pairing_check([(next_to_it, G2_GENERATOR), (minus, DEVELOPMENT_S_G2)])
    assert ARITHMETIC.pairing_check([(IDENTITY, G2_GENERATOR), (tau, (0, 0, 0, 0))])


def on_another_curve():
    """(4x, 8y), on y² = x³ + 64b: the group law has the same formulas there."""
    return tuple(c * f % BASE_MODULUS for c, f in zip(DEVELOPMENT_S_G2, (4, 4, 8, 8), strict=True))


@pytest.mark.parametrize(
    "point",
    [
        (*DEVELOPMENT_S_G2[:3], DEVELOPMENT_S_G2[3] + 1),
        (*DEVELOPMENT_S_G2[:3], DEVELOPMENT_S_G2[3] + BASE_MODULUS),
        point_outside_g2(),
        on_another_curve(),
    ],
    ids=["off the curve", "not reduced", "outside the group", "of the right order on another curve"],
)
def test_refuses_to_pair_with_what_is_not_in_g2(point):
    with pytest.raises(ValueError, match="G2"):
        ARITHMETIC.pairing_check([(G1_GENERATOR, point)])
