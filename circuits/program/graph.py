"""A program: inputs, constants, ops in execution order, outputs. Its name is its modelId."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.program.ops import Op
from circuits.program.refs import Output, Port
from circuits.statement import Hasher, ModelHeader, graph_root, keccak256, merkle_root, tensor_root


@dataclass(frozen=True)
class Constant:
    """A weight, bias or table: int64 array `values`, hashed at `width` 4 or 8; real value q / 2^scale."""

    name: str
    values: npt.NDArray[np.int64]
    width: int
    scale: int


@dataclass(frozen=True)
class Program:
    """The integer tensor graph (docs/protocol/program.md)."""

    inputs: tuple[Port, ...]
    constants: tuple[Constant, ...]
    ops: tuple[Op, ...]
    outputs: tuple[Output, ...]

    def io_spec(self) -> bytes:
        head = bytes([len(self.inputs), len(self.outputs)])
        return head + b"".join(p.encode() for p in self.inputs) + b"".join(o.encode() for o in self.outputs)

    def header(self, hasher: Hasher = keccak256) -> ModelHeader:
        weights = merkle_root([tensor_root(c.values, c.width, hasher) for c in self.constants], hasher)
        return ModelHeader(graph_root([op.encode() for op in self.ops], hasher), weights, self.io_spec())

    def model_id(self, hasher: Hasher = keccak256) -> bytes:
        return self.header(hasher).model_id(hasher)
