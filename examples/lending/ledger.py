"""What the demo does, line by line: how long it took, what gas its receipts show, and that it was as claimed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from circuits.errors import InferproofError


class ClaimFailed(InferproofError):
    """The demo claimed something that turned out not to hold."""

    exit_code = 1


def require(holds: bool, claim: str, **values: Any) -> None:
    if not holds:
        raise ClaimFailed("claim_failed", f"not as claimed: {claim}", **values)


@dataclass
class Step:
    """One line of the demo."""

    name: str
    seconds: float = 0.0
    gas: int = 0
    note: str = ""

    def spent(self, receipt: dict[str, Any]) -> None:
        self.gas += int(receipt["gasUsed"])


Announce = Callable[[Step], None]


@dataclass
class Ledger:
    """The lines of one act."""

    announce: Announce
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        entry = Step(name)
        started = time.monotonic()
        yield entry
        entry.seconds = time.monotonic() - started
        self.record(entry)

    def record(self, entry: Step) -> None:
        self.steps.append(entry)
        self.announce(entry)

    def as_dict(self) -> dict[str, Any]:
        return {
            "steps": [vars(step) for step in self.steps],
            "seconds": sum(step.seconds for step in self.steps),
            "gas": sum(step.gas for step in self.steps),
        }
