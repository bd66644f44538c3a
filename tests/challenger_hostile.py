"""What children are made to do: what a hostile program, or an error of ours, could make of a judgement.

In a module of their own, since a child imports what it is handed.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from circuits.errors import InputError
from verifier.challenger.case import Case
from verifier.challenger.child import Child, Limits
from verifier.challenger.engine import Engine


def never_ends(*_: Any) -> Any:
    while True:
        time.sleep(0.01)


def burns(*_: Any) -> Any:
    """One call that gives no other Python code a chance."""
    return pow(3, 1 << 40, (1 << 8_000) - 1) + sum(range(1 << 50))


def eats_memory(*_: Any) -> Any:
    return np.ones(1 << 40, np.int64)


def eats_memory_slowly(*_: Any) -> Any:
    kept = []
    while True:
        kept.append(np.ones(1 << 21, np.int64))


def raises(*_: Any) -> Any:
    return {}["no such key"]


def refuses(*_: Any) -> Any:
    raise InputError("op_too_large_to_dispute", "no", op=7)


def dies(*_: Any) -> Any:
    os.kill(os.getpid(), signal.SIGSEGV)


def leaves(*_: Any) -> Any:
    os._exit(0)


def echo(subject: Any, *given: Any) -> Any:
    return (subject, *given)


def process_id(*_: Any) -> int:
    return os.getpid()


@dataclass(frozen=True)
class Among:
    """Starts children of which one claim's computes by `engine`; the others are as they should be."""

    claim_id: bytes
    engine: Engine

    def __call__(self, limits: Limits, case: Case) -> Child:
        return Child(limits, replace(case, engine=self.engine) if case.view.claim_id == self.claim_id else case)
