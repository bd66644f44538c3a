"""The sumcheck kernels equal their plain twins in every round, and their rounds are those of an honest prover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.kernels import field, field_reference
from tests.field_cases import SCALARS, fast, some_scalars, vectors
from verifier.field import MODULUS, dot, eq_table, round_at

COORDINATES = st.sampled_from([0, 1]) | SCALARS  # at 0 a round's value at 1 does not follow from the claim
INTEGERS = st.sampled_from([0, 1, -1, -(1 << 63), (1 << 63) - 1]) | st.integers(-(1 << 63), (1 << 63) - 1)
Instances = list[tuple[int, list[int], list[int], list[int]]]


@st.composite
def instances(draw: Any) -> Instances:
    made = []
    for _ in range(draw(st.integers(0, 3))):
        variables = draw(st.integers(0, 4))
        point = draw(st.lists(COORDINATES, max_size=variables))
        a, b = (draw(vectors(1 << variables)) for _ in range(2))
        made.append((draw(SCALARS), point, a, b))
    return made


def played(sumcheck: Any, challenges: list[int]) -> tuple[list[tuple[int, int, int]], Any]:
    rounds = []
    for x in challenges:
        rounds.append(sumcheck.round())
        sumcheck.bind(x)
    return rounds, sumcheck.finals()


@given(instances(), st.lists(SCALARS, min_size=4, max_size=4), st.data())
def test_product_sumcheck_takes_integers_as_it_takes_elements(
    batch: Instances, challenges: list[int], data: st.DataObject
) -> None:
    batch = [(factor, point, data.draw(integers(len(b))), b) for factor, point, _, b in batch]
    quick = field.ProductSumcheck([(factor, point, np.array(a), fast(b)) for factor, point, a, b in batch])
    plain = field_reference.ProductSumcheck(batch)
    assert (quick.rounds, quick.total()) == (plain.rounds, plain.total())
    expected_rounds, finals = played(plain, challenges[: plain.rounds])
    assert played(quick, challenges[: quick.rounds]) == (expected_rounds, [(a % MODULUS, b) for a, b in finals])


def integers(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(INTEGERS, min_size=count, max_size=count)


@given(instances(), st.lists(SCALARS, min_size=4, max_size=4))
def test_product_sumcheck_equals_its_twin(batch: Instances, challenges: list[int]) -> None:
    quick = field.ProductSumcheck([(factor, point, fast(a), fast(b)) for factor, point, a, b in batch])
    plain = field_reference.ProductSumcheck(batch)
    assert (quick.rounds, quick.total()) == (plain.rounds, plain.total())
    assert played(quick, challenges[: quick.rounds]) == played(plain, challenges[: plain.rounds])


@settings(max_examples=50)
@given(st.integers(1, 5), st.data())
def test_fraction_tree_equals_its_twin(depth: int, data: st.DataObject) -> None:
    leaves = [data.draw(vectors(1 << depth)) for _ in range(2)]
    quick, plain = field.FractionTree(*map(fast, leaves)), field_reference.FractionTree(*leaves)
    assert (quick.depth, quick.top()) == (plain.depth, plain.top())
    for layer in range(1, depth):
        point = data.draw(st.lists(COORDINATES, min_size=layer, max_size=layer))
        challenges, combiner = data.draw(vectors(layer)), data.draw(SCALARS)
        layers = [tree.layer(layer, point, combiner) for tree in (quick, plain)]
        assert played(layers[0], challenges) == played(layers[1], challenges)


def test_rounds_shared_out_over_threads_lead_from_the_sum_to_the_value_at_the_point() -> None:
    """2^13 cells: more than one task has. What the rounds claim is checked as the verifier does."""
    n, tops = 13, (0, 1, 6, 12, 13)
    a, b, challenges = some_scalars(1 << n, 1), some_scalars(1 << n, 2), some_scalars(n, 3)
    check_rounds(a, fast(a), b, [some_scalars(top, 4 + top) for top in tops], challenges)


def test_rounds_of_integers_lead_from_the_sum_to_the_value_at_the_point() -> None:
    integers = np.random.default_rng(0).integers(-(1 << 63), (1 << 63) - 1, 1 << 13)
    check_rounds(integers.tolist(), integers, some_scalars(1 << 13, 2), [[], []], some_scalars(13, 3))


def check_rounds(a: list[int], handed: Any, b: list[int], points: list[list[int]], challenges: list[int]) -> None:
    n = len(challenges)
    sumcheck = field.ProductSumcheck([(7, point, handed, fast(b)) for point in points])
    claim = 0
    for point in points:
        weights = eq_table(point)
        claim += 7 * sum(weights[i >> (n - len(point))] * a[i] * b[i] for i in range(1 << n))
    assert sumcheck.total() == claim % MODULUS
    for x in challenges:
        claim = round_at(claim, sumcheck.round(), x)
        sumcheck.bind(x)
    at = eq_table(challenges)
    final = (dot(a, at), dot(b, at))
    assert sumcheck.finals() == [final] * len(points)
    equal = sum(reference_eq(point, challenges[n - len(point) :]) for point in points)
    assert claim == 7 * equal * final[0] * final[1] % MODULUS


def reference_eq(one: list[int], other: list[int]) -> int:
    product = 1
    for x, y in zip(one, other, strict=True):
        product = product * (x * y + (1 - x) * (1 - y)) % MODULUS
    return product


def test_layers_shared_out_over_threads_lead_from_the_sum_to_the_leaves() -> None:
    depth = 14
    p, q = some_scalars(1 << depth, 5), some_scalars(1 << depth, 6)
    tree = field.FractionTree(fast(p), fast(q))
    p0, p1, q0, q1 = tree.top()
    point = some_scalars(1, 7)
    claims = line(p0, p1, point[0]), line(q0, q1, point[0])
    for layer in range(1, depth):
        combiner, *challenges = some_scalars(layer + 2, 8 + layer)
        sumcheck = tree.layer(layer, point, combiner)
        claim = claims[0] + combiner * claims[1]
        for coordinate, x in zip(point, challenges[:-1], strict=True):
            linear, quadratic = sumcheck.round()
            claim = (claim - coordinate * (linear + quadratic) + x * (linear + x * quadratic)) % MODULUS
            sumcheck.bind(x)
        p0, p1, q0, q1 = sumcheck.finals()
        combined = p0 * q1 + p1 * q0 + combiner * q0 * q1
        assert combined % MODULUS == claim
        point, last = challenges, challenges[-1]
        claims = line(p0, p1, last), line(q0, q1, last)
    weights = eq_table(point)
    assert claims == (dot(p, weights), dot(q, weights))


def line(zero: int, one: int, x: int) -> int:
    return (zero + x * (one - zero)) % MODULUS


def test_a_sumcheck_reads_its_tables_as_they_were_handed_over() -> None:
    a, b = fast([1, 2, 3, 4]), fast([5, 6, 7, 8])
    product, tree = field.ProductSumcheck([(1, [], a, b)]), field.FractionTree(a, b)
    a.write_integers(0, np.zeros(4, np.int64), 1)
    assert product.round() == field_reference.ProductSumcheck([(1, [], [1, 2, 3, 4], [5, 6, 7, 8])]).round()
    layer = field_reference.FractionTree([1, 2, 3, 4], [5, 6, 7, 8]).layer(1, [9], 10)
    assert tree.layer(1, [9], 10).round() == layer.round()


def test_a_round_may_be_bound_without_being_asked_for() -> None:
    a, b, point = some_scalars(8, 1), some_scalars(8, 2), some_scalars(2, 3)
    quick = field.ProductSumcheck([(1, point, fast(a), fast(b))])
    plain = field_reference.ProductSumcheck([(1, point, a, b)])
    for sumcheck in (quick, plain):
        sumcheck.bind(11)
        sumcheck.bind(12)
    assert quick.round() == quick.round() == plain.round()


@pytest.mark.parametrize("twin", [field, field_reference], ids=["fast", "plain"])
def test_refuses_rounds_out_of_turn(twin: Any) -> None:
    vector = twin.Vector.ones(4)
    product = twin.ProductSumcheck([(1, [], vector, vector)])
    layer = twin.FractionTree(vector, vector).layer(1, [3], 5)
    for sumcheck, rounds in ((product, 2), (layer, 1)):
        for _ in range(rounds):
            with pytest.raises(ValueError, match="bound"):
                sumcheck.finals()
            sumcheck.bind(3)
        for move in (sumcheck.round, lambda sumcheck=sumcheck: sumcheck.bind(3)):
            with pytest.raises(ValueError, match="over"):
                move()


@pytest.mark.parametrize("twin", [field, field_reference], ids=["fast", "plain"])
def test_refuses_layers_that_there_are_not_or_no_more(twin: Any) -> None:
    tree = twin.FractionTree(twin.Vector.ones(8), twin.Vector.ones(8))
    for layer, point in ((0, []), (3, [1, 2, 3]), (2, [1]), (1, [1, 2])):
        with pytest.raises(ValueError):  # noqa: PT011  (the messages differ)
            tree.layer(layer, point, 5)
    tree.layer(2, [1, 2], 5)
    for layer, point in ((2, [1, 2]), (1, [1])):
        with pytest.raises(ValueError, match="consumed"):
            tree.layer(layer, point, 5)
