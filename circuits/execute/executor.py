"""Running a program fast, and bit for bit as the interpreter does.

Everything that does not depend on the inputs is done once, by a plan for every op: which array its output has, which
views it reads, how its constants are laid out. A run is then a list of NumPy calls over fixed float64 arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from circuits.execute.accumulating import contract, linear, mul, reduce_sum
from circuits.execute.choosing import argmax, compare, maximum, select
from circuits.execute.dividing import divide, rsqrt
from circuits.execute.moving import gather, index, lookup
from circuits.execute.tensors import Arithmetic, Floats, Step, Tensors
from circuits.program.graph import Program
from circuits.program.interpreter import check_inputs
from circuits.program.ops import (
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
    Rsqrt,
    Select,
)

Integers = npt.NDArray[np.int64]
Read = TypeVar("Read")

PLANS: dict[type[Op], Callable[[Any, Tensors], tuple[Floats, list[Step]]]] = {
    Contract: contract,
    Linear: linear,
    Mul: mul,
    ReduceSum: reduce_sum,
    Lookup: lookup,
    Max: maximum,
    Argmax: argmax,
    Compare: compare,
    Select: select,
    Gather: gather,
    Index: index,
    Divide: divide,
    Rsqrt: rsqrt,
}


class Executor:
    """One program, ready to run many times. The program has to be valid (`circuits.program.validate`).

    `arithmetic` multiplies large matrices by vectors, exactly where float64 is; without it NumPy does.
    """

    def __init__(self, program: Program, arithmetic: Arithmetic | None = None) -> None:
        self._program = program
        self._steps: list[Step] = []
        self._one_at_a_time = Lock()
        tensors = Tensors(program, arithmetic)
        self._inputs, self._made = tensors.inputs, tensors.made
        for op in program.ops:
            made, steps = (np.empty(op.dims), []) if 0 in op.dims else PLANS[type(op)](op, tensors)
            self._made.append(made)
            self._steps += steps

    def trace(self, inputs: Sequence[Integers]) -> list[Integers]:
        """Every op's output, in execution order. Inputs are int64 of the ports' dims."""
        return self._run(inputs, lambda: [made.astype(np.int64) for made in self._made])

    def trace_into(self, inputs: Sequence[Integers], into: Sequence[npt.NDArray[np.int32]]) -> None:
        """Writes every op's output to an array of its dims: int32 holds each, for an op has at most 32 bits."""
        if [array.shape for array in into] != [op.dims for op in self._program.ops]:
            raise ValueError("a trace is written to one array for every op, of the op's dims")

        def write() -> None:
            for array, made in zip(into, self._made, strict=True):
                np.copyto(array, made, casting="unsafe")

        self._run(inputs, write)

    def run(self, inputs: Sequence[Integers]) -> list[Integers]:
        """The program's outputs, in graph order."""
        wanted = [output.ref.index for output in self._program.outputs]
        return self._run(inputs, lambda: [self._made[op].astype(np.int64) for op in wanted])

    def _run(self, inputs: Sequence[Integers], read: Callable[[], Read]) -> Read:
        """What `read` makes of the arrays, before another run writes them."""
        check_inputs(self._program.inputs, inputs)
        with self._one_at_a_time:
            for array, values in zip(self._inputs, inputs, strict=True):
                np.copyto(array, values)
            for step in self._steps:
                step()
            return read()


def execute(program: Program, inputs: Sequence[Integers]) -> list[Integers]:
    """The outputs of a valid program, in graph order: the interpreter's integers."""
    return Executor(program).run(inputs)
