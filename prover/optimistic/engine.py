"""The executor and the hashing that claims and challenges are made with here.

Challengers' children import this module, so it imports nothing that they do not need."""

from __future__ import annotations

from circuits.program.graph import Program
from prover.kernels import chunk_levels, fast_hasher, narrow_product, trace_roots
from verifier.challenger import ClaimView, Engine
from verifier.challenger.published import read_published
from verifier.dispute.trace_file import TraceFile

ENGINE = Engine(narrow_product, fast_hasher, chunk_levels, trace_roots)


def read_trace(view: ClaimView, program: Program) -> TraceFile | None:
    """What a claim's submitter publishes, from addresses of the web only."""
    return read_published(view, program, hasher=fast_hasher)
