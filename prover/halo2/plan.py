"""From a program and options to everything that decides a key: the lowered graph, ezkl's arguments, the estimate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from circuits.lower.halo2 import Lowered, hides_input, lower
from circuits.program.graph import Program
from prover.backend import Estimate, Progress, silent
from prover.halo2.estimate import PROBE_LOGROWS, check_limits, choose_logrows, estimate_cost
from prover.halo2.options import Halo2Options, run_args
from prover.halo2.process import run_in_child
from prover.key_cache import KeyCache
from verifier.halo2_key import InputMode

# Larger digits need fewer rows and a larger table; small models are cheapest with small digits.
DIGIT_BITS = (14, 12, 10, 8)
LARGE_DIGIT_BITS = 16  # for models whose rows fill a domain that holds such a table anyway
_CACHE_FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """A program made ready for ezkl. `arguments` are its run arguments, logrows included."""

    program: Program
    options: Halo2Options
    input_mode: InputMode
    lowered: Lowered
    arguments: Mapping[str, Any]
    settings: Mapping[str, Any]
    estimate: Estimate

    @property
    def logrows(self) -> int:
        return int(self.arguments["logrows"])

    def digest(self, s_g2: tuple[int, int, int, int]) -> str:
        """Names the setup: equal digests have equal keys."""
        parts = {
            "format": _CACHE_FORMAT,
            "ezkl": ezkl_version(),
            "model": hashlib.sha256(self.lowered.model).hexdigest(),
            "arguments": dict(self.arguments),
            "srs": [hex(word) for word in s_g2],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def ezkl_version() -> str:
    return version("ezkl")


def make_plan(program: Program, options: Halo2Options, cache: KeyCache, progress: Progress = silent) -> Plan:
    """Lowers the program with each digit size and keeps the cheapest; refuses what is over the limits."""
    hashed = hides_input(program)
    mode = InputMode.PRIVATE if options.private_input else InputMode.HASHED if hashed else InputMode.PUBLIC
    plans: list[Plan] = []
    for size in DIGIT_BITS if options.digit_bits is None else (options.digit_bits,):
        plans.append(_plan(program, options, mode, size, cache, progress))
        if plans[-1].logrows > size + 1:  # rows decide, not the table: smaller digits only add rows
            break
    if options.digit_bits is None and plans[0].logrows > LARGE_DIGIT_BITS:
        plans.append(_plan(program, options, mode, LARGE_DIGIT_BITS, cache, progress))
    best = min(plans, key=lambda plan: plan.estimate.prove_s)
    check_limits(best.estimate, options.limits)
    return best


def _plan(
    program: Program, options: Halo2Options, mode: InputMode, digit_bits: int, cache: KeyCache, progress: Progress
) -> Plan:
    lowered = lower(program, salted=mode is not InputMode.PUBLIC, digit_bits=digit_bits)
    settings = _probe(lowered.model, run_args(lowered, options.parameters, mode, PROBE_LOGROWS), cache, progress)
    logrows = choose_logrows(settings)
    arguments = run_args(lowered, options.parameters, mode, logrows)
    return Plan(program, options, mode, lowered, arguments, settings, estimate_cost(settings, logrows))


def _probe(model: bytes, arguments: Mapping[str, Any], cache: KeyCache, progress: Progress) -> dict[str, Any]:
    """ezkl's settings for the graph: how many rows, tables and columns it takes."""
    parts = json.dumps([_CACHE_FORMAT, ezkl_version(), dict(arguments)], sort_keys=True).encode()
    digest = hashlib.sha256(hashlib.sha256(model).digest() + parts).hexdigest()

    def build(folder: Path) -> None:
        onnx, settings = folder / "model.onnx", folder / "settings.json"
        onnx.write_bytes(model)
        run_in_child("settings", {"onnx": str(onnx), "settings": str(settings), "run_args": dict(arguments)}, progress)
        onnx.unlink()

    entry = cache.entry("settings", digest, build, ["settings.json"])
    found: dict[str, Any] = json.loads((entry.folder / "settings.json").read_text())
    return found
