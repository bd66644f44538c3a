"""How long a development SRS takes, beside `ezkl.gen_srs`, and what checking one costs.

Both write a whole file of 2^k points with all cores. ezkl runs in a child process that times only the call itself;
its secret is random and ours is fixed, which is no advantage: neither uses the secret's value. We run three times
and report the median, ezkl once, since it takes minutes; the two alternate, so that a busy machine slows both.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prover import srs

COMPARED = (15, 16, 17)
ALONE = 20
REPEATS = 3

EZKL = """
import os, sys, time
import ezkl
start = time.perf_counter()
ezkl.gen_srs(sys.argv[1], int(sys.argv[2]))
print(time.perf_counter() - start, flush=True)
os._exit(0)
"""


def run(say: Callable[[str], None]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        sizes = [_compare(k, Path(folder), say) for k in COMPARED]
        alone = _alone(ALONE, Path(folder), say)
    return {"compared_with": "ezkl.gen_srs", "sizes": sizes, "alone": alone}


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _compare(k: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    ours, theirs = folder / "ours.srs", folder / "theirs.srs"
    times = [_seconds(lambda: srs.generate_dev_srs(k, ours))]
    command = [sys.executable, "-c", EZKL, str(theirs), str(k)]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    ezkl_s = float(child.stdout.splitlines()[-1])
    times += [_seconds(lambda: srs.generate_dev_srs(k, ours)) for _ in range(REPEATS - 1)]
    ours_s = statistics.median(times)
    verify_s = _seconds(lambda: srs.verify_srs(theirs))
    say(f"k={k}: ezkl {ezkl_s:.2f} s, ours {ours_s:.3f} s ({ezkl_s / ours_s:.1f} times), verify {verify_s:.3f} s")
    return {
        "k": k,
        "ezkl_gen_srs_s": round(ezkl_s, 3),
        "generate_dev_srs_s": round(ours_s, 4),
        "generate_dev_srs_runs_s": [round(t, 4) for t in times],
        "verify_srs_s": round(verify_s, 4),
        "ezkl_over_ours_ratio": round(ezkl_s / ours_s, 1),
    }


def _alone(k: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """A size at which ezkl takes minutes: ours only."""
    path = folder / "alone.srs"
    generate_s, verify_s = _seconds(lambda: srs.generate_dev_srs(k, path)), _seconds(lambda: srs.verify_srs(path))
    say(f"k={k}: ours {generate_s:.2f} s, verify {verify_s:.2f} s")
    return {"k": k, "generate_dev_srs_s": round(generate_s, 3), "verify_srs_s": round(verify_s, 3)}
