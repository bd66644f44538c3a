"""The sumcheck route's part of `setup` and `prove`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from circuits.program.graph import Program
from circuits.program.values import Integers
from prover import sumcheck
from prover.backend import Estimate
from prover.cli.proof_report import INSECURE, Made, require_same, tell_estimate
from prover.key_cache import KeyCache
from prover.service.domain.models import require_memory
from prover.service.settings import Settings
from verifier.console import progress_bar, warn
from verifier.sumcheck_key import SumcheckKey


def setup_sumcheck(program: Program, srs: Path | None) -> Made:
    expected, keys = _keys(program, srs)
    return Made(keys.key, keys, [], expected)


def prove_sumcheck(
    program: Program, inputs: Sequence[Integers], wanted: SumcheckKey, srs: Path | None
) -> tuple[Estimate, sumcheck.SumcheckKeys, sumcheck.ProofResult]:
    """Everything that can be refused is refused before the work starts."""
    estimate, keys = _keys(program, srs)
    require_same(keys.key, wanted)
    with progress_bar() as progress:
        return estimate, keys, sumcheck.prove(program, inputs, keys, progress)


def _keys(program: Program, srs: Path | None) -> tuple[Estimate, sumcheck.SumcheckKeys]:
    settings = Settings()
    with progress_bar() as progress:
        plan = sumcheck.make_plan(program, progress)
        expected = sumcheck.estimate(plan)
        tell_estimate(expected)
        require_memory(expected, settings.memory_limit_bytes)
        keys = sumcheck.setup(plan, srs, cache=KeyCache(settings.cache_dir), progress=progress)
    if keys.insecure_srs:
        warn(INSECURE)
    return expected, keys
