"""BN254's groups in plain Python: strict points, one multi-scalar multiplication, the pairing check.

Speed reaches the verifier as another `Arithmetic`; this one is the definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from py_ecc.fields import optimized_bn128_FQ as FQ
from py_ecc.fields import optimized_bn128_FQ2 as FQ2
from py_ecc.fields import optimized_bn128_FQ12 as FQ12
from py_ecc.optimized_bn128.optimized_curve import Z1, Z2, b2, is_inf, is_on_curve, multiply
from py_ecc.optimized_bn128.optimized_pairing import final_exponentiate, pairing
from py_ecc.typing import Optimized_Point3D

from verifier.field import BASE_MODULUS, MODULUS
from verifier.srs import G2Point

# Affine coordinates; the identity is (0, 0), which is not on the curve y² = x³ + 3.
G1 = tuple[int, int]

IDENTITY: G1 = (0, 0)
G1_GENERATOR: G1 = (1, 2)
POINT_BYTES = 64

_COORDINATE_BYTES = 32
_WINDOW = 4  # bits of a scalar that one table look-up takes
# x, y, z for the affine point (x/z², y/z³); the identity has z = 0.
_Jacobian = tuple[int, int, int]
_INFINITY: _Jacobian = (1, 1, 0)


class Arithmetic(Protocol):
    """What a verifier computes with. Both calls raise ValueError for a point outside its group."""

    def msm(self, points: Sequence[G1], scalars: Sequence[int]) -> G1:
        """Σ scalars_i · points_i."""

    def pairing_check(self, pairs: Sequence[tuple[G1, G2Point]]) -> bool:
        """Whether Π e(g1, g2) = 1."""


class PurePython:
    """No native code: a Straus multi-scalar multiplication, and py_ecc's pairing."""

    def msm(self, points: Sequence[G1], scalars: Sequence[int]) -> G1:
        """Windows of all scalars side by side, so that they share their doublings."""
        if len(points) != len(scalars):
            raise ValueError(f"{len(points)} points do not fit {len(scalars)} scalars")
        for point in points:
            require_on_curve(point)
        tables = [(_multiples(point), scalar % MODULUS) for point, scalar in zip(points, scalars, strict=True)]
        total = _INFINITY
        for shift in range(MODULUS.bit_length() // _WINDOW * _WINDOW, -1, -_WINDOW):
            for _ in range(_WINDOW):
                total = _double(total)
            for table, scalar in tables:
                digit = scalar >> shift & (1 << _WINDOW) - 1
                if digit:
                    total = _add(total, table[digit])
        return _affine(total)

    def pairing_check(self, pairs: Sequence[tuple[G1, G2Point]]) -> bool:
        product = FQ12.one()
        for left, right in pairs:
            require_on_curve(left)
            product *= pairing(_g2(right), _g1(left), final_exponentiate=False)
        return bool(final_exponentiate(product) == FQ12.one())


def encode_point(point: G1) -> bytes:
    """x ‖ y; the identity is 64 zero bytes."""
    return b"".join(coordinate.to_bytes(_COORDINATE_BYTES, "big") for coordinate in point)


def decode_point(raw: bytes) -> G1:
    """The inverse; raises ValueError for coordinates that are not reduced and for points off the curve."""
    if len(raw) != POINT_BYTES:
        raise ValueError(f"a point is {POINT_BYTES} bytes, got {len(raw)}")
    point = (int.from_bytes(raw[:_COORDINATE_BYTES], "big"), int.from_bytes(raw[_COORDINATE_BYTES:], "big"))
    require_on_curve(point)
    return point


def require_on_curve(point: G1) -> None:
    """G1 is the whole curve, so there is no subgroup to check."""
    x, y = point
    if not (0 <= x < BASE_MODULUS and 0 <= y < BASE_MODULUS):
        raise ValueError(f"the coordinates of {point} are not below the base field's order")
    if point != IDENTITY and (y * y - x * x * x - 3) % BASE_MODULUS:
        raise ValueError(f"{point} is not on the curve")


def negate(point: G1) -> G1:
    return point[0], -point[1] % BASE_MODULUS


def _g1(point: G1) -> Optimized_Point3D[FQ]:
    if point == IDENTITY:
        return Z1
    return FQ(point[0]), FQ(point[1]), FQ(1)


@lru_cache(maxsize=8)
def _g2(point: G2Point) -> Optimized_Point3D[FQ2]:
    """py_ecc's form; the curve over the extension is larger than the group, so both are checked."""
    if not all(0 <= coordinate < BASE_MODULUS for coordinate in point):
        raise ValueError("the coordinates of a point of G2 are not below the base field's order")
    if not any(point):
        return Z2
    x1, x0, y1, y0 = point
    parsed = (FQ2([x0, x1]), FQ2([y0, y1]), FQ2.one())
    if not is_on_curve(parsed, b2) or not is_inf(multiply(parsed, MODULUS)):
        raise ValueError("a point is not in G2")
    return parsed


def require_srs_point(point: G2Point) -> None:
    """Raises ValueError for what is no s·G2: a point of G2 other than the identity."""
    if not any(point):
        raise ValueError("the identity is no s·G2")
    _g2(point)


def _multiples(point: G1) -> list[_Jacobian]:
    """0, 1, 2 … 2^_WINDOW − 1 times the point."""
    first = _INFINITY if point == IDENTITY else (point[0], point[1], 1)
    table = [_INFINITY, first]
    while len(table) < 1 << _WINDOW:
        table.append(_add(table[-1], first))
    return table


def _double(point: _Jacobian) -> _Jacobian:
    """dbl-2009-l of the Explicit-Formulas Database; no point of the curve has y = 0, as its order is odd."""
    x, y, z = point
    if z == 0:
        return _INFINITY
    yy = y * y % BASE_MODULUS
    double_xyy = 4 * x * yy % BASE_MODULUS
    slope = 3 * x * x % BASE_MODULUS
    new_x = (slope * slope - 2 * double_xyy) % BASE_MODULUS
    new_y = (slope * (double_xyy - new_x) - 8 * yy * yy) % BASE_MODULUS
    return new_x, new_y, 2 * y * z % BASE_MODULUS


def _add(left: _Jacobian, right: _Jacobian) -> _Jacobian:
    """Complete: the identity on either side, equal and opposite points are told apart."""
    x1, y1, z1 = left
    x2, y2, z2 = right
    if z1 == 0:
        return right
    if z2 == 0:
        return left
    zz1, zz2 = z1 * z1 % BASE_MODULUS, z2 * z2 % BASE_MODULUS
    u1, s1 = x1 * zz2 % BASE_MODULUS, y1 * zz2 * z2 % BASE_MODULUS
    h = (x2 * zz1 - u1) % BASE_MODULUS
    rise = (y2 * zz1 * z1 - s1) % BASE_MODULUS
    if h == 0:
        return _double(left) if rise == 0 else _INFINITY
    hh = h * h % BASE_MODULUS
    hhh, v = h * hh % BASE_MODULUS, u1 * hh % BASE_MODULUS
    new_x = (rise * rise - hhh - 2 * v) % BASE_MODULUS
    new_y = (rise * (v - new_x) - s1 * hhh) % BASE_MODULUS
    return new_x, new_y, h * z1 * z2 % BASE_MODULUS


def _affine(point: _Jacobian) -> G1:
    x, y, z = point
    if z == 0:
        return IDENTITY
    inverse = pow(z, -1, BASE_MODULUS)
    square = inverse * inverse % BASE_MODULUS
    return x * square % BASE_MODULUS, y * square * inverse % BASE_MODULUS
