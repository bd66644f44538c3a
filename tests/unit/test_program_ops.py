"""Every op against values worked out by hand, and every structural rule with what breaks it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuits.errors import InputError
from circuits.program.errors import ProgramError
from circuits.program.graph import Constant, Program
from circuits.program.interpreter import run, trace
from circuits.program.limits import safe_name
from circuits.program.ops import Contract, Index, Linear, Lookup, Max, Mul, Op, ReduceSum
from circuits.program.ranges import ranges
from circuits.program.refs import UNMAPPED, AffineMap, Output, Port, Ref, Source
from circuits.program.rescale import rescale_half_up
from circuits.program.validate import validate
from tests.one_op import MATVEC, MATVEC_CONSTANTS, linear, program, result
from tests.programs import X, Y, const, constant


@pytest.mark.parametrize(
    ("acc", "shift", "expected"),
    [
        (1, 1, 1),
        (-1, 1, 0),
        (-3, 1, -1),
        (-2, 2, 0),
        (-3, 2, -1),
        (6, 2, 2),
        (-6, 2, -1),
        (-7, 0, -7),
        (2**52, 31, 2**21),
    ],
)
def test_rescale_rounds_half_up_toward_minus_infinity(acc: int, shift: int, expected: int) -> None:
    assert rescale_half_up(acc, shift) == expected
    assert rescale_half_up(np.array([acc]), shift).tolist() == [expected]


def test_contract_multiplies_adds_bias_and_rescales() -> None:
    # 1*1 + 2*2 + 3*3 + 10 = 24, and 24/4 = 6; -4 + 10 - 18 - 10 = -22, and floor(-22/4 + 1/2) = -5.
    assert result(program(MATVEC, [(3,)], MATVEC_CONSTANTS), [1, 2, 3]) == [6, -5]


def test_contract_saturates_at_both_ends() -> None:
    assert result(program(MATVEC, [(3,)], MATVEC_CONSTANTS), [32767, 32767, -32768]) == [2, 32767]
    assert result(program(MATVEC, [(3,)], MATVEC_CONSTANTS), [32767, -32768, 32767]) == [16386, -32768]


def test_convolution_reads_zero_outside() -> None:
    # y[o] = sum_k x[o - 1 + k] * w[k]: one column of padding on both sides.
    maps = (AffineMap((4,), (-1,), ((1, 1),)), AffineMap((3,), (0,), ((0, 1),)))
    op = Contract((X, const(0)), maps, (4,), (3,), 20, 0, 0, False)
    assert result(program(op, [(4,)], [constant([1, 2, 4])]), [1, 10, 100, 1000]) == [42, 421, 4210, 2100]


def test_contract_of_two_inputs() -> None:
    maps = (AffineMap((2, 2), (0, 0), ((1, 0, 0), (0, 0, 1))), AffineMap((2, 2), (0, 0), ((0, 0, 1), (0, 1, 0))))
    op = Contract((X, Y), maps, (2, 2), (2,), 32, 0, 1, False)
    assert result(program(op, [(2, 2), (2, 2)]), [[1, 2], [3, 4]], [[5, 6], [7, 8]]) == [[10, 11], [22, 25]]


def test_linear_combines_with_broadcast_bias() -> None:
    maps = (AffineMap.identity((2, 2)), AffineMap.broadcast((2,), (2, 2)), AffineMap.broadcast((2, 1), (2, 2)))
    op = Linear((X, Y, const(0)), maps, (2, 2), (), 20, 0, 1, False, (3, -2))
    # 3*1 - 2*10 + 5 = -12 gives -6; 3*2 - 2*20 + 5 = -29 gives -14, the tie going up.
    of = program(op, [(2, 2), (2,)], [constant([[5], [0]], 8)])
    assert result(of, [[1, 2], [3, 4]], [10, 20]) == [[-6, -14], [-5, -14]]


def test_mul_rounds_negative_halves_up() -> None:
    op = Mul((X, Y), (AffineMap.identity((3,)),) * 2, (3,), (), 16, 0, 1, True)
    assert result(program(op, [(3,), (3,)]), [-1, 3, -32768], [3, 3, -32768]) == [-1, 5, 32767]


def test_reduce_sum_as_a_mean_over_three() -> None:
    op = ReduceSum((X,), (AffineMap.identity((2, 3)),), (2,), (3,), 16, 0, 15, False, round(2**15 / 3))
    assert result(program(op, [(2, 3)], bits=15), [[1, 2, 3], [-1, -1, -3]]) == [2, -2]


def test_lookup_reads_at_x_minus_low() -> None:
    op = Lookup((X, const(0)), (AffineMap.identity((3,)), UNMAPPED), (3,), (), 16, 0, -128)
    table = constant([v * v for v in range(-128, 128)])
    assert result(program(op, [(3,)], [table], bits=8), [-128, 0, 127]) == [16384, 0, 16129]


def test_max_pools_and_leaves_padding_out() -> None:
    # Window 2, stride 2, one column of padding before: the padding is not a zero.
    op = Max((X,), (AffineMap((3,), (-1,), ((2, 1),)),), (2,), (2,), 16, 0)
    assert result(program(op, [(3,)]), [-5, -7, -6]) == [-5, -6]


def test_max_with_zero_is_relu() -> None:
    op = Max((X, const(0)), (AffineMap.identity((3,)), AffineMap.broadcast((), (3,))), (3,), (), 16, 0)
    of = program(op, [(3,)], [constant(0)])
    assert result(of, [-5, 0, 7]) == [0, 0, 7]
    assert (ranges(of)[0].output.lo, ranges(of)[0].output.hi) == (0, 32767)


def test_index_concatenates_reverses_and_fills() -> None:
    maps = (AffineMap((2,), (1,), ((-1,),)), AffineMap((2,), (-2,), ((1,),)))
    op = Index((X, Y), maps, (5,), (), 16, 0, fill=9)
    assert result(program(op, [(2,), (2,)]), [1, 2], [3, 4]) == [2, 1, 3, 4, 9]


def test_rank_zero_tensors() -> None:
    assert result(program(linear((2,), (), 0, False, bits=17), [()]), -7) == -14


def test_trace_holds_every_op() -> None:
    first = linear((1,), (2,), 1, False)
    second = replace(linear((3,), (2,), 0, False, bits=18), operands=(Ref(Source.OP, 0),))
    output = Output(Ref(Source.OP, 1), Port("y", (2,), 18, (0,)))
    of = Program((Port("x", (2,), 16, (0,)),), (), (first, second), (output,))
    validate(of)
    assert [t.tolist() for t in trace(of, [np.array([3, -3])])] == [[2, -1], [6, -3]]


MAPPED = AffineMap.identity((2,))
TABLE = [constant(range(256))]
LOOKUP = Lookup((X, const(0)), (MAPPED, UNMAPPED), (2,), (), 16, 0, -128)
RELU = Max((X, const(0)), (MAPPED, AffineMap.broadcast((), (2,))), (2,), (), 16, 0)
BASE = linear((1,), (2,), 0, False)


@pytest.mark.parametrize(
    ("op", "constants", "code"),
    [
        pytest.param(replace(BASE, operands=(Ref(Source.OP, 0),)), [], "program_bad_reference", id="itself"),
        pytest.param(replace(BASE, operands=(const(0),)), [], "program_bad_reference", id="no constant"),
        pytest.param(replace(BASE, operands=(Y,)), [], "program_bad_reference", id="no input"),
        pytest.param(replace(BASE, operands=(X, X, X), maps=(MAPPED,) * 3), [], "program_bad_shape", id="count"),
        pytest.param(replace(BASE, maps=()), [], "program_bad_map", id="no map"),
        pytest.param(replace(BASE, maps=(AffineMap.identity((3,)),)), [], "program_bad_map", id="wrong size"),
        pytest.param(replace(BASE, maps=(AffineMap((2,), (0,), ((1, 0),)),)), [], "program_bad_map", id="rank"),
        pytest.param(replace(BASE, maps=(AffineMap((2,), (0, 0), ((1,),)),)), [], "program_bad_map", id="ragged"),
        pytest.param(
            replace(BASE, maps=(AffineMap((2,), (2**31,), ((1,),)),)), [], "program_bad_attribute", id="offset"
        ),
        pytest.param(
            replace(BASE, maps=(AffineMap((2,), (2**30,), ((1,),)),)), [], "program_bad_map", id="far outside"
        ),
        pytest.param(replace(BASE, bits=7), [], "program_bad_bits", id="7 bits"),
        pytest.param(replace(BASE, bits=33), [], "program_bad_bits", id="33 bits"),
        pytest.param(replace(BASE, shift=32), [], "program_bad_attribute", id="shift 32"),
        pytest.param(replace(BASE, scale=128), [], "program_bad_attribute", id="scale 128"),
        pytest.param(replace(BASE, coefficients=(2**31,)), [], "program_bad_attribute", id="coefficient"),
        pytest.param(replace(BASE, coefficients=()), [], "program_bad_attribute", id="no coefficients"),
        pytest.param(replace(BASE, dims=(-1,)), [], "program_bad_shape", id="negative dim"),
        pytest.param(replace(BASE, inner=(1,)), [], "program_bad_map", id="inner without stride"),
        pytest.param(
            replace(BASE, inner=(1,), maps=(AffineMap((2,), (0,), ((1, 0),)),)),
            [],
            "program_bad_shape",
            id="not elementwise",
        ),
        pytest.param(
            replace(BASE, operands=(X, const(0)), maps=(MAPPED,) * 2),
            [constant([1, 2])],
            "program_bad_constant",
            id="bias of width 4",
        ),
        pytest.param(
            replace(BASE, operands=(X, X), maps=(MAPPED,) * 2), [], "program_bad_constant", id="bias no constant"
        ),
        pytest.param(replace(BASE, operands=(const(0),)), [constant([1, 2], 8)], "program_bad_constant", id="width 8"),
        pytest.param(
            replace(
                MATVEC,
                maps=(*MATVEC.maps[:2], AffineMap((2,), (0,), ((0, 1),))),
                operands=(X, const(0), const(1)),
                dims=(2,),
                inner=(2,),
            ),
            [constant([[1, 2], [1, 2]]), constant([1, 2], 8)],
            "program_bad_map",
            id="bias over inner",
        ),
        pytest.param(LOOKUP, [constant(range(256), 8)], "program_bad_constant", id="wide table"),
        pytest.param(replace(LOOKUP, low=0), TABLE, "program_range_overflow", id="argument not in table"),
        pytest.param(replace(LOOKUP, maps=(MAPPED, MAPPED)), TABLE, "program_bad_map", id="mapped table"),
        pytest.param(LOOKUP, [constant([list(range(256))])], "program_bad_table", id="table of rank 2"),
        pytest.param(replace(LOOKUP, operands=(X, X)), TABLE, "program_bad_table", id="table no constant"),
        pytest.param(
            replace(LOOKUP, maps=(AffineMap((2,), (1,), ((1,),)), UNMAPPED)),
            TABLE,
            "program_bad_map",
            id="lookup outside",
        ),
        pytest.param(LOOKUP, [constant([2**15] * 256)], "program_range_overflow", id="entries over 16 bits"),
        pytest.param(replace(RELU, bits=8), [constant(300)], "program_range_overflow", id="max over 8 bits"),
        pytest.param(
            replace(RELU, operands=(X,), maps=(AffineMap((2,), (-1,), ((1,),)),)),
            [],
            "program_bad_map",
            id="max of nothing",
        ),
        pytest.param(Index((X,), (MAPPED,), (2,), (), 16, 0, fill=2**31), [], "program_bad_attribute", id="fill"),
        pytest.param(
            Index((X,), (MAPPED,), (3,), (), 8, 0, fill=200), [], "program_range_overflow", id="fill over 8 bits"
        ),
    ],
)
def test_rejects_op_that_breaks_a_rule(op: Op, constants: list[Constant], code: str) -> None:
    with pytest.raises(ProgramError) as refusal:
        validate(program(op, [(2,)], constants, bits=8))
    assert refusal.value.code == code
    assert refusal.value.details["op"] == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"inputs": ()}, "program_bad_port"),
        ({"outputs": ()}, "program_bad_port"),
        ({"inputs": (Port("x", (2,), 16, (0, 0, 0)),)}, "program_bad_port"),
        ({"inputs": (Port("x", (2,), 7, (0,)),)}, "program_bad_bits"),
        ({"inputs": (Port("x", (2,), 16, (0,), width=8),)}, "program_bad_port"),
        ({"inputs": (Port("x", (2,), 16, (0,)),) * 2}, "program_bad_port"),
        ({"constants": (Constant("c", np.array([2**31]), 4, 0),)}, "program_bad_constant"),
        ({"constants": (Constant("c", np.array([2**53]), 8, 0),)}, "program_bad_constant"),
        ({"constants": (Constant("c", np.array([1]), 2, 0),)}, "program_bad_constant"),
        ({"constants": (Constant("c", np.array([1], np.int32), 4, 0),)}, "program_bad_constant"),
        ({"outputs": (Output(Ref(Source.OP, 1), Port("y", (2,), 16, (0,))),)}, "program_bad_reference"),
        ({"outputs": (Output(X, Port("y", (2,), 16, (0,))),)}, "program_bad_reference"),
        ({"outputs": (Output(Ref(Source.OP, 0), Port("y", (2, 1), 16, (0,))),)}, "program_bad_port"),
        ({"outputs": (Output(Ref(Source.OP, 0), Port("y", (2,), 16, (1,))),)}, "program_bad_port"),
        ({"outputs": (Output(Ref(Source.OP, 0), Port("y", (2,), 17, (0,))),)}, "program_bad_port"),
    ],
)
def test_rejects_program_that_breaks_a_rule(change: dict[str, object], code: str) -> None:
    good = program(BASE, [(2,)])
    validate(good)
    with pytest.raises(ProgramError) as refusal:
        validate(replace(good, **change))
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (np.zeros(3, np.int64), "input_wrong_shape"),
        (np.zeros(2, np.int32), "input_wrong_shape"),
        (np.array([0, 32768]), "input_out_of_range"),
        (np.array([-32769, 0]), "input_out_of_range"),
    ],
)
def test_rejects_integers_that_are_no_input(values: np.ndarray, code: str) -> None:
    with pytest.raises(InputError) as refusal:
        run(program(BASE, [(2,)]), [values])
    assert refusal.value.code == code


@pytest.mark.parametrize("name", ["x" * 257, "a\nb", "\ud800", "\x1b[2J"])
def test_a_constant_has_a_short_printable_name(name: str) -> None:
    good = program(BASE, [(2,)], [constant(1)])
    named = replace(good, constants=(replace(good.constants[0], name=name),))
    with pytest.raises(ProgramError) as refusal:
        validate(named)
    assert refusal.value.code == "program_bad_name"
    validate(replace(good, constants=(replace(good.constants[0], name=safe_name(name)),)))
