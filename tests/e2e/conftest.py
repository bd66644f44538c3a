"""The command line as scripts call it; and a module's own local chain, on which every test begins at the same block."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from challenger_world import PROGRAM
from cli_calls import Invoke, call
from dispute_table import Table
from optimistic_market import running_market
from sumcheck_files import Bench, make_bench


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str]) -> Invoke:
    return lambda *arguments: call(capsys, *arguments)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A model's files on the sumcheck route, and a cache of the module's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFERPROOF_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield make_bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def devnet_table() -> Iterator[Table]:
    """A devnet of its own with the mixed program registered."""
    with running_market(PROGRAM) as market:
        yield Table(market)


@pytest.fixture
def table(devnet_table: Table) -> Iterator[Table]:
    with devnet_table.undone():
        yield devnet_table
