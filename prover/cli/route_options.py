"""Options that belong to some routes only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from circuits.errors import InputError

SrsOption = Annotated[Path | None, typer.Option("--srs", help="SRS file; without it the INSECURE development SRS.")]


def refuse_options(owners: str, given: object) -> None:
    """Refuses what was given although the route asked for is none of its owners."""
    if given:
        raise InputError("bad_option", f"an option of {owners} was given for another route")
