"""What a verifier says when it refuses."""

from __future__ import annotations

from circuits.errors import InferproofError


class VerificationError(InferproofError):
    """The proof, claim or key does not convince of the statement. `code` says why and is stable."""

    exit_code = 1
