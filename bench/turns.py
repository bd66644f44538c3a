"""Contenders that take turns, so that a busy machine slows all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

PAUSE_S = 0.05


def take_turns(contenders: dict[str, Callable[[], object]], rounds: int, calls: int, warm_ups: int) -> dict[str, float]:
    """Median seconds of one call of each. A turn begins after a pause in which the others' threads stop spinning."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, once in contenders.items():
            time.sleep(PAUSE_S)
            for _ in range(warm_ups):
                once()
            for _ in range(calls):
                started = time.perf_counter()
                once()
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}
