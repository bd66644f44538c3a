"""Real daily closing prices (from the `arch` package) cut into windows of returns and the drawdowns that followed.

Sources, as the package ships them: S&P 500 and NASDAQ Composite, adjusted close, 1999-01-04 to 2018-12-31 (Yahoo
Finance); WTI crude oil at Cushing, 1986-01-02 to 2019-01-03 (FRED series DCOILWTICO, U.S. EIA).

One step is one calendar day, as the contract observes its feed (docs/protocol/feed.md): the price of a day is the last
one at or before the midnight that ends it, so a weekend or holiday repeats the last close and its return is zero. An
oracle refuses a window with a price too old for its limit; with the example's five days that is, in these series, only
the closure of September 2001, and its windows stay in the training data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from arch.data import nasdaq, sp500, wti

from examples.lending.model import HORIZON, WINDOW

Floats = npt.NDArray[np.float64]
Dates = npt.NDArray[np.datetime64]

SPLIT = np.datetime64("2010-01-01")


@dataclass(frozen=True)
class Samples:
    """One row per calendar day t of one asset, in time order.

    `returns` [n, 60] are the simple daily returns up to t, oldest first; `future` [n, 10] the ones after t; `first` and
    `today` the dates of the oldest price in the window and of t; `last` the date of the last price the target reads.
    """

    asset: str
    returns: Floats
    future: Floats
    first: Dates
    today: Dates
    last: Dates

    @property
    def target(self) -> Floats:
        return drawdown(self.future)

    def __len__(self) -> int:
        return len(self.returns)

    def rows(self, keep: npt.NDArray[np.bool_]) -> Samples:
        return Samples(
            self.asset, self.returns[keep], self.future[keep], self.first[keep], self.today[keep], self.last[keep]
        )

    def before(self, date: np.datetime64) -> Samples:
        """The samples that read no price at `date` or later, target included."""
        return self.rows(self.last < date)

    def since(self, date: np.datetime64) -> Samples:
        """The samples that read no price before `date`, window included."""
        return self.rows(self.first >= date)


def drawdown(future: Floats) -> Floats:
    """1 - min(p[t+1..t+H]) / p[t] from the simple returns after t, floored at 0; [n, H] to [n]."""
    lowest: Floats = np.cumprod(1.0 + future, axis=1).min(axis=1)
    return np.maximum(0.0, 1.0 - lowest)


def closes() -> dict[str, pd.Series]:
    """Closing prices by asset, one for every trading day: when a feed gets a round."""
    return {
        "S&P 500": sp500.load()["Adj Close"].dropna(),
        "NASDAQ": nasdaq.load()["Adj Close"].dropna(),
        "WTI": wti.load()["DCOILWTICO"].dropna(),
    }


def prices() -> dict[str, pd.Series]:
    """Prices by asset, one for every calendar day: what a feed with those closes is observed at."""
    return {asset: calendar_days(series) for asset, series in closes().items()}


def calendar_days(series: pd.Series) -> pd.Series:
    """`series` for every calendar day, a day without a price keeping the last one."""
    return series.asfreq("D", method="ffill")


def samples(asset: str, series: pd.Series) -> Samples:
    """Every day of `series` that has a full window before it and a full horizon after it."""
    price = series.to_numpy(dtype=np.float64)
    date = series.index.to_numpy().astype("datetime64[D]")
    daily = price[1:] / price[:-1] - 1.0
    today = np.arange(WINDOW, len(price) - HORIZON)
    return Samples(
        asset,
        returns=np.stack([daily[t - WINDOW : t] for t in today]),
        future=np.stack([daily[t : t + HORIZON] for t in today]),
        first=date[today - WINDOW],
        today=date[today],
        last=date[today + HORIZON],
    )


def all_samples() -> list[Samples]:
    return [samples(asset, series) for asset, series in prices().items()]
