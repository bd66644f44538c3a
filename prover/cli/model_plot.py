"""A fidelity report as a picture: the program's values against the model's, and how the errors are spread."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from circuits.errors import EnvironmentFailure
from circuits.quantize.report import FidelityReport, Points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_OUTPUTS = 8
COLOURS = {"calibration": "tab:blue", "held_out": "tab:orange"}
INCHES_PER_ROW = 3.4
BINS = 50


def require_matplotlib() -> Any:
    """matplotlib's Figure, which the `plot` extra brings."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        message = "--plot needs matplotlib, which is not installed: pip install 'inferproof[plot]'"
        raise EnvironmentFailure("plot_needs_matplotlib", message) from error
    return Figure


def plot_fidelity(report: FidelityReport, title: str) -> bytes:
    """A PNG with a row for each output, the first eight."""
    shown = [points for points in report.points if points.model.size]
    names = list(dict.fromkeys(points.output for points in shown))[:MAX_OUTPUTS]
    figure: Figure = require_matplotlib()(figsize=(10, INCHES_PER_ROW * len(names)), layout="constrained")
    axes = figure.subplots(len(names), 2, squeeze=False)
    for (scatter, histogram), name in zip(axes, names, strict=True):
        for points in shown:
            if points.output == name:
                _draw(scatter, histogram, points)
        # A name is a name, whatever dollar signs are in it.
        scatter.set_title(f"{name}: program against model", parse_math=False)
        scatter.set(xlabel="onnxruntime", ylabel="program")
        scatter.legend()
        histogram.set_title(f"{name}: error", parse_math=False)
        histogram.set(xlabel="program − onnxruntime", ylabel="share of elements")
    figure.suptitle(title, parse_math=False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()


def _draw(scatter: Any, histogram: Any, points: Points) -> None:
    colour = COLOURS[points.split]
    label = f"{points.split} ({points.model.size} elements)"
    ends = [float(points.model.min()), float(points.model.max())]
    scatter.plot(ends, ends, color="lightgrey", zorder=0)
    scatter.scatter(points.model, points.program, s=4, alpha=0.5, color=colour, label=label)
    errors = points.program - points.model
    histogram.hist(errors, BINS, weights=np.full(errors.size, 1 / errors.size), histtype="step", color=colour)
