"""All ways to cheat, in a field of 97 elements: none succeeds for more challenges than docs/protocol/sumcheck.md
section 11 allows, and where the bound is tight, some way does for as many."""

import itertools

import numpy as np
import pytest

from circuits.lower.sumcheck.layout import FractionLayout, layout
from circuits.lower.sumcheck.system import Identity, Kind, Reading, System, Tensor, Term
from circuits.program.refs import AffineMap
from verifier.claims import Claim, Functional
from verifier.errors import VerificationError
from verifier.field import dot, eq_table, round_at
from verifier.forms import identity_form, leaf_forms
from verifier.functionals import Functionals
from verifier.ledger import check_ledger
from verifier.logup import reduce_to_leaves
from verifier.sumcheck_proof import LayerProof

P = 97
FIELD = range(P)


class Scripted:
    """Draws what it was told to, in order."""

    modulus = P

    def __init__(self, *challenges):
        self._challenges = list(challenges)

    def absorb(self, tag, data):
        pass

    def challenge(self, tag):
        return self._challenges.pop(0)


def accepts(check, *arguments):
    try:
        check(*arguments)
    except VerificationError:
        return False
    return True


@pytest.mark.parametrize("degree", [2, 3])
def test_no_round_message_for_a_false_sum_meets_the_true_polynomial_more_often_than_its_degree(degree):
    true = (5, 11, 23, 2)[: degree + 1]
    truth = [sum(c * x**j for j, c in enumerate(true)) % P for x in FIELD]
    lie = (truth[0] + truth[1] + 1) % P
    # Every message there is, at once: c0 and the coefficients from c2 on.
    messages = [cells.reshape(-1) for cells in np.meshgrid(*[np.arange(P)] * degree, indexing="ij")]
    hits = sum((round_at(lie, messages, x, P) == truth[x]).astype(int) for x in FIELD)
    assert len(hits) == P**degree
    assert hits.max() == degree
    honest = [true[0], *true[2:]]
    assert all(round_at((lie - 1) % P, honest, x, P) == truth[x] for x in FIELD)


def test_a_false_pair_of_claims_about_a_layer_survives_at_most_one_combiner():
    """Layer 1, one node and its brother: false (P, Q), with the round and values that are true of the children."""
    p0, p1, q0, q1 = (3, 8), (10, 4), (7, 9), (20, 6)  # layer 2's values on either side, by x
    sums = [(a * d + b * c) % P for a, b, c, d in zip(p0, p1, q0, q1, strict=True)]
    products = [c * d % P for c, d in zip(q0, q1, strict=True)]
    u = 40
    true = [dot(eq_table([u], modulus=P), cells, P) for cells in (sums, products)]

    def proof_for(combiner, x):
        at = [[(low + t * (high - low)) % P for low, high in (p0, p1, q0, q1)] for t in (*range(4), x)]
        _, linear, quadratic, none = cubic([a * d + b * c + combiner * c * d for a, b, c, d in at[:4]])
        assert none == 0
        return LayerProof(((linear, quadratic),), tuple(at[4]))

    x, child = 15, 33
    most = 0
    for wrong in itertools.product(range(0, P, 12), range(0, P, 10)):
        if list(wrong) == true:
            continue
        # (P, Q) is the claim that step 2's values give: any pair is, for suitable values of the two nodes.
        top = nodes_with(wrong, u)
        passed = sum(
            accepts(reduce_to_leaves, top, [proof_for(combiner, x)], Scripted(u, combiner, x, child))
            for combiner in FIELD
        )
        most = max(most, passed)
    assert most == 1
    assert all(
        accepts(reduce_to_leaves, nodes_with(true, u), [proof_for(k, x)], Scripted(u, k, x, child)) for k in FIELD
    )


def nodes_with(claim, u):
    """p0, p1, q0, q1 of fractions that add up to 0, with these values at u."""
    p, q = claim
    for q0 in range(1, P):
        q1 = (q - (1 - u) * q0) * pow(u, -1, P) % P
        # p0·q1 = −p1·q0 and (1 − u)·p0 + u·p1 = p
        slope = ((1 - u) * q0 - u * q1) % P
        if q1 and slope:
            p0 = p * q0 * pow(slope, -1, P) % P
            return p0, -p0 * q1 * pow(q0, -1, P) % P, q0, q1
    raise AssertionError("no such nodes")


def cubic(values):
    """Coefficients of the polynomial of degree 3 with these values at 0, 1, 2, 3."""
    matrix = [[pow(x, j, P) for j in range(4)] for x in range(4)]
    rows = [[*row, value % P] for row, value in zip(matrix, values, strict=True)]
    for i in range(4):
        pivot = next(r for r in range(i, 4) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        scale = pow(rows[i][i], -1, P)
        rows[i] = [cell * scale % P for cell in rows[i]]
        for r in range(4):
            if r != i:
                rows[r] = [(a - rows[r][i] * b) % P for a, b in zip(rows[r], rows[i], strict=True)]
    return [row[4] for row in rows]


def test_false_nodes_survive_at_most_one_point_between_them():
    """A tree of two leaves outside blocks, 0/1 each; fractions with the sum 0 and no pole that are not those."""
    numerator, denominator = leaf_forms(System((), (), ()), FractionLayout(1, ()), (0,), (3, 4), P)
    most = 0
    for p0, q0, q1 in itertools.product((0, 1, 5), range(1, P, 9), range(1, P, 8)):
        top = (p0, -p0 * q1 * pow(q0, -1, P) % P, q0, q1)
        passed = 0
        for c in FIELD:
            claim = reduce_to_leaves(top, [], Scripted(c))
            passed += (claim.numerator, claim.denominator) == (numerator.constant, denominator.constant)
        assert top != (0, 0, 1, 1) or passed == P
        most = max(most, passed if top != (0, 0, 1, 1) else 0)
    assert most == 1


def fractions_vanish(leaves):
    """Of (numerator, denominator) leaves: what the verifier sees at the top of an honest tree."""
    layer = leaves
    while len(layer) > 2:
        half = len(layer) // 2
        layer = [((a * d + c * b) % P, b * d % P) for (a, b), (c, d) in zip(layer[:half], layer[half:], strict=True)]
    (p0, q0), (p1, q1) = layer
    return accepts(reduce_to_leaves, (p0, p1, q0, q1), [], Scripted(0))


@pytest.mark.parametrize("looked_up", [(5, 5, 6), (6, 6, 6), (5, 6, 7), (0, 5, 5), (96, 5, 5)])
def test_no_multiplicity_hides_a_value_that_the_table_does_not_offer(looked_up):
    """Three look-ups in a table of the one value 5, under tag 0 and β = 1: 4 leaves, 1 column, all m and all α."""
    worst = 0
    for m in FIELD:
        leaves = [[(1, (alpha - value) % P) for value in looked_up] + [(-m % P, (alpha - 5) % P)] for alpha in FIELD]
        worst = max(worst, sum(fractions_vanish(each) for each in leaves))
    assert worst <= (1 + 1) * 4
    honest = [[(1, (alpha - 5) % P)] * 3 + [(-3 % P, (alpha - 5) % P)] for alpha in FIELD]
    # Convinced by the truth, except at the pole.
    assert [alpha for alpha in FIELD if not fractions_vanish(honest[alpha])] == [5]


def test_no_multiplicity_hides_a_pair_that_the_table_does_not_offer():
    """Pairs, for all α and β: look-ups (2, 3) and (1, 4) in the table (2, 3), (1, 5); m of either, tag 9."""
    alpha, beta = np.meshgrid(np.arange(P), np.arange(P), indexing="ij")

    def denominator(x, y):
        return (alpha - 9 - beta * x - beta * beta * y) % P

    q = [denominator(2, 3), denominator(1, 4), denominator(2, 3), denominator(1, 5)]
    others = [np.prod([q[j] for j in range(4) if j != i], axis=0) % P for i in range(4)]
    poles = np.prod(q, axis=0) % P == 0
    bound = (1 + 2) * 4 * P
    for m, n in itertools.product((0, 1, 2, 50, 96), FIELD):
        numerator = (others[0] + others[1] - m * others[2] - n * others[3]) % P
        assert ((numerator == 0) & ~poles).sum() <= bound


@pytest.mark.parametrize("top", [(0, 0, 0, 0), (0, 0, 0, 1), (0, 5, 0, 7), (5, 0, 7, 0), (1, 1, 0, 0), (0, 0, 3, 0)])
def test_a_pole_is_refused_whatever_it_hides(top):
    with pytest.raises(VerificationError) as refusal:
        reduce_to_leaves(top, [], Scripted(3))
    assert refusal.value.code == (
        "fraction_pole" if (top[0] * top[3] + top[1] * top[2]) % P == 0 else "fraction_sum_not_zero"
    )


BOX = (3,)
IDENTITY = AffineMap.identity(BOX)
# a − b = 0 on a box of two variables, both known to everybody here.
SYSTEM = System(
    (Tensor(Kind.INPUT, BOX, 8), Tensor(Kind.INPUT, BOX, 8)),
    (Identity(BOX, (Term(1, (Reading(0, IDENTITY),)), Term(-1, (Reading(1, IDENTITY),)))),),
    (),
)


@pytest.mark.parametrize("difference", [[0, 0, 0], [1, 0, 0], [0, 0, 96], [1, 96, 0], [1, 2, 3]])
def test_a_false_identity_is_zero_at_no_more_points_than_its_degree_allows(difference):
    a, zeros = np.array([7, 8, 9]), 0
    for zeta in itertools.product(FIELD, repeat=2):
        functionals = Functionals(SYSTEM, {0: a + np.array(difference), 1: a}, P)
        form = identity_form(SYSTEM.identities, 1, P)
        zeros += sum(c * functionals.known_value(r.functional(zeta)) for r, c in form.readings.items()) % P == 0
    assert zeros == P * P if not any(difference) else zeros <= 2 * P


@pytest.mark.parametrize("residues", [(1,), (0, 1), (1, 96), (3, 0, 5, 0), (2, 95, 1), (1, 1, 1, 1, 1)])
def test_false_identities_cancel_for_no_more_combiners_than_there_are_identities(residues):
    ones = Reading(0, AffineMap((), (), ()))
    identities = [Identity((), (Term(residue, (ones,)),)) for residue in residues]
    hidden = [gamma for gamma in FIELD if sum(identity_form(identities, gamma, P).readings.values()) % P == 0]
    assert len(hidden) <= len(residues) - 1


@pytest.mark.parametrize("lies", [(1, 0, 0), (0, 96, 0), (1, 96, 0), (2, 94, 1), (5, 6, 7)])
def test_false_claims_cancel_for_no_more_combiners_than_there_are_claims(lies):
    """Three claims about single cells of a committed tensor; the evaluation rounds and the evaluation are true."""
    tensor = Tensor(Kind.WITNESS, (4,))
    system, cells = System((tensor,), (), ()), [20, 30, 40, 50, *[0] * 12]
    table = layout(system, 4)
    functionals = [Functional(0, AffineMap((4,), (cell,), ((),)), (), ()) for cell in range(3)]
    x = [12, 34, 56, 78]
    claims = [Claim(((f, 1),), (cells[i] + lies[i]) % P) for i, f in enumerate(functionals)]

    def run(delta, claimed):
        weights = [pow(delta, c, P) if c < 3 else 0 for c in range(16)]
        rounds, evaluation = honest_evaluation(cells, weights, x)
        check_ledger(claimed, Functionals(system, {}, P), table, rounds, evaluation, Scripted(delta, *x))

    assert sum(accepts(run, delta, claims) for delta in FIELD) <= 2
    true = [Claim(((f, 1),), cells[i]) for i, f in enumerate(functionals)]
    assert all(accepts(run, delta, true) for delta in FIELD)


def honest_evaluation(table, weights, x):
    """(c0, c2) of every round of Σ table·weights, and the table's value at the end."""
    rounds = []
    for challenge in x:
        pairs = list(zip(table[::2], table[1::2], weights[::2], weights[1::2], strict=True))
        rounds.append((sum(a * c for a, _, c, _ in pairs) % P, sum((b - a) * (d - c) for a, b, c, d in pairs) % P))
        table = [(a + challenge * (b - a)) % P for a, b, _, _ in pairs]
        weights = [(c + challenge * (d - c)) % P for _, _, c, d in pairs]
    return rounds, table[0]


def test_leaves_outside_blocks_are_nothing_over_one():
    for at in FIELD:
        numerator, denominator = leaf_forms(System((), (), ()), FractionLayout(1, ()), (at,), (3, 4), P)
        assert (numerator.constant, denominator.constant) == (0, 1)
        assert not numerator.readings
        assert not denominator.readings
