"""Cheating at the one opening (docs/protocol/sumcheck.md section 9), with a prover that can be made to lie anywhere."""

import random
from dataclasses import replace

import pytest
from kzg_reference import (
    Cheat,
    Forgetful,
    Recorded,
    Scripted,
    add,
    check,
    commit,
    fold,
    multilinear,
    point_outside_g2,
    prove,
)

from prover.srs import DEVELOPMENT_TAU
from verifier.curve import G1_GENERATOR, IDENTITY, PurePython, negate
from verifier.errors import VerificationError
from verifier.field import BASE_MODULUS, MODULUS, eq_table, evaluate
from verifier.kzg import verify_opening
from verifier.srs import DEVELOPMENT_S_G2, G2_GENERATOR
from verifier.transcript import Tag, Transcript

M = 4
RANDOM = random.Random(9)
POINT = [RANDOM.randrange(MODULUS) for _ in range(M)]
TABLE = [RANDOM.randrange(MODULUS) for _ in range(1 << M)]
VALUE = multilinear(TABLE, POINT)
COMMITTED = commit(TABLE)
HONEST = prove(TABLE, POINT, Transcript())


def rejected(opening, *, commitment=COMMITTED, point=POINT, value=VALUE, code="opening_mismatch", **options):
    with pytest.raises(VerificationError) as refusal:
        check(commitment, point, value, opening, **options)
    assert refusal.value.code == code


def nudged(point):
    return PurePython().msm([point, G1_GENERATOR], [1, 1])


@pytest.mark.parametrize("variables", [1, 2, 4, 6])
def test_accepts_the_multilinear_value(variables):
    table = [RANDOM.randrange(MODULUS) for _ in range(1 << variables)]
    point = [RANDOM.randrange(MODULUS) for _ in range(variables)]
    opening = prove(table, point, Transcript())
    check(commit(table), point, multilinear(table, point), opening)
    rejected(opening, commitment=commit(table), point=point, value=(multilinear(table, point) + 1) % MODULUS)


def test_accepts_and_refuses_by_the_pairing_itself_what_the_known_exponents_do():
    check(COMMITTED, POINT, VALUE, HONEST, arithmetic=PurePython())
    rejected(replace(HONEST, last=nudged(HONEST.last)), arithmetic=PurePython())


def test_accepts_rows_combined_by_the_verifier():
    rows = [[RANDOM.randrange(-128, 128) for _ in range(1 << M)] for _ in range(3)]
    weights = eq_table([5, 7])[:3]
    combined = [0] * (1 << M)
    for row, weight in zip(rows, weights, strict=True):
        combined = add(combined, row, weight)
    terms = list(zip(map(commit, rows), weights, strict=True))
    opening, value = prove(combined, POINT, Transcript()), multilinear(combined, POINT)
    verify_opening(terms, POINT, value, opening, DEVELOPMENT_S_G2, Transcript(), PurePython())
    swapped = [(terms[0][0], weights[1]), (terms[1][0], weights[0]), terms[2]]
    with pytest.raises(VerificationError, match="do not have the values sent"):
        verify_opening(swapped, POINT, value, opening, DEVELOPMENT_S_G2, Transcript(), PurePython())


def test_rejects_a_wrong_value():
    rejected(HONEST, value=(VALUE + 1) % MODULUS)
    rejected(HONEST, value=0)


def test_rejects_a_wrong_value_that_the_values_sent_lead_to():
    wrong = (VALUE + 1) % MODULUS

    def lie(values, t):
        """The last polynomial's value at −t, chosen so that the constant it folds to is the wrong one."""
        plus, _, at_square = values[-1]
        x = POINT[-1]
        minus = (2 * t * wrong - ((1 - x) * t + x) * plus) * pow((1 - x) * t - x, -1, MODULUS) % MODULUS
        return [*values[:-1], (plus, minus, at_square)]

    rejected(prove(TABLE, POINT, Transcript(), Cheat(values=lie)), value=wrong)


@pytest.mark.parametrize("variable", range(M - 1))
def test_rejects_another_point(variable):
    moved = [x + (place == variable) for place, x in enumerate(POINT)]
    rejected(HONEST, point=moved)
    rejected(HONEST, point=moved, value=multilinear(TABLE, moved))
    rejected(prove(TABLE, moved, Transcript()))


def test_an_opening_serves_any_last_coordinate_with_the_true_value_only():
    """No fold depends on it: the last polynomial's two cells are known by then."""
    moved = [*POINT[:-1], POINT[-1] + 1]
    check(COMMITTED, moved, multilinear(TABLE, moved), HONEST)
    rejected(HONEST, point=moved)


def test_rejects_a_point_read_from_its_other_end():
    rejected(HONEST, point=POINT[::-1])
    rejected(prove(TABLE, POINT[::-1], Transcript()))


def test_rejects_an_opening_of_another_table():
    other = [cell + (place == 3) for place, cell in enumerate(TABLE)]
    rejected(prove(other, POINT, Transcript()))
    rejected(prove(other, POINT, Transcript()), value=multilinear(other, POINT))
    rejected(HONEST, commitment=commit(other))


@pytest.mark.parametrize("place", range(3 * M))
def test_rejects_any_value_changed(place):
    polynomial, at = divmod(place, 3)
    values = [list(each) for each in HONEST.values]
    values[polynomial][at] = (values[polynomial][at] + 1) % MODULUS
    rejected(replace(HONEST, values=tuple(map(tuple, values))))

    def lie(values, t):
        return [
            tuple((value + ((i, j) == (polynomial, at))) % MODULUS for j, value in enumerate(each))
            for i, each in enumerate(values)
        ]

    rejected(prove(TABLE, POINT, Transcript(), Cheat(values=lie)))


@pytest.mark.parametrize("index", range(M - 1))
@pytest.mark.parametrize("change", [nudged, negate, lambda point: IDENTITY], ids=["moved", "negated", "identity"])
def test_rejects_any_fold_changed(index, change):
    folds = list(HONEST.folds)
    folds[index] = change(folds[index])
    rejected(replace(HONEST, folds=tuple(folds)))


@pytest.mark.parametrize("index", range(M - 1))
def test_rejects_a_fold_by_another_challenge_carried_on_honestly(index):
    def lie(folds):
        kept = [TABLE, *folds[:index]]
        for place in range(index, M - 1):
            kept.append(fold(kept[-1], POINT[place] + (place == index)))
        return kept[1:]

    rejected(prove(TABLE, POINT, Transcript(), Cheat(folds=lie)))


def test_rejects_folds_swapped():
    first, second, third = HONEST.folds
    rejected(replace(HONEST, folds=(second, first, third)))
    rejected(prove(TABLE, POINT, Transcript(), Cheat(folds=lambda folds: [folds[1], folds[0], folds[2]])))


@pytest.mark.parametrize("which", ["quotient", "last"])
@pytest.mark.parametrize("change", [nudged, negate, lambda point: IDENTITY], ids=["moved", "negated", "identity"])
def test_rejects_a_quotient_changed(which, change):
    rejected(replace(HONEST, **{which: change(getattr(HONEST, which))}))


def test_rejects_quotients_swapped():
    rejected(replace(HONEST, quotient=HONEST.last, last=HONEST.quotient))


def test_rejects_a_quotient_changed_before_the_challenge_that_follows_it():
    rejected(prove(TABLE, POINT, Transcript(), Cheat(quotient=lambda quotient: add(quotient, [1]))))
    rejected(prove(TABLE, POINT, Transcript(), Cheat(last=lambda last: add(last, [1]))))


@pytest.mark.parametrize("t", [0, 1, MODULUS - 1])
def test_rejects_a_challenge_at_which_two_of_the_three_points_are_one(t):
    script = {Tag.FOLD_POINT: t}
    opening = replace(HONEST, values=((0, 0, 0),) * M)  # an honest prover cannot go on either
    rejected(opening, transcript=Scripted(script))
    rejected(opening, commitment=IDENTITY, value=0, transcript=Scripted(script))


def test_accepts_scripted_challenges_that_are_no_trap():
    script = {Tag.FOLD_POINT: 2, Tag.FOLD_COMBINER: 0, Tag.OPENING_POINT: 2}
    check(COMMITTED, POINT, VALUE, prove(TABLE, POINT, Scripted(script)), transcript=Scripted(script))


@pytest.mark.parametrize("size", [17, 18, 31, 32, 64])
def test_rejects_a_table_longer_than_its_rows(size):
    longer = [*TABLE, *(RANDOM.randrange(MODULUS) for _ in range(size - len(TABLE)))]
    opening = prove(longer, POINT, Transcript())
    rejected(opening, commitment=commit(longer))
    at_most = multilinear([*longer, *([0] * (64 - size))], [*POINT, 0, 0])
    rejected(opening, commitment=commit(longer), value=(at_most + 1) % MODULUS)


def test_a_longer_table_that_folds_to_a_constant_is_worth_its_low_cells():
    """A prover that knew the point could hide cells above a row, and would gain nothing."""
    weights = eq_table(POINT)
    hidden = [RANDOM.randrange(MODULUS) for _ in range(len(TABLE) - 1)]
    total = sum(w * cell for w, cell in zip(weights, hidden, strict=False))
    longer = [*TABLE, *hidden, -total * pow(weights[-1], -1, MODULUS) % MODULUS]
    opening = prove(longer, POINT, Transcript())
    check(commit(longer), POINT, VALUE, opening)
    rejected(opening, commitment=commit(longer), value=(VALUE + 1) % MODULUS)


def test_the_identity_commits_to_zeros_and_to_nothing_else():
    zeros = prove([0] * len(TABLE), POINT, Transcript())
    assert {*zeros.folds, zeros.quotient, zeros.last} == {IDENTITY}
    check(IDENTITY, POINT, 0, zeros)
    rejected(zeros, commitment=IDENTITY, value=1)
    rejected(zeros, commitment=COMMITTED, value=VALUE)
    rejected(HONEST, commitment=IDENTITY)
    rejected(zeros, commitment=COMMITTED, value=0)


def test_the_quotients_of_a_constant_are_the_identity():
    constant = [7] + [0] * (len(TABLE) - 1)
    opening = prove([7], POINT, Transcript())
    assert opening.last == opening.quotient == IDENTITY
    check(commit(constant), POINT, multilinear(constant, POINT), opening)


def test_rejects_a_proof_over_another_string():
    x1, x0, y1, y0 = DEVELOPMENT_S_G2
    for other in (G2_GENERATOR, (x1, x0, BASE_MODULUS - y1, BASE_MODULUS - y0)):
        rejected(HONEST, s_g2=other, arithmetic=PurePython())


def test_refuses_an_accepted_point_that_is_not_in_g2():
    rejected(HONEST, s_g2=point_outside_g2(), arithmetic=PurePython(), code="srs_malformed")


@pytest.mark.parametrize(
    "change",
    [
        {"folds": HONEST.folds[:-1]},
        {"folds": (*HONEST.folds, IDENTITY)},
        {"folds": ()},
        {"values": HONEST.values[:-1]},
        {"values": (*HONEST.values, HONEST.values[-1])},
    ],
    ids=["fold dropped", "fold added", "no folds", "values dropped", "values duplicated"],
)
def test_rejects_an_opening_of_another_shape(change):
    rejected(replace(HONEST, **change), code="proof_malformed")


@pytest.mark.parametrize("forgotten", [Tag.FOLDS, Tag.FOLD_VALUES, Tag.QUOTIENT])
def test_rejects_a_prover_that_leaves_a_message_out_of_its_transcript(forgotten):
    rejected(prove(TABLE, POINT, Forgetful(forgotten)))


@pytest.mark.parametrize("tag", [Tag.FOLD_POINT, Tag.FOLD_COMBINER, Tag.OPENING_POINT])
def test_rejects_recorded_challenges_replayed(tag):
    rejected(prove(TABLE, POINT, Scripted({tag: 12345})))


def test_rejects_a_proof_made_after_another_history():
    transcript = Transcript()
    transcript.absorb(Tag.EVALUATION, bytes(32))
    rejected(prove(TABLE, POINT, transcript))


def test_whoever_knows_tau_opens_to_anything():
    """Why the development string is accepted only where the caller says so, and the string is the verifier's choice."""
    forged = [(cell + 1) % MODULUS for cell in TABLE]
    wrong = multilinear(forged, POINT)
    transcript = Recorded()
    opening = prove(forged, POINT, transcript)
    rejected(opening, value=wrong)
    difference = evaluate(TABLE, DEVELOPMENT_TAU) - evaluate(forged, DEVELOPMENT_TAU)
    bridge = difference * pow(DEVELOPMENT_TAU - transcript.drawn[Tag.OPENING_POINT], -1, MODULUS)
    last = PurePython().msm([opening.last, G1_GENERATOR], [1, bridge])
    check(COMMITTED, POINT, wrong, replace(opening, last=last), arithmetic=PurePython())
