"""argmax, compare, select and gather against values worked out by hand, and each rule with what breaks it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuits.program.errors import ProgramError
from circuits.program.graph import Constant
from circuits.program.intervals import Interval
from circuits.program.ops import Argmax, Compare, Gather, Op, Relation, Select
from circuits.program.ranges import ranges
from circuits.program.refs import AffineMap, Port
from circuits.program.validate import validate
from circuits.program.values import outputs_document
from tests.one_op import program, result
from tests.programs import X, Y, const, constant

THREE = AffineMap.identity((3,))
MISSES = AffineMap((3,), (-1,), ((1,),))  # out of bounds at 0
EVERY = AffineMap.broadcast((), (3,))
ROWS = Argmax((X,), (AffineMap.identity((2, 3)),), (2,), (3,), 8, 0)


def test_argmax_takes_the_lowest_of_equal_largest() -> None:
    assert result(program(ROWS, [(2, 3)]), [[3, 5, 5], [-1, -1, -2]]) == [1, 0]
    assert result(program(ROWS, [(2, 3)]), [[-32768] * 3, [-32768, -32768, 32767]]) == [0, 2]


def test_argmax_counts_inner_points_in_row_major_order() -> None:
    turned = AffineMap((2, 3), (0, 0), ((0, 1), (1, 0)))  # inner [3, 2] walks the columns
    op = Argmax((X,), (turned,), (), (3, 2), 8, 0)
    assert result(program(op, [(2, 3)]), [[0, 0, 9], [9, 0, 0]]) == 1
    assert ranges(program(op, [(2, 3)]))[0].output == Interval(0, 5)


def test_argmax_leaves_points_out_of_bounds_out() -> None:
    windows = Argmax((X,), (AffineMap((3,), (-1,), ((2, 1),)),), (2,), (2,), 8, 0)
    # The first window is (outside, x[0]): outside is no zero, and keeps its number.
    assert result(program(windows, [(3,)]), [-5, -6, -6]) == [1, 0]


def compared(relation: Relation, a: AffineMap = THREE, b: AffineMap = THREE) -> Compare:
    return Compare((X, Y), (a, b), (3,), (), 8, 0, relation)


@pytest.mark.parametrize(
    ("relation", "expected"),
    [(Relation.LESS, [1, 0, 0]), (Relation.LESS_OR_EQUAL, [1, 1, 0]), (Relation.EQUAL, [0, 1, 0])],
)
def test_compare(relation: Relation, expected: list[int]) -> None:
    of = program(compared(relation), [(3,), (3,)], bits=32)
    assert result(of, [1, 2, 3], [2, 2, 2]) == expected
    assert result(of, [-(2**31), 0, 2**31 - 1], [2**31 - 1, 0, -(2**31)]) == expected


def test_compare_reads_zero_outside() -> None:
    assert result(program(compared(Relation.LESS, MISSES), [(3,), (3,)]), [5, 5, 5], [1, 1, 1]) == [1, 0, 0]
    assert result(program(compared(Relation.EQUAL, THREE, MISSES), [(3,), (3,)]), [0, 7, 7], [7, 7, 7]) == [1, 1, 1]


@pytest.mark.parametrize(
    ("relation", "constant_value", "first", "swapped"),
    [
        # X has 8 bits: [-128, 127]. `first` compares X with the constant, `swapped` the constant with X.
        (Relation.LESS, 128, (1, 1), (0, 0)),
        (Relation.LESS, 127, (0, 1), (0, 0)),
        (Relation.LESS, -128, (0, 0), (0, 1)),
        (Relation.LESS, -129, (0, 0), (1, 1)),
        (Relation.LESS_OR_EQUAL, 128, (1, 1), (0, 0)),
        (Relation.LESS_OR_EQUAL, 127, (1, 1), (0, 1)),
        (Relation.LESS_OR_EQUAL, 126, (0, 1), (0, 1)),
        (Relation.LESS_OR_EQUAL, -128, (0, 1), (1, 1)),
        (Relation.LESS_OR_EQUAL, -129, (0, 0), (1, 1)),
        (Relation.EQUAL, 128, (0, 0), (0, 0)),
        (Relation.EQUAL, 127, (0, 1), (0, 1)),
        (Relation.EQUAL, -129, (0, 0), (0, 0)),
    ],
)
def test_intervals_decide_a_comparison(
    relation: Relation, constant_value: int, first: tuple[int, int], swapped: tuple[int, int]
) -> None:
    op = Compare((X, const(0)), (THREE, EVERY), (3,), (), 8, 0, relation)
    turned = replace(op, operands=(const(0), X), maps=(EVERY, THREE))
    constants = [constant(constant_value)]
    assert ranges(program(op, [(3,)], constants, bits=8))[0].output == Interval(*first)
    assert ranges(program(turned, [(3,)], constants, bits=8))[0].output == Interval(*swapped)


def test_equal_constants_are_always_equal() -> None:
    op = Compare((const(0), const(0)), (EVERY, EVERY), (3,), (), 8, 0, Relation.EQUAL)
    assert ranges(program(op, [(3,)], [constant(7)]))[0].output == Interval(1, 1)
    assert ranges(program(op, [(3,)], [constant([7])]))[0].output == Interval(1, 1)
    missing = replace(op, maps=(EVERY, AffineMap((1,), (-1,), ((1,),))))
    assert ranges(program(missing, [(3,)], [constant([7])]))[0].output == Interval(0, 1)


SELECT = Select((const(0), X, Y), (THREE, THREE, THREE), (3,), (), 16, 0)
CONDITION = [constant([1, 0, 1])]


def test_select() -> None:
    assert result(program(SELECT, [(3,), (3,)], CONDITION), [1, 2, 3], [-1, -2, -3]) == [1, -2, 3]


def test_select_reads_zero_outside() -> None:
    everywhere = replace(SELECT, maps=(MISSES, MISSES, MISSES))
    assert result(program(everywhere, [(3,), (3,)], CONDITION), [1, 2, 3], [-1, -2, -3]) == [0, 1, -2]


@pytest.mark.parametrize(
    ("condition", "maps", "expected"),
    [
        ([1, 1, 1], (THREE, EVERY, EVERY), (5, 5)),
        ([0, 0, 0], (THREE, EVERY, EVERY), (-9, -9)),
        ([0, 1, 0], (THREE, EVERY, EVERY), (-9, 5)),
        ([1, 1, 1], (MISSES, EVERY, EVERY), (-9, 5)),
    ],
)
def test_select_has_the_range_of_what_it_may_choose(
    condition: list[int], maps: tuple[AffineMap, ...], expected: tuple[int, int]
) -> None:
    op = Select((const(0), const(1), const(2)), maps, (3,), (), 16, 0)
    constants = [constant(condition), constant(5), constant(-9)]
    assert ranges(program(op, [(3,)], constants))[0].output == Interval(*expected)


COLUMN = AffineMap((2,), (0,), ((1, 0),))
GATHER = Gather((X, const(0)), (AffineMap.identity((2, 3)), COLUMN), (2,), (3,), 16, 0)


def test_gather_reads_at_the_inner_point_that_is_computed() -> None:
    assert result(program(GATHER, [(2, 3)], [constant([2, 0])]), [[1, 2, 3], [4, 5, 6]]) == [3, 4]
    assert result(program(GATHER, [(2, 3)], [constant([1, 1])]), [[1, 2, 3], [4, 5, 6]]) == [2, 5]


def test_gather_numbers_inner_points_in_row_major_order() -> None:
    turned = AffineMap((2, 3), (0, 0), ((0, 0, 1), (0, 1, 0)))
    op = Gather((X, const(0)), (turned, AffineMap((6,), (0,), ((1, 0, 0),))), (6,), (3, 2), 16, 0)
    of = program(op, [(2, 3)], [constant(range(6))])
    assert result(of, [[1, 2, 3], [4, 5, 6]]) == [1, 4, 2, 5, 3, 6]


def test_gather_of_an_embedding_by_an_input() -> None:
    words, row = AffineMap((256, 2), (0, 0), ((0, 0, 1), (0, 1, 0))), AffineMap((2,), (0,), ((1, 0, 0),))
    index = Compare((X, const(1)), (AffineMap.identity((2,)),) * 2, (2,), (), 8, 0, Relation.LESS)
    of = program(index, [(2,)], [constant(np.arange(512).reshape(256, 2)), constant([0, 0])])
    last = Gather((const(0), replace(X, source=2)), (words, row), (2, 2), (256,), 16, 0)
    of = replace(of, ops=(index, last), outputs=(replace(of.outputs[0], ref=replace(X, source=2, index=1)),))
    of = replace(of, outputs=(replace(of.outputs[0], port=Port("y", (2, 2), 16, (0,))),))
    assert result(of, [-5, 5]) == [[2, 3], [0, 1]]


@pytest.mark.parametrize(
    ("op", "constants", "code"),
    [
        pytest.param(replace(ROWS, operands=(X, X), maps=ROWS.maps * 2), [], "program_bad_shape", id="argmax of two"),
        pytest.param(
            replace(ROWS, maps=(AffineMap((2, 3), (0, 3), ((1, 0), (0, 1))),)),
            [],
            "program_bad_map",
            id="argmax of nothing",
        ),
        pytest.param(replace(ROWS, inner=(0,)), [], "program_bad_map", id="argmax without inner points"),
        pytest.param(
            replace(ROWS, inner=(129,), maps=(AffineMap((2, 3), (0, 0), ((1, 0), (0, 0))),)),
            [],
            "program_range_overflow",
            id="argmax over 8 bits",
        ),
        pytest.param(replace(compared(Relation.LESS), operands=(X,), maps=(THREE,)), [], "program_bad_map", id="view"),
        pytest.param(
            Compare((X,), (AffineMap.identity((2, 3)),), (2, 3), (), 8, 0, Relation.LESS),
            [],
            "program_bad_shape",
            id="compare one",
        ),
        pytest.param(
            Compare((X, X), (AffineMap.identity((2, 3)),) * 2, (2,), (3,), 8, 0, Relation.LESS),
            [],
            "program_bad_shape",
            id="compare not elementwise",
        ),
        pytest.param(
            Select((const(0),) * 2, (EVERY,) * 2, (3,), (), 8, 0), [constant(1)], "program_bad_shape", id="select two"
        ),
        pytest.param(
            Select((const(0),) * 3, (AffineMap.broadcast((), (3, 1)),) * 3, (3,), (1,), 8, 0),
            [constant(1)],
            "program_bad_shape",
            id="select not elementwise",
        ),
        pytest.param(
            replace(SELECT, operands=(const(0),) * 3), [constant([0, 1, 2])], "program_range_overflow", id="2"
        ),
        pytest.param(
            replace(SELECT, operands=(const(0),) * 3), [constant([0, 1, -1])], "program_range_overflow", id="-1"
        ),
        pytest.param(
            replace(SELECT, operands=(const(0), const(1), const(0)), bits=8),
            [constant([0, 1, 0]), constant([0, 0, 128])],
            "program_range_overflow",
            id="select over 8 bits",
        ),
        pytest.param(GATHER, [constant([3, 0])], "program_range_overflow", id="gather beyond"),
        pytest.param(GATHER, [constant([-1, 0])], "program_range_overflow", id="gather before"),
        pytest.param(replace(GATHER, bits=8), [constant([0, 0])], "program_range_overflow", id="gather over 8 bits"),
        pytest.param(
            replace(GATHER, operands=(X,), maps=GATHER.maps[:1]),
            [constant([0, 0])],
            "program_bad_shape",
            id="gather one",
        ),
        pytest.param(
            replace(GATHER, maps=(AffineMap((2, 3), (0, 1), ((1, 0), (0, 1))), COLUMN)),
            [constant([0, 0])],
            "program_bad_map",
            id="gather outside",
        ),
        pytest.param(
            replace(GATHER, maps=(GATHER.maps[0], AffineMap((2,), (1,), ((1, 0),)))),
            [constant([0, 0])],
            "program_bad_map",
            id="position outside",
        ),
        pytest.param(
            replace(GATHER, maps=(GATHER.maps[0], AffineMap((3,), (0,), ((0, 1),)))),
            [constant([0, 0, 0])],
            "program_bad_map",
            id="position by inner point",
        ),
        pytest.param(
            replace(GATHER, inner=(0,)), [constant([0, 0])], "program_range_overflow", id="gather without inner points"
        ),
    ],
)
def test_rejects_choice_that_breaks_a_rule(op: Op, constants: list[Constant], code: str) -> None:
    with pytest.raises(ProgramError) as refusal:
        validate(program(op, [(2, 3)], constants))
    assert refusal.value.code == code
    assert refusal.value.details["op"] == 0


def labelled(labels: tuple[str, ...], op: Op = ROWS) -> object:
    of = program(op, [(2, 3)])
    output = of.outputs[0]
    return replace(of, outputs=(replace(output, port=replace(output.port, labels=labels)),))


def test_labels_name_the_classes_and_not_the_program() -> None:
    of = labelled(("no", "perhaps", "yes"))
    validate(of)
    assert of.model_id() == program(ROWS, [(2, 3)]).model_id()
    document = outputs_document(of, [np.array([2, 0])])["outputs"]["y"]
    assert (document["integers"], document["labels"]) == ([2, 0], ["yes", "no"])
    # Of integers that no run of the program gives, say in somebody's claim.
    assert outputs_document(of, [np.array([3, -1])])["outputs"]["y"]["labels"] == [None, None]
    assert "labels" not in outputs_document(program(ROWS, [(2, 3)]), [np.array([2, 0])])["outputs"]["y"]


@pytest.mark.parametrize(
    ("labels", "op", "code"),
    [
        (("no", "perhaps"), ROWS, "program_bad_port"),
        (("no", "perhaps", "yes"), replace(ROWS, scale=1), "program_bad_port"),
        (("no", "perhaps", "y\n"), ROWS, "program_bad_name"),
        (("no", "perhaps", "y" * 257), ROWS, "program_bad_name"),
        (("",) * (2**16 + 1), ROWS, "program_bad_port"),
    ],
)
def test_rejects_labels_that_name_no_classes(labels: tuple[str, ...], op: Op, code: str) -> None:
    with pytest.raises(ProgramError) as refusal:
        validate(labelled(labels, op))
    assert refusal.value.code == code
