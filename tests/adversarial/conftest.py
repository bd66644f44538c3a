"""One chain for all campaigns of a test process; every test's traces are undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dispute_model import honest, mixed_inputs, mixed_program
from dispute_table import Table
from optimistic_market import Market, running_market

from verifier.dispute.commitment import CommittedProgram, CommittedTrace


@pytest.fixture(scope="session")
def market() -> Iterator[Market]:
    with running_market(mixed_program()) as opened:
        yield opened


@pytest.fixture
def table(market: Market) -> Iterator[Table]:
    at = Table(market)
    with at.undone():
        yield at


@pytest.fixture(scope="session")
def truth() -> CommittedTrace:
    return honest(CommittedProgram(mixed_program()), mixed_inputs())
