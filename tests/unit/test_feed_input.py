"""The model's input from a feed: rounding, range, and which round an observation takes (docs/protocol/feed.md)."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.errors import InputError
from examples.lending.feed_input import (
    DAY_S,
    Round,
    observation_time,
    return_half_up,
    returns_integers,
    round_ids_for,
    rounds_for,
)
from tests.vectors import make_returns

VECTORS: dict[str, Any] = json.loads(make_returns.PATH.read_text(encoding="utf-8"))
T = make_returns.OBSERVED_AT


def test_vectors_are_what_their_generator_writes() -> None:
    assert make_returns.PATH.read_text(encoding="utf-8") == make_returns.text()


@pytest.mark.parametrize("vector", VECTORS["returns"], ids=lambda v: v["name"])
def test_returns_match_the_vectors(vector: dict[str, Any]) -> None:
    prices = [int(p) for p in vector["prices"]]
    assert returns_integers(prices, vector["scale_bits"], vector["bits"]) == vector["integers"]


@pytest.mark.parametrize("vector", VECTORS["refusals"], ids=lambda v: v["name"])
def test_refuses_return_outside_the_models_bits(vector: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        returns_integers([int(p) for p in vector["prices"]], vector["scale_bits"], vector["bits"])
    assert caught.value.code == "feed_return_out_of_range"
    assert caught.value.details["index"] == vector["index"]
    assert caught.value.details["value"] == int(vector["value"])


@pytest.mark.parametrize("vector", VECTORS["histories"], ids=lambda v: v["name"])
def test_finds_the_rounds_of_a_history_in_any_order(vector: dict[str, Any]) -> None:
    table = zip(vector["round_ids"], vector["answers"], vector["updated_at"], strict=True)
    rounds = [Round(int(i), int(answer), time) for i, answer, time in table]
    expected = [int(i) for i in vector["expected"]]
    assert round_ids_for(rounds, T, 2, 2 * DAY_S) == expected
    assert round_ids_for(rounds[::-1], T, 2, 2 * DAY_S) == expected
    prices = [r.answer for r in rounds_for(rounds, T, 2, 2 * DAY_S)]
    assert returns_integers(prices, VECTORS["history_scale_bits"], 16) == vector["integers"]


@given(price=st.integers(1, 2**191 - 1), before=st.integers(1, 2**191 - 1), scale_bits=st.integers(0, 31))
def test_a_return_is_floor_of_x_plus_a_half(price: int, before: int, scale_bits: int) -> None:
    exact = Fraction(price - before, before) * 2**scale_bits
    assert return_half_up(price, before, scale_bits) == math.floor(exact + Fraction(1, 2))


@pytest.mark.parametrize("prices", [[], [5], [5, 0], [0, 5], [5, -1]])
def test_refuses_prices_without_a_return(prices: list[int]) -> None:
    with pytest.raises(InputError) as caught:
        returns_integers(prices, 15, 16)
    assert caught.value.code == "feed_prices_unusable"


def test_observation_time_is_the_midnight_before_and_never_now() -> None:
    assert observation_time(T + 1) == T
    assert observation_time(T + DAY_S) == T
    assert observation_time(T + DAY_S + 1) == T + DAY_S


@pytest.mark.parametrize(
    ("rounds", "code"),
    [
        ([], "feed_round_missing"),
        ([Round(1, 5, T + 1)], "feed_round_missing"),
        ([Round(1, 5, T - 101)], "feed_round_stale"),
        ([Round(1, 0, T)], "feed_price_out_of_range"),
        ([Round(1, -5, T)], "feed_price_out_of_range"),
        ([Round(1, 2**191, T)], "feed_price_out_of_range"),
    ],
)
def test_refuses_history_without_a_usable_round(rounds: list[Round], code: str) -> None:
    with pytest.raises(InputError) as caught:
        round_ids_for(rounds, T, 0, 100)
    assert caught.value.code == code


def test_a_round_exactly_as_old_as_allowed_is_taken() -> None:
    assert round_ids_for([Round(1, 5, T - 100)], T, 0, 100) == [1]
