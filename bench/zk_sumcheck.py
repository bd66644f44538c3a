"""The sumcheck route on one program, in processes of its own: `measure` starts them, `main` is what they run."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from circuits.execute import Executor
from circuits.lower.sumcheck.layout import fraction_layout
from circuits.program.file import load_program
from prover import sumcheck
from prover.kernels import fast_hasher, field, narrow_product
from prover.key_cache import KeyCache
from prover.peak_memory import peak_memory_bytes
from verifier.srs import DEVELOPMENT_S_G2, Accepted
from verifier.sumcheck import verify

Say = Callable[[str], None]
PROOFS, RUNS = 5, 20


def measure(program: Path, inputs: Path, cache: Path, say: Say) -> dict[str, Any]:
    """Setup in one process, proofs and checks in another, so that each one's peak memory is its own."""
    setup, proving = (_child(job, program, inputs, cache) for job in ("setup", "prove"))
    say(f"setup {setup['setup_s']:.2f} s; prove {proving['prove_s']:.3f} s, {proving['peak_rss_bytes'] / 1e9:.2f} GB")
    say(
        f"{proving['proof_bytes']:,} bytes; verify {proving['verify_s']:.3f} s, plain {proving['verify_plain_s']:.2f} s"
    )
    return {**setup, **proving}


def _child(job: str, program: Path, inputs: Path, cache: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.zk_sumcheck", job, str(program), str(inputs), str(cache)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _setup(program_file: Path, cache: Path) -> dict[str, Any]:
    """All of it from the program file, the reference string's own making apart."""
    program, started = load_program(program_file), time.perf_counter()
    keys = sumcheck.setup(sumcheck.make_plan(program), cache=KeyCache(cache))
    return {
        "setup_with_string_s": time.perf_counter() - started,
        "setup_s": sum(report.seconds for report in keys.phases.reports),
        "setup_peak_rss_bytes": peak_memory_bytes(),
        "key_bytes": len(keys.key.encode()),
        "row_bits": keys.key.row_bits,
        "rows": len(keys.key.layout.setup_rows) + len(keys.key.layout.witness_rows),
        "leaves_log2": fraction_layout(keys.key.system).depth,
    }


def _prove(program_file: Path, input_file: Path, cache: Path) -> dict[str, Any]:
    """Medians of whole proofs with the keys loaded, as a worker makes them; the first one apart."""
    program = load_program(program_file)
    with np.load(input_file) as stored:
        inputs = [stored[name] for name in stored.files]
    loading = time.perf_counter()
    plan = sumcheck.make_plan(program)
    keys = sumcheck.setup(plan, cache=KeyCache(cache))
    loaded = time.perf_counter()
    seconds, made = [], sumcheck.prove(program, inputs, keys)
    first, first_peak = time.perf_counter() - loaded, peak_memory_bytes()
    for _ in range(PROOFS):
        started = time.perf_counter()
        made = sumcheck.prove(program, inputs, keys)
        seconds.append(time.perf_counter() - started)
    peak = peak_memory_bytes()
    proof, accepted = made.proof_file, Accepted(frozenset({DEVELOPMENT_S_G2}))
    fast = _median(lambda: verify(proof.statement, keys.key, proof.proof, accepted, field, fast_hasher), PROOFS)
    plain = _median(lambda: verify(proof.statement, keys.key, proof.proof, accepted), 1)
    executor = Executor(program, narrow_product)
    plain_run = _median(lambda: executor.run(inputs), RUNS)
    return {
        "load_s": loaded - loading,
        "first_prove_s": first,
        "prove_s": statistics.median(seconds),
        "prove_over_inference_ratio": statistics.median(seconds) / plain_run,
        "phases": made.phases.as_list(),
        "peak_rss_bytes": peak,
        "first_peak_over_estimate_ratio": first_peak / sumcheck.estimate(plan).peak_memory_bytes,
        "proof_bytes": len(proof.proof),
        "verify_s": fast,
        "verify_plain_s": plain,
    }


def _median(once: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        once()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    job, program, inputs, cache = sys.argv[1], *(Path(word) for word in sys.argv[2:])
    figures = _setup(program, cache) if job == "setup" else _prove(program, inputs, cache)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
