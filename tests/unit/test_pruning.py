"""A program holds what its outputs depend on, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from onnx import helper

from circuits.execute import execute
from circuits.program.graph import Program
from circuits.program.ops import Op
from circuits.program.refs import Output, Ref, Source
from circuits.program.validate import validate
from circuits.program.values import quantize_input
from circuits.quantize import compile_model
from circuits.quantize.pruning import pruned
from tests.differential.op_cases import Case, ints, node, samples, save, weights


def read(program: Program, source: Source) -> set[int]:
    refs = [ref for op in program.ops for ref in op.operands] + [output.ref for output in program.outputs]
    return {ref.index for ref in refs if ref.source == source}


HALVES: Case = (
    [
        helper.make_node("Split", ["x", "sizes"], ["left", "right"], axis=1),
        helper.make_node("MatMul", ["left", "w"], ["h"]),
        helper.make_node("Sigmoid", ["right"], ["unread"]),
        node("Relu", "h"),
    ],
    {"sizes": ints(2, 3), "w": weights(2, 4)},
    {"x": (1, 5), "z": (2,)},
)


def test_nothing_unread_is_left_and_every_input_is(tmp_path: Path) -> None:
    data = samples(HALVES[2], -1, 1)
    program, report = compile_model(save(tmp_path / "m.onnx", HALVES), data)
    assert read(program, Source.OP) == set(range(len(program.ops)))
    assert read(program, Source.CONST) == set(range(len(program.constants)))
    assert [port.name for port in program.inputs] == ["x", "z"]
    assert all(worst.op < len(program.ops) for worst in report.worst_ops)


def test_pruning_changes_no_output_and_nothing_where_all_is_read(tmp_path: Path) -> None:
    data = samples(HALVES[2], -1, 1)
    program, _ = compile_model(save(tmp_path / "m.onnx", HALVES), data)
    dead = program.ops[0]
    grown = Program(program.inputs, program.constants, (dead, *_shifted(program)), _outputs(program))
    smaller, places = pruned(grown)
    assert smaller == program
    assert Ref(Source.OP, 0) not in places
    validate(smaller)
    integers = [quantize_input(port, data[port.name][0]) for port in program.inputs]
    np.testing.assert_array_equal(execute(smaller, integers)[0], execute(grown, integers)[0])
    assert pruned(program)[0].model_id() == program.model_id()


def _later(ref: Ref) -> Ref:
    return Ref(ref.source, ref.index + 1) if ref.source == Source.OP else ref


def _shifted(program: Program) -> tuple[Op, ...]:
    return tuple(replace(op, operands=tuple(map(_later, op.operands))) for op in program.ops)


def _outputs(program: Program) -> tuple[Output, ...]:
    return tuple(replace(output, ref=_later(output.ref)) for output in program.outputs)
