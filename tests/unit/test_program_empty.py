"""Axes of size 0: sums of nothing, tensors without elements, and what cannot be without any."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from circuits.program.errors import ProgramError
from circuits.program.graph import Program
from circuits.program.input_file import read_inputs
from circuits.program.interpreter import run
from circuits.program.intervals import ZERO, Interval
from circuits.program.ops import Argmax, Contract, Divide, Gather, Index, Linear, Lookup, Max, Op, ReduceSum, Rsqrt
from circuits.program.ranges import ranges
from circuits.program.refs import UNMAPPED, AffineMap, Port
from circuits.program.validate import validate
from circuits.statement import output_root
from tests.one_op import program, result
from tests.programs import X, const, constant

BY_COLUMN = AffineMap((0, 3), (0, 0), ((0, 1), (1, 0)))
ABSENT = AffineMap((0,), (0,), ((1,),))
NOTHING = AffineMap.identity((0,))
SUM = ReduceSum((X,), (BY_COLUMN,), (3,), (0,), 8, 0, 1, False, 7)
EMPTY = Linear((X,), (NOTHING,), (0,), (), 8, 0, 0, False, (1,))


def test_a_sum_of_nothing_is_zero() -> None:
    assert result(program(SUM, [(0, 3)]), np.zeros((0, 3))) == [0, 0, 0]
    assert ranges(program(SUM, [(0, 3)]))[0].output == ZERO


@pytest.mark.parametrize("with_constant", [False, True])
def test_a_contraction_of_nothing_is_its_bias(with_constant: bool) -> None:
    weights = const(1) if with_constant else X
    bias = AffineMap((3,), (-1,), ((1, 0),))  # out of bounds at 0, where it is 0
    op = Contract((X, weights, const(0)), (BY_COLUMN, BY_COLUMN, bias), (3,), (0,), 8, 0, 1, False)
    of = program(op, [(0, 3)], [constant([-3, 5, 99], 8), constant(np.zeros((0, 3)))])
    assert result(of, np.zeros((0, 3))) == [0, -1, 3]
    # The bias is read at 0 and 1 alone, but its range is that of all its elements.
    assert ranges(of)[0].output == Interval(-1, 50)


@pytest.mark.parametrize(
    ("op", "constants"),
    [
        (EMPTY, []),
        (Max((X,), (AffineMap((0, 3), (0, 0), ((1, 0), (0, 1))),), (0,), (3,), 8, 0), []),
        (Max((X,), (AffineMap((0, 3), (0, 0), ((1, 0), (0, 1))),), (0,), (0,), 8, 0), []),
        (Argmax((X,), (AffineMap((0, 3), (0, 0), ((1, 0), (0, 1))),), (0,), (3,), 8, 0), []),
        (Index((X,), (ABSENT,), (0,), (), 8, 0, 9), []),
        (Gather((X, X), (AffineMap((0,), (0,), ((1, 0),)),) * 2, (0,), (0,), 8, 0), []),
        (Divide((X, X), (NOTHING, NOTHING), (0,), (), 8, 0, 31, False), []),
        (Rsqrt((X,), (NOTHING,), (0,), (), 8, 0, 30), []),
        (Lookup((X, const(0)), (NOTHING, UNMAPPED), (0,), (), 8, 0, 0), [[]]),
    ],
)
def test_an_output_without_elements_needs_nothing_of_its_operands(op: Op, constants: list[list[int]]) -> None:
    dims = (0, 3) if isinstance(op, Max | Argmax) else (0,)
    of = program(op, [dims], [constant(values) for values in constants])
    assert result(of, np.zeros(dims)) == []
    assert ranges(of)[0].output == ZERO
    assert len(of.model_id()) == 32


def test_an_empty_operand_is_out_of_bounds_everywhere() -> None:
    joined = Index((X, const(0)), (ABSENT, AffineMap.identity((2,))), (2,), (), 16, 0)
    assert result(program(joined, [(0,)], [constant([5, 6])]), []) == [5, 6]
    added = Linear((X, const(0)), (ABSENT, AffineMap.identity((2,))), (2,), (), 17, 0, 0, False, (1, 1))
    assert result(program(added, [(0,)], [constant([5, 6])]), []) == [5, 6]


def test_an_empty_constant_is_stored_and_has_range_zero() -> None:
    op = Linear((const(0),), (ABSENT,), (0,), (), 8, 0, 0, False, (1,))
    assert result(program(op, [(2,)], [constant([])]), [1, 2]) == []


@pytest.mark.parametrize(("dims", "given"), [((0,), []), ((0, 3), []), ((2, 0), [[], []]), ((2, 0), []), ((1, 0), [])])
def test_an_empty_input_is_read_from_a_file(tmp_path: Path, dims: tuple[int, ...], given: list[object]) -> None:
    absent = AffineMap((0,), (0,), ((1,),))
    of = program(Linear((X,), (absent,), (0,), (), 8, 0, 0, False, (1,)), [dims])
    for kind in ("inputs", "integers"):
        (tmp_path / "x.json").write_text(json.dumps({kind: {"x0": given}}))
        assert [tensor.shape for tensor in read_inputs(tmp_path / "x.json", of)] == [dims]


def test_an_empty_output_has_a_root() -> None:
    of = program(EMPTY, [(0,)])
    outputs = run(of, [np.zeros(0, np.int64)])
    assert output_root(outputs) != output_root([np.zeros(1, np.int64)])


def with_input(port: Port) -> Program:
    return replace(program(SUM, [(0, 3)]), inputs=(port,))


def test_an_empty_input_has_the_scales_of_its_last_axis() -> None:
    validate(with_input(Port("x", (0, 3), 16, (1, 2, 3))))
    for dims, scales in (((0, 3), ()), ((0, 3), (1, 2)), ((3, 0), ())):
        with pytest.raises(ProgramError) as refusal:
            validate(with_input(Port("x", dims, 16, scales)))
        assert refusal.value.code == "program_bad_port"


@pytest.mark.parametrize(
    ("op", "dims", "code"),
    [
        pytest.param(Max((X,), (BY_COLUMN,), (3,), (0,), 8, 0), (0, 3), "program_bad_map", id="max of nothing"),
        pytest.param(Argmax((X,), (BY_COLUMN,), (3,), (0,), 8, 0), (0, 3), "program_bad_map", id="argmax of nothing"),
        pytest.param(
            Max((X,), (AffineMap((0,), (0,), ((1,),)),), (2,), (), 8, 0),
            (0,),
            "program_bad_map",
            id="max of the absent",
        ),
        pytest.param(
            Lookup((X, const(0)), (ABSENT, UNMAPPED), (2,), (), 8, 0, 0),
            (0,),
            "program_bad_map",
            id="lookup of the absent",
        ),
        pytest.param(Rsqrt((X,), (ABSENT,), (2,), (), 8, 0, 0), (0,), "program_bad_map", id="root of the absent"),
        pytest.param(replace(EMPTY, saturates=True), (0,), "program_bad_attribute", id="nothing saturates"),
        pytest.param(replace(EMPTY, dims=(2**28, 2**28, 0), maps=()), (0,), "program_bad_shape", id="huge and empty"),
        pytest.param(replace(EMPTY, dims=(0, -1)), (0,), "program_bad_shape", id="negative"),
        pytest.param(replace(EMPTY, maps=(AffineMap.identity((1,)),)), (0,), "program_bad_map", id="view of more"),
        pytest.param(replace(SUM, inner=(0, 2**28, 2**28)), (0, 3), "program_bad_shape", id="huge inner"),
        pytest.param(replace(SUM, inner=(2**28 + 1,)), (0, 3), "program_bad_shape", id="inner dim"),
    ],
)
def test_rejects_emptiness_that_breaks_a_rule(op: Op, dims: tuple[int, ...], code: str) -> None:
    with pytest.raises(ProgramError) as refusal:
        validate(program(op, [dims], [constant([1, 2])]))
    assert refusal.value.code == code
