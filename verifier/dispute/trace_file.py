"""The file of a published trace: every op's output as int32, under the roots that a claim carries.

One safetensors file, little-endian: tensor `roots` of 32 bytes an op, then tensors `0` ... `n-1` in execution order,
without gaps, and the claim's statement as metadata. A program and a statement leave exactly one header, so a reader
parses nothing: it knows every byte of the header and every size before it reads. docs/decisions/0086.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.program.graph import Program
from circuits.statement import Hasher, keccak256, tensor_root
from verifier.dispute.errors import DisputeError
from verifier.dispute.tree import WORD, Tree, words

FORMAT = "inferproof-trace"
ELEMENT = np.dtype("<i4")
LENGTH_BYTES = 8
ALIGNMENT = 8

# (first, stop) -> the file's bytes first <= i < stop, exactly so many.
ReadBytes = Callable[[int, int], bytes]


@dataclass(frozen=True)
class TraceStatement:
    """Whose trace it is: what a claim says, 32 bytes each."""

    model_id: bytes
    input_root: bytes
    output_root: bytes
    trace_tree: bytes

    def as_metadata(self) -> dict[str, str]:
        return {"format": FORMAT} | {name: "0x" + value.hex() for name, value in asdict(self).items()}


@dataclass(frozen=True)
class TraceLayout:
    """Where everything is in the file of one statement, for ops of these dims."""

    statement: TraceStatement
    dims: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, program: Program, statement: TraceStatement) -> TraceLayout:
        return cls(statement, tuple(op.dims for op in program.ops))

    @cached_property
    def header(self) -> bytes:
        """All that comes before the first root."""
        roots = {"dtype": "U8", "shape": [len(self.dims), WORD], "data_offsets": [0, WORD * len(self.dims)]}
        entries: dict[str, Any] = {"__metadata__": self.statement.as_metadata(), "roots": roots}
        for op, dims in enumerate(self.dims):
            offsets = self._offsets[op : op + 2]
            entries[str(op)] = {"dtype": "I32", "shape": list(dims), "data_offsets": offsets}
        text = json.dumps(entries, separators=(",", ":")).encode()
        text += b" " * (-len(text) % ALIGNMENT)
        return len(text).to_bytes(LENGTH_BYTES, "little") + text

    @cached_property
    def _offsets(self) -> list[int]:
        """Where every op's output begins after the header, and where the last one ends."""
        sizes = (math.prod(dims) * ELEMENT.itemsize for dims in self.dims)
        return list(itertools.accumulate(sizes, initial=WORD * len(self.dims)))

    @property
    def size(self) -> int:
        return len(self.header) + self._offsets[-1]

    def span(self, op: int) -> tuple[int, int]:
        """Which of the file's bytes are an op's output."""
        return len(self.header) + self._offsets[op], len(self.header) + self._offsets[op + 1]


def malformed(reason: str) -> DisputeError:
    return DisputeError("trace_malformed", f"what is published is no trace of this claim: {reason}")


class TraceFile:
    """A trace in the file that `read` reads. Everything is checked when it is read; DisputeError `trace_malformed`."""

    def __init__(self, read: ReadBytes, layout: TraceLayout, hasher: Hasher = keccak256) -> None:
        self._read, self._layout, self._hasher = read, layout, hasher
        start = len(layout.header)
        if read(0, start) != layout.header:
            raise malformed("its header is another one")
        self._roots = words(read(start, start + WORD * len(layout.dims)))
        if Tree.of(self._roots, hasher).root != layout.statement.trace_tree:
            raise malformed("its tensor roots are not those under the claim's trace tree")

    def roots(self) -> tuple[bytes, ...]:
        """T_0 ... T_(n-1), which fold to the claim's trace tree."""
        return self._roots

    def tensor(self, op: int) -> npt.NDArray[np.int64]:
        """An op's output, which has the root that the claim commits to; whether it is right is another question."""
        raw = self._read(*self._layout.span(op))
        values = np.frombuffer(raw, ELEMENT).reshape(self._layout.dims[op]).astype(np.int64)
        if tensor_root(values, 4, self._hasher) != self._roots[op]:
            raise malformed(f"the output of op {op} does not have the root that the claim commits to")
        return values
