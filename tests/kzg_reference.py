"""A plain prover of docs/protocol/sumcheck.md section 9 whose tau is known, and the ways in which it can be made to
cheat: each step may be replaced, and what follows is then as convincing as its honest continuation can be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from py_ecc.optimized_bn128 import FQ2, b2, is_on_curve

from prover.srs import DEVELOPMENT_TAU
from verifier.curve import G1, G1_GENERATOR, IDENTITY, PurePython, encode_point
from verifier.field import BASE_MODULUS, MODULUS, eq_table, evaluate, powers, scalar_bytes
from verifier.kzg import Opening, Values, combine, interpolate, verify_opening
from verifier.srs import DEVELOPMENT_S_G2, G2_GENERATOR, G2Point
from verifier.transcript import Tag, Transcript

Polynomial = list[int]


class KnownTau(PurePython):
    """Pairs by exponents: of the two points of G2 that section 9 pairs with, the discrete logarithms are known."""

    def pairing_check(self, pairs):
        exponents = {G2_GENERATOR: 1, DEVELOPMENT_S_G2: DEVELOPMENT_TAU}
        return self.msm([g1 for g1, _ in pairs], [exponents[g2] for _, g2 in pairs]) == IDENTITY


class Scripted(Transcript):
    """Draws what it was told to; everything else as it would."""

    def __init__(self, script: dict[Tag, int]) -> None:
        super().__init__()
        self._script = script

    def challenge(self, tag: Tag) -> int:
        drawn = super().challenge(tag)
        return self._script.get(tag, drawn)


class Recorded(Transcript):
    """Remembers what it drew."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: dict[Tag, int] = {}

    def challenge(self, tag: Tag) -> int:
        self.drawn[tag] = super().challenge(tag)
        return self.drawn[tag]


class Forgetful(Transcript):
    """A mutant that does not absorb one message."""

    def __init__(self, forgets: Tag) -> None:
        super().__init__()
        self._forgets = forgets

    def absorb(self, tag: Tag, data: bytes) -> None:
        if tag is not self._forgets:
            super().absorb(tag, data)


@dataclass
class Cheat:
    """What a prover puts in the place of what it should have; nothing by default."""

    folds: Callable[[list[Polynomial]], list[Polynomial]] = field(default=lambda folds: folds)
    values: Callable[[list[Values], int], list[Values]] = field(default=lambda values, t: values)
    quotient: Callable[[Polynomial], Polynomial] = field(default=lambda quotient: quotient)
    last: Callable[[Polynomial], Polynomial] = field(default=lambda last: last)


HONEST = Cheat()


def commit(polynomial: Sequence[int]) -> G1:
    return PurePython().msm([G1_GENERATOR], [evaluate(polynomial, DEVELOPMENT_TAU)])


def multilinear(table: Sequence[int], point: Sequence[int]) -> int:
    """By the definition: Σ_i eq(point, i)·table_i."""
    return sum(weight * cell for weight, cell in zip(eq_table(point), table, strict=True)) % MODULUS


def fold(polynomial: Sequence[int], x: int) -> Polynomial:
    padded = [*polynomial, *([0] * (len(polynomial) % 2))]
    return [((1 - x) * a + x * b) % MODULUS for a, b in zip(padded[::2], padded[1::2], strict=True)]


def add(left: Sequence[int], right: Sequence[int], factor: int = 1) -> Polynomial:
    """left + factor·right."""
    size = max(len(left), len(right))
    a, b = ([*p, *([0] * (size - len(p)))] for p in (left, right))
    return [(x + factor * y) % MODULUS for x, y in zip(a, b, strict=True)]


def divide(polynomial: Sequence[int], divisor: Sequence[int]) -> Polynomial:
    """The quotient by a monic divisor; a remainder is dropped."""
    rest, quotient = list(polynomial), [0] * max(0, len(polynomial) - len(divisor) + 1)
    for place in range(len(quotient) - 1, -1, -1):
        quotient[place] = rest[place + len(divisor) - 1]
        for offset, coefficient in enumerate(divisor):
            rest[place + offset] = (rest[place + offset] - quotient[place] * coefficient) % MODULUS
    return quotient


def interpolant(values: Values, t: int) -> Polynomial:
    """I as coefficients: its values at 0, 1 and −1 tell."""
    at_0, at_1, at_minus_1 = (interpolate(values, t, x) for x in (0, 1, -1))
    half = pow(2, -1, MODULUS)
    return [at_0, (at_1 - at_minus_1) * half % MODULUS, ((at_1 + at_minus_1) * half - at_0) % MODULUS]


def prove(polynomial: Sequence[int], point: Sequence[int], transcript: Transcript, cheat: Cheat = HONEST) -> Opening:
    folded = [list(polynomial)]
    for x in point[:-1]:
        folded.append(fold(folded[-1], x))
    folds = cheat.folds(folded[1:])
    polynomials = [folded[0], *folds]
    commitments = tuple(map(commit, folds))
    transcript.absorb(Tag.FOLDS, b"".join(map(encode_point, commitments)))
    t = transcript.challenge(Tag.FOLD_POINT)
    values = cheat.values([(evaluate(p, t), evaluate(p, -t), evaluate(p, t * t)) for p in polynomials], t)
    transcript.absorb(Tag.FOLD_VALUES, scalar_bytes([at for each in values for at in each]))
    v = transcript.challenge(Tag.FOLD_COMBINER)
    return _prove_batch(polynomials, commitments, values, (t, v), transcript, cheat)


def _prove_batch(polynomials, commitments, values, challenges, transcript, cheat) -> Opening:
    t, v = challenges
    weights, batch = powers(v, len(polynomials)), [0]
    for weight, each in zip(weights, polynomials, strict=True):
        batch = add(batch, each, weight)
    claimed = combine(values, weights)
    vanishing = [pow(t, 4, MODULUS), -t * t % MODULUS, -t * t % MODULUS, 1]  # (X² − t²)(X − t²)
    quotient = cheat.quotient(divide(add(batch, interpolant(claimed, t), -1), vanishing))
    committed = commit(quotient)
    transcript.absorb(Tag.QUOTIENT, encode_point(committed))
    z = transcript.challenge(Tag.OPENING_POINT)
    left = add(add(batch, [interpolate(claimed, t, z)], -1), quotient, -evaluate(vanishing, z))
    last = commit(cheat.last(divide(left, [-z % MODULUS, 1])))
    transcript.absorb(Tag.LAST_QUOTIENT, encode_point(last))
    return Opening(commitments, tuple(values), committed, last)


def check(commitment, point, value, opening, *, transcript=None, s_g2=DEVELOPMENT_S_G2, arithmetic=None) -> None:
    """verify_opening of one commitment."""
    arithmetic = arithmetic or KnownTau()
    verify_opening([(commitment, 1)], point, value, opening, s_g2, transcript or Transcript(), arithmetic)


def square_root(a: int, b: int) -> tuple[int, int] | None:
    """Of a + b·i, where there is one, in the field of p² elements; p is 3 mod 4."""
    exponent = (BASE_MODULUS + 1) // 4
    norm = pow(a * a + b * b, exponent, BASE_MODULUS)
    for sign in (norm, -norm):
        half = (a + sign) * pow(2, -1, BASE_MODULUS) % BASE_MODULUS
        x = pow(half, exponent, BASE_MODULUS)
        if x and x * x % BASE_MODULUS == half:
            y = b * pow(2 * x, -1, BASE_MODULUS) % BASE_MODULUS
            if (x * x - y * y - a) % BASE_MODULUS == 0:
                return x, y
    return None


def point_outside_g2() -> G2Point:
    """On the curve over the field of p² elements, which has many more points than G2."""
    for x in range(1, 50):
        square = FQ2([x, 0]) ** 3 + b2
        root = square_root(*(c if isinstance(c, int) else c.n for c in square.coeffs))
        if root:
            assert is_on_curve((FQ2([x, 0]), FQ2(root), FQ2.one()), b2)
            return 0, x, root[1], root[0]
    raise AssertionError("no point found")
