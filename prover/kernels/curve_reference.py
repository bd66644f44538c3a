"""The plain twins of commitments and pairings: py_ecc, one multiplication a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prover.kernels.reference import G1_BYTES, P, R, bn128, read_g1

G1 = tuple[int, int]
G2 = tuple[int, int, int, int]


def parse_g1(point: G1) -> Any:
    """(0, 0) is the identity, as for the EVM's precompiles."""
    x, y = (_coordinate(value) for value in point)
    if x == y == 0:
        return bn128.Z1
    if (y * y - x * x * x - 3) % P:
        raise ValueError("a G1 point is not on the curve")
    return (bn128.FQ(x), bn128.FQ(y), bn128.FQ(1))


def _coordinate(value: int) -> int:
    if abs(value) >= P:
        raise ValueError("an int outside the field")
    return value % P


def parse_g2(point: G2) -> Any:
    """Imaginary parts first, as for the EVM's precompiles; all zero is the identity."""
    x1, x0, y1, y0 = (_coordinate(value) for value in point)
    if x1 == x0 == y1 == y0 == 0:
        return bn128.Z2
    parsed = (bn128.FQ2([x0, x1]), bn128.FQ2([y0, y1]), bn128.FQ2([1, 0]))
    if not bn128.is_on_curve(parsed, bn128.b2) or not bn128.is_inf(bn128.multiply(parsed, R)):
        raise ValueError("a G2 point is not in the group")
    return parsed


def coordinates(point: Any) -> G1:
    if bn128.is_inf(point):
        return 0, 0
    x, y = bn128.normalize(point)
    return x.n, y.n


def msm(points: Sequence[G1], scalars: Sequence[int]) -> G1:
    if len(points) != len(scalars):
        raise ValueError(f"{len(points)} points, {len(scalars)} scalars")
    if any(abs(scalar) >= R for scalar in scalars):
        raise ValueError("an int outside the field")
    return coordinates(_sum([parse_g1(point) for point in points], scalars))


def _sum(points: Sequence[Any], scalars: Sequence[int]) -> Any:
    total = bn128.Z1
    for point, scalar in zip(points, scalars, strict=True):
        total = bn128.add(total, bn128.multiply(point, scalar % R))
    return total


def pairing_check(pairs: Sequence[tuple[G1, G2]]) -> bool:
    product = bn128.FQ12.one()
    for g1, g2 in [(parse_g1(g1), parse_g2(g2)) for g1, g2 in pairs]:
        product = product * bn128.pairing(g2, g1)
    return bool(product == bn128.FQ12.one())


class ReferenceString:
    """Powers of tau, and commitments to coefficients as x and y, 32 big-endian bytes each (sections 3 and 9)."""

    def __init__(self, points: bytes) -> None:
        if len(points) % G1_BYTES:
            raise ValueError(f"{len(points)} bytes are not whole G1 points of {G1_BYTES}")
        starts = range(0, len(points), G1_BYTES)
        self._points = [read_g1(points[start : start + G1_BYTES], i) for i, start in enumerate(starts)]

    def commit(self, polynomials: Sequence[Sequence[int]]) -> list[bytes]:
        return [self._commit(coefficients) for coefficients in polynomials]

    def _commit(self, coefficients: Sequence[int]) -> bytes:
        if len(coefficients) > len(self._points):
            raise ValueError(f"{len(coefficients)} coefficients for a string of {len(self._points)} points")
        x, y = coordinates(_sum(self._points[: len(coefficients)], coefficients))
        return x.to_bytes(32, "big") + y.to_bytes(32, "big")

    def commit_integers(self, rows: Sequence[Sequence[int]]) -> list[bytes]:
        return self.commit([[int(x) for x in row] for row in rows])
