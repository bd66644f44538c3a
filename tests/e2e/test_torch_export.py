"""From torch to the committed lending model: the weights, the data and the training behind `lending.onnx` are these.

Needs the `train` extra: `make test-train`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("arch")

from examples.lending import data, train  # noqa: E402
from examples.lending.feed_input import DAY_S, rounds_for  # noqa: E402
from examples.lending.market import MAX_STALENESS_S, load_prices  # noqa: E402
from examples.lending.model import HORIZON, QUANTILE, WINDOW, DrawdownModel, load_weights  # noqa: E402
from examples.torch_export import ExportMismatch, export, run  # noqa: E402

pytestmark = pytest.mark.torch

LENDING = Path(train.__file__).parent
DAY = np.timedelta64(1, "D")


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    with np.load(LENDING / "holdout.npz") as stored:
        return stored["returns"]


@pytest.fixture(scope="module")
def assets() -> list[data.Samples]:
    return data.all_samples()


def test_committed_weights_export_to_the_committed_model(windows: np.ndarray) -> None:
    model = load_weights(LENDING / "weights.npz")
    fresh = export(model, torch.from_numpy(windows), input_name="returns", output_name="drawdown")
    committed = onnx.load(LENDING / "lending.onnx")
    assert [node.op_type for node in fresh.graph.node] == [node.op_type for node in committed.graph.node]
    expected = run(committed, windows, "returns")
    np.testing.assert_allclose(run(fresh, windows, "returns"), expected, rtol=0, atol=1e-6)
    with torch.no_grad():
        np.testing.assert_allclose(model(torch.from_numpy(windows)).numpy(), expected, rtol=0, atol=1e-6)


def test_committed_model_is_not_an_untrained_one(windows: np.ndarray) -> None:
    """The comparison above can fail: other weights give other outputs, by far more than its tolerance."""
    torch.manual_seed(1)
    fresh = export(DrawdownModel(), torch.from_numpy(windows[:8]), input_name="returns", output_name="drawdown")
    committed = onnx.load(LENDING / "lending.onnx")
    assert np.abs(run(fresh, windows[:8], "returns") - run(committed, windows[:8], "returns")).max() > 1e-3


def test_export_refuses_a_graph_that_computes_something_else(windows: np.ndarray) -> None:
    """A module whose forward changes after tracing is caught by the comparison, not committed."""

    class Drifting(torch.nn.Module):
        offset = 0.0

        def forward(self, returns: torch.Tensor) -> torch.Tensor:
            Drifting.offset += 0.25
            return returns * Drifting.offset

    with pytest.raises(ExportMismatch, match="differ by"):
        export(Drifting(), torch.from_numpy(windows[:8]), input_name="returns", output_name="drawdown")


def test_committed_windows_and_prices_come_from_the_packaged_data(
    windows: np.ndarray, assets: list[data.Samples]
) -> None:
    held_out = train.kept_windows([asset.since(data.SPLIT) for asset in assets], extremes=0)
    np.testing.assert_array_equal(held_out, windows)
    feed = json.loads((LENDING / "prices.json").read_text())
    assert feed == train.feed()
    known = data.closes()["WTI"]
    for entry in feed["prices"]:
        assert entry["price"] == round(known[entry["date"]] * 1e8)


def test_a_window_is_what_the_contract_builds_from_a_feed_with_the_same_closes(assets: list[data.Samples]) -> None:
    """Weekends and holidays included: the window up to a day is the feed's input at the midnight that ends it."""
    rounds, wti = load_prices().rounds, next(asset for asset in assets if asset.asset == "WTI")
    first_close = np.datetime64(rounds[0].updated_at // DAY_S, "D")
    rows = np.flatnonzero(wti.first >= first_close)
    assert len(rows) == 65
    for row in rows:
        midnight = int(((wti.today[row] + DAY) - np.datetime64(0, "D")) / DAY) * DAY_S
        prices = [found.answer for found in rounds_for(rounds, midnight, WINDOW, MAX_STALENESS_S)]
        exact = [(price - before) / before for price, before in zip(prices[-2::-1], prices[:0:-1], strict=True)]
        np.testing.assert_allclose(wti.returns[row], exact, rtol=0, atol=1e-12)
        assert 15 <= (wti.returns[row] == 0).sum() < 30


def test_no_training_sample_shares_a_price_with_a_test_sample(assets: list[data.Samples]) -> None:
    for asset in assets:
        training, test = asset.before(data.SPLIT), asset.since(data.SPLIT)
        assert training.last.max() < data.SPLIT <= test.first.min()
        # What straddles the split falls to neither side: t from HORIZON days before it to WINDOW - 1 after it.
        assert len(asset) - len(training) - len(test) == WINDOW + HORIZON


def test_target_is_the_worst_fall_below_todays_price() -> None:
    rising = np.full((1, 10), 0.01)
    fall_then_rise = np.array([[-0.10, -0.10] + [0.05] * 8])
    np.testing.assert_allclose(data.drawdown(rising), [0.0])
    np.testing.assert_allclose(data.drawdown(fall_then_rise), [1 - 0.9 * 0.9])
    both = torch.from_numpy(np.concatenate([rising, fall_then_rise]))
    np.testing.assert_allclose(train.drawdown(both)[:, 0].numpy(), [0.0, 0.19], atol=1e-12)


def test_pinball_loss_is_least_at_the_quantile() -> None:
    actual = torch.linspace(0, 1, 1001)[:, None]
    guesses = torch.linspace(0, 1, 201)
    losses = [train.pinball(guess, actual).item() for guess in guesses]
    assert guesses[int(np.argmin(losses))].item() == pytest.approx(QUANTILE, abs=0.005)


def test_a_few_training_steps_on_the_real_data_reduce_the_loss(assets: list[data.Samples]) -> None:
    training = [asset.before(data.SPLIT) for asset in assets]
    _, losses = train.train(training, steps=40)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_training_again_gives_the_same_model(assets: list[data.Samples]) -> None:
    training = [asset.before(data.SPLIT) for asset in assets]
    first, second = train.train(training, steps=5)[0], train.train(training, steps=5)[0]
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
