"""Reading a log from providers with limits."""

from __future__ import annotations

import pytest

from circuits.errors import EnvironmentFailure
from verifier.challenger.log_reader import GROW_AFTER, LogReader


class Provider:
    """Has one event a block, and refuses ranges over `limit`."""

    def __init__(self, limit: int, events: range) -> None:
        self.limit, self.events = limit, events
        self.asked: list[tuple[int, int]] = []

    def ask(self, first: int, last: int) -> list[int]:
        self.asked.append((first, last))
        if last - first + 1 > self.limit:
            raise EnvironmentFailure("chain_refused", "query returned more than 10000 results")
        return [block for block in self.events if first <= block <= last]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_every_event_is_read_once_and_in_order_whatever_the_limit(limit: int) -> None:
    provider = Provider(limit, range(3, 40))
    assert LogReader(largest=64).read(provider.ask, 0, 50) == list(range(3, 40))


def test_limit_is_learnt_once() -> None:
    provider = Provider(10, range(0))
    reader = LogReader(largest=64)
    reader.read(provider.ask, 0, 99)
    refused = sum(last - first + 1 > 10 for first, last in provider.asked)
    provider.asked.clear()
    reader.read(provider.ask, 100, 110)
    assert refused == 3
    assert provider.asked == [(100, 107), (108, 110)]


def test_ranges_grow_again_after_a_while() -> None:
    provider = Provider(10, range(0))
    reader = LogReader(largest=64)
    reader.read(provider.ask, 0, 99)
    provider.limit = 64
    provider.asked.clear()
    reader.read(provider.ask, 100, 100 + 8 * (GROW_AFTER + 4))
    assert max(last - first + 1 for first, last in provider.asked) > 8


@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_newest_event_is_found_from_the_end(limit: int) -> None:
    provider = Provider(limit, range(10, 20))
    assert LogReader(largest=16).newest(provider.ask, 0, 100) == 19
    assert LogReader(largest=16).newest(provider.ask, 0, 5) is None


def test_single_block_that_is_refused_is_an_error() -> None:
    with pytest.raises(EnvironmentFailure) as refused:
        LogReader().read(Provider(0, range(3)).ask, 0, 2)
    assert refused.value.code == "chain_refused"


def test_silent_provider_is_not_asked_for_less() -> None:
    def silent(first: int, last: int) -> list[int]:
        raise EnvironmentFailure("chain_unreachable", "no chain answers")

    with pytest.raises(EnvironmentFailure) as refused:
        LogReader().read(silent, 0, 100)
    assert refused.value.code == "chain_unreachable"
