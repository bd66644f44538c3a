"""A prover that lies in any one message and goes on as convincingly as it can
(docs/protocol/sumcheck.md sections 5 to 9)."""

import math

import numpy as np
import pytest
import sumcheck_reference as reference
import sumcheck_toy as toy
from kzg_reference import KnownTau

from verifier.claims import factor_positions
from verifier.errors import VerificationError
from verifier.field import MODULUS
from verifier.forms import identity_form
from verifier.sumcheck import verify
from verifier.transcript import Tag

SENT = (
    Tag.LAYER_VALUES,
    Tag.LAYER_ROUND,
    Tag.PRODUCT_SUM,
    Tag.PRODUCT_ROUND,
    Tag.FACTORS,
    Tag.EVALUATION_ROUND,
    Tag.EVALUATION,
)


def outcome(prover: reference.Prover, proof=None) -> str:
    """The code of the refusal, or "accepted"."""
    proof = proof or prover.proof()
    try:
        verify(prover.statement(), prover.key, proof.encode(), reference.ACCEPTED, KnownTau())
    except VerificationError as refusal:
        return refusal.code
    return "accepted"


class Liar:
    """Changes one element of one message; counts those of each tag."""

    def __init__(self, tag: Tag, message: int, element: int, change=lambda value: value + 1) -> None:
        self._at, self._element, self._change = (tag, message), element, change
        self.seen: dict[Tag, list[int]] = {}

    def __call__(self, tag, values):
        lengths = self.seen.setdefault(tag, [])
        lengths.append(len(values))
        if (tag, len(lengths) - 1) != self._at:
            return values
        told = list(values)
        told[self._element] = self._change(told[self._element]) % MODULUS
        return told


def lengths_of_messages() -> dict[Tag, list[int]]:
    watcher = Liar(Tag.STATEMENT, 0, 0)
    assert outcome(toy.prover(tell=watcher)) == "accepted"
    return watcher.seen


MESSAGES = lengths_of_messages()


def test_the_toy_proof_has_every_message_of_the_note():
    assert {tag: len(lengths) for tag, lengths in MESSAGES.items()} == {
        Tag.LAYER_VALUES: 7,
        Tag.LAYER_ROUND: 21,
        Tag.PRODUCT_SUM: 1,
        Tag.PRODUCT_ROUND: 5,
        Tag.FACTORS: 1,
        Tag.EVALUATION_ROUND: 11,
        Tag.EVALUATION: 1,
    }


ROUNDS = (Tag.LAYER_ROUND, Tag.PRODUCT_ROUND, Tag.EVALUATION_ROUND)
REFUSALS = {
    Tag.LAYER_VALUES: {"fraction_sum_not_zero", "layer_mismatch", "evaluation_mismatch"},
    Tag.LAYER_ROUND: {"layer_mismatch"},
    Tag.PRODUCT_SUM: {"products_mismatch"},
    Tag.PRODUCT_ROUND: {"products_mismatch"},
    Tag.FACTORS: {"products_mismatch"},
    Tag.EVALUATION_ROUND: {"evaluation_mismatch"},
    Tag.EVALUATION: {"evaluation_mismatch"},
}


@pytest.mark.parametrize("tag", SENT)
def test_rejects_every_element_that_is_not_what_the_prover_should_say(tag):
    for message, length in enumerate(MESSAGES[tag]):
        # Of many rounds one element each, in turn.
        for element in (message % length,) if tag in ROUNDS else range(length):
            assert outcome(toy.prover(tell=Liar(tag, message, element))) in REFUSALS[tag]


def forged(**changes) -> str:
    """The toy's witness, changed where `changes` says so, through the honest prover."""
    made = toy.assignment()
    for name, change in changes.items():
        made[name] = change(made[name].copy())
    return outcome(toy.prover(made))


def bump(*cells, by=1):
    def change(values):
        for cell in cells:
            values[cell] += by
        return values

    return change


LOOKED_UP = {"fraction_sum_not_zero"}
UNEQUAL = {"evaluation_mismatch"}


@pytest.mark.parametrize(
    ("changes", "refusals"),
    [
        # Identities, at the first and at the last point of their box.
        ({"y": bump((0, 0))}, UNEQUAL),
        ({"y": bump((2, 1), by=-1)}, UNEQUAL),
        ({"conv": bump((0, 0))}, UNEQUAL),
        ({"conv": bump((2, 4))}, UNEQUAL),
        ({"flat": bump((14,))}, UNEQUAL),
        ({"high": bump((1, 1))}, UNEQUAL),
        ({"wide": bump((2, 1, 3))}, UNEQUAL),
        ({"long": bump((19, 9))}, UNEQUAL),
        ({"out": bump((1, 0))}, UNEQUAL),
        # Output and witness agree, the weights do not.
        ({"y": bump((1, 0)), "out": bump((1, 0))}, UNEQUAL),
        # A remainder minus and plus the divisor, the quotient to match.
        ({"low": bump((1, 1), by=16), "high": bump((1, 1), by=-1)}, LOOKED_UP),
        ({"low": bump((1, 1), by=-16), "high": bump((1, 1))}, LOOKED_UP),
        # A value of the table that is not that of its place.
        ({"square": bump((0, 0))}, LOOKED_UP),
        # Multiplicities.
        ({"uses_low": bump((3,))}, LOOKED_UP),
        ({"uses_low": bump((3,), by=-1)}, LOOKED_UP),
        ({"uses_square": lambda uses: -uses}, LOOKED_UP),
        ({"uses_square": lambda uses: 0 * uses}, LOOKED_UP),
        ({"uses_low": lambda uses: np.roll(uses, 1)}, LOOKED_UP),
    ],
)
def test_rejects_a_forged_witness_through_the_honest_prover(changes, refusals):
    assert forged(**changes) in refusals


def test_rejects_a_multiplicity_of_minus_one_in_the_field():
    """r − 1 of a tuple that is not looked up, which no int64 holds."""
    made = toy.assignment()
    values = toy.values(made)
    values[toy.NUMBER["uses_low"]] = values[toy.NUMBER["uses_low"]].astype(object)
    values[toy.NUMBER["uses_low"]][0] += MODULUS - 1
    key = reference.key_of(toy.SYSTEM, toy.values())
    assert outcome(reference.Prover(toy.SYSTEM, key, values)) == "fraction_sum_not_zero"
    # The same with the sum's top made to vanish.
    top = Top()
    assert outcome(reference.Prover(toy.SYSTEM, key, values, top)) == "layer_mismatch"


class Top:
    """Says of the first two nodes what adds up to 0."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, tag, values):
        if tag is not Tag.LAYER_VALUES or self._told:
            return values
        self._told = True
        p0, _, q0, q1 = values
        return p0, -p0 * q1 * pow(q0, -1, MODULUS) % MODULUS, q0, q1


@pytest.mark.parametrize("lost", ["low", "square", "uses_low", "uses_square"])
def test_rejects_an_unbalanced_sum_whose_top_is_made_to_vanish(lost):
    made = toy.assignment()
    made[lost] = made[lost] + 1
    assert outcome(toy.prover(made, Top())) == "layer_mismatch"


@pytest.mark.parametrize("zeros", [(0, 0, 0, 0), (0, 7, 0, 5), (7, 0, 5, 0)])
def test_rejects_a_pole_that_would_hide_any_numerator(zeros):
    told = iter([zeros])
    prover = toy.prover(tell=lambda tag, values: next(told, values) if tag is Tag.LAYER_VALUES else values)
    assert outcome(prover) == "fraction_pole"


class Fitting(reference.Prover):
    """Says of the products what the identities need, and not what they add up to."""

    def multiply(self, zeta, gamma):
        form = identity_form(self.system.identities, gamma)
        self.needed = -sum(c * self.value(reading.functional(zeta)) for reading, c in form.readings.items())
        return super().multiply(zeta, gamma)

    def value(self, functional):
        read = self.grid_values(functional.tensor, functional.how, functional.grid)
        return int(np.sum(read * reference.grid_weights(functional, self.p)))

    def say(self, tag, values):
        return super().say(tag, [self.needed] if tag is Tag.PRODUCT_SUM else values)


@pytest.mark.parametrize(("name", "cell"), [("y", (0, 0)), ("conv", (2, 4)), ("wide", (0, 1, 2)), ("out", (1, 0))])
def test_rejects_a_sum_of_products_that_only_fits_the_identities(name, cell):
    made = toy.assignment()
    made[name][cell] += 1
    forger = Fitting(toy.SYSTEM, reference.key_of(toy.SYSTEM, toy.values()), toy.values(made))
    assert outcome(forger) == "products_mismatch"


def test_accepts_the_sum_of_products_that_the_identities_need_when_it_is_true():
    honest = Fitting(toy.SYSTEM, reference.key_of(toy.SYSTEM, toy.values()), toy.values())
    assert outcome(honest) == "accepted"


class Forger(reference.Prover):
    """Proves a false sum of fractions, with a lie in every layer that fits the one before it. In the end the table's
    value can be made to fit what is claimed of the leaves.
    """

    fits_ledger = False
    step: int | None = None

    def fractions(self, numerators, denominators):
        top, layers, point = super().fractions(numerators, denominators)
        self.lie = point[-1] * self.step
        return top, layers, point

    def layer(self, point, numerators, denominators):
        self.error = point[-1] * self.step  # the rounds' constants take it, and keep it as it is
        return super().layer(point, numerators, denominators)

    def sumcheck(self, sums, rounds, degree, tags):
        sent, x = super().sumcheck(sums, rounds, degree, tags)
        if tags[0] is Tag.EVALUATION_ROUND and self.fits_ledger:
            # c1 takes a false claim's error whole: after the round it is x times as large.
            (_, (weight,)) = sums[0].tables
            self.error = self.lie * math.prod(x) * inverse(weight)
        return sent, x

    def say(self, tag, values):
        if tag is Tag.LAYER_VALUES:
            p0, p1, q0, q1 = values
            self.step = -p0 * q1 * inverse(q0) - p1 if self.step is None else self.error * inverse(q0)
            values = (p0, p1 + self.step, q0, q1)
        if tag is Tag.EVALUATION and self.fits_ledger:
            values = [values[0] + self.error]
        return super().say(tag, values)


def inverse(value: int) -> int:
    return pow(value, -1, MODULUS)


@pytest.mark.parametrize(("fits_ledger", "refusal"), [(False, "evaluation_mismatch"), (True, "opening_mismatch")])
def test_rejects_a_false_sum_of_fractions_wherever_its_lies_end(fits_ledger, refusal):
    made = toy.assignment()
    made["uses_low"][7] += 1
    forger = Forger(toy.SYSTEM, reference.key_of(toy.SYSTEM, toy.values()), toy.values(made))
    forger.fits_ledger = fits_ledger
    assert outcome(forger) == refusal


def test_rejects_factors_that_have_the_right_product():
    prover = toy.prover()
    positions = factor_positions(prover.system, prover.products)
    first = next(at for at, (number, which) in enumerate(positions) if (number, 1 - which) in positions[at + 1 :])

    def scaled(tag, values):
        if tag is not Tag.FACTORS:
            return values
        told = list(values)
        told[first], told[first + 1] = told[first] * 2 % MODULUS, told[first + 1] * inverse(2) % MODULUS
        return told

    prover.tell = scaled
    assert outcome(prover) == "evaluation_mismatch"


def test_accepts_whatever_is_in_cells_that_no_tensor_has():
    """Garbage in padding and gaps of present rows: committed, weighed by nothing."""
    prover = toy.prover()
    table, ones = prover.table, [np.ones(tensor.dims, np.int64) for tensor in prover.system.tensors]
    real = reference.dense_table(prover.system, table, ones)
    noise = {
        cell: 1 + cell
        for row in table.witness_rows
        for cell in range(row << table.row_bits, (row + 1) << table.row_bits)
        if not real[cell]
    }
    assert len(noise) > 50
    prover.noise = noise
    assert outcome(prover) == "accepted"
    made = toy.assignment()
    made["out"] = made["out"] + 1
    forger = toy.prover(made)
    forger.noise = noise
    assert outcome(forger) in UNEQUAL


def test_rejects_garbage_in_a_setup_row():
    """The key's commitment is to zeros there."""
    prover = toy.prover()
    prover.noise = {prover.table.blocks[toy.NUMBER["filter"]].offset + 3: 5}
    assert outcome(prover) == "opening_mismatch"
