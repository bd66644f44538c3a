"""A program's outputs for people, as every verb that has some prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text


def outputs_table(document: Mapping[str, Any]) -> Table:
    """Of what `circuits.program.values.outputs_document` made: a row an element."""
    table = Table("output", "place", "integer", "value")
    for name, output in document["outputs"].items():
        meanings = output.get("labels") or [f"{value:.6g}" for value in output["values"]]
        places = np.ndindex(*output["shape"])
        for place, integer, meaning in zip(places, output["integers"], meanings, strict=True):
            table.add_row(Text(name), str(list(place)), str(integer), Text(str(meaning)))
    return table
