"""The interpreter, the range rules and the descriptors against a second reading of docs/protocol/program.md."""

from __future__ import annotations

import json

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from circuits.program.graph import Program
from circuits.program.graph_json import dump_graph, parse_graph
from circuits.program.interpreter import trace
from circuits.program.ops import Op
from circuits.program.ranges import ranges
from circuits.program.validate import validate
from tests import second_reading
from tests.random_programs import GROW, inputs_of, programs


@settings(max_examples=300)
@given(st.data())
def test_interpreter_ranges_and_descriptors_are_the_notes(data: st.DataObject) -> None:
    program = data.draw(programs())
    validate(program)
    graph = json.loads(dump_graph(program))
    constants = [c.values.reshape(-1).tolist() for c in program.constants]
    found = [(r.output.lo, r.output.hi) for r in ranges(program)]
    assert found == second_reading.ranges(graph, constants)
    assert [op.encode() for op in program.ops] == [second_reading.descriptor(op) for op in graph["ops"]]

    inputs = data.draw(inputs_of(program))
    made = [tensor.reshape(-1).tolist() for tensor in trace(program, inputs)]
    assert made == second_reading.trace(graph, constants, [tensor.reshape(-1).tolist() for tensor in inputs])
    for elements, (low, high) in zip(made, found, strict=True):
        assert all(low <= element <= high for element in elements)


@settings(max_examples=100)
@given(programs())
def test_a_graph_reads_back_as_it_was_written(program: Program) -> None:
    stored = {str(i): c.values.astype(f"<i{c.width}") for i, c in enumerate(program.constants)}
    again = parse_graph(dump_graph(program), stored)
    assert (again.inputs, again.ops, again.outputs) == (program.inputs, program.ops, program.outputs)
    assert again.model_id() == program.model_id()


@pytest.mark.parametrize("is_empty", [False, True])
@pytest.mark.parametrize("kind", GROW)
def test_random_programs_reach_every_op(kind: type[Op], is_empty: bool) -> None:
    find(
        programs((kind,)),
        lambda program: any(isinstance(op, kind) and (0 in op.iteration) == is_empty for op in program.ops),
        settings=settings(max_examples=1000, derandomize=True, database=None, phases=[Phase.generate]),
    )
