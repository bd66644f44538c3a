"""What readings cost: which a verifier sums point by point, and what is weighed once."""

from __future__ import annotations

import pytest
from sumcheck_programs import program

from circuits.lower.sumcheck.owners import Owners
from circuits.lower.sumcheck.system import Identity, Kind, Reading, System, Tensor, Term
from circuits.program.graph import Program
from circuits.program.ops import Linear, Mul, Op, ReduceSum
from circuits.program.refs import AffineMap, Ref
from prover.sumcheck import estimate, make_plan, memory
from prover.sumcheck.reading_costs import ReadingCost, reading_costs
from tests.programs import X, Y, made

SIZE = 60
DIMS = (SIZE,)
SAME = AffineMap.identity(DIMS)
# Bytes of an element, point and cell as they are summed, and of an index, point and cell as they are kept.
ELEMENT, SUMMED, KEPT = 56, 124 + 116, 76 + 8 + 24


def linear(of: Ref, how: AffineMap = SAME, dims: tuple[int, ...] = DIMS, factor: int = 1) -> Op:
    return Linear((of,), (how,), dims, (), 16, 0, 0, False, (factor,))


def costs(*ops: Op, inputs: int = 1) -> list[ReadingCost]:
    return planned(program(ops, [DIMS] * inputs))


def planned(whole: Program) -> list[ReadingCost]:
    lowering = make_plan(whole).lowering
    return reading_costs(lowering.system, lowering.owners)


def alone(tensor: Tensor, how: AffineMap, grid: tuple[int, ...]) -> ReadingCost:
    """Of one reading, in a system of nothing else."""
    identity = Identity(grid, (Term(1, (Reading(0, how),)),))
    (cost,) = reading_costs(System((tensor,), (identity,), ()), Owners(identities=[0]))
    return cost


def test_a_public_tensors_elements_and_points_are_summed_and_a_committed_ones_are_not() -> None:
    read, committed, result = costs(linear(X))
    assert (read.owner, committed.owner, result.owner) == (0, 0, None)
    assert read.summed_bytes == result.summed_bytes == SIZE * (ELEMENT + SUMMED)
    assert committed.summed_bytes == 0


def test_readings_that_are_weighed_alike_keep_their_weights_once() -> None:
    assert [cost.kept_bytes for cost in costs(linear(X))] == [SIZE * KEPT, 0, 0]


def test_a_reading_that_several_ops_share_is_the_firsts() -> None:
    """The result of the second op too: as a committed tensor's it has the weights of the first's."""
    assert [cost.owner for cost in costs(linear(X), linear(X, factor=2))] == [0, 0, None]


def test_points_of_weight_1_take_less() -> None:
    whole = AffineMap(DIMS, (0,), ((0, 1),))
    read, *_ = costs(ReduceSum((X,), (whole,), (1,), DIMS, 16, 0, 0, False, 1))
    assert (read.kept_bytes, read.summed_bytes) == (SIZE * (8 + 8 + 24), SIZE * (ELEMENT + 48 + 12))


def test_cells_count_if_a_point_reaches_them_and_points_each_time() -> None:
    column = AffineMap((20, 3), (0, 1), ((1,), (0,)))
    one_cell = 8 + 24
    assert planned(program([linear(X, column, (20,))], [(20, 3)]))[0] == ReadingCost(
        0, 20 * KEPT + one_cell, 20 * (ELEMENT + SUMMED)
    )
    windows = AffineMap(DIMS, (0,), ((1, 1),))
    read, *_ = costs(ReduceSum((X,), (windows,), (SIZE - 4,), (5,), 16, 0, 0, False, 1))
    points = (SIZE - 4) * 5
    assert read.summed_bytes == SIZE * (ELEMENT + 116) + points * 124


def test_cells_that_no_point_reaches_count_while_a_group_is_made() -> None:
    """A column of a flat input: as one group it has all cells."""
    column = AffineMap((20, 20), (0, 1), ((1,), (0,)))
    assert planned(program([linear(X, column, (20,))], [(400,)]))[0].summed_bytes == 400 * 3 * 8 + 20 * ELEMENT


@pytest.mark.parametrize(
    ("how", "points", "summed"),
    [
        (AffineMap(DIMS, (0,), ((1,),)), SIZE // 2, False),
        (AffineMap(DIMS, (1,), ((1,),)), SIZE // 2, True),
        (AffineMap(DIMS, (0,), ((2,),)), SIZE // 2, True),
        (AffineMap(DIMS, (0,), ((1,),)), SIZE + 1, True),
        (AffineMap((6, 10), (0, 0), ((1, 0), (0, 1))), (6, 10), True),
        (AffineMap(DIMS, (0,), ((1, 1),)), (20, 30), True),
    ],
    ids=["a beginning", "from an offset", "every other", "out of bounds", "reshaped", "two axes along one"],
)
def test_a_committed_tensor_that_is_not_read_as_it_stands_is_summed(
    how: AffineMap, points: int | tuple[int, ...], summed: bool
) -> None:
    dims = points if isinstance(points, tuple) else (points,)
    of_made = costs(linear(X), linear(made(0), how, dims))
    read = next(cost for cost in of_made[2:] if cost.owner == 1)
    assert (read.summed_bytes > 0) == summed
    assert read.kept_bytes > 0


def test_a_diagonal_is_no_reading_axis_by_axis() -> None:
    diagonal = AffineMap((6, 6), (0, 0), ((1,), (1,)))
    assert alone(Tensor(Kind.SETUP, (6, 6)), diagonal, (6,)).summed_bytes > 0


def test_known_tensors_with_closed_forms_cost_nothing_where_nothing_misses() -> None:
    further = AffineMap(DIMS, (1,), ((1,),))
    points = SIZE * SUMMED
    assert alone(Tensor(Kind.IOTA, DIMS), SAME, DIMS) == ReadingCost(0, 0, 0)
    assert alone(Tensor(Kind.ONES, DIMS), SAME, DIMS) == ReadingCost(0, 0, 0)
    assert alone(Tensor(Kind.IOTA, DIMS), further, DIMS).summed_bytes == points + SIZE * ELEMENT
    assert alone(Tensor(Kind.ONES, DIMS), further, DIMS).summed_bytes == points


def test_factors_of_a_product_are_summed_too() -> None:
    first, second = costs(Mul((X, Y), (SAME, SAME), DIMS, (), 16, 0, 0, False), inputs=2)[-2:]
    assert first.summed_bytes == second.summed_bytes == SIZE * (ELEMENT + SUMMED)


def test_the_largest_sum_is_its_ops() -> None:
    short = (SIZE // 2,)
    plan = make_plan(program((linear(X, AffineMap.identity(short), short), linear(Y)), [short, DIMS]))
    assert [part.summed_bytes for part in memory(plan).parts] == [0, SIZE * (ELEMENT + SUMMED), 0, 0]


def test_longer_inputs_take_longer_to_verify() -> None:
    def whole(size: int) -> Program:
        how = AffineMap((size,), (0,), ((0, 1),))
        return program([ReduceSum((X,), (how,), (1,), (size,), 32, 0, 8, False, 1)], [(size,)], bits=16)

    short, long = (estimate(make_plan(whole(size))) for size in (1_000, 1_001_000))
    assert 0.2 < long.prove_s - short.prove_s < 1
    assert long.peak_memory_bytes - short.peak_memory_bytes > 150 * 1_000_000
