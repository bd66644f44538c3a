"""Arithmetic in the scalar field of BN254 as the sumcheck route needs it (docs/protocol/sumcheck.md section 1).

Elements are ints in [0, modulus). Points and variables are little-endian: `point[0]` belongs to the lowest bit of an
index. Functions take the modulus as an argument, so that tests can run them where cheating can be tried exhaustively.
"""

from __future__ import annotations

from collections.abc import Sequence

MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617
BASE_MODULUS = 21888242871839275222246405745257275088696311157297823662689037894645226208583
SCALAR_BYTES = 32


def eq(left: Sequence[int], right: Sequence[int], modulus: int = MODULUS) -> int:
    """Π_j (l_j·r_j + (1 − l_j)(1 − r_j)), section 1."""
    product = 1
    for a, b in zip(left, right, strict=True):
        product = product * (1 - a - b + 2 * a * b) % modulus
    return product


def eq_index(point: Sequence[int], index: int, modulus: int = MODULUS) -> int:
    """eq of `point` and the bits of `index`, which must be below 2^len(point)."""
    if index >> len(point):
        raise ValueError(f"index {index} has more than {len(point)} bits")
    product = 1
    for j, z in enumerate(point):
        product = product * (z if index >> j & 1 else 1 - z) % modulus
    return product


def _require_cells(variables: int, count: int) -> None:
    if not 0 <= count <= 1 << variables:
        raise ValueError(f"{variables} variables have no {count} cells")


def eq_table(point: Sequence[int], count: int | None = None, modulus: int = MODULUS) -> list[int]:
    """eq(point, i) for i below `count` (by default for all 2^len(point))."""
    count = 1 << len(point) if count is None else count
    _require_cells(len(point), count)
    table = [1]
    # From the highest variable down, so that the cells beyond `count` are never computed.
    for j in range(len(point) - 1, -1, -1):
        z, keep = point[j], -(-count >> j)
        wider: list[int] = []
        for value in table:
            high = value * z % modulus
            wider += (value - high, high)
        table = wider[:keep]
    return [value % modulus for value in table[:count]]


def eq_prefix(point: Sequence[int], count: int, modulus: int = MODULUS) -> int:
    """Σ_(t < count) eq(point, t), in time linear in len(point): mask̃ along one axis (section 1)."""
    _require_cells(len(point), count)
    if count == 1 << len(point):
        return 1
    total = 0
    for j, z in enumerate(point):  # total: of the numbers of j bits, those below `count`'s lowest j bits
        total = ((1 - z) + z * total if count >> j & 1 else (1 - z) * total) % modulus
    return total


def eq_prefix_index(point: Sequence[int], count: int, modulus: int = MODULUS) -> int:
    """Σ_(t < count) t·eq(point, t): IOTA along one axis."""
    _require_cells(len(point), count)
    # Over the numbers of j bits: `every` is Σ t·eq of all; `some` the same, and `total` Σ eq, of those below `count`'s
    # lowest j bits.
    every = some = total = 0
    for j, z in enumerate(point):
        upper = z * (some + (total << j))
        if count >> j & 1:
            some, total = ((1 - z) * every + upper) % modulus, ((1 - z) + z * total) % modulus
        else:
            some, total = (1 - z) * some % modulus, (1 - z) * total % modulus
        every = (every + (z << j)) % modulus
    return every if count == 1 << len(point) else some


def eq_prefix_dot(left: Sequence[int], right: Sequence[int], count: int, modulus: int = MODULUS) -> int:
    """Σ_(t < count) eq(left, t)·eq(right, t)."""
    _require_cells(len(left), count)
    every, total = 1, 0  # as in eq_prefix_index
    for j, (a, b) in enumerate(zip(left, right, strict=True)):
        both = a * b % modulus
        neither = (1 - a - b + both) % modulus
        total = (neither * every + both * total if count >> j & 1 else neither * total) % modulus
        every = every * (neither + both) % modulus
    return every if count == 1 << len(left) else total


def evaluate(coefficients: Sequence[int], x: int, modulus: int = MODULUS) -> int:
    """A polynomial at x, lowest coefficient first."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % modulus
    return value


def dot(left: Sequence[int], right: Sequence[int], modulus: int = MODULUS) -> int:
    return sum(a * b for a, b in zip(left, right, strict=True)) % modulus


def powers(base: int, count: int, modulus: int = MODULUS) -> list[int]:
    """1, base, base², …"""
    values = []
    power = 1
    for _ in range(count):
        values.append(power)
        power = power * base % modulus
    return values


def scalar_bytes(values: Sequence[int]) -> bytes:
    """Canonical big-endian words, as scalars stand on the wire (section 10)."""
    return b"".join(value.to_bytes(SCALAR_BYTES, "big") for value in values)


def round_at(claim: int, sent: Sequence[int], x: int, modulus: int = MODULUS) -> int:
    """A sumcheck round's polynomial at its challenge; `sent` is (c0, c2) or (c0, c2, c3).

    c1 is not sent: it is what makes the polynomial's values at 0 and 1 add up to the claim.
    """
    first, *higher = sent
    linear = claim - 2 * first - sum(higher)
    return evaluate((first, linear, *higher), x, modulus)
