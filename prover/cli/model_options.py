"""What the verbs on models share: how their arguments look, and how NAME=VALUE options are read."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Annotated, Any

import typer

from circuits.errors import InputError

OnnxFile = Annotated[Path, typer.Argument(metavar="FILE.onnx", help="The model.")]
ProgramFile = Annotated[Path, typer.Argument(metavar="PROGRAM", help="Program file.")]
Freeze = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Fix an input to a value, or a symbolic dimension to a size."),
]
Batch = Annotated[int, typer.Option(min=1, help="The size of a leading dimension that the model leaves open.")]
InputBits = Annotated[
    list[str] | None, typer.Option(metavar="NAME=BITS", help="Give an input other bits than --bits, 8 to 32.")
]
InputScale = Annotated[
    list[str] | None, typer.Option(metavar="NAME=BITS", help="Pin the scale of an input: steps of 2^-BITS.")
]
InputRange = Annotated[
    list[str] | None, typer.Option(metavar="NAME=LOW:HIGH", help="Declare the range of an input, without calibration.")
]
PerFeature = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="One scale for each element of this input's last axis.")
]


def pairs(given: list[str] | None) -> list[tuple[str, str]]:
    """NAME=VALUE options."""
    split = [item.partition("=") for item in given or []]
    for name, equals, value in split:
        if not (name and equals and value):
            raise InputError("bad_option", f"NAME=VALUE is needed, got {name + equals + value!r}")
    return [(name, value) for name, _, value in split]


def whole_numbers(given: list[str] | None) -> dict[str, int]:
    """NAME=NUMBER options."""
    numbers = {}
    for name, value in pairs(given):
        try:
            numbers[name] = int(value)
        except ValueError as error:
            raise InputError("bad_option", f"a whole number is needed, got {value!r}") from error
    return numbers


def ranges_of(given: list[str] | None) -> dict[str, tuple[float, float]]:
    """NAME=LOW:HIGH options."""
    found = {}
    for name, text in pairs(given):
        low, _, high = text.partition(":")
        try:
            found[name] = float(low), float(high)
        except ValueError as error:
            raise InputError("bad_option", f"LOW:HIGH is needed, got {text!r}") from error
        if not found[name][0] < found[name][1]:
            raise InputError("bad_option", f"LOW must be below HIGH, got {text!r}")
    return found


def frozen_values(given: list[str] | None) -> dict[str, Any]:
    """Values are Python literals: a number, or nested lists of numbers."""
    frozen = {}
    for name, value in pairs(given):
        try:
            frozen[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise InputError("bad_option", f"--freeze {name} needs a number or a list, got {value!r}") from error
    return frozen
