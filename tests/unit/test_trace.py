"""A run that is committed: by the kernels as in plain Python, whatever is opened of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dispute_model import OPS, honest, mixed_inputs, mixed_program
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import InputError
from circuits.lower.optimistic import DATA_HEIGHT, SEGMENT_TERMS, element_count, term_count
from circuits.program.interpreter import trace
from prover.kernels import _native
from prover.optimistic.trace import Tracer
from tests import one_op
from tests.random_programs import inputs_of, programs
from verifier.dispute.commitment import CommittedProgram, CommittedTrace
from verifier.dispute.types import Phase, Position


def positions(committed: CommittedTrace) -> list[Position]:
    """What a defender can be asked to reveal: the trace's nodes, of every op its tensor, its chunks and one sum."""
    top = committed.trace.height
    found = [Position(Phase.TRACE, top, 0)] if top else []
    for number, op in enumerate(committed.program.ops):
        chunks = committed.chunk_tree(number)
        found.append(Position(Phase.TRACE, 0, 0, number))
        found += [Position(Phase.DATA, 0, i, number) for i in range(chunks.count)]
        found += [Position(Phase.NODES, h, 0, number) for h in range(DATA_HEIGHT + 1, chunks.height)]
        if element_count(op) and term_count(op) > SEGMENT_TERMS:
            found.append(Position(Phase.SUM, 0, 0, number, element_count(op) - 1, 0, term_count(op)))
    return found


@settings(max_examples=60)
@given(st.data())
def test_a_committed_run_opens_as_the_interpreters_trace_in_plain_python(data: st.DataObject) -> None:
    program = data.draw(programs())
    tracer = Tracer(program)
    for _ in range(2):
        inputs = data.draw(inputs_of(program))
        fast, plain = tracer.trace(inputs), CommittedTrace(program, inputs, trace(program, inputs))
        for name in ("trace_tree", "top", "output_root", "input_root", "output_paths", "step_roots"):
            assert getattr(fast, name) == getattr(plain, name)
        for at in positions(plain):
            assert fast.reveal_body(at) == plain.reveal_body(at)


def test_a_run_of_many_chunks_opens_as_in_plain_python() -> None:
    program = one_op.program(one_op.linear((1,), (600, 50), 0, saturates=False), [(600, 50)])
    inputs = [np.random.default_rng(0).integers(-(2**15), 2**15, (600, 50))]
    fast, plain = Tracer(program).trace(inputs), CommittedTrace(program, inputs, trace(program, inputs))
    at = positions(plain)
    assert {position.phase for position in at} == {Phase.TRACE, Phase.NODES, Phase.DATA}
    assert [fast.reveal_body(position) for position in at] == [plain.reveal_body(position) for position in at]


def test_a_committed_run_is_not_changed_by_the_next_one() -> None:
    program = one_op.program(one_op.linear((1,), (1, 3), 0, saturates=False), [(1, 3)])
    tracer = Tracer(program)
    first = tracer.trace([np.array([[1, 2, 3]])])
    tracer.trace([np.array([[4, 5, 6]])])
    assert first.made[0].tolist() == [[1, 2, 3]]
    with pytest.raises(ValueError, match="read-only"):
        first.made[0][0, 0] = 7


def test_a_claim_is_one_call_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(tensors: list[Any]) -> list[bytes]:
        calls.append(len(tensors))
        return trace_roots(tensors)

    trace_roots = _native.trace_roots
    monkeypatch.setattr(_native, "trace_roots", counted)
    committed = Tracer(mixed_program()).trace(mixed_inputs())
    plain = honest(CommittedProgram(mixed_program()), mixed_inputs())
    assert (committed.trace_tree, committed.output_root) == (plain.trace_tree, plain.output_root)
    assert calls == [OPS]


def test_a_run_on_no_input_of_the_program_is_refused() -> None:
    program = one_op.program(one_op.linear((1,), (1, 3), 0, saturates=False), [(1, 3)])
    with pytest.raises(InputError) as refused:
        Tracer(program).trace([np.array([[1, 2, 2**15]])])
    assert refused.value.code == "input_out_of_range"
