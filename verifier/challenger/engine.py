"""How a challenger computes: the executor, and whatever fast hashing and arithmetic its caller brought along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.execute import Executor
from circuits.execute.tensors import Arithmetic
from circuits.program.graph import Program
from circuits.statement import Hasher, ModelHeader, keccak256
from verifier.dispute.commitment import ChunkLevels, CommittedProgram, CommittedTrace

Integers = npt.NDArray[np.int64]
Made = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Engine:
    """Everything is plain Python and NumPy unless given. `roots` are the tensor roots of many tensors by one call."""

    arithmetic: Arithmetic | None = None
    hasher: Hasher = keccak256
    chunk_levels: ChunkLevels | None = None
    roots: Callable[[Sequence[Made]], list[bytes]] | None = None


class LoadedProgram:
    """A program, ready to be run and to be opened."""

    def __init__(self, program: Program, engine: Engine) -> None:
        self.program = program
        self.committed = CommittedProgram(program, engine.hasher, engine.chunk_levels)
        graph, weights = self.committed.graph_root, self.committed.weights.root
        self.header = ModelHeader(graph, weights, program.io_spec())
        self.model_id = self.header.model_id(engine.hasher)
        self._engine = engine
        self._executor = Executor(program, engine.arithmetic)

    def run(self, inputs: Sequence[Integers]) -> CommittedTrace:
        """Every op's output on one input, as int32: half of what the executor's own arrays take."""
        made = [np.empty(op.dims, np.int32) for op in self.program.ops]
        self._executor.trace_into(inputs, made)
        roots = None if self._engine.roots is None else self._engine.roots(made)
        return CommittedTrace(self.committed, inputs, made, roots=roots)
