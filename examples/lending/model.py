"""The lending risk model: sixty daily returns in, a tail drawdown out.

Days are calendar days, as the contract's feed counts them: a weekend is two returns of zero
(docs/decisions/0036-calendar-days.md). For a window of simple daily returns (oldest first, [n, 60]) it predicts the
97.5% quantile of the drawdown over a liquidation horizon of ten days, 1 - min(p[t+1..t+10]) / p[t] floored at 0, as
a fraction of today's price ([n, 1]).

The volatility measures are computed inside, from the raw returns, so whoever runs the model chooses nothing. Volatility
is a mean of absolute returns, not the root of a mean of squares: every step but the last sigmoid is then exact integer
arithmetic when the model is turned into a program (docs/decisions/0035-mean-absolute-returns.md).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

WINDOW = 60
SPANS = (7, 21, 60)
"""Days each volatility and drift are averaged over; whole weeks where a weekend more or less would weigh."""
HORIZON = 10
"""Calendar days: six to eight trading days of an asset that rests at weekends."""
QUANTILE = 0.975

RETURN_GAIN = 32.0
"""Returns are multiplied by this first: a 1% day becomes 0.32, and 16-bit tensors keep 12 fractional bits."""
RETURN_LIMIT = 8.0
"""Scaled returns are clipped here: a day of more than 25% either way counts as 25%."""
MAX_DRAWDOWN = 0.5
"""The output's upper end: ten-day drawdowns of the training data reach 0.38."""


class DrawdownModel(nn.Module):
    """Six features of the window, a 16-8-1 network, a sigmoid times MAX_DRAWDOWN."""

    means: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("means", mean_weights(), persistent=False)
        self.hidden1 = nn.Linear(2 * len(SPANS), 16)
        self.hidden2 = nn.Linear(16, 8)
        self.logit = nn.Linear(8, 1)
        nn.init.constant_(self.logit.bias, -1.7)  # sigmoid(-1.7) / 2 is 8%, a plausible drawdown to start from

    def forward(self, returns: Tensor) -> Tensor:
        hidden = torch.relu(self.hidden1(self.features(returns)))
        hidden = torch.relu(self.hidden2(hidden))
        return torch.sigmoid(self.logit(hidden)) * MAX_DRAWDOWN

    def features(self, returns: Tensor) -> Tensor:
        """Realised volatility, then drift, over each of SPANS; [n, 60] to [n, 6].

        The mean downside move is (volatility - drift) / 2, so the network has that too.
        """
        scaled = torch.clamp(returns * RETURN_GAIN, -RETURN_LIMIT, RETURN_LIMIT)
        return torch.cat([torch.abs(scaled) @ self.means, scaled @ self.means], dim=1)


def mean_weights() -> Tensor:
    """[60, 3]: column j averages the last SPANS[j] days."""
    weights = torch.zeros(WINDOW, len(SPANS))
    for column, span in enumerate(SPANS):
        weights[-span:, column] = 1.0 / span
    return weights


def save_weights(model: DrawdownModel, path: Path) -> None:
    np.savez(path, **{name: value.detach().numpy() for name, value in model.state_dict().items()})


def load_weights(path: Path) -> DrawdownModel:
    model = DrawdownModel()
    with np.load(path) as stored:
        model.load_state_dict({name: torch.from_numpy(stored[name]) for name in stored.files})
    return model.eval()
