"""Random valid programs and inputs for hypothesis: every op, empty axes, reads that miss, extremes and ties.

`programs()` grows a program op by op with its ranges known; an op that the rules refuse is left out. Every op is an
output, or the last alone. `inputs_of(program)` draws integers for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from circuits.program.errors import ProgramError
from circuits.program.graph import Constant, Program
from circuits.program.intervals import Interval
from circuits.program.ops import (
    Accumulating,
    Argmax,
    Compare,
    Contract,
    Divide,
    Gather,
    Index,
    Linear,
    Lookup,
    Max,
    Mul,
    Op,
    ReduceSum,
    Relation,
    Rsqrt,
    Select,
)
from circuits.program.ranges import Ranges
from circuits.program.refs import UNMAPPED, AffineMap, Output, Port, Ref, Source

Dims = tuple[int, ...]
Reading = tuple[Ref, AffineMap]
SHIFTS = st.sampled_from([0, 1, 1, 2, 7, 15, 31])
ANY_I32 = st.one_of(st.sampled_from([-(2**31), -1, 0, 1, 2**31 - 1]), st.integers(-(2**31), 2**31 - 1))


@dataclass
class Growing:
    """A random program so far."""

    draw: st.DrawFn
    sizes: tuple[int, ...]
    shapes: tuple[Dims, ...] = ()
    constants: list[Constant] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    ranges: Ranges = field(default_factory=lambda: Ranges((), ()))
    tensors: list[tuple[Ref, Dims]] = field(default_factory=list)

    def dims(self) -> Dims:
        if self.shapes:
            return self.draw(st.sampled_from(self.shapes))
        return tuple(self.draw(st.lists(st.sampled_from(self.sizes), max_size=3)))

    def constant(self, values: npt.NDArray[np.int64], width: int = 4) -> Ref:
        self.constants.append(Constant(f"c{len(self.constants)}", values, width, 0))
        self.ranges.add_constant(self.constants[-1])
        return Ref(Source.CONST, len(self.constants) - 1)

    def integers(self, dims: Dims, low: int, high: int) -> npt.NDArray[np.int64]:
        """Spread over [low, high], or its ends and what lies around zero."""
        rng = np.random.default_rng(self.draw(st.integers(0, 2**32 - 1)))
        if self.draw(st.booleans()):
            return np.asarray(rng.integers(low, high, size=dims, endpoint=True), np.int64)
        edges = [v for v in (low, low + 1, -3, -2, -1, 0, 1, high) if low <= v <= high]
        return np.asarray(rng.choice(edges, size=dims), np.int64)

    def add(self, op: Op) -> Ref | None:
        """Adds a valid version of `op`: with the flag that its range gives. None if the rules refuse it."""
        operands = [self.ranges.operand(ref) for ref in op.operands]
        try:
            op.check(operands)
            if isinstance(op, Accumulating | Divide):
                op = replace(op, saturates=op.bound(operands).saturates)
            self.ranges.add(op)
        except ProgramError:
            return None
        self.ops.append(op)
        self.tensors.append((Ref(Source.OP, len(self.ops) - 1), op.dims))
        return self.tensors[-1][0]

    def reading(self, iteration: Dims, inside: bool = False) -> Reading:
        """Some tensor through some map over `iteration`; `inside` makes it never miss, if the tensor has elements."""
        ref, dims = self.draw(st.sampled_from(self.tensors))
        return ref, (inside_map if inside else any_map)(self.draw, dims, iteration)

    def weights(self, iteration: Dims) -> Reading:
        """A new constant through some map."""
        dims = self.dims()
        bound = 2 ** self.draw(st.sampled_from([3, 11, 15]))
        return self.constant(self.integers(dims, -bound, bound)), any_map(self.draw, dims, iteration)

    def bias(self, dims: Dims, inner: Dims) -> list[Reading]:
        """Nothing, or a bias that is read at o, perhaps missing."""
        if self.draw(st.booleans()):
            return []
        shape, bound = self.dims(), 2 ** self.draw(st.sampled_from([1, 20, 40]))
        how = any_map(self.draw, shape, dims)
        return [(self.constant(self.integers(shape, -bound, bound), 8), over_inner(how, inner))]

    def positive(self, dims: Dims) -> Reading:
        """A tensor of at least 1: a constant, or the maximum of something and 1."""
        if self.draw(st.booleans()):
            ref: Ref | None = self.constant(self.integers(dims, 1, 2 ** self.draw(st.integers(0, 31)) - 1 or 1))
        else:
            one, (x, x_map) = self.constant(np.array(1)), self.reading(dims)
            ref = self.add(Max((x, one), (x_map, AffineMap.broadcast((), dims)), dims, (), 32, 0))
        return ref or self.constant(np.ones(dims, np.int64)), AffineMap.identity(dims)


def any_map(draw: st.DrawFn, dims: Dims, iteration: Dims) -> AffineMap:
    """Strides of either sign, axes shared, offsets that miss."""
    view = dims if draw(st.booleans()) else (math.prod(dims),)
    steps = st.integers(-2, 2)
    offsets = tuple(draw(st.integers(-2, size + 1)) for size in view)
    return AffineMap(view, offsets, tuple(tuple(draw(steps) for _ in iteration) for _ in view))


def inside_map(draw: st.DrawFn, dims: Dims, iteration: Dims) -> AffineMap:
    """A map that never misses a tensor with elements."""
    view = dims if draw(st.booleans()) else (math.prod(dims),)
    offsets, rows = [], []
    for size in view:
        row = tuple(draw(st.integers(-1, 1)) for _ in iteration)
        reach = [stride * max(count - 1, 0) for stride, count in zip(row, iteration, strict=True)]
        low, high = sum(min(r, 0) for r in reach), sum(max(r, 0) for r in reach)
        if high - low >= size:
            row, low, high = (0,) * len(iteration), 0, 0
        offsets.append(draw(st.integers(-low, max(size - 1 - high, -low))))
        rows.append(row)
    return AffineMap(view, tuple(offsets), tuple(rows))


def over_inner(how: AffineMap, inner: Dims) -> AffineMap:
    """A map over output dims as one over the whole iteration space that does not depend on the inner point."""
    return replace(how, strides=tuple(row + (0,) * len(inner) for row in how.strides))


def split(readings: Sequence[Reading]) -> tuple[tuple[Ref, ...], tuple[AffineMap, ...]]:
    return tuple(ref for ref, _ in readings), tuple(how for _, how in readings)


def contract(g: Growing) -> None:
    dims, inner = g.dims(), g.dims()
    pair = [g.reading(dims + inner), g.reading(dims + inner)]
    if g.draw(st.booleans()):
        pair[g.draw(st.integers(0, 1))] = g.weights(dims + inner)
    readings = split(pair + g.bias(dims, inner))
    g.add(Contract(*readings, dims, inner, g.draw(st.integers(8, 32)), 0, g.draw(SHIFTS), True))


def linear(g: Growing) -> None:
    dims = g.dims()
    coefficients = tuple(g.draw(st.lists(st.one_of(st.integers(-3, 3), ANY_I32), min_size=1, max_size=3)))
    readings = split([g.reading(dims) for _ in coefficients] + g.bias(dims, ()))
    g.add(Linear(*readings, dims, (), g.draw(st.integers(8, 32)), 0, g.draw(SHIFTS), True, coefficients))


def mul(g: Growing) -> None:
    dims = g.dims()
    readings = split([g.reading(dims), g.reading(dims), *g.bias(dims, ())])
    g.add(Mul(*readings, dims, (), g.draw(st.integers(8, 32)), 0, g.draw(SHIFTS), True))


def reduce_sum(g: Growing) -> None:
    dims, inner = g.dims(), g.dims()
    multiplier = g.draw(st.one_of(st.integers(-3, 3), ANY_I32))
    readings = split([g.reading(dims + inner)])
    g.add(ReduceSum(*readings, dims, inner, g.draw(st.integers(8, 32)), 0, g.draw(SHIFTS), True, multiplier))


def lookup(g: Growing) -> None:
    dims = g.dims()
    ref, how = g.reading(dims, inside=True)
    known = g.ranges.operand(ref).interval
    if known.hi - known.lo < 2**12:
        table = g.constant(g.integers((known.hi - known.lo + 1,), -(2**31), 2**31 - 1))
        g.add(Lookup((ref, table), (how, UNMAPPED), dims, (), 32, 0, known.lo))


def floor(g: Growing) -> None:
    """max of the newest tensor and a constant, often with a power of two of integers from there to its end."""
    ref, dims = g.tensors[-1]
    known = g.ranges.operand(ref).interval
    powers = [known.hi + 1 - (1 << bits) for bits in range((known.hi - known.lo + 1).bit_length())]
    least = g.constant(np.array(g.draw(st.one_of(st.sampled_from(powers), st.integers(known.lo, known.hi)))))
    g.add(Max((ref, least), (AffineMap.identity(dims), AffineMap.broadcast((), dims)), dims, (), 32, 0))


def maximum(g: Growing) -> None:
    dims, inner = g.dims(), g.dims()
    misses = g.draw(st.booleans())
    readings = [g.reading(dims + inner), g.reading(dims + inner, inside=not misses)][g.draw(st.integers(0, 1)) :]
    g.add(Max(*split(readings), dims, inner, 32, 0))


def argmax(g: Growing) -> None:
    dims, inner = g.dims(), g.dims()
    ref, how = g.reading(dims + inner, inside=True)
    shifted = replace(how, offsets=tuple(offset + g.draw(st.integers(-1, 1)) for offset in how.offsets))
    g.add(Argmax((ref,), (shifted if g.draw(st.booleans()) else how,), dims, inner, 8, 0))


def compare(g: Growing) -> None:
    dims = g.dims()
    g.add(Compare(*split([g.reading(dims), g.reading(dims)]), dims, (), 8, 0, g.draw(st.sampled_from(Relation))))


def select(g: Growing) -> None:
    dims = g.dims()
    relation = g.draw(st.sampled_from(Relation))
    condition = g.add(Compare(*split([g.reading(dims), g.reading(dims)]), dims, (), 8, 0, relation))
    if condition is None or g.draw(st.booleans()):
        condition = g.constant(g.integers(dims, 0, 1))
    c_map = (inside_map if g.draw(st.booleans()) else any_map)(g.draw, dims, dims)
    g.add(Select(*split([(condition, c_map), g.reading(dims), g.reading(dims)]), dims, (), 32, 0))


def index(g: Growing) -> None:
    dims = g.dims()
    readings = [g.reading(dims, inside=g.draw(st.booleans())) for _ in range(g.draw(st.integers(1, 3)))]
    g.add(Index(*split(readings), dims, (), 32, 0, g.draw(ANY_I32)))


def gather(g: Growing) -> None:
    dims, inner = g.dims(), g.dims()
    position = None
    if g.draw(st.booleans()):
        position = g.add(Argmax(*split([g.reading(dims + inner, inside=True)]), dims, inner, 8, 0))
    if position is None:
        position = g.constant(g.integers(dims, 0, max(math.prod(inner) - 1, 0)))
    x, p_map = g.reading(dims + inner, inside=True), over_inner(inside_map(g.draw, dims, dims), inner)
    g.add(Gather(*split([x, (position, p_map)]), dims, inner, 32, 0))


def divide(g: Growing) -> None:
    dims = g.dims()
    (ref, how), divisor = g.reading(dims), g.positive(dims)
    largest = min(31, 50 - g.ranges.operand(ref).interval.magnitude.bit_length())
    up = g.draw(st.one_of(st.just(largest), st.integers(0, largest)))
    g.add(Divide(*split([(ref, how), divisor]), dims, (), g.draw(st.integers(8, 32)), 0, up, True))


def rsqrt(g: Growing) -> None:
    dims = g.dims()
    g.add(Rsqrt(*split([g.positive(dims)]), dims, (), 32, 0, g.draw(st.sampled_from([0, 1, 15, 29, 30]))))


GROW: dict[type[Op], Callable[[Growing], None]] = {
    Contract: contract,
    Linear: linear,
    Mul: mul,
    ReduceSum: reduce_sum,
    Lookup: lookup,
    Max: maximum,
    Argmax: argmax,
    Compare: compare,
    Select: select,
    Index: index,
    Gather: gather,
    Divide: divide,
    Rsqrt: rsqrt,
}


@st.composite
def programs(
    draw: st.DrawFn,
    kinds: Sequence[type[Op]] = tuple(GROW),
    *,
    most: int = 6,
    empty_axes: bool = True,
    bits: Sequence[int] = (8, 12, 16, 32),
    shapes: Sequence[Dims] = (),
    floored: bool = False,
) -> Program:
    """Programs over one or two inputs that grow by `most` of `kinds` (and what those need: compare, max, argmax).

    Dims are a few small axes, or one of `shapes`. All ops are outputs; or the last alone, with a floor under it.
    """
    growing = Growing(draw, (1, 1, 2, 2, 3, 3, 0) if empty_axes else (1, 2, 3), tuple(shapes))
    count = draw(st.integers(1, 2))
    ports = tuple(Port(f"x{i}", growing.dims(), draw(st.sampled_from(bits)), (0,)) for i in range(count))
    for i, port in enumerate(ports):
        growing.ranges.add_input(port)
        growing.tensors.append((Ref(Source.INPUT, i), port.dims))
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=most)):
        GROW[kind](growing)
    if floored and growing.ops:
        floor(growing)
    if not growing.ops:
        first = AffineMap.identity(ports[0].dims)
        growing.add(Index((Ref(Source.INPUT, 0),), (first,), ports[0].dims, (), 32, 0))
    outputs = tuple(
        Output(Ref(Source.OP, i), Port(f"y{i}", op.dims, op.bits, (op.scale,))) for i, op in enumerate(growing.ops)
    )
    shown = outputs[-1:] if floored else outputs
    return Program(ports, tuple(growing.constants), tuple(growing.ops), shown)


@st.composite
def inputs_of(draw: st.DrawFn, program: Program) -> list[npt.NDArray[np.int64]]:
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
