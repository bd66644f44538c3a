"""Writes returns.json: vectors of docs/protocol/feed.md, checked by the Solidity library and its Python twin.

Run from the repository root: `python -m tests.vectors.make_returns`. The tests fail if the file is stale. The expected
integers come from the rule written with fractions here, not from either implementation.
"""

from __future__ import annotations

import json
import math
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("returns.json")
DAY_S = 86_400
OBSERVED_AT = 20_000 * DAY_S
MAX_PRICE = 2**191 - 1

Json = dict[str, Any]
Row = tuple[int, int, int, int]  # phase, number, answer, updated_at


def exact(prices: list[int], scale_bits: int) -> list[int]:
    """Oldest first, from prices newest first."""
    days = range(len(prices) - 2, -1, -1)
    return [
        math.floor(Fraction(prices[i] - prices[i + 1], prices[i + 1]) * 2**scale_bits + Fraction(1, 2)) for i in days
    ]


def price_lists() -> list[tuple[str, list[int], int, int]]:
    """(name, prices newest first, scale bits, bits)."""
    walk = random.Random(0)
    year = [400_000_000_000]
    for _ in range(60):
        year.append(max(1, year[-1] * walk.randint(9_700, 10_320) // 10_000))
    return [
        ("flat", [7, 7, 7], 15, 16),
        ("one up, one down", [110, 100, 125], 15, 16),
        ("half up: +0.5 becomes 1", [65_537, 65_536], 15, 16),
        ("half up: -0.5 becomes 0", [65_535, 65_536], 15, 16),
        ("half up: +1.5 becomes 2", [65_539, 65_536], 15, 16),
        ("half up: -1.5 becomes -1", [65_533, 65_536], 15, 16),
        ("just under a half", [131_073, 131_072], 15, 16),
        ("just over minus a half", [131_071, 131_072], 15, 16),
        ("falls to nearly nothing", [1, MAX_PRICE], 15, 16),
        ("the most that fits 16 bits", [65_535, 32_768], 15, 16),
        ("the most that fits at 14 bits of scale", [49_151, 16_384], 14, 16),
        ("the least that fits 8 bits", [1, 10**30], 7, 8),
        ("largest prices", [MAX_PRICE, MAX_PRICE, MAX_PRICE - 1], 31, 32),
        ("scale 0", [3, 2, 5], 0, 8),
        ("60 returns of a walk", year, 15, 16),
    ]


def refusals() -> list[tuple[str, list[int], int, int, int, int]]:
    """(name, prices, scale bits, bits, index of the first return that does not fit, its value)."""
    return [
        ("one past 16 bits", [65_536, 32_768], 15, 16, 0, 32_768),
        ("rounds up past 16 bits", [131_071, 65_536], 15, 16, 0, 32_768),
        ("the newest of three", [300, 100, 100, 100], 14, 16, 2, 32_768),
        ("dust to the largest price", [MAX_PRICE, 1], 15, 16, 0, (MAX_PRICE - 1) << 15),
    ]


def histories() -> list[tuple[str, list[Row], list[tuple[int, int]]]]:
    """(name, rounds, expected (phase, number) of each observation, newest first); each observes three days."""
    t0, t1, t2 = (OBSERVED_AT - i * DAY_S for i in range(3))
    return [
        (
            "a round exactly at each observation",
            [(1, 1, 100, t2), (1, 2, 101, t1), (1, 3, 102, t0)],
            [(1, 3), (1, 2), (1, 1)],
        ),
        (
            "rounds just after do not count, of two at one time the later does",
            [(1, 1, 90, t2 - 5), (1, 2, 91, t2 - 5), (1, 3, 92, t2 + 1), (1, 4, 93, t1), (1, 5, 94, t0 + 1)],
            [(1, 4), (1, 4), (1, 2)],
        ),
        (
            "a phase change between two observations",
            [(3, 7, 50, t2 - 9), (3, 8, 51, t1 - 9), (4, 1, 60, t1 + 1), (4, 2, 61, t0 - 1)],
            [(4, 2), (3, 8), (3, 7)],
        ),
        (
            "phases overlap: the later one counts from its first round",
            [(1, 1, 70, t2 - 2), (2, 1, 80, t1 - 100), (1, 2, 71, t1 - 50), (1, 3, 72, t0 - 1), (2, 2, 81, t0 - 3)],
            [(2, 2), (2, 1), (1, 1)],
        ),
        (
            "two phase changes within one day",
            [(1, 1, 30, t2), (2, 1, 31, t2 + 10), (3, 1, 32, t2 + 20), (3, 2, 33, t1 + 5)],
            [(3, 2), (3, 1), (1, 1)],
        ),
    ]


def history_vector(name: str, rows: list[Row], expected: list[tuple[int, int]]) -> Json:
    answers = {(phase, number): answer for phase, number, answer, _ in rows}
    prices = [answers[key] for key in expected]
    return {
        "name": name,
        "round_ids": [str(phase << 64 | number) for phase, number, _, _ in rows],
        "answers": [str(answer) for _, _, answer, _ in rows],
        "updated_at": [time for *_, time in rows],
        "expected": [str(phase << 64 | number) for phase, number in expected],
        "integers": exact(prices, 14),
    }


def vectors() -> Json:
    return {
        "observed_at": OBSERVED_AT,
        "history_scale_bits": 14,
        "returns": [
            {"name": n, "prices": [str(p) for p in prices], "scale_bits": s, "bits": b, "integers": exact(prices, s)}
            for n, prices, s, b in price_lists()
        ],
        "refusals": [
            {
                "name": n,
                "prices": [str(p) for p in prices],
                "scale_bits": s,
                "bits": b,
                "index": index,
                "value": str(value),
            }
            for n, prices, s, b, index, value in refusals()
        ],
        "histories": [history_vector(*history) for history in histories()],
    }


def text() -> str:
    return json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
