"""`inferproof model run`: a program on one input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from circuits.execute import execute
from circuits.program.file import load_program
from circuits.program.input_file import read_inputs
from circuits.program.values import outputs_document
from prover.cli.model_options import ProgramFile
from verifier.console import JsonOption, emit
from verifier.outputs_table import outputs_table


def run_(
    program: ProgramFile,
    input: Annotated[Path, typer.Argument(metavar="INPUT", help="Input file, .json or .npz.")],
    json: JsonOption = False,
) -> None:
    """Runs a program on one input."""
    source = load_program(program)
    document = outputs_document(source, execute(source, read_inputs(input, source)))
    emit(json, document, outputs_table(document))
