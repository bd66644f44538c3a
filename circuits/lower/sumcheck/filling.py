"""What an honest prover knows of every tensor of a system, and how it comes to know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import cast

import numpy as np
import numpy.typing as npt

from circuits.execute.executor import PLANS
from circuits.execute.tensors import Arithmetic, Floats, Step, Tensors
from circuits.lower.sumcheck.system import Expression, Reading, Tensor, Term
from circuits.program.graph import Program
from circuits.program.indexing import strided_view
from circuits.program.ops import Accumulating, Linear

Integers = npt.NDArray[np.int64]


class Accumulators:
    """The exact sums of the accumulating ops, which the executor does not keep: their op without its rescale.

    A linear op's is found from its readings instead.
    """

    def __init__(self, program: Program, arithmetic: Arithmetic | None = None) -> None:
        tensors = Tensors(program, arithmetic)
        self._inputs, self._made = tensors.inputs, tensors.made
        self._plans: dict[int, tuple[Floats, list[Step]]] = {}
        self._one_at_a_time = Lock()
        for position, op in enumerate(program.ops):
            self._made.append(np.empty(op.dims))
            if isinstance(op, Accumulating) and not isinstance(op, Linear) and 0 not in op.dims:
                self._plans[position] = PLANS[type(op)](replace(op, shift=0, saturates=False), tensors)

    def of(self, inputs: Sequence[Integers], made: Sequence[Integers]) -> dict[int, Integers]:
        """By the op's position, given its operands."""
        with self._one_at_a_time:
            for array, values in zip((*self._inputs, *self._made), (*inputs, *made), strict=True):
                np.copyto(array, values)
            found = {}
            for position, (out, steps) in self._plans.items():
                for step in steps:
                    step()
                found[position] = out.astype(np.int64)
            return found


class Values:
    """The values of a system's tensors, while they are filled in."""

    def __init__(self, tensors: Sequence[Tensor], known: dict[int, Integers], sums: dict[int, Integers]) -> None:
        self._tensors = tensors
        self._known = known
        self.sums = sums

    def __getitem__(self, tensor: int) -> Integers:
        return self._known[tensor]

    def __setitem__(self, tensor: int, values: npt.ArrayLike) -> None:
        self._known[tensor] = np.asarray(values, np.int64).reshape(self._tensors[tensor].dims)

    def __contains__(self, tensor: int) -> bool:
        return tensor in self._known

    def read(self, reading: Reading, grid: Sequence[int]) -> Integers:
        return cast(Integers, strided_view(self._known[reading.tensor], reading.how, grid))

    def evaluate(self, expression: Expression, dims: Sequence[int]) -> Integers:
        """At every point of a box, in int64: for expressions whose every partial sum that holds."""
        total = np.zeros(tuple(dims), np.int64)
        for term in expression:
            total += term.coefficient * self._term(term, dims)
        return total

    def _term(self, term: Term, dims: Sequence[int]) -> Integers:
        product = self.read(term.readings[0], (*dims, *term.inner))
        for reading in term.readings[1:]:
            product = product * self.read(reading, (*dims, *term.inner))
        return cast(Integers, product.sum(axis=tuple(range(len(dims), product.ndim)))) if term.inner else product
