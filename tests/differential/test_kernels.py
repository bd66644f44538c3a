"""Every Rust kernel equals its plain Python twin, byte for byte, and refuses the same arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import statement
from prover import kernels
from prover.kernels import _native, reference

TAU = st.integers(min_value=2, max_value=reference.R - 1).map(lambda value: value.to_bytes(32, "big"))
RHO = (0x1234567890ABCDEF).to_bytes(32, "big")


@given(st.binary(max_size=600))
def test_keccak_equals_the_definition(data: bytes) -> None:
    assert kernels.keccak256(data) == statement.keccak256(data) == kernels.fast_hasher(data)


def test_keccak_of_inputs_long_enough_to_release_the_interpreter() -> None:
    for size in (4095, 4096, 100_000):
        assert kernels.keccak256(bytes(size)) == statement.keccak256(bytes(size))


@settings(max_examples=4)
@given(st.integers(1, 4), TAU, st.data())
def test_known_tau_string_equals_its_twin(k: int, tau: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, (1 << k) - 1))
    count = data.draw(st.integers(0, (1 << k) - start))
    fast, plain = kernels.KnownTauSrs(k, tau), reference.KnownTauSrs(k, tau)
    assert fast.monomial(start, count) == plain.monomial(start, count)
    assert fast.lagrange(start, count) == plain.lagrange(start, count)
    assert kernels.g2_pair(tau) == reference.g2_pair(tau)


def parts(k: int, tau: int) -> tuple[bytes, bytes, bytes, bytes]:
    secret = tau.to_bytes(32, "big")
    string = kernels.KnownTauSrs(k, secret)
    g2 = kernels.g2_pair(secret)
    return string.monomial(0, 1 << k), string.lagrange(0, 1 << k), g2[:128], g2[128:]


def outcome(check: Callable[[int, bytes], Any], k: int, file: tuple[bytes, bytes, bytes, bytes], rho: bytes) -> Any:
    """The verdict, or the type and arguments of the refusal."""
    monomial, lagrange, g2, s_g2 = file
    try:
        running = check(k, rho)
        running.monomial(monomial)
        running.lagrange(lagrange)
        return running.finish(g2, s_g2)
    except ValueError as refusal:
        return type(refusal), refusal.args


RIGHT = parts(2, 99)
OTHER = parts(2, 98)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (RIGHT, (True, True)),
        ((RIGHT[0][64:128] + RIGHT[0][:64] + RIGHT[0][128:], *RIGHT[1:]), (False, False)),
        ((RIGHT[0], RIGHT[1][64:128] + RIGHT[1][:64] + RIGHT[1][128:], *RIGHT[2:]), (True, False)),
        ((OTHER[0], OTHER[1], RIGHT[2], RIGHT[3]), (False, True)),
        ((RIGHT[0], RIGHT[1], RIGHT[3], RIGHT[3]), (False, True)),
        ((RIGHT[0][:-64], *RIGHT[1:]), None),
        ((RIGHT[0][:-1], *RIGHT[1:]), None),
        ((RIGHT[0] + RIGHT[0][:64], *RIGHT[1:]), None),
        ((RIGHT[0][:128] + bytes(64) + RIGHT[0][192:], *RIGHT[1:]), None),
        ((RIGHT[0], b"\xff" * 64 + RIGHT[1][64:], *RIGHT[2:]), None),
        ((RIGHT[0], RIGHT[1][:64] + b"\x01" * 16 + RIGHT[1][80:], *RIGHT[2:]), None),
        ((*RIGHT[:3], bytes(128)), None),
        ((*RIGHT[:3], RIGHT[3][:-1]), None),
        ((*RIGHT[:2], RIGHT[0][:128], RIGHT[3]), None),
    ],
)
def test_string_check_decides_and_refuses_like_its_twin(
    file: tuple[bytes, bytes, bytes, bytes], expected: tuple[bool, bool] | None
) -> None:
    fast = outcome(kernels.SrsCheck, 2, file, RHO)
    assert fast == outcome(reference.SrsCheck, 2, file, RHO)
    assert (fast == expected) if expected is not None else issubclass(fast[0], ValueError)


@pytest.mark.parametrize("k", [0, 29])
def test_string_kernels_refuse_sizes_without_a_domain(k: int) -> None:
    for make in (kernels.KnownTauSrs, reference.KnownTauSrs, kernels.SrsCheck, reference.SrsCheck):
        with pytest.raises(ValueError, match="k must be between 1 and 28"):
            make(k, RHO)


@pytest.mark.parametrize(
    "scalar",
    [
        b"",
        bytes(31),
        bytes(33),
        reference.R.to_bytes(32, "big"),
        bytes(32),
        reference.root_of_unity(2).to_bytes(32, "big"),
    ],
)
def test_string_kernels_refuse_secrets_and_challenges_that_are_none(scalar: bytes) -> None:
    for make in (kernels.KnownTauSrs, reference.KnownTauSrs, kernels.SrsCheck, reference.SrsCheck):
        with pytest.raises(ValueError, match=r"scalar is 32|neither zero nor a root"):
            make(2, scalar)


def test_known_tau_string_refuses_ranges_outside_it() -> None:
    for make in (kernels.KnownTauSrs, reference.KnownTauSrs):
        with pytest.raises(ValueError, match="outside the 4"):
            make(2, RHO).monomial(2, 3)
        with pytest.raises(ValueError, match="outside the 4"):
            make(2, RHO).lagrange(5, 0)


@given(
    rows=st.integers(0, 70),
    columns=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_narrow_product_equals_its_twin_where_sums_are_exact(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-(2**24), 2**24, (rows, columns), endpoint=True).astype(np.float32)
    vector = rng.integers(-(2**20), 2**20, columns, endpoint=True).astype(np.float64)
    fast, twin = (module.narrow_product(matrix)(vector) for module in (kernels, reference))
    np.testing.assert_array_equal(fast, twin)


def test_narrow_matrix_refuses_bytes_that_are_no_rows_and_no_vector() -> None:
    for columns, length in ((3, 16), (0, 0), (2**62, 8), (1, 3)):
        with pytest.raises(ValueError, match="are no rows"):
            _native.NarrowMatrix(columns, bytes(length))
    for length in (0, 8, 23, 32):
        with pytest.raises(ValueError, match="are no 3 doubles"):
            _native.NarrowMatrix(3, bytes(24)).times(bytes(length))
