"""The executor gives the interpreter's integers, element for element, on random programs and at every extreme."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.execute import Executor
from circuits.program.errors import ProgramError
from circuits.program.graph import Constant, Program
from circuits.program.indexing import always_in_bounds
from circuits.program.interpreter import trace
from circuits.program.intervals import Interval
from circuits.program.ops import Accumulating, Contract, Index, Linear, Lookup, Max, Mul, Op, ReduceSum
from circuits.program.ranges import Ranges
from circuits.program.refs import UNMAPPED, AffineMap, Output, Port, Ref, Source
from circuits.program.validate import validate

SMALL = st.lists(st.integers(1, 3), min_size=0, max_size=3).map(tuple)


@dataclass
class Growing:
    """A random program so far, with its ranges."""

    draw: st.DrawFn
    constants: list[Constant] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    ranges: Ranges = field(default_factory=lambda: Ranges((), ()))
    tensors: list[tuple[Ref, tuple[int, ...]]] = field(default_factory=list)

    def tensor(self) -> tuple[Ref, tuple[int, ...]]:
        return self.draw(st.sampled_from(self.tensors))

    def constant(self, dims: tuple[int, ...], bound: int, width: int = 4) -> Ref:
        seed = self.draw(st.integers(0, 2**32 - 1))
        values = np.random.default_rng(seed).integers(-bound, bound, size=dims, endpoint=True)
        self.constants.append(Constant(f"c{len(self.constants)}", np.asarray(values, np.int64), width, 0))
        self.ranges.add_constant(self.constants[-1])
        return Ref(Source.CONST, len(self.constants) - 1)

    def add(self, op: Op) -> None:
        """Adds a valid version of `op`: the least bits that hold it, and the flag that its range gives."""
        operands = [self.ranges.operand(ref) for ref in op.operands]
        try:
            op.check(operands)
            if isinstance(op, Accumulating):
                op = replace(op, saturates=op.bound(operands).saturates)
            self.ranges.add(op)
        except ProgramError:
            return
        self.ops.append(op)
        self.tensors.append((Ref(Source.OP, len(self.ops) - 1), op.dims))


def affine(draw: st.DrawFn, dims: tuple[int, ...], iteration: tuple[int, ...]) -> AffineMap:
    """Any map: strides of either sign, axes shared, offsets that miss."""
    view = dims if draw(st.booleans()) else (math.prod(dims),)
    steps = st.integers(-2, 2)
    return AffineMap(
        view,
        tuple(draw(st.integers(-2, size + 1)) for size in view),
        tuple(tuple(draw(steps) for _ in iteration) for _ in view),
    )


def inside(draw: st.DrawFn, dims: tuple[int, ...], iteration: tuple[int, ...]) -> AffineMap:
    """A map that never misses: broadcast if it fits, else the first element."""
    how = affine(draw, dims, iteration)
    return (
        how
        if always_in_bounds(how, iteration)
        else AffineMap(dims, (0,) * len(dims), ((0,) * len(iteration),) * len(dims))
    )


def grow(growing: Growing) -> None:
    """One more op of a random kind over random tensors."""
    draw = growing.draw
    kind = draw(st.sampled_from([Contract, Linear, Mul, ReduceSum, Lookup, Max, Index]))
    dims, inner = draw(SMALL), draw(SMALL)
    bits, shift = draw(st.integers(8, 20)), draw(st.sampled_from([0, 1, 2, 7, 15, 31]))
    if kind in (Linear, Mul, Lookup, Index):
        inner = ()
    iteration = dims + inner
    (x, x_dims), (y, y_dims) = growing.tensor(), growing.tensor()
    x_map, y_map = affine(draw, x_dims, iteration), affine(draw, y_dims, iteration)
    bias = ()
    bias_map = ()
    if kind in (Contract, Linear, Mul) and draw(st.booleans()):
        bias = (growing.constant(dims, 2 ** draw(st.integers(0, 40)), 8),)
        plain = AffineMap.broadcast(dims, dims)
        bias_map = (replace(plain, strides=tuple(row + (0,) * len(inner) for row in plain.strides)),)
    if kind is Contract:
        if draw(st.booleans()):
            y_dims = draw(SMALL)
            y, y_map = growing.constant(y_dims, 2**15), affine(draw, y_dims, iteration)
        growing.add(Contract((x, y, *bias), (x_map, y_map, *bias_map), dims, inner, bits, 0, shift, True))
    elif kind is Linear:
        coefficients = (draw(st.integers(-(2**16), 2**16)), draw(st.integers(-3, 3)))
        growing.add(Linear((x, y, *bias), (x_map, y_map, *bias_map), dims, (), bits, 0, shift, True, coefficients))
    elif kind is Mul:
        growing.add(Mul((x, y, *bias), (x_map, y_map, *bias_map), dims, (), bits, 0, shift, True))
    elif kind is ReduceSum:
        multiplier = draw(st.integers(-(2**17), 2**17))
        growing.add(ReduceSum((x,), (x_map,), dims, inner, bits, 0, shift, True, multiplier))
    elif kind is Lookup:
        known = growing.ranges.operand(x).interval
        if known.hi - known.lo < 2**12:
            table = growing.constant((known.hi - known.lo + 1,), 2**11)
            growing.add(Lookup((x, table), (inside(draw, x_dims, dims), UNMAPPED), dims, (), 16, 0, known.lo))
    elif kind is Max:
        growing.add(Max((x, y), (x_map, y_map), dims, inner, 32, 0))
    else:
        growing.add(Index((x, y), (x_map, y_map), dims, (), 32, 0, draw(st.integers(-(2**31), 2**31 - 1))))


@st.composite
def programs(draw: st.DrawFn) -> Program:
    growing = Growing(draw)
    ports = tuple(Port(f"x{i}", draw(SMALL), draw(st.sampled_from([8, 12, 16])), (0,)) for i in range(2))
    for i, port in enumerate(ports):
        growing.ranges.add_input(port)
        growing.tensors.append((Ref(Source.INPUT, i), port.dims))
    for _ in range(draw(st.integers(1, 6))):
        grow(growing)
    if not growing.ops:
        growing.add(Max((Ref(Source.INPUT, 0),), (AffineMap.identity(ports[0].dims),), ports[0].dims, (), 16, 0))
    outputs = tuple(
        Output(Ref(Source.OP, i), Port(f"y{i}", op.dims, op.bits, (op.scale,))) for i, op in enumerate(growing.ops)
    )
    return Program(ports, tuple(growing.constants), tuple(growing.ops), outputs)


@st.composite
def inputs_of(draw: st.DrawFn, program: Program) -> list[np.ndarray]:
    """Random integers, the least everywhere, the largest everywhere, or a mixture of extremes and halves."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    made = []
    for port in program.inputs:
        bounds = Interval.of_bits(port.bits)
        choice = draw(st.sampled_from(["random", "least", "largest", "edges"]))
        if choice == "random":
            values = rng.integers(bounds.lo, bounds.hi, size=port.dims, endpoint=True)
        elif choice == "edges":
            values = rng.choice([bounds.lo, bounds.lo + 1, -3, -2, -1, 0, 1, bounds.hi], size=port.dims)
        else:
            values = np.full(port.dims, bounds.lo if choice == "least" else bounds.hi)
        made.append(np.asarray(values, np.int64))
    return made


@settings(max_examples=300, deadline=None)
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


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_element_lies_in_its_range(data: st.DataObject) -> None:
    program = data.draw(programs())
    known = Ranges(program.inputs, program.constants)
    found = [known.add(op) for op in program.ops]
    for made, interval in zip(trace(program, data.draw(inputs_of(program))), found, strict=True):
        assert interval.output.lo <= made.min()
        assert made.max() <= interval.output.hi
