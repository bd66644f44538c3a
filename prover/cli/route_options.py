"""Options that belong to some routes only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from circuits.errors import InputError

SrsOption = Annotated[Path | None, typer.Option("--srs", help="SRS file; without it the INSECURE development SRS.")]


class RouteName(StrEnum):
    """The routes that have keys."""

    HALO2 = "halo2"
    SUMCHECK = "sumcheck"
    OPTIMISTIC = "optimistic"


class Parameters(StrEnum):
    """How a key binds the parameters."""

    FIXED = "fixed"
    HASHED = "hashed"
    PRIVATE = "private"


PANEL = "Terms of the optimistic route"


def _term(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=PANEL, show_default=False)


ClaimBond = Annotated[int | None, _term("Wei that a claim puts at stake; 10^17 by default.")]
ChallengeBond = Annotated[int | None, _term("Wei that a challenge puts at stake; 10^16 by default.")]
Window = Annotated[int | None, _term("Seconds in which a claim may be challenged; a day by default.")]
ProveTime = Annotated[int | None, _term("Seconds for a proof over a published trace; a day by default.")]
Clock = Annotated[int | None, _term("Seconds that each side has in a challenge; a day by default.")]
Extension = Annotated[int | None, _term("Seconds that are left for a move at least; an hour by default.")]


def refuse_options(owners: str, given: Mapping[str, object]) -> None:
    """Refuses options, by name, that have a value although the route asked for is none of their owners."""
    named = [option for option, value in given.items() if value is not None and value is not False]
    if named:
        belong = "is an option" if len(named) == 1 else "are options"
        message = f"{' and '.join(named)} {belong} of {owners}, and another route was asked for"
        raise InputError("bad_option", message, options=named)
