"""`inferproof verify`: `verifier.cli`'s verb with fast arithmetic."""

from __future__ import annotations

from prover.kernels import fast_hasher, field
from verifier.cli import verify_command

verify = verify_command(field, fast_hasher)
