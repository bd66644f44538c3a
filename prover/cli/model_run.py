"""`inferproof model run`: a program on one input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from circuits.execute import execute
from circuits.program.file import load_program
from circuits.program.input_file import read_inputs
from circuits.program.values import outputs_document
from prover.cli.model_options import ProgramFile
from verifier.console import JsonOption, emit


def run_(
    program: ProgramFile,
    input: Annotated[Path, typer.Argument(metavar="INPUT", help="Input file, .json or .npz.")],
    json: JsonOption = False,
) -> None:
    """Runs a program on one input."""
    source = load_program(program)
    document = outputs_document(source, execute(source, read_inputs(input, source)))
    table = Table("output", "place", "integer", "value")
    for name, output in document["outputs"].items():
        meanings = output.get("labels") or [f"{value:.6g}" for value in output["values"]]
        places = np.ndindex(*output["shape"])
        for place, integer, meaning in zip(places, output["integers"], meanings, strict=True):
            table.add_row(Text(name), str(list(place)), str(integer), Text(str(meaning)))
    emit(json, document, table)
