"""The figures of `zk` as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

MEASURES = (("prove_s", "prove, s"), ("peak_rss_bytes", "peak memory, bytes"), ("proof_bytes", "proof, bytes"))


def draw(figures: dict[str, Any], path: Path) -> None:
    """Bars of proving times by model, or curves of growth, on logarithmic axes."""
    drawn = _growth(figures["growth"]) if "growth" in figures else _models(figures["models"])
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path, dpi=150)


def _models(rows: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes: Axes = figure.add_subplot()
    routes = ("ezkl", "halo2", "sumcheck")
    for place, route in enumerate(routes):
        known = [(i, row[route]["prove_s"]) for i, row in enumerate(rows) if "prove_s" in row.get(route, {})]
        places = [i + (place - 1) * 0.25 for i, _ in known]
        axes.bar(places, [seconds for _, seconds in known], 0.25, label=route)
    axes.set_xticks(range(len(rows)), [row["model"] for row in rows])
    axes.set_yscale("log")
    axes.set_ylabel("prove, s")
    axes.legend()
    return figure


def _growth(growth: dict[str, list[dict[str, Any]]]) -> Figure:
    figure = Figure(figsize=(12, 4), layout="constrained")
    for place, (key, label) in enumerate(MEASURES):
        axes: Axes = figure.add_subplot(1, len(MEASURES), place + 1)
        for against, rows in growth.items():
            axes.loglog([row[against] for row in rows], [row[key] for row in rows], marker="o", label=against)
        axes.set_ylabel(label)
        axes.legend()
    return figure
