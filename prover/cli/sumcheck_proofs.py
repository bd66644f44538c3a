"""The sumcheck route's part of `setup` and `prove`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.program.values import Integers
from prover import sumcheck
from prover.backend import Estimate
from prover.cli.proof_report import INSECURE, Made, tell_estimate
from prover.key_cache import KeyCache
from prover.service.domain.models import require_memory
from prover.service.settings import Settings
from prover.srs import srs_g2
from verifier.console import progress_bar, warn
from verifier.srs import DEVELOPMENT_S_G2, srs_digest
from verifier.sumcheck_key import SumcheckKey


def setup_sumcheck(program: Program, srs: Path | None) -> Made:
    expected, keys = _keys(program, srs)
    return Made(keys.key, keys, [], expected)


def prove_sumcheck(
    program: Program, inputs: Sequence[Integers], wanted: SumcheckKey, srs: Path | None
) -> tuple[Estimate, sumcheck.SumcheckKeys, sumcheck.ProofResult]:
    """Everything that can be refused is refused before the work starts."""
    require_srs_of(wanted, srs)
    estimate, keys = _keys(program, srs)
    if keys.key.encode() != wanted.encode():
        expected, got = ("0x" + key.digest().hex() for key in (keys.key, wanted))
        message = "the key file is not the one that this program gives here: audit it, or run `setup` again"
        raise InputError("key_of_another_setup", message, expected=expected, got=got)
    with progress_bar() as progress:
        return estimate, keys, sumcheck.prove(program, inputs, keys, progress)


def require_srs_of(key: SumcheckKey, srs: Path | None) -> None:
    """Refuses, before anything is committed, to compare a key with one over another SRS."""
    named = srs_digest(DEVELOPMENT_S_G2 if srs is None else srs_g2(srs))
    if named != key.srs_digest:
        message = "the key file stands on another SRS: name its file with --srs"
        expected, got = ("0x" + digest.hex() for digest in (named, key.srs_digest))
        raise InputError("key_over_another_srs", message, expected=expected, got=got)


def _keys(program: Program, srs: Path | None) -> tuple[Estimate, sumcheck.SumcheckKeys]:
    settings = Settings()
    with progress_bar() as progress:
        plan = sumcheck.make_plan(program, progress)
        expected = sumcheck.estimate(plan)
        tell_estimate(expected)
        require_memory(expected, settings.memory_limit_bytes)
        keys = sumcheck.setup(plan, srs, KeyCache(settings.cache_dir), progress)
    if keys.insecure_srs:
        warn(INSECURE)
    return expected, keys
