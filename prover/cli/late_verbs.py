"""Groups of verbs that are imported when they are called, so that none waits for another's libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup


@dataclass(frozen=True)
class Verb:
    """`line`, with which its own help begins, is what its group says of it before anything is imported. In `module`,
    `name` is a function, or a Typer app of more verbs."""

    line: str
    module: str
    name: str


def late_group(verbs: Mapping[str, Verb], text: str) -> typer.Typer:
    """An app whose commands are known by name and line; the one that is called takes its placeholder's place."""

    class Late(TyperGroup):
        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name, _, rest = super().resolve_command(ctx, args)
            return name, _load(name, verbs[name]) if name else None, rest

    app = typer.Typer(cls=Late, no_args_is_help=True, pretty_exceptions_enable=False, help=text)
    for name, verb in verbs.items():
        app.command(name, help=verb.line)(_placeholder)
    return app


def _placeholder() -> None:
    raise NotImplementedError  # see Late


def _load(name: str, verb: Verb) -> Any:
    loaded = getattr(import_module(verb.module), verb.name)
    app = typer.Typer(add_completion=False)
    if isinstance(loaded, typer.Typer):
        app.add_typer(loaded, name=name)
    else:
        app.command(name)(loaded)
    return typer.main.get_group(app).commands[name]
