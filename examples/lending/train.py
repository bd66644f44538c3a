"""Train the lending model and write everything the rest of the example reads.

    python -m examples.lending.train            # needs the `train` extra; about half a minute on one core

Seeded and single-threaded: a second run writes the same bytes on the same machine. Beside this file appear
`weights.npz`, `lending.onnx`, `calibration.npz` and `holdout.npz` (windows from before and after the split) and
`prices.json` (the price feed that the demo replays).
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor

from examples.lending import data
from examples.lending.model import QUANTILE, DrawdownModel, save_weights
from examples.torch_export import export

HERE = Path(__file__).parent
SEED = 0
STEPS = 1000
BATCH = 1024
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.1
STRETCH = 2.0
WINDOWS_KEPT = 512
EXTREMES_KEPT = 16
FEED_DAYS = 90


def pinball(predicted: Tensor, actual: Tensor) -> Tensor:
    """Mean quantile loss at QUANTILE (Koenker and Bassett 1978): least where `predicted` is that quantile."""
    error = actual - predicted
    return torch.maximum(QUANTILE * error, (QUANTILE - 1.0) * error).mean()


def drawdown(future: Tensor) -> Tensor:
    """`data.drawdown` in torch: [n, H] returns to [n, 1]."""
    return (1.0 - torch.cumprod(1.0 + future, dim=1).amin(dim=1, keepdim=True)).clamp(min=0.0)


def train(parts: list[data.Samples], steps: int = STEPS) -> tuple[DrawdownModel, list[float]]:
    """The trained model and the loss of every step; `parts` are pooled over assets.

    Each window and its future are stretched by one random factor in [1/STRETCH, STRETCH]: an asset twice as volatile
    falls about twice as far, and the model meets assets that it was not trained on.
    """
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    returns = torch.tensor(np.concatenate([part.returns for part in parts]), dtype=torch.float32)
    future = torch.tensor(np.concatenate([part.future for part in parts]), dtype=torch.float32)
    model = DrawdownModel()
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    losses = []
    for _ in range(steps):
        batch = torch.randint(len(returns), (BATCH,))
        stretch = torch.exp((2.0 * torch.rand(BATCH, 1) - 1.0) * math.log(STRETCH))
        target = drawdown((future[batch] * stretch).clamp(min=-0.95))
        loss = pinball(model(returns[batch] * stretch), target)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return model.eval(), losses


def kept_windows(parts: list[data.Samples], *, extremes: int) -> npt.NDArray[np.float32]:
    """WINDOWS_KEPT windows, float32 [n, 60]: the `extremes` with the largest daily moves, the rest at random."""
    returns = np.concatenate([part.returns for part in parts]).astype(np.float32)
    order = np.argsort(-np.abs(returns).max(axis=1), kind="stable")
    rest = np.random.default_rng(SEED).choice(order[extremes:], WINDOWS_KEPT - extremes, replace=False)
    kept: npt.NDArray[np.float32] = returns[np.concatenate([order[:extremes], np.sort(rest)])]
    return kept


def feed() -> dict[str, object]:
    """The last FEED_DAYS closes of WTI, through its fall of late 2018, as a price feed with 8 decimals tells them."""
    series = data.closes()["WTI"].iloc[-FEED_DAYS:]
    return {
        "asset": "WTI crude oil at Cushing, Oklahoma, US dollars per barrel, daily close",
        "source": "FRED series DCOILWTICO (U.S. Energy Information Administration), as packaged in arch.data.wti",
        "decimals": 8,
        "prices": [
            {"date": date.strftime("%Y-%m-%d"), "price": round(float(price) * 100) * 10**6}
            for date, price in series.items()
        ],
    }


def main() -> None:
    assets = data.all_samples()
    training = [asset.before(data.SPLIT) for asset in assets]
    test = [asset.since(data.SPLIT) for asset in assets]
    model, losses = train(training)
    calibration = kept_windows(training, extremes=EXTREMES_KEPT)
    holdout = kept_windows(test, extremes=0)
    samples = torch.from_numpy(np.concatenate([calibration, holdout]))
    save_weights(model, HERE / "weights.npz")
    onnx.save(export(model, samples, input_name="returns", output_name="drawdown"), HERE / "lending.onnx")
    np.savez(HERE / "calibration.npz", returns=calibration)
    np.savez(HERE / "holdout.npz", returns=holdout)
    (HERE / "prices.json").write_text(json.dumps(feed(), indent=1) + "\n")
    print(f"{sum(map(len, training))} training windows, loss {losses[0]:.5f} → {np.mean(losses[-50:]):.5f}")


if __name__ == "__main__":
    main()
