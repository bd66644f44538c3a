"""Publishing a trace, so that whoever doubts a claim sees what it was made of: to a directory, or any fsspec URL.

A trace is one file, named by its trace tree. It appears whole or not at all, and publishing it again changes nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import fsspec
import numpy as np
import numpy.typing as npt

from circuits.errors import EnvironmentFailure
from circuits.statement import ModelHeader
from prover.kernels import fast_hasher
from verifier.challenger.published import open_trace
from verifier.dispute.commitment import CommittedProgram, CommittedTrace
from verifier.dispute.trace_file import ELEMENT, TraceFile, TraceLayout, TraceStatement

Integers = npt.NDArray[np.int64]

SUFFIX = ".trace.safetensors"
READABLE = 0o644  # a web server runs as somebody else


def statement_of(trace: CommittedTrace) -> TraceStatement:
    """What a claim of this trace says."""
    committed = trace.committed
    header = ModelHeader(committed.graph_root, committed.weights.root, committed.program.io_spec())
    return TraceStatement(header.model_id(trace.hasher), trace.input_root, trace.output_root, trace.trace_tree)


class TraceStore:
    """Traces under one URL or path; others read them at `public_url`, with which a claim's locator begins.

    Raises EnvironmentFailure `store_unusable`, and what `open_trace` raises.
    """

    def __init__(self, url: str, public_url: str | None = None) -> None:
        try:
            self._system, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise EnvironmentFailure("store_unusable", f"no store at {url}: {error}") from error
        self._root = str(root).rstrip("/")
        self._local = "file" in self._system.protocol
        self._own_url = Path(self._root).as_uri() if self._local else url.rstrip("/")
        self._public_url = (public_url or ("" if self._local else self._own_url)).rstrip("/")

    def locator(self, statement: TraceStatement) -> str:
        """Where others find the trace of a statement; empty for a folder of this machine that has no public URL."""
        return f"{self._public_url}/{_name(statement)}" if self._public_url else ""

    def publish(self, trace: CommittedTrace) -> str:
        """Writes the trace and returns where it lies, as this machine reads it."""
        statement = statement_of(trace)
        layout = TraceLayout.of(trace.program, statement)
        path = f"{self._root}/{_name(statement)}"
        try:
            folder = Path(self._root) if self._local else None
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".trace.", delete=False) as file:
                try:
                    _write(file.file, layout, trace)
                    self._put(file.name, path)
                finally:
                    Path(file.name).unlink(missing_ok=True)
        except OSError as error:
            raise EnvironmentFailure("store_unusable", f"the trace store refused: {error}") from error
        return self._where(statement)

    def open(self, layout: TraceLayout) -> TraceFile:
        """A trace as it lies in the store, its roots checked; its tensors are when they are read."""
        locator = self._where(layout.statement)
        return open_trace(locator, layout, accept=frozenset({urlsplit(locator).scheme}), hasher=fast_hasher)

    def read(
        self, committed: CommittedProgram, inputs: Sequence[Integers], statement: TraceStatement
    ) -> CommittedTrace:
        """A whole trace back, every tensor checked."""
        file = self.open(TraceLayout.of(committed.program, statement))
        made = [file.tensor(op) for op in range(len(committed.program.ops))]
        return CommittedTrace(committed, inputs, made, roots=file.roots())

    def _where(self, statement: TraceStatement) -> str:
        return f"{self._own_url}/{_name(statement)}"

    def _put(self, written: str, path: str) -> None:
        if self._local:
            Path(written).chmod(READABLE)
            Path(written).replace(path)
        else:
            self._system.put_file(written, path)  # object stores publish an object whole


def _name(statement: TraceStatement) -> str:
    return statement.trace_tree.hex() + SUFFIX


def _write(file: IO[bytes], layout: TraceLayout, trace: CommittedTrace) -> None:
    file.write(layout.header)
    file.write(b"".join(trace.tensor_roots))
    for array in trace.made:
        file.write(np.asarray(array, ELEMENT, order="C").data)
    file.flush()
    os.fsync(file.fileno())
