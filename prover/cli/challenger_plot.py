"""An explanation as a picture file: the ops around the first difference, and the element between its neighbours."""

from __future__ import annotations

import io
from typing import Any

from circuits.errors import InputError
from prover.cli.model_plot import require_matplotlib

FORMATS = ("png", "svg")
INCHES_PER_LINE = 0.24
COLOURS = {"✓": "tab:green", "✗": "tab:red", "?": "grey"}


def plot_finding(explanation: dict[str, Any], kind: str) -> bytes:
    """The words over the picture, one line each, as `kind` (png or svg)."""
    if kind not in FORMATS:
        raise InputError("bad_option", f"a picture is written as {' or '.join(FORMATS)}, got {kind!r}")
    words, picture = explanation["words"], explanation["picture"]
    lines = [*words, "", *picture]
    figure = require_matplotlib()(figsize=(11, INCHES_PER_LINE * (len(lines) + 2)))
    for number, line in enumerate(lines):
        mark = next((mark for mark in COLOURS if mark in line), None) if number > len(words) else None
        height = 1 - (number + 1) / (len(lines) + 1)
        font = {"family": "DejaVu Sans Mono", "size": 9, "color": COLOURS[mark] if mark else "black"}
        # A name is a name, whatever dollar signs are in it.
        figure.text(0.02, height, line, parse_math=False, **font)
    made = io.BytesIO()
    figure.savefig(made, format=kind, dpi=120)
    return made.getvalue()
