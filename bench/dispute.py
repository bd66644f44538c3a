"""What the optimistic route costs: a claim beside the inference that it is of, and overturning a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench import dispute_claim, dispute_game

Say = Callable[[str], None]


def run(say: Say) -> dict[str, Any]:
    return {"claim": dispute_claim.run(say), "game": dispute_game.run(say)}
