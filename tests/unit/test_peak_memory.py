"""The peak that is reported is the process's own, and is remembered."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

HELD = 1 << 28
TELL = """
import sys
import numpy as np
from prover.peak_memory import peak_memory_bytes

before = peak_memory_bytes()
np.ones(int(sys.argv[1]), np.uint8)
print(before, peak_memory_bytes())
"""


def peaks(held: int) -> tuple[int, int]:
    """Of a new process, before and after it held so many bytes for a moment."""
    told = subprocess.run([sys.executable, "-c", TELL, str(held)], capture_output=True, text=True, check=True).stdout
    before, after = map(int, told.split())
    return before, after


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a child does not inherit its parent's peak")
def test_peak_of_a_child_is_not_its_parents() -> None:
    held = np.ones(2 * HELD, np.uint8)
    before, _ = peaks(0)
    assert 1 << 20 < before < held.nbytes


def test_peak_is_remembered_when_the_memory_is_free_again() -> None:
    before, after = peaks(2 * HELD)
    assert after >= max(before, 2 * HELD)
