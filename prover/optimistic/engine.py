"""The executor and the hashing that claims and challenges are made with here."""

from __future__ import annotations

from prover.kernels import chunk_levels, fast_hasher, narrow_product, trace_roots
from verifier.challenger import Engine

ENGINE = Engine(narrow_product, fast_hasher, chunk_levels, trace_roots)
