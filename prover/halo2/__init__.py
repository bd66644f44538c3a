"""The halo2 route's prover: ezkl behind the project's own statement (docs/protocol/halo2.md)."""

from prover.halo2.keys import Halo2Keys, audit, estimate, setup
from prover.halo2.options import Halo2Options, Limits
from prover.halo2.process import Cancelled
from prover.halo2.proving import ProofResult, commit_input, draw_salt, prove
from prover.key_cache import KeyCache

__all__ = [
    "Cancelled",
    "Halo2Keys",
    "Halo2Options",
    "KeyCache",
    "Limits",
    "ProofResult",
    "audit",
    "commit_input",
    "draw_salt",
    "estimate",
    "prove",
    "setup",
]
