"""Smooth functions along straight lines: the stated error holds, and more entries or bits make it smaller."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from circuits.execute import execute
from circuits.onnx.graph import FloatGraph
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.program.refs import Port
from circuits.quantize.arithmetic import at_least
from circuits.quantize.builder import Builder
from circuits.quantize.functions import apply
from circuits.quantize.options import CompileOptions
from circuits.quantize.scales import Reach
from circuits.quantize.segments import Curve, planned

Function = Callable[[np.ndarray], np.ndarray]
SCALE = 12
LIMIT = 2.0 ** (15 - SCALE)
# The function, its lowest argument, and whether it bends most there.
FUNCTIONS: dict[str, tuple[Function, float, bool]] = {
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -LIMIT, False),
    "sine": (lambda x: np.sin(3 * x), -LIMIT, False),
    "bend": (np.abs, -LIMIT, False),
    "logarithm": (np.log, 2.0**-SCALE, True),
    "root": (np.sqrt, 0.0, True),
}


def program_of(name: str, options: CompileOptions) -> tuple[Program, float]:
    """One function of an input of 16 bits, and its stated error."""
    function, low, graded = FUNCTIONS[name]
    graph = FloatGraph({"x": (65536,)}, ["y"], [], {}, {"x": (65536,), "y": (65536,)}, {})
    builder = Builder(graph, 1, options)
    builder.add_input(Port("x", (65536,), 16, (SCALE,)), np.linspace(low, LIMIT, 65536)[None])
    x = at_least(builder, builder.values["x"], np.array(low))
    builder.values["y"] = apply(builder, name, x, function, Reach(options.bits), graded=graded)
    return builder.finish(["y"]), builder.tables[-1].max_abs_error


def largest_error(name: str, program: Program) -> float:
    """Over every argument that an input can have."""
    function, low, _ = FUNCTIONS[name]
    arguments = np.arange(-32768, 32768)
    (made,) = execute(program, [arguments])
    real = function(np.maximum(arguments * 2.0**-SCALE, low))
    return float(np.abs(made * 2.0 ** -program.outputs[0].port.scales[0] - real).max())


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("table_bits", [8, 12])
def test_stated_error_is_the_largest_there_is(name: str, table_bits: int) -> None:
    program, stated = program_of(name, CompileOptions(table_bits=table_bits))
    found = largest_error(name, program)
    assert found <= stated * 1.05 + 1e-12
    assert stated <= found * 1.5


@pytest.mark.parametrize("name", FUNCTIONS)
def test_twelve_bits_of_entries_are_as_near_as_the_result_is_fine(name: str) -> None:
    program, stated = program_of(name, CompileOptions())
    assert stated <= 0.75 * 2.0 ** -program.outputs[0].port.scales[0]


def test_a_table_that_may_hold_every_argument_is_one_lookup() -> None:
    program, stated = program_of("sigmoid", CompileOptions(table_bits=16))
    assert [op.opcode.name for op in program.ops] == ["LOOKUP"]
    assert stated <= 0.5 * 2.0 ** -program.outputs[0].port.scales[0]


def test_executor_is_the_interpreter_on_lines_of_several_pieces() -> None:
    program, _ = program_of("logarithm", CompileOptions())
    assert "MAX" in [op.opcode.name for op in program.ops]
    arguments = [np.arange(-32768, 32768)]
    for fast, defined in zip(execute(program, arguments), run(program, arguments), strict=True):
        np.testing.assert_array_equal(fast, defined)


def test_segments_are_shorter_where_a_function_bends() -> None:
    curve = Curve(lambda x: np.log(x), 1, 2**20, 32.0)
    even, graded = (planned(curve, 2**12, 2.0**-16, wish) for wish in (False, True))
    assert len(even.pieces) == 1
    assert [piece.shift for piece in graded.pieces] == sorted({piece.shift for piece in graded.pieces})
    assert len(graded.centres) <= 2**12
    assert graded.error <= 2.0**-16 < 0.1 < even.error


def test_more_than_a_function_needs_is_not_spent() -> None:
    straight = planned(Curve(lambda x: 3 * x, -(2**15), 2**16, math.inf), 2**12, 1e-6, False)
    assert len(straight.centres) <= 8
