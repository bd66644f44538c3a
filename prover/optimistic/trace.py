"""Running a program so that the run can be claimed: one inference, and one kernel call that commits to all of it.

docs/protocol/optimistic.md section 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from circuits.execute import Executor
from circuits.program.graph import Program
from prover.kernels import chunk_levels, fast_hasher, narrow_product, trace_roots
from verifier.dispute.commitment import CommittedProgram, CommittedTrace

Integers = npt.NDArray[np.int64]


def committed_program(program: Program) -> CommittedProgram:
    """A program under its roots, opened by the kernels."""
    return CommittedProgram(program, fast_hasher, chunk_levels)


class Tracer:
    """One program, ready to be run and committed many times. The program has to be valid."""

    def __init__(self, program: Program) -> None:
        self.committed = committed_program(program)
        self.executor = Executor(program, narrow_product)

    def trace(self, inputs: Sequence[Integers]) -> CommittedTrace:
        """Every op's output on one input, int64 of the ports' dims, with the roots that a claim carries.

        What it made is kept as int32, half of what the executor's own arrays take; raises InputError as `Executor.run`.
        """
        made = [np.empty(op.dims, np.int32) for op in self.committed.program.ops]
        self.executor.trace_into(inputs, made)
        for array in made:
            array.flags.writeable = False
        return CommittedTrace(self.committed, inputs, made, roots=trace_roots(made))
