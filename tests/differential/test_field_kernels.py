"""Every kernel on field vectors equals its plain twin element for element."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.kernels import field, field_reference
from prover.kernels.field import Vector
from tests.field_cases import INT64, SCALARS, arrays, fast, some_integers, some_scalars, vectors
from verifier.field import MODULUS

LENGTHS = st.sampled_from([0, 1, 2, 3, 7, 8, 33])


@given(LENGTHS.flatmap(vectors))
def test_scalars_survive_the_way_there_and_back(values: list[int]) -> None:
    vector = Vector.from_scalars(values)
    assert vector.scalars() == values
    assert len(vector) == len(values)


def test_a_negative_scalar_stands_for_its_residue() -> None:
    assert Vector.from_scalars([-1, 1 - MODULUS]).scalars() == [MODULUS - 1, 1]
    assert Vector.from_scalars([-1, 1 - MODULUS]).scalars() == field_reference.Vector.from_scalars([-1, 1 - MODULUS])


@pytest.mark.parametrize("wrong", [MODULUS, -MODULUS, 2**256, -(2**300)])
def test_a_scalar_has_one_representation(wrong: int) -> None:
    for twin in (Vector, field_reference.Vector):
        with pytest.raises(ValueError, match="outside the field"):
            twin.from_scalars([wrong])


@given(st.data(), LENGTHS, st.integers(0, 3), st.integers(0, 3), SCALARS)
def test_write_integers_equals_its_twin(data: st.DataObject, count: int, before: int, after: int, factor: int) -> None:
    integers = data.draw(arrays(count))
    start = data.draw(vectors(before + count + after))
    vector, twin = fast(start), field_reference.Vector(start)
    vector.write_integers(before, integers, factor)
    twin.write_integers(before, integers, factor)
    assert vector.scalars() == twin
    assert Vector.from_integers(integers).scalars() == field_reference.Vector.from_integers(integers)


def test_a_slice_does_not_change_with_what_it_was_taken_from() -> None:
    whole = Vector.ones(5)
    part = whole.slice(1, 4)
    whole.write_integers(0, np.arange(5), 1)
    assert part.scalars() == [1, 1, 1]
    assert whole.scalars() == [0, 1, 2, 3, 4]
    assert Vector.zeros(2).slice(2, 2).scalars() == []


@given(st.lists(SCALARS, max_size=7))
def test_eq_table_equals_its_twin(point: list[int]) -> None:
    assert field.eq_table(point).scalars() == field_reference.eq_table(point)


@given(st.lists(st.sampled_from([1, 2, 3, 5]).flatmap(vectors), max_size=4))
def test_outer_equals_its_twin(weights: list[list[int]]) -> None:
    assert field.outer([fast(axis) for axis in weights]).scalars() == field_reference.outer(weights)


@given(st.data(), st.integers(0, 5), st.sampled_from([0, 1, 2, 9]))
def test_weighted_sum_equals_its_twin(data: st.DataObject, kept: int, summed: int) -> None:
    matrix, weights = data.draw(arrays(kept, summed)), data.draw(vectors(summed))
    assert field.weighted_sum(matrix, fast(weights)).scalars() == field_reference.weighted_sum(matrix, weights)


def test_sums_of_the_largest_products_do_not_overflow() -> None:
    extremes = np.array([[INT64.min] * 5000, [INT64.max] * 5000, [INT64.min, INT64.max] * 2500])
    weights = [MODULUS - 1] * 5000
    assert field.weighted_sum(extremes, fast(weights)).scalars() == field_reference.weighted_sum(extremes, weights)
    assert field.combine_integers(list(extremes), weights[:3], 5000).scalars() == field_reference.combine_integers(
        list(extremes), weights[:3], 5000
    )


@given(st.data(), st.lists(st.integers(0, 4), max_size=3), st.integers(1, 5))
def test_functional_equals_its_twin(data: st.DataObject, dims: list[int], count: int) -> None:
    weights = [data.draw(vectors(size)) for size in dims]
    points = int(np.prod(dims, dtype=np.int64))
    cells = np.array(data.draw(st.lists(st.integers(-1, count - 1), min_size=points, max_size=points)), np.int64)
    found = field.functional(cells, count, [fast(axis) for axis in weights])
    assert found.scalars() == field_reference.functional(cells, count, weights)


@given(st.data(), st.integers(0, 3), SCALARS)
def test_scatter_equals_its_twin(data: st.DataObject, count: int, factor: int) -> None:
    """Positions may repeat, overlap between groups and be negative, as long as each sum is a cell."""
    groups = []
    for size in data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)):
        positions = data.draw(st.lists(st.integers(-3, 9), min_size=size, max_size=size))
        groups.append((np.array(positions, np.int64), data.draw(vectors(size))))
    start = data.draw(vectors(40))
    vector, twin = fast(start), field_reference.Vector(start)
    field.scatter(vector, 10, factor, [(positions, fast(values)) for positions, values in groups])
    field_reference.scatter(twin, 10, factor, groups)
    assert vector.scalars() == twin


@given(st.data(), st.integers(0, 3), LENGTHS, SCALARS, SCALARS)
def test_fingerprints_equal_their_twin(data: st.DataObject, count: int, length: int, alpha: int, tag: int) -> None:
    columns, mask = [data.draw(arrays(length)) for _ in range(count)], data.draw(arrays(length))
    factors, start = data.draw(vectors(count)), data.draw(vectors(length + 2))
    vector, twin = fast(start), field_reference.Vector(start)
    field.fingerprints(vector, 1, alpha, tag, factors, columns, mask)
    field_reference.fingerprints(twin, 1, alpha, tag, factors, columns, mask)
    assert vector.scalars() == twin


@given(st.data(), st.lists(LENGTHS, max_size=4))
def test_combinations_equal_their_twins(data: st.DataObject, lengths: list[int]) -> None:
    factors = data.draw(vectors(len(lengths)))
    rows = [data.draw(arrays(length)) for length in lengths]
    found = field.combine_integers(rows, factors, 40)
    assert found.scalars() == field_reference.combine_integers(rows, factors, 40)
    terms = [data.draw(vectors(length)) for length in lengths]
    combined = field.linear_combination([fast(term) for term in terms], factors)
    assert combined.scalars() == field_reference.linear_combination(terms, factors)


@given(st.sampled_from([1, 2, 3, 8, 9]).flatmap(vectors), SCALARS)
def test_polynomials_equal_their_twins(values: list[int], x: int) -> None:
    vector = fast(values)
    assert field.evaluate(vector, x) == field_reference.evaluate(values, x)
    assert field.divide_by_linear(vector, x).scalars() == field_reference.divide_by_linear(values, x)
    if len(values) % 2 == 0:
        assert field.fold(vector, x).scalars() == field_reference.fold(values, x)


def test_work_shared_out_over_threads_is_the_same() -> None:
    values, x = some_scalars(9001, 1), some_scalars(1, 2)[0]
    vector = fast(values)
    assert field.evaluate(vector, x) == field_reference.evaluate(values, x)
    assert field.fold(vector.slice(0, 9000), x).scalars() == field_reference.fold(values[:9000], x)
    quotient = field.divide_by_linear(vector, x)
    at = 12345
    assert (field.evaluate(vector, at) - field.evaluate(vector, x)) % MODULUS == (
        field.evaluate(quotient, at) * (at - x) % MODULUS
    )
    assert field.eq_table(values[:13]).scalars() == field_reference.eq_table(values[:13])
    terms = [values, values[:5000], values[7:]]
    combined = field.linear_combination([fast(term) for term in terms], values[:3])
    assert combined.scalars() == field_reference.linear_combination(terms, values[:3])
    rows = [some_integers(9001, 3), some_integers(4099, 4)]
    assert field.combine_integers(rows, values[:2], 9001).scalars() == field_reference.combine_integers(
        rows, values[:2], 9001
    )
    matrix = some_integers(3 * 9001, 5).reshape(3, 9001)
    assert field.weighted_sum(matrix, vector).scalars() == field_reference.weighted_sum(matrix, values)


def test_cells_shared_out_over_threads_are_the_same() -> None:
    first, second = some_scalars(90, 6), some_scalars(100, 7)
    weights = [fast(first), fast(second)]
    cells = np.random.default_rng(8).integers(-1, 50, 9000)
    assert field.functional(cells, 50, weights).scalars() == field_reference.functional(cells, 50, [first, second])
    rows, columns = np.arange(90)[::-1] * 100, np.random.default_rng(9).permutation(100)
    overlapping = np.arange(90) * 99
    for positions in (rows, overlapping):
        for swapped in (1, -1):
            groups = [(positions, first), (columns, second)][::swapped]
            vector, twin = Vector.ones(9001), field_reference.Vector.ones(9001)
            field.scatter(vector, 1, 5, [(where, fast(values)) for where, values in groups])
            field_reference.scatter(twin, 1, 5, groups)
            assert vector.scalars() == twin
