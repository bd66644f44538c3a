"""The salt that keeps a committed input hidden, in a file of its own."""

from __future__ import annotations

import json as json_module
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from circuits import strict_json
from circuits.errors import InputError
from prover.cli.output_files import unwritable

_Option = typer.Option("--salt", help="Salt file of a hashed input, secret; drawn and written if it is not there.")
SaltFile = Annotated[Path, _Option]
SaltFileIfAny = Annotated[Path | None, _Option]


def load_or_draw(path: Path) -> Sequence[int]:
    """The salt in the file, or a fresh one that is written there for its owner alone."""
    try:
        numbers = strict_json.parse(path.read_bytes())["salt"]
        return [int(number) for number in numbers]
    except FileNotFoundError:
        from prover import halo2  # its libraries, which nobody without a salt needs

        salt = halo2.draw_salt()
        _write(path, json_module.dumps({"salt": salt}))
        return salt
    except OSError as error:
        raise InputError("salt_unreadable", f"cannot read {path}: {error.strerror}", path=str(path)) from error
    except (ValueError, KeyError, TypeError):
        # Not what is wrong with it: that may be a part of the salt.
        raise InputError("salt_unreadable", f"{path} is no salt file", path=str(path)) from None


def _write(path: Path, text: str) -> None:
    """Never over another file: it may hold the only copy of a salt."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "w") as opened:
                opened.write(text)
        except OSError:
            path.unlink()
            raise
    except OSError as error:
        raise unwritable(path, error.strerror or str(error)) from error
