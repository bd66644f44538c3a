"""The lowered graph: only operators that docs/security.md argues for, always the same bytes, refusals that say why."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import halo2_choices
import halo2_programs
import numpy as np
import onnx
import pytest
from halo2_exact import evaluate, provable
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_programs import inputs_of, programs

from circuits.errors import InputError
from circuits.lower.halo2 import hides_input, lower
from circuits.lower.halo2.graph import float_parts
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.program.ops import Compare, Divide, Gather, Linear, Lookup, Max, Op, Relation
from circuits.program.refs import UNMAPPED, AffineMap, Visibility
from tests.programs import X, const, made

# Every operator has a row in docs/security.md; Cast and Identity copy.
ARGUED = {"Concat", "Gather", "Reshape", "MatMul", "Add", "Sub", "Mul", "Relu", "Div", "Floor", "Cast", "Identity"}
ARGUED |= {"Sign", "Equal"}
EVERY_OP = {**halo2_programs.ONE_PER_OP, **halo2_choices.ONE_PER_OP}


@pytest.mark.parametrize("name", sorted(EVERY_OP))
def test_uses_only_operators_whose_output_is_argued_unique(name: str) -> None:
    for salted in (False, True):
        model = onnx.load_from_string(lower(EVERY_OP[name](), salted=salted).model)
        assert {node.op_type for node in model.graph.node} <= ARGUED


@settings(max_examples=100)
@given(st.data())
def test_random_programs_lowered_are_the_interpreter_within_their_digits(data: st.DataObject) -> None:
    program, refusals = provable(data.draw(programs(empty_axes=False)))
    assert {error.code for error in refusals} <= {"halo2_cannot_lower"}
    assume(program is not None)
    for digit_bits in (8, 14):
        lowered = lower(program, salted=False, digit_bits=digit_bits)
        for _ in range(2):
            inputs = data.draw(inputs_of(program))
            expected = [[int(v) for v in tensor.reshape(-1)] for tensor in run(program, inputs)]
            assert evaluate(lowered, inputs) == expected


def test_every_division_is_by_the_digit_size_and_floored() -> None:
    for digit_bits in (8, 14):
        for make in EVERY_OP.values():
            graph = onnx.load_from_string(lower(make(), salted=False, digit_bits=digit_bits).model).graph
            constants = {c.name: onnx.numpy_helper.to_array(c) for c in graph.initializer}
            for node in graph.node:
                if node.op_type == "Div":
                    assert constants[node.input[1]].tolist() == [[float(1 << digit_bits)]]
                    users = [other.op_type for other in graph.node if node.output[0] in other.input]
                    assert users == ["Floor"]


def test_the_same_program_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1])\n"
        "import halo2_programs\nfrom circuits.lower.halo2 import lower\n"
        "print(hashlib.sha256(lower(halo2_programs.convolution(), salted=True).model).hexdigest())"
    )
    tests = str(Path(__file__).parents[1])
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, tests],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(tests).parent)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_a_salted_graph_reads_eight_elements_more() -> None:
    plain, salted = (lower(halo2_programs.gemm_relu(), salted=flag) for flag in (False, True))
    assert (plain.input_size, plain.salt_size) == (6, 0)
    assert (salted.input_size, salted.salt_size) == (6, 8)
    assert len(onnx.load_from_string(salted.model).graph.output) == 2


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=6))
def test_float_parts_sum_exactly(values: list[int]) -> None:
    array = np.array(values, np.int64)
    parts = float_parts(array)
    assert all(part.dtype == np.float32 for part in parts)
    assert [sum(int(float(part[i])) for part in parts) for i in range(len(values))] == values


def refusal(program: Program) -> InputError:
    with pytest.raises(InputError) as caught:
        lower(program, salted=False)
    assert caught.value.code == "halo2_cannot_lower"
    return caught.value


def test_refuses_an_output_of_constants_alone() -> None:
    dims = (4,)
    same = AffineMap.identity(dims)
    constant = halo2_programs.values("c", np.arange(4))
    op = Linear((const(0),), (same,), dims, (), 16, 0, 0, False, (2,))
    assert refusal(halo2_programs.program([op], [constant], dims)).details["op"] == "linear"


def test_refuses_tensors_without_elements_by_name() -> None:
    same = AffineMap.identity((0,))
    empty = Linear((X,), (same,), (0,), (), 16, 0, 0, False, (2,))
    with pytest.raises(InputError) as caught:
        lower(halo2_programs.program([empty], [], (0,)), salted=False)
    assert (caught.value.code, caught.value.details["input"]) == ("halo2_cannot_lower", "x")
    sliced = dataclasses.replace(empty, maps=(AffineMap((3,), (0,), ((1,),)),))
    assert refusal(halo2_programs.program([sliced], [], (3,))).details["op"] == "linear"


def chosen_among(points: int, outputs: int) -> Program:
    """`outputs` computed positions into `points` computed elements."""
    table = halo2_programs.values("t", np.arange(256) % points)
    ops: list[Op] = [
        Lookup(
            (X, const(0)),
            (AffineMap((points,), (0,), ((0,),)), UNMAPPED),
            (outputs,),
            (),
            16,
            0,
            -128,
        ),
        Gather(
            (X, made(0)),
            (AffineMap((points,), (0,), ((0, 1),)), AffineMap((outputs,), (0,), ((1, 0),))),
            (outputs,),
            (points,),
            8,
            0,
        ),
    ]
    return halo2_programs.program(ops, [table], (points,), bits=8)


def test_refuses_to_choose_among_too_many_elements_by_name() -> None:
    lower(chosen_among(256, 8), salted=False)
    error = refusal(chosen_among(1024, 1025))
    assert "op 1 (gather)" in error.message
    assert "1025 times among 1024" in error.message
    assert error.details["op"] == "gather"
    assert error.details["position"] == 1
    assert error.details["routes"] == ["sumcheck", "optimistic"]


def test_no_constant_that_ezkl_would_decompose_is_there_twice() -> None:
    """Its importer merges equal tables and matrices, and pays for every element of one with two uses."""
    graph = onnx.load_from_string(lower(halo2_choices.repetitions(), salted=False).model).graph
    large = [c for c in graph.initializer if c.data_type == onnx.TensorProto.FLOAT and np.prod(c.dims) > 1]
    assert len(large) == 8
    assert len({(tuple(c.dims), c.raw_data) for c in large}) == 8


def test_refuses_a_constant_divisor_whose_multiple_is_beyond_int64() -> None:
    same = AffineMap.identity((2,))
    constants = [halo2_programs.values("d", np.array([1, 2**31 - 1])), halo2_programs.values("zero", np.zeros(2))]
    positive = Max((X, const(1)), (same, same), (2,), (), 32, 0)
    op = Divide((made(0), const(0)), (same, same), (2,), (), 32, 0, 0, False)
    error = refusal(halo2_programs.program([positive, op], constants, (2,), bits=32))
    assert error.details["op"] == "divide"
    assert "62 bits" in error.message


def test_a_comparison_that_ranges_decide_and_an_output_given_twice_are_lowered() -> None:
    dims = (3,)
    limit = halo2_programs.values("t", np.array([2**20]))
    how = (AffineMap.identity(dims), AffineMap.broadcast((1,), dims))
    always = Compare((X, const(0)), how, dims, (), 8, 0, Relation.LESS)
    program = halo2_programs.program([always], [limit], dims)
    again = dataclasses.replace(program.outputs[0], port=dataclasses.replace(program.outputs[0].port, name="again"))
    twice = lower(dataclasses.replace(program, outputs=(*program.outputs, again)), salted=False)
    assert evaluate(twice, [np.array([5, -5, 2**15 - 1])]) == [[1, 1, 1], [1, 1, 1]]
    graph = onnx.load_from_string(twice.model).graph
    assert len({node.input[0] for node in graph.node if node.op_type == "Identity"}) == 2


def test_refuses_hidden_outputs() -> None:
    program = halo2_programs.gemm_relu()
    port = dataclasses.replace(program.outputs[0].port, visibility=Visibility.HASHED)
    hidden = dataclasses.replace(program, outputs=(dataclasses.replace(program.outputs[0], port=port),))
    with pytest.raises(InputError) as caught:
        hides_input(hidden)
    assert caught.value.code == "halo2_hidden_output"
