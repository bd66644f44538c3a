"""Our own halo2 route on the same program: what the sumcheck route replaces where both can go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from circuits.errors import InferproofError
from circuits.program.graph import Program
from prover import halo2
from prover.key_cache import KeyCache

Say = Callable[[str], None]


def measure(program: Program, inputs: Sequence[Any], folder: Path, say: Say) -> dict[str, Any]:
    """Seconds and peak memory, or why this machine is not asked to do it."""
    limits = halo2.Limits(max_memory_bytes=psutil.virtual_memory().total)
    cache, options = KeyCache(folder), halo2.Halo2Options(limits=limits)
    try:
        expected = halo2.estimate(program, options, cache)
        say(f"halo2: expected {expected.prove_s:.0f} s, {expected.peak_memory_bytes / 1e9:.1f} GB")
        keys = halo2.setup(program, options, cache)
        made = halo2.prove(program, inputs, keys)
    except InferproofError as refusal:
        say(f"halo2: {refusal.message}")
        return {"refused": refusal.as_dict()}
    phases = [*keys.phases.as_list(), *made.phases.as_list()]
    prove_s = sum(report.seconds for report in made.phases.reports)
    say(f"halo2: proven in {prove_s:.1f} s")
    return {"logrows": expected.srs_k, "phases": phases, "prove_s": prove_s}
