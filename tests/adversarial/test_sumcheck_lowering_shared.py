"""What ops share in a system binds each of them (docs/protocol/sumcheck.md section 4)."""

from __future__ import annotations

import numpy as np
import pytest

from circuits.lower.sumcheck import merging, pieces
from circuits.program.graph import Constant, Program
from circuits.program.interpreter import trace
from circuits.program.ops import Contract, Index, Linear, Lookup, Max, Op
from circuits.program.refs import UNMAPPED, AffineMap, Ref
from tests.programs import X, Y, const, constant, made, ports, program_of
from tests.sumcheck_traces import beside, claiming, require_only

FOUR = AffineMap.identity((4,))
# A sum that saturates, and elements for it of which the first and the last do not fit.
TOTAL = Linear((X,), (FOUR,), (4,), (), 8, 0, 1, True, (3,))
INPUTS = [np.array([-100, -7, 40, 120])]


def program(ops: list[Op], bits: int, outputs: list[int], constants: tuple[Constant, ...] = ()) -> Program:
    """Of one input of four elements."""
    return program_of(ports([(4,)], bits), constants, ops, {f"y{i}": i for i in outputs})


@pytest.mark.parametrize("first_is_constant", [True, False])
def test_lookups_of_one_argument_are_bound_also_beside_one_that_is_constant(first_is_constant: bool) -> None:
    tables = [constant(np.full(256, 7)), constant(np.arange(256) * 3)]
    order = (0, 1) if first_is_constant else (1, 0)
    lookups: list[Op] = [Lookup((X, const(table)), (FOUR, UNMAPPED), (4,), (), 16, 0, -128) for table in order]
    source = program(lookups, 8, [0, 1], tuple(tables))
    first, second = trace(source, INPUTS)
    lies = 3 * np.eye(4, dtype=int)
    require_only(source, INPUTS, [[first + lie, second] for lie in lies] + [[first, second + lie] for lie in lies])


def test_functions_of_two_arguments_are_looked_up_each_in_its_own_table() -> None:
    tables = [constant(np.arange(256) * 3 % 251), constant(np.arange(256) ** 2 % 97)]
    ops: list[Op] = [Lookup((of, const(n)), (FOUR, UNMAPPED), (4,), (), 16, 0, -128) for n, of in enumerate((X, Y))]
    source = program_of(ports([(4,), (4,)], 8), tables, ops, {"y0": 0, "y1": 1})
    inputs = [np.array([-128, -1, 5, 127]), np.array([-127, 0, 6, 126])]
    first, second = trace(source, inputs)
    by_the_other = [tables[1 - op].values[inputs[op] + 128] for op in range(2)]
    require_only(source, inputs, [[by_the_other[0], second], [first, by_the_other[1]]])


@pytest.mark.parametrize("outputs", [[1], [2], [1, 2]])
def test_a_remainder_known_on_a_small_box_says_nothing_where_its_maps_miss(outputs: list[int]) -> None:
    """x − 256·⌊x/256⌉ over four elements, the quotient known of two: elsewhere it reads 0, and the sum saturates."""
    quotient = Linear((X,), (AffineMap((4,), (0,), ((1,),)),), (2,), (), 24, 0, 8, True, (1,))
    rest = Linear((X, made(0)), (FOUR, AffineMap((2,), (0,), ((1,),))), (4,), (), 9, 0, 0, True, (1, -256))
    copy = Index((made(1),), (FOUR,), (4,), (), 32, 0, 0)
    source = program([quotient, rest, copy], 16, outputs)
    inputs = [np.array([1000, -2000, 30000, -30000])]
    values, unclamped = trace(source, inputs), np.array([-24, 48, 30000, -30000])
    assert values[1].tolist() == [-24, 48, 255, -256]
    require_only(source, inputs, [[values[0], unclamped, unclamped]])


def floor(of: Ref, how: AffineMap = FOUR, floors: AffineMap | None = None, dims: tuple[int, ...] = (4,)) -> Max:
    """max(of, constant 0), through these maps; of a constant that is everywhere by default."""
    return Max((of, const(0)), (how, floors or AffineMap.broadcast((), dims)), dims, (), 8, 0)


def test_a_sum_that_an_output_shows_beside_its_maximum_is_bound() -> None:
    source = program([TOTAL, floor(made(0))], 8, [0, 1], (constant(0),))
    total, least = trace(source, INPUTS)
    lies = [amount * np.eye(4, dtype=int)[i] for amount in (-1, 1, 5) for i in range(4)]
    require_only(source, INPUTS, [[total + lie, least] for lie in lies])


def test_a_sum_that_another_op_reads_beside_its_maximum_is_bound() -> None:
    both = Linear((made(0), made(1)), (FOUR, FOUR), (4,), (), 16, 0, 0, True, (1, 100))
    source = program([TOTAL, floor(made(0)), both], 8, [2], (constant(0),))
    total, least, read = trace(source, INPUTS)
    lies = [amount * np.eye(4, dtype=int)[i] for amount in (-1, 1, 5) for i in range(4)]
    require_only(source, INPUTS, [[total + lie, least, read + lie] for lie in lies])


@pytest.mark.parametrize(
    "how", [AffineMap((4,), (3,), ((-1,),)), AffineMap((4,), (1,), ((0,),))], ids=["backwards", "one element"]
)
def test_a_maximum_that_reads_a_sum_elsewhere_is_no_clamp_of_it(how: AffineMap) -> None:
    source = program([TOTAL, floor(made(0), how)], 8, [1], (constant(0),))
    total, _ = trace(source, INPUTS)
    require_only(source, INPUTS, [[total, np.maximum(total, 0)]])


def test_a_maximum_over_other_dims_than_its_sum_is_proven() -> None:
    least = floor(made(0), AffineMap((4,), (0,), ((0, 1),)), dims=(1, 4))
    require_only(program([TOTAL, least], 8, [1], (constant(0),)), INPUTS, [])


@pytest.mark.parametrize("of", [X, made(0)], ids=["looked up", "of a sum"])
@pytest.mark.parametrize(
    ("floors", "elements"),
    [(AffineMap((1,), (0,), ((1,),)), [5]), (FOUR, [-20, 3, 10, 30])],
    ids=["out of bounds", "not the same"],
)
def test_a_maximum_with_what_is_no_constant_everywhere_is_no_floor(
    of: Ref, floors: AffineMap, elements: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "SHARED_TABLE_ELEMENTS", 1)
    shown = [0, 1] if of == X else [1]  # what is shown is not fused
    source = program([TOTAL, floor(of, FOUR, floors)], 8, shown, (constant(elements),))
    total, _ = trace(source, INPUTS)
    require_only(source, INPUTS, [[total, np.maximum(INPUTS[0] if of == X else total, elements[0])]])


@pytest.mark.parametrize("least", [-127, -64, 0, 5, 126])
def test_a_fused_maximum_saturates_where_its_sum_does(least: int) -> None:
    source = program([TOTAL, floor(made(0))], 8, [1], (constant(least),))
    total, clamped = trace(source, INPUTS)
    assert clamped[3] == 127
    require_only(source, INPUTS, [[total, clamped + np.array([0, 0, 0, 5])]])


@pytest.mark.parametrize("least", [-128, -127, 0, 125, 126, 127])
def test_a_floor_that_is_looked_up_is_itself_at_the_ends(least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "SHARED_TABLE_ELEMENTS", 1)
    source, inputs = program([floor(X)], 8, [0], (constant(least),)), [np.array([-128, 125, 126, 127])]
    require_only(source, inputs, beside(trace(source, inputs), (-1, 1)))


def test_a_maximum_of_a_window_and_a_constant_is_no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "SHARED_TABLE_ELEMENTS", 1)
    window, everywhere = AffineMap((4,), (0,), ((1, 1),)), AffineMap((), (), ())
    source = program([Max((X, const(0)), (window, everywhere), (3,), (2,), 8, 0)], 8, [0], (constant(-5),))
    require_only(source, INPUTS, [[np.maximum(INPUTS[0][:3], -5)]])


@pytest.mark.parametrize("sizes", [(2, 4), (4, 2)])
def test_lookups_of_one_argument_on_boxes_of_two_sizes_bind_all_of_both(sizes: tuple[int, int]) -> None:
    tables = [constant(np.arange(256) % 7), constant(np.arange(256) * 3)]
    ops = [Lookup((X, const(t)), (FOUR, UNMAPPED), (sizes[t],), (), 16, 0, -128) for t in range(2)]
    source = program(ops, 8, [0, 1], tuple(tables))
    first, second = trace(source, INPUTS)
    require_only(source, INPUTS, [[first + 3 * one, second] for one in np.eye(sizes[0], dtype=int)])
    require_only(source, INPUTS, [[first, second + 3 * one] for one in np.eye(sizes[1], dtype=int)])


@pytest.mark.parametrize("order", [1, -1])
def test_a_maximum_is_bound_by_each_of_two_windows_that_begin_alike(order: int) -> None:
    """Of the first two elements and of all three: what is looked up is said by the same readings, on two boxes."""
    windows = (AffineMap((3,), (0,), ((0, 1, 0),)), AffineMap((3,), (0,), ((0, 0, 1),)))[::order]
    source = program_of(ports([(3,)], 8), [], [Max((X, X), windows, (1,), (2, 3), 8, 0)])
    require_only(source, [np.array([1, 2, 7])], [[np.array([lie])] for lie in (1, 2, 8)])


@pytest.mark.parametrize("order", [1, -1])
def test_a_maximum_is_bound_by_a_zero_that_another_operand_misses(order: int) -> None:
    """Both are read as 0, one of them in bounds at three of four places."""
    maps = (AffineMap((4,), (1,), ((1,),)), FOUR)[::order]
    largest = Max((X, const(0), const(0)), (FOUR, *maps), (4,), (), 8, 0)
    source = program_of(ports([(4,)], 8), [constant([0] * 4)], [largest])
    inputs = [np.array([-5, 6, 0, -7])]
    values = trace(source, inputs)
    lies = [*claiming(values, 0, [-5, 6]), *claiming(values, 3, [-7, 1]), *beside(values, [-1, 1])]
    require_only(source, inputs, lies)


@pytest.mark.parametrize("columns", [3, 5, 15])
def test_a_constant_that_is_read_in_other_dims_is_not_cut(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A constant of three by five, as five by three, as it is, and as a row of fifteen."""
    monkeypatch.setattr(pieces, "WORTH_CELLS", 1)
    matrix, inner = np.arange(1, 16).reshape(3, 5), min(columns, 5)
    view = (15,) if columns == 15 else (15 // columns, columns)
    how = AffineMap(view, (0,), ((5, 1),)) if columns == 15 else AffineMap(view, (0, 0), ((1, 0), (0, 1)))
    op = Contract((X, const(0)), (AffineMap((5,), (0,), ((0, 1),)), how), (3,), (inner,), 16, 0, 0, False)
    source = program_of(ports([(5,)], 8), [constant(matrix)], [op])
    inputs = [np.array([1, -20, 50, 100, -128])]
    values = trace(source, inputs)
    assert values[0].tolist() == matrix.reshape(-1, inner)[:3].dot(inputs[0][:inner]).tolist()
    require_only(source, inputs, beside(values, [1]))
