"""A program's outputs for people, as every verb that has some prints them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table
from rich.text import Text

SHOWN_ELEMENTS = 20  # of each output


def outputs_table(document: Mapping[str, Any]) -> Table:
    """Of what `circuits.program.values.outputs_document` made: a row an element, of the first few."""
    table = Table("output", "place", "integer", "value")
    for name, output in document["outputs"].items():
        meanings = output.get("labels") or [f"{value:.6g}" for value in output["values"]]
        rows = zip(np.ndindex(*output["shape"]), output["integers"], meanings, strict=True)
        for place, integer, meaning in islice(rows, SHOWN_ELEMENTS):
            table.add_row(Text(name), str(list(place)), str(integer), Text(str(meaning)))
        if len(meanings) > SHOWN_ELEMENTS:
            table.add_row(Text(name), _left_out(len(meanings)), "…", "…")
    return table


def integers_line(integers: npt.NDArray[np.int64]) -> str:
    """One output without a program to give it names and meanings: the first few elements."""
    shown = ", ".join(str(integer) for integer in integers.ravel()[:SHOWN_ELEMENTS])
    return f"[{shown}]" if integers.size <= SHOWN_ELEMENTS else f"[{shown}, …] and {_left_out(integers.size)}"


def _left_out(elements: int) -> str:
    return f"{elements - SHOWN_ELEMENTS:,} more in --json"
