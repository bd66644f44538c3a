"""Options that belong to some routes only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from circuits.errors import InputError

SrsOption = Annotated[Path | None, typer.Option("--srs", help="SRS file; without it the INSECURE development SRS.")]


class RouteName(StrEnum):
    """The routes that have keys."""

    HALO2 = "halo2"
    SUMCHECK = "sumcheck"
    OPTIMISTIC = "optimistic"


def refuse_options(owners: str, given: Mapping[str, object]) -> None:
    """Refuses options, by name, that have a value although the route asked for is none of their owners."""
    named = [option for option, value in given.items() if value is not None and value is not False]
    if named:
        belong = "is an option" if len(named) == 1 else "are options"
        message = f"{' and '.join(named)} {belong} of {owners}, and another route was asked for"
        raise InputError("bad_option", message, options=named)
