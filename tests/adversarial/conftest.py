"""One chain for all campaigns of a test process; every test's traces are undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dispute_model import honest, mixed_inputs, mixed_program
from dispute_table import Table
from optimistic_market import Market

from contracts.client.chain import Chain
from contracts.client.deploy import deploy_core
from contracts.client.devnet import DEV_KEYS, Devnet
from verifier.dispute.commitment import CommittedProgram, CommittedTrace
from verifier.srs import DEVELOPMENT_S_G2


@pytest.fixture(scope="session")
def market() -> Iterator[Market]:
    with Devnet() as net:
        chain = Chain(net.rpc_url, DEV_KEYS[0])
        yield Market.open(chain, deploy_core(chain, DEVELOPMENT_S_G2), mixed_program())


@pytest.fixture
def table(market: Market) -> Iterator[Table]:
    at = Table(market)
    with at.undone():
        yield at


@pytest.fixture(scope="session")
def truth() -> CommittedTrace:
    return honest(CommittedProgram(mixed_program()), mixed_inputs())
