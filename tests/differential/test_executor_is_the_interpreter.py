"""The executor gives the interpreter's integers, element for element, on random programs and at every extreme."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.execute import Executor
from circuits.program.interpreter import trace
from circuits.program.validate import validate
from tests.random_programs import inputs_of, programs


@settings(max_examples=400)
@given(st.data())
def test_executor_gives_the_interpreters_integers(data: st.DataObject) -> None:
    program = data.draw(programs())
    validate(program)
    executor = Executor(program)
    for _ in range(2):  # the second run uses what the first one kept
        inputs = data.draw(inputs_of(program))
        defined = trace(program, inputs)
        for op, expected, got in zip(program.ops, defined, executor.trace(inputs), strict=True):
            assert got.dtype == np.int64
            assert got.shape == op.dims
            np.testing.assert_array_equal(got, expected)
