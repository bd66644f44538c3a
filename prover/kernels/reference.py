"""The plain twin of each kernel: big integers, one point at a time, nothing clever.

The hashing twins are `circuits.statement` itself. Points have the layout of a reference string file: raw
little-endian Montgomery limbs (R = 2^256), x then y, 64 bytes in G1; a G2 coordinate is c0 then c1, 128 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from py_ecc import optimized_bn128

from circuits.statement import CHUNK_BYTES, Integers, Tag, keccak256, leaf, tensor_bytes, tensor_root
from prover.kernels._native import PointError

Floats = npt.NDArray[np.float64]

bn128: Any = optimized_bn128  # its names are not typed as exports
P: int = bn128.field_modulus
R: int = bn128.curve_order
MONTGOMERY = 2**256
TWO_ADICITY = 28
G1_BYTES, G2_BYTES = 64, 128
HALO2_GENERATOR = 7


def trace_roots(tensors: Sequence[Integers]) -> list[bytes]:
    return [tensor_root(values) for values in tensors]


def chunk_levels(values: Integers, width: int = 4) -> list[bytes]:
    """The whole padded tree, and then what covers a chunk of the tensor."""
    data = tensor_bytes(values, width) or bytes(1)
    chunks = [data[i : i + CHUNK_BYTES].ljust(CHUNK_BYTES, b"\0") for i in range(0, len(data), CHUNK_BYTES)]
    level, real = [leaf(chunk) for chunk in chunks], len(chunks)
    level += [bytes(32)] * ((1 << (real - 1).bit_length()) - real)
    levels = [b"".join(level[:real])]
    while len(level) > 1:
        level = [keccak256(bytes([Tag.NODE]) + level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        real = -(-real // 2)
        levels.append(b"".join(level[:real]))
    return levels


def narrow_product(matrix: npt.NDArray[np.float32]) -> Callable[[Floats], Floats]:
    """The kernel's order of additions is its own: the two agree where every sum is exact."""
    rows = matrix.astype(np.float64)
    return lambda vector: np.array([sum(row * vector) for row in rows], np.float64)


def scalar_from_be(data: bytes) -> int:
    value = int.from_bytes(data, "big")
    if len(data) != 32 or value >= R:
        raise ValueError("a scalar is 32 big-endian bytes below the group order")
    return value


def domain_size(k: int) -> int:
    if not 1 <= k <= TWO_ADICITY:
        raise ValueError(f"k must be between 1 and {TWO_ADICITY}, got {k}")
    return 1 << k


def root_of_unity(k: int) -> int:
    """halo2's primitive 2^k-th root of unity in the scalar field."""
    return pow(HALO2_GENERATOR, (R - 1) >> k, R)


def write_coordinate(value: int) -> bytes:
    return (value * MONTGOMERY % P).to_bytes(32, "little")


def read_coordinate(data: bytes, index: int) -> int:
    raw = int.from_bytes(data, "little")
    if raw >= P:
        raise PointError(index, "a coordinate is not below the field modulus")
    return raw * pow(MONTGOMERY, -1, P) % P


def write_g1(point: Any) -> bytes:
    x, y = bn128.normalize(point)
    return write_coordinate(int(x)) + write_coordinate(int(y))


def write_g2(point: Any) -> bytes:
    return b"".join(write_coordinate(int(c)) for value in bn128.normalize(point) for c in value.coeffs)


def read_g1(data: bytes, index: int) -> Any:
    x, y = (read_coordinate(data[i : i + 32], index) for i in (0, 32))
    point = (bn128.FQ(x), bn128.FQ(y), bn128.FQ.one())
    return _finite_on_curve(point, bn128.b, index)


def read_g2(data: bytes) -> Any:
    if len(data) != G2_BYTES:
        raise ValueError(f"a G2 point is {G2_BYTES} bytes, got {len(data)}")
    c = [read_coordinate(data[i : i + 32], 0) for i in range(0, G2_BYTES, 32)]
    point = _finite_on_curve((bn128.FQ2(c[:2]), bn128.FQ2(c[2:]), bn128.FQ2.one()), bn128.b2, 0)
    if not bn128.is_inf(bn128.multiply(point, R)):
        raise PointError(0, "not in the subgroup of prime order")
    return point


def _finite_on_curve(point: Any, b: Any, index: int) -> Any:
    x, y, _ = point
    if x == x.zero() and y == y.zero():
        raise PointError(index, "the point at infinity")
    if not bn128.is_on_curve(point, b):
        raise PointError(index, "not on the curve")
    return point


def g2_pair(tau: bytes) -> bytes:
    """The file's last two points: the generator of G2 and tau times it."""
    return write_g2(bn128.G2) + write_g2(bn128.multiply(bn128.G2, scalar_from_be(tau)))


class KnownTauSrs:
    """A reference string of 2^k points under a known tau (32 big-endian bytes)."""

    def __init__(self, k: int, tau: bytes) -> None:
        self.size, self.tau, self.omega = domain_size(k), scalar_from_be(tau), root_of_unity(k)
        if self.tau == 0 or pow(self.tau, self.size, R) == 1:
            raise ValueError("tau must be neither zero nor a root of unity")

    def _check_range(self, start: int, count: int) -> None:
        if start + count > self.size:
            raise ValueError(f"{count} points from {start} are outside the {self.size} of this string")

    def monomial(self, start: int, count: int) -> bytes:
        """tau^i times the generator, for `count` i from `start`."""
        self._check_range(start, count)
        powers = (pow(self.tau, i, R) for i in range(start, start + count))
        return b"".join(write_g1(bn128.multiply(bn128.G1, power)) for power in powers)

    def lagrange(self, start: int, count: int) -> bytes:
        """L_i(tau) times the generator, where L_i is 1 at omega^i and 0 at the other roots."""
        self._check_range(start, count)
        values = (self._lagrange_at_tau(i) for i in range(start, start + count))
        return b"".join(write_g1(bn128.multiply(bn128.G1, value)) for value in values)

    def _lagrange_at_tau(self, i: int) -> int:
        """L_i(tau) = product over j != i of (tau - omega^j) / (omega^i - omega^j), by its definition."""
        numerator = denominator = 1
        here = pow(self.omega, i, R)
        for j in range(self.size):
            if j != i:
                there = pow(self.omega, j, R)
                numerator = numerator * (self.tau - there) % R
                denominator = denominator * (here - there) % R
        return numerator * pow(denominator, -1, R) % R


class SrsCheck:
    """Whether a reference string is one, pair by pair and basis point by basis point."""

    def __init__(self, k: int, rho: bytes) -> None:
        self.size, self.omega = domain_size(k), root_of_unity(k)
        value = scalar_from_be(rho)  # decides nothing here, for this check compares all points without combining them
        if value == 0 or pow(value, self.size, R) == 1:
            raise ValueError("rho must be neither zero nor a root of unity")
        self.monomial_points: list[Any] = []
        self.lagrange_points: list[Any] = []

    def _take(self, into: list[Any], points: bytes) -> None:
        if len(points) % G1_BYTES:
            raise ValueError(f"{len(points)} bytes are not whole G1 points of {G1_BYTES}")
        taken = [read_g1(points[i : i + G1_BYTES], i // G1_BYTES) for i in range(0, len(points), G1_BYTES)]
        if len(into) + len(taken) > self.size:
            raise ValueError(f"more than {self.size} points in one basis")
        into += taken

    def monomial(self, points: bytes) -> None:
        self._take(self.monomial_points, points)

    def lagrange(self, points: bytes) -> None:
        self._take(self.lagrange_points, points)

    def finish(self, g2: bytes, s_g2: bytes) -> tuple[bool, bool]:
        """(powers, bases): e(P_{i+1}, G2) = e(P_i, s G2) for every i; P_j = sum of omega^(ij) Q_i for every j."""
        read = len(self.monomial_points), len(self.lagrange_points)
        if read != (self.size, self.size):
            raise ValueError(f"a string of {self.size} points, but {read[0]} and {read[1]} were handed over")
        generator, shifted = read_g2(g2), read_g2(s_g2)
        starts = bn128.eq(self.monomial_points[0], bn128.G1) and bn128.eq(generator, bn128.G2)
        return starts and self._consecutive(generator, shifted), self._same_bases()

    def _consecutive(self, generator: Any, shifted: Any) -> bool:
        points = self.monomial_points
        pairs = zip(points[1:], points, strict=False)
        return all(bn128.pairing(generator, after) == bn128.pairing(shifted, before) for after, before in pairs)

    def _same_bases(self) -> bool:
        for j, power in enumerate(self.monomial_points):
            total = bn128.Z1
            for i, point in enumerate(self.lagrange_points):
                total = bn128.add(total, bn128.multiply(point, pow(self.omega, i * j, R)))
            if not bn128.eq(total, power):
                return False
        return True


__all__ = ["KnownTauSrs", "PointError", "SrsCheck", "chunk_levels", "g2_pair", "narrow_product", "trace_roots"]
