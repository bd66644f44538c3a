"""Groups of a reading, and where tensors lie, against plain enumeration (docs/protocol/sumcheck.md)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.lower.sumcheck import reading
from circuits.lower.sumcheck.layout import (
    axis_bits,
    box_bits,
    choose_row_bits,
    fraction_layout,
    last_cell,
    layout,
    padded_strides,
)
from circuits.lower.sumcheck.reading import GroupBook, ReadingTooLargeError, groups
from circuits.lower.sumcheck.system import Fractions, Kind, Reading, System, Tensor, Term
from circuits.program.refs import AffineMap

PRIME = 10007


@st.composite
def readings(draw: st.DrawFn) -> tuple[tuple[int, ...], AffineMap, tuple[int, ...]]:
    """A tensor's dims, a view of as many cells, and a map of a small grid onto it, partly out of bounds."""
    factors = draw(st.lists(st.sampled_from([1, 2, 3]), min_size=0, max_size=4))
    dims, view = (_merged(draw, factors) for _ in range(2))
    grid = tuple(draw(st.lists(st.integers(1, 3), max_size=3)))
    entries = st.integers(-2, 3)
    offsets = tuple(draw(entries) for _ in view)
    strides = tuple(tuple(draw(entries) for _ in grid) for _ in view)
    return dims, AffineMap(view, offsets, strides), grid


def _merged(draw: st.DrawFn, factors: Sequence[int]) -> tuple[int, ...]:
    """The factors, some neighbours multiplied: different dims with one product."""
    dims: list[int] = []
    for factor in factors:
        joins = draw(st.booleans())
        if dims and joins:
            dims[-1] *= factor
        else:
            dims.append(factor)
    return tuple(dims)


def _element(how: AffineMap, point: Sequence[int]) -> int | None:
    flat = 0
    for size, offset, row in zip(how.view, how.offsets, how.strides, strict=True):
        index = offset + sum(s * t for s, t in zip(row, point, strict=True))
        if not 0 <= index < size:
            return None
        flat = flat * size + index
    return flat


def _padded(dims: Sequence[int], element: int) -> int:
    index = np.unravel_index(element, dims) if dims else ()
    return sum(int(i) * s for i, s in zip(index, padded_strides(dims), strict=True))


@given(readings(), st.integers(0, 2**32))
def test_weights_on_the_grid_become_weights_on_cells_group_by_group(
    case: tuple[tuple[int, ...], AffineMap, tuple[int, ...]], seed: int
) -> None:
    dims, how, grid = case
    rng = np.random.default_rng(seed)
    weights = [rng.integers(0, PRIME, size).tolist() for size in grid]
    expected: dict[tuple[int, int], int] = {}
    for point in itertools.product(*(range(size) for size in grid)):
        element = _element(how, point)
        if element is not None:
            place = (element, _padded(dims, element))
            weight = math.prod(w[t] for w, t in zip(weights, point, strict=True))
            expected[place] = (expected.get(place, 0) + weight) % PRIME
    assert _by_groups(dims, how, grid, weights) == {k: v for k, v in expected.items() if v}


def _by_groups(
    dims: tuple[int, ...], how: AffineMap, grid: tuple[int, ...], weights: Sequence[Sequence[int]]
) -> dict[tuple[int, int], int]:
    found = groups(dims, how, grid)
    used = {axis for group in found for axis in group.axes}
    total = {(0, 0): math.prod(sum(w) for axis, w in enumerate(weights) if axis not in used) % PRIME}
    for group in found:
        vector = [0] * len(group.offsets)
        for number, point in enumerate(itertools.product(*(range(grid[axis]) for axis in group.axes))):
            cell = int(group.cells[number])
            if cell >= 0:
                vector[cell] += math.prod(weights[axis][t] for axis, t in zip(group.axes, point, strict=True))
        total = {
            (element + int(group.elements[i]), offset + int(group.offsets[i])): value * weight % PRIME
            for (element, offset), value in total.items()
            for i, weight in enumerate(vector)
        }
    return {place: value for place, value in total.items() if value}


@given(readings())
def test_groups_own_every_variable_of_the_block_once(
    case: tuple[tuple[int, ...], AffineMap, tuple[int, ...]],
) -> None:
    dims, how, grid = case
    found = groups(dims, how, grid)
    owned = [variable for group in found for variable in group.variables]
    assert sorted(owned) == list(range(box_bits(dims)))
    for group in found:
        spread = [
            sum((int(padded) >> place & 1) << variable for place, variable in enumerate(group.variables))
            for padded in group.padded
        ]
        assert spread == group.offsets.tolist()


def test_a_matrix_product_couples_nothing() -> None:
    how = AffineMap((540, 540), (0, 0), ((0, 1, 0), (0, 0, 1)))
    assert [group.axes for group in groups((540, 540), how, (1, 540, 540))] == [(1,), (2,)]


def test_a_group_has_only_the_cells_that_it_reaches() -> None:
    """A column of a matrix in runs of 4, as a gather reads it; and one cell where every point misses."""
    rows, runs = groups((3, 8), AffineMap((3, 8), (0, 1), ((1, 0), (0, 4))), (3, 2))
    assert (rows.offsets.tolist(), runs.offsets.tolist()) == ([0, 8, 16], [1, 5])
    assert (runs.cells.tolist(), runs.elements.tolist(), runs.padded.tolist()) == ([0, 1], [1, 5], [1, 5])
    (nowhere,) = groups((8,), AffineMap((8,), (8,), ((1,),)), (2,))
    assert (nowhere.cells.tolist(), nowhere.offsets.tolist()) == ([-1, -1], [0])


def test_an_axis_of_one_point_couples_nothing() -> None:
    how = AffineMap((4, 4), (0, 0), ((1, 0, 1), (0, 1, 1)))
    assert len(groups((4, 4), how, (4, 4, 1))) == 2
    assert len(groups((4, 4), how, (4, 4, 2))) == 1


def test_refuses_to_enumerate_axes_coupled_at_too_many_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_GROUP_POINTS", 15)
    how = AffineMap((16,), (0,), ((4, 1),))
    with pytest.raises(ReadingTooLargeError):
        groups((16,), how, (4, 4))


def _system(setup: Sequence[tuple[int, ...]], witness: Sequence[tuple[int, ...]]) -> System:
    tensors = [Tensor(Kind.SETUP, dims) for dims in setup] + [Tensor(Kind.WITNESS, dims) for dims in witness]
    return System(tuple(tensors), (), ())


boxes = st.lists(st.lists(st.integers(1, 9), max_size=3).map(tuple), max_size=6)


@given(boxes, boxes, st.integers(0, 6))
def test_blocks_are_aligned_disjoint_and_in_present_rows(
    setup: list[tuple[int, ...]], witness: list[tuple[int, ...]], row_bits: int
) -> None:
    system = _system(setup, witness)
    plan = layout(system, row_bits)
    spans = sorted((block.offset, block.end) for block in plan.blocks.values())
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    rows = set(plan.setup_rows) | set(plan.witness_rows)
    assert not set(plan.setup_rows) & set(plan.witness_rows)
    for index, block in plan.blocks.items():
        assert block.offset % (1 << block.bits) == 0
        assert block.end <= 1 << plan.variables
        last = block.offset + last_cell(system.tensors[index].dims)
        assert {block.offset >> row_bits, last >> row_bits} <= rows
    assert plan.variables >= row_bits
    assert plan.variables == row_bits or max((end for _, end in spans), default=0) > 1 << (plan.variables - 1)


def test_rows_are_few_and_as_short_as_that_allows() -> None:
    system = _system([(540, 540)] * 12, [(540,)] * 100)
    row_bits = choose_row_bits(system)

    def rows(bits: int) -> int:
        plan = layout(system, bits)
        return len(plan.setup_rows) + len(plan.witness_rows)

    assert rows(row_bits) <= 64 < rows(row_bits - 1)


@pytest.mark.parametrize(("count", "row_bits"), [(64, 10), (65, 11), (128, 11), (129, 12)])
def test_as_many_rows_are_present_as_are_wanted_and_no_more(count: int, row_bits: int) -> None:
    """Of tensors that each fill a row of 2^10 cells."""
    assert choose_row_bits(_system([(1 << 10,)] * count, [])) == row_bits
    assert choose_row_bits(_system([], [(2, 1 << 9)] * count)) == row_bits


def test_a_tensor_without_elements_has_no_block() -> None:
    whole, empty = (layout(_system([(3,), *none], [*none, (5, 2)]), 4) for none in ((), ((0,), (4, 0))))
    assert sorted(empty.blocks) == [0, 5]
    assert [*empty.blocks.values()] == [*whole.blocks.values()]
    assert (empty.variables, empty.setup_rows, empty.witness_rows) == (
        whole.variables,
        whole.setup_rows,
        whole.witness_rows,
    )


def test_fractions_lie_largest_first() -> None:
    numerator = Term(1, (Reading(0, AffineMap((), (), ())),))
    fractions = tuple(Fractions(1, dims, numerator, ()) for dims in [(3,), (5, 3), (), (4,)])
    plan = fraction_layout(System((Tensor(Kind.ONES, ()),), (), fractions))
    assert [(block.offset, block.bits) for block in plan.blocks] == [(32, 2), (0, 5), (40, 0), (36, 2)]
    assert plan.depth == axis_bits(41)


def test_a_book_tells_readings_apart_by_tensor_map_and_grid() -> None:
    book, along, shifted = GroupBook(), AffineMap((6,), (0,), ((1,),)), AffineMap((6,), (1,), ((1,),))
    asked = [(dims, how, grid) for dims in ((6,), (2, 3)) for how in (along, shifted) for grid in ((2,), (4,), (7,))]
    for _ in range(2):
        for dims, how, grid in asked:
            made, expected = book.groups(dims, how, grid), groups(dims, how, grid)
            assert [group.axes for group in made] == [group.axes for group in expected]
            for ours, theirs in zip(made, expected, strict=True):
                np.testing.assert_array_equal(ours.cells, theirs.cells)
                np.testing.assert_array_equal(ours.padded, theirs.padded)
            assert made is book.groups(dims, how, grid)
