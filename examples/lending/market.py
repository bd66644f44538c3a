"""Deploys the example lending market on a devnet: feed, tokens, attested risk oracle, market."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.client.chain import Chain
from contracts.client.deployment import Deployment
from contracts.client.types import RoutePin
from examples.lending.feed_input import Round, observation_time, round_ids_for

HERE = Path(__file__).parent
CLOSE_HOUR_UTC = 21
PHASE_ONE = 1 << 64

WINDOW = 60
MAX_STALENESS_S = 5 * 86_400  # a long weekend, and a day
FEE_WEI = 10**16
INITIAL_LTV = 8_200  # what calmer days would allow; the crash in the price history takes it down
INITIAL_THRESHOLD = 8_600

# min/max loan-to-value, min/max threshold, largest step, gap, buffer; basis points.
RAILS = (3_000, 8_500, 4_000, 9_000, 1_000, 400, 300)

Report = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class PriceHistory:
    """Real daily closes, as rounds of a feed."""

    description: str
    decimals: int
    rounds: tuple[Round, ...]

    @property
    def next_midnight(self) -> int:
        """Unix time of the first midnight (UTC) after the last close."""
        return (self.rounds[-1].updated_at // 86_400 + 1) * 86_400

    def split_after(self, date: str) -> tuple[PriceHistory, PriceHistory]:
        """What was known once `date` (ISO) had closed, and that with one close more."""
        count = sum(r.updated_at <= _close_time(date) for r in self.rounds)
        known, longer = replace(self, rounds=self.rounds[:count]), replace(self, rounds=self.rounds[: count + 1])
        return known, longer


def load_prices(path: Path = HERE / "prices.json") -> PriceHistory:
    body = json.loads(path.read_text())
    rounds = tuple(
        Round(PHASE_ONE | number, int(day["price"]), _close_time(day["date"]))
        for number, day in enumerate(body["prices"], start=1)
    )
    return PriceHistory(body["asset"], int(body["decimals"]), rounds)


def _close_time(date: str) -> int:
    return int(datetime.fromisoformat(date).replace(hour=CLOSE_HOUR_UTC, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class LendingContracts:
    """Addresses of the example's contracts."""

    feed: str
    collateral: str
    loan_asset: str
    oracle: str
    market: str


@dataclass(frozen=True)
class RegisteredModel:
    """What the oracle pins: a registration, its route keys, and how integers become real values."""

    registration_id: bytes
    pins: tuple[RoutePin, ...]
    input_scale: int
    input_bits: int
    output_scale: int


def deploy_market(
    chain: Chain, core: Deployment, model: RegisteredModel, history: PriceHistory, report: Report
) -> LendingContracts:
    """Deploys everything and fills the feed; the chain's account owns the feed and the tokens."""

    def deploy(name: str, *arguments: Any) -> str:
        address, receipt = chain.deploy(name, *arguments)
        report(name, receipt)
        return address

    feed = deploy("ReplayPriceFeed", chain.address, history.decimals, history.description)
    answers, times = [r.answer for r in history.rounds], [r.updated_at for r in history.rounds]
    feed_functions = chain.contract("ReplayPriceFeed", feed).functions
    report("price history", chain.send(feed_functions.pushMany(answers, times)))
    collateral = deploy("DemoToken", chain.address, "Barrel of crude", "OIL", 18)
    loan_asset = deploy("DemoToken", chain.address, "Demo dollar", "DUSD", 6)
    config = _oracle_config(core, model, collateral, feed)
    oracle = deploy("AttestedRiskOracle", core["InferenceHub"], config, [p.as_tuple() for p in model.pins])
    limits = (RAILS[1], RAILS[3], 500, 6 * 3_600, MAX_STALENESS_S)
    arguments = (loan_asset, collateral, feed, oracle, limits, INITIAL_LTV, INITIAL_THRESHOLD)
    return LendingContracts(feed, collateral, loan_asset, oracle, deploy("LendingMarket", *arguments))


def _oracle_config(core: Deployment, model: RegisteredModel, market: str, feed: str) -> tuple[Any, ...]:
    """AttestedRiskOracle.Config, field by field."""
    listing = (core["ModelRegistry"], model.registration_id, model.output_scale)
    source = (feed, WINDOW, model.input_scale, model.input_bits, MAX_STALENESS_S)
    terms = (FEE_WEI, FEE_WEI, 3_600, 900_000)  # fee, bond, seconds to prove in, gas for the callback
    delays = (3_600, 6 * 3_600)  # between two updates; from observation to application
    return (market, listing, source, terms, RAILS, *delays, INITIAL_LTV, INITIAL_THRESHOLD)


def request_update(chain: Chain, contracts: LendingContracts, history: PriceHistory) -> dict[str, Any]:
    """Anybody may do this: it names the rounds, and the contract checks that they are the right ones."""
    rounds = round_ids_for(history.rounds, observation_time(chain.timestamp()), WINDOW, MAX_STALENESS_S)
    oracle = chain.contract("AttestedRiskOracle", contracts.oracle).functions
    return chain.send(oracle.requestUpdate(rounds), value=FEE_WEI)
