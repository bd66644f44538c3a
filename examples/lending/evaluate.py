"""The lending model out of sample, against what a risk desk would use without it.

    python -m examples.lending.evaluate         # needs the `train` extra; rewrites the tables in EVALUATION.md

Reads the committed `lending.onnx`, not the torch weights: what is measured is what is proven, before quantization.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

from examples.lending import data
from examples.lending.data import Floats, Samples
from examples.lending.model import HORIZON, QUANTILE
from examples.torch_export import run

HERE = Path(__file__).parent
REPORT = HERE / "EVALUATION.md"
START, END = "<!-- tables: start -->\n", "<!-- tables: end -->\n"

ROLLING_DAYS = 500
EWMA_DECAY = 0.94
BLOCK_DAYS = 60
RESAMPLES = 2000
SEED = 0

Predictor = Callable[[Samples], Floats]


def pinball(predicted: Floats, actual: Floats) -> Floats:
    """Quantile loss at QUANTILE, one value a day."""
    error = actual - predicted
    return np.maximum(QUANTILE * error, (QUANTILE - 1.0) * error)


def model_predictor() -> Predictor:
    model = onnx.load(HERE / "lending.onnx")
    return lambda part: run(model, part.returns.astype(np.float32), "returns")[:, 0].astype(np.float64)


def rolling_quantile(history: Samples) -> Predictor:
    """The plain baseline: on day t, the quantile of the last ROLLING_DAYS drawdowns already known on day t.

    The drawdown of day u is known on day u + HORIZON, so the newest one used is that of t - HORIZON.
    """
    row_of = {day: row for row, day in enumerate(history.today)}
    target = history.target

    def predict(part: Samples) -> Floats:
        ends = [row_of[day] - HORIZON + 1 for day in part.today]
        return np.array([np.quantile(target[end - ROLLING_DAYS : end], QUANTILE) for end in ends])

    return predict


def realised_volatility(part: Samples) -> Floats:
    """Root mean square of the last 20 returns."""
    rms: Floats = np.sqrt(np.square(part.returns[:, -20:]).mean(axis=1))
    return rms


def ewma_volatility(part: Samples) -> Floats:
    """RiskMetrics' exponentially weighted volatility over the window, decay EWMA_DECAY."""
    weights = EWMA_DECAY ** np.arange(part.returns.shape[1])[::-1]
    volatility: Floats = np.sqrt(np.square(part.returns) @ (weights / weights.sum()))
    return volatility


def scaled(volatility: Predictor, training: list[Samples]) -> Predictor:
    """One multiple of `volatility` for all assets, the one with the least pinball loss on `training`.

    That multiple is the QUANTILE-quantile of drawdown / volatility, weighted by volatility.
    """
    weight = np.concatenate([volatility(part) for part in training])
    ratio = np.concatenate([part.target for part in training]) / weight
    order = np.argsort(ratio)
    cumulative = np.cumsum(weight[order])
    multiple = ratio[order][np.searchsorted(cumulative, QUANTILE * cumulative[-1])]
    return lambda part: multiple * volatility(part)


def interval(difference: Floats) -> tuple[float, float]:
    """A 95% interval of the mean of a dependent daily series: moving-block bootstrap, blocks of BLOCK_DAYS."""
    rng = np.random.default_rng(SEED)
    blocks = -(-len(difference) // BLOCK_DAYS)
    starts = rng.integers(0, len(difference) - BLOCK_DAYS + 1, (RESAMPLES, blocks))
    rows = (starts[:, :, None] + np.arange(BLOCK_DAYS)).reshape(RESAMPLES, -1)[:, : len(difference)]
    low, high = np.quantile(difference[rows].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def asset_rows(part: Samples, predictors: dict[str, Predictor]) -> list[str]:
    """One table row for each predictor; the first is the model, and the others' losses are compared with its loss."""
    actual = part.target
    predicted = {name: predict(part) for name, predict in predictors.items()}
    model_loss = pinball(predicted[next(iter(predicted))], actual)
    rows = []
    for name, values in predicted.items():
        loss = pinball(values, actual)
        low, high = interval(1e4 * (loss - model_loss))
        compared = "" if loss is model_loss or np.array_equal(loss, model_loss) else f"{low:+.1f} … {high:+.1f}"
        exceeded = (actual > values).mean()
        rows.append(
            f"| {part.asset} | {name} | {1e4 * loss.mean():.1f} | {compared} | {exceeded:.1%} | {values.mean():.1%} |"
        )
    return rows


def table(parts: list[Samples], predictors_for: Callable[[Samples], dict[str, Predictor]]) -> str:
    head = [
        "| asset | predictor | pinball loss, bp | minus the model's, 95% interval | exceeded | mean prediction |",
        "|---|---|---|---|---|---|",
    ]
    rows = [row for part in parts for row in asset_rows(part, predictors_for(part))]
    return "\n".join(head + rows) + "\n"


def evaluate(assets: list[Samples], training: list[Samples]) -> str:
    """The table for the test period; `assets` hold all days, for the baseline that looks back further than a window."""
    histories = {part.asset: part for part in assets}
    model, realised, ewma = model_predictor(), scaled(realised_volatility, training), scaled(ewma_volatility, training)

    def predictors_for(part: Samples) -> dict[str, Predictor]:
        return {
            "model": model,
            f"rolling {ROLLING_DAYS}-day quantile": rolling_quantile(histories[part.asset]),
            "20-day volatility × constant": realised,
            f"EWMA({EWMA_DECAY}) volatility × constant": ewma,
        }

    return table([part.since(data.SPLIT) for part in assets], predictors_for)


def periods(parts: list[Samples]) -> str:
    lines = [f"- {part.asset}: {len(part)} days, {part.today[0]} to {part.today[-1]}" for part in parts]
    return "\n".join(lines) + "\n"


def main() -> None:
    assets = data.all_samples()
    training = [asset.before(data.SPLIT) for asset in assets]
    tables = (
        f"Training days:\n\n{periods(training)}\nTest days:\n\n{periods([a.since(data.SPLIT) for a in assets])}\n"
        f"{evaluate(assets, training)}\n"
    )
    before, _, rest = REPORT.read_text().partition(START)
    _, _, after = rest.partition(END)
    REPORT.write_text(before + START + tables + END + after)
    print(tables)


if __name__ == "__main__":
    main()
