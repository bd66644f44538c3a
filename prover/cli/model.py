"""`inferproof model`: from an ONNX file to a program, and into one."""

from __future__ import annotations

import typer

from prover.cli.model_check import check
from prover.cli.model_compile import compile_
from prover.cli.model_inspect import inspect_
from prover.cli.model_run import run_

app = typer.Typer(no_args_is_help=True, help="Compile, run and look into programs; list them on a chain.")
app.command("compile")(compile_)
app.command("run")(run_)
app.command("inspect")(inspect_)
app.command("check")(check)
