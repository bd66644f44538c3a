"""The sumcheck route's prover: orchestration over the field kernels (docs/protocol/sumcheck.md)."""

from prover.sumcheck.argument import Argument
from prover.sumcheck.estimate import estimate
from prover.sumcheck.keys import ProvingKey, SumcheckKeys, audit, setup
from prover.sumcheck.memory import memory
from prover.sumcheck.plan import Plan, make_plan
from prover.sumcheck.proving import ProofResult, prove

__all__ = [
    "Argument",
    "Plan",
    "ProofResult",
    "ProvingKey",
    "SumcheckKeys",
    "audit",
    "estimate",
    "make_plan",
    "memory",
    "prove",
    "setup",
]
