"""Commitments, sums of points and pairings equal their py_ecc twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover import kernels
from prover.kernels import PointError, field, field_reference
from prover.kernels.field import Vector
from prover.kernels.reference import P, bn128
from tests.field_cases import INT64, SCALARS, Integers, arrays, fast, some_integers, some_scalars, vectors
from verifier.field import MODULUS

TAU = (0xABCDEF).to_bytes(32, "big")
POINTS = kernels.KnownTauSrs(4, TAU).monomial(0, 16)
QUICK, PLAIN = field.ReferenceString(POINTS), field_reference.ReferenceString(POINTS)
GENERATOR = (1, 2)


def point(scalar: int) -> tuple[int, int]:
    return field.msm([GENERATOR], [scalar])


def g2(scalar: int) -> tuple[int, int, int, int]:
    if scalar % MODULUS == 0:
        return 0, 0, 0, 0
    x, y = bn128.normalize(bn128.multiply(bn128.G2, scalar % MODULUS))
    return tuple(int(c) for value in (x, y) for c in reversed(value.coeffs))


@settings(max_examples=20)
@given(st.lists(st.sampled_from([0, 1, 2, 3, 16]).flatmap(vectors), max_size=3))
def test_commit_equals_its_twin(polynomials: list[list[int]]) -> None:
    assert QUICK.commit([fast(values) for values in polynomials]) == PLAIN.commit(polynomials)


@settings(max_examples=20)
@given(st.lists(st.sampled_from([0, 1, 3, 16]).flatmap(arrays), max_size=3))
def test_commit_integers_equals_its_twin(rows: list[Integers]) -> None:
    assert QUICK.commit_integers(rows) == PLAIN.commit_integers(rows)


def test_a_row_of_zeros_is_the_identity() -> None:
    assert QUICK.commit_integers([np.zeros(16, np.int64), np.zeros(0, np.int64)]) == [bytes(64)] * 2
    assert QUICK.commit([Vector.zeros(16), Vector.zeros(0)]) == [bytes(64)] * 2


@pytest.mark.parametrize("size", [200, 3001])
@pytest.mark.parametrize("bits", [1, 2, 8, 16, 17, 32, 63, 64])
def test_integers_of_every_size_are_committed_as_field_elements_are(size: int, bits: int) -> None:
    string = field.ReferenceString(kernels.KnownTauSrs(12, TAU).monomial(0, 1 << 12))
    row = some_integers(size, bits) >> (64 - bits)
    row[: size // 3] = 0
    row[-2:] = row.min(), row.max()
    tau = int.from_bytes(TAU, "big")
    known = sum(int(x) * pow(tau, i, MODULUS) for i, x in enumerate(row)) % MODULUS
    x, y = point(known)
    expected = x.to_bytes(32, "big") + y.to_bytes(32, "big")
    assert string.commit_integers([row, row[::-1].copy(), row])[::2] == [expected] * 2
    assert string.commit([Vector.from_integers(row)]) == [expected]


def test_equal_opposite_and_extreme_coefficients_are_added_right() -> None:
    """Sums that meet the same point, its opposite and the identity: where formulas for adding points have cases."""
    tau_one = field.ReferenceString(kernels.KnownTauSrs(1, TAU).monomial(0, 1) * 600)
    for row in (
        np.ones(600, np.int64),
        np.resize([1, -1], 600),
        np.resize([5, -5, 5], 600),
        np.resize([INT64.min, INT64.max], 600),
        np.resize([INT64.min], 600),
        np.resize([2**15, -(2**15), 2**15 - 1, 2**16], 600),
    ):
        total = sum(int(x) for x in row)
        x, y = point(total % MODULUS)
        expected = x.to_bytes(32, "big") + y.to_bytes(32, "big")
        assert tau_one.commit_integers([row]) == [expected]
        assert tau_one.commit([Vector.from_integers(row)]) == [expected]
    halves = fast([(MODULUS + 1) // 2, MODULUS - 1, MODULUS - (MODULUS + 1) // 2, 1] * 150)
    assert tau_one.commit([halves]) == [bytes(64)]


def test_full_scalars_at_sizes_that_are_shared_out() -> None:
    """Both above the bound from which on each takes all cores, and below, in any order."""
    string = field.ReferenceString(kernels.KnownTauSrs(13, TAU).monomial(0, 1 << 13))
    tau = int.from_bytes(TAU, "big")
    polynomials = [some_scalars(size, size) for size in (8192, 4097, 4096, 1000, 33, 32, 31, 2, 1)]
    expected = []
    for values in polynomials:
        values[:1] = [MODULUS - 1]
        x, y = point(sum(v * pow(tau, i, MODULUS) for i, v in enumerate(values)) % MODULUS)
        expected.append(x.to_bytes(32, "big") + y.to_bytes(32, "big"))
    assert string.commit([fast(values) for values in polynomials]) == expected
    assert string.commit([fast(values) for values in reversed(polynomials)]) == expected[::-1]


def test_refuses_more_coefficients_than_points() -> None:
    for string, vector in ((QUICK, Vector.ones(17)), (PLAIN, field_reference.Vector.ones(17))):
        with pytest.raises(ValueError, match="16 points"):
            string.commit([vector])
        with pytest.raises(ValueError, match="16 points"):
            string.commit_integers([np.zeros(17, np.int64)])


@pytest.mark.parametrize("twin", [field, field_reference], ids=["fast", "plain"])
def test_refuses_a_string_with_a_point_off_the_curve(twin: Any) -> None:
    for at, wrong in ((64, bytes([POINTS[64] ^ 1])), (128, bytes(64)), (0, b"\xff" * 32)):
        with pytest.raises(PointError):
            twin.ReferenceString(POINTS[:at] + wrong + POINTS[at + len(wrong) :])
    with pytest.raises(ValueError, match="whole"):
        twin.ReferenceString(POINTS[:-1])


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 1, -1, 2, 7]), SCALARS), max_size=5))
def test_msm_equals_its_twin(terms: list[tuple[int, int]]) -> None:
    points, scalars = [point(known) for known, _ in terms], [scalar for _, scalar in terms]
    assert field.msm(points, scalars) == field_reference.msm(points, scalars)


@settings(max_examples=6)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=3))
def test_pairing_check_equals_its_twin(factors: list[tuple[int, int]]) -> None:
    pairs = [(point(a), g2(b)) for a, b in factors]
    accepted = field.pairing_check(pairs)
    assert accepted == field_reference.pairing_check(pairs)
    assert accepted == (sum(a * b for a, b in factors) == 0)


def test_pairings_that_cancel_are_accepted() -> None:
    for pairs in ([], [(point(6), g2(1)), (point(-2), g2(3))], [((0, 0), g2(5))], [(point(5), (0, 0, 0, 0))]):
        assert field.pairing_check(pairs)
        assert field_reference.pairing_check(pairs)
    assert not field.pairing_check([(point(6), g2(1)), (point(2), g2(3))])


def outside_subgroup() -> tuple[int, int, int, int]:
    """A point of the twist whose order is not r: the first small x that has a y."""
    for c in range(1, 100):
        x = bn128.FQ2([c, 1])
        y = square_root(x * x * x + bn128.b2)
        if y is not None:
            assert not bn128.is_inf(bn128.multiply((x, y, bn128.FQ2.one()), MODULUS))
            return tuple(int(v) for value in (x, y) for v in reversed(value.coeffs))
    raise AssertionError("no point found")


def square_root(value: Any) -> Any:
    """In the field of P² elements, P ≡ 3 mod 4: by the norm."""
    a, b = (int(c) for c in value.coeffs)
    norm = pow(a * a + b * b, (P + 1) // 4, P)
    for root in (norm, -norm):
        x = pow((a + root) * pow(2, -1, P) % P, (P + 1) // 4, P)
        if x:
            found = bn128.FQ2([x, b * pow(2 * x, -1, P) % P])
            if found * found == value:
                return found
    return None


@pytest.mark.parametrize("twin", [field, field_reference], ids=["fast", "plain"])
def test_refuses_points_off_the_curve_outside_the_subgroup_and_not_canonical(twin: Any) -> None:
    for wrong in ((1, 3), (0, 1), (1, 0), (1, P + 2), (P, P)):
        with pytest.raises(ValueError):  # noqa: PT011  (the messages differ)
            twin.msm([wrong], [1])
        with pytest.raises(ValueError):  # noqa: PT011  (the messages differ)
            twin.pairing_check([(wrong, g2(1))])
    x1, x0, y1, y0 = g2(1)
    for wrong in ((x0, x1, y0, y1), (x1, x0, y1, y0 + 1), (x1, x0, y1 + P, y0), outside_subgroup()):
        with pytest.raises(ValueError):  # noqa: PT011  (the messages differ)
            twin.pairing_check([(GENERATOR, wrong)])
    with pytest.raises(ValueError):  # noqa: PT011  (the messages differ)
        twin.msm([GENERATOR], [])
