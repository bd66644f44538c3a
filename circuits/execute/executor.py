"""Running a program fast, and bit for bit as the interpreter does.

Everything that does not depend on the inputs is done once, by a plan for every op: which array its output has, which
views it reads, how its constants are laid out. A run is then a list of NumPy calls over fixed float64 arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

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
        return self._run(inputs, range(len(self._program.ops)))

    def run(self, inputs: Sequence[Integers]) -> list[Integers]:
        """The program's outputs, in graph order."""
        return self._run(inputs, [output.ref.index for output in self._program.outputs])

    def _run(self, inputs: Sequence[Integers], wanted: Sequence[int]) -> list[Integers]:
        check_inputs(self._program.inputs, inputs)
        with self._one_at_a_time:
            for array, values in zip(self._inputs, inputs, strict=True):
                np.copyto(array, values)
            for step in self._steps:
                step()
            return [self._made[op].astype(np.int64) for op in wanted]


def execute(program: Program, inputs: Sequence[Integers]) -> list[Integers]:
    """The outputs of a valid program, in graph order: the interpreter's integers."""
    return Executor(program).run(inputs)
