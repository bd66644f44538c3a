"""`inferproof model compile`: an ONNX file in; a program, and what it costs in accuracy, out."""

from __future__ import annotations

import json as json_format
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy.typing as npt
import typer

from circuits.errors import InputError
from circuits.program.input_file import read_npz
from circuits.program.refs import Visibility
from circuits.quantize import CompileOptions, compile_model
from circuits.quantize.search import Setting, search_model
from prover.cli.model_options import (
    Batch,
    Freeze,
    InputBits,
    InputRange,
    InputScale,
    OnnxFile,
    PerFeature,
    frozen_values,
    ranges_of,
    whole_numbers,
)
from prover.cli.model_plot import plot_fidelity, require_matplotlib
from prover.cli.model_report import Compiled
from prover.cli.output_files import require_writable, write_all
from verifier.console import JsonOption, emit, progress_bar, warn

DEFAULTS = CompileOptions()


def compile_(
    model: OnnxFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Program file to write.")],
    calibration: Annotated[Path | None, typer.Option(help=".npz: every input by name, (count, *shape).")] = None,
    bits: Annotated[int | None, typer.Option(help="Bits of inputs and activations, 8 to 24; 16 by default.")] = None,
    weight_bits: Annotated[int | None, typer.Option(help="Bits of weights, 8 to 24; 16 by default.")] = None,
    table_bits: Annotated[
        int | None,
        typer.Option(help="A table has 2^BITS entries at most, in recurrent layers four times that; 12 by default."),
    ] = None,
    max_error: Annotated[
        float | None,
        typer.Option(metavar="E", help="Find the cheapest bits, of those not given, that keep every output within E."),
    ] = None,
    time_budget: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="When --max-error stops trying other bits.")
    ] = 120.0,
    freeze: Freeze = None,
    batch: Batch = 1,
    input_bits: InputBits = None,
    input_scale: InputScale = None,
    input_range: InputRange = None,
    per_feature: PerFeature = None,
    hashed_input: Annotated[bool, typer.Option(help="The statement binds a salted hash of the input.")] = False,
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write the fidelity report.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw the fidelity report.")] = None,
    json: JsonOption = False,
) -> None:
    """Compiles an ONNX model to an integer program, and says what that costs in accuracy."""
    options = CompileOptions(
        bits=DEFAULTS.bits if bits is None else bits,
        weight_bits=DEFAULTS.weight_bits if weight_bits is None else weight_bits,
        table_bits=DEFAULTS.table_bits if table_bits is None else table_bits,
        input_visibility=Visibility.HASHED if hashed_input else Visibility.PUBLIC,
        input_bits=whole_numbers(input_bits),
        input_scales=whole_numbers(input_scale),
        input_ranges=ranges_of(input_range),
        per_feature=tuple(per_feature or ()),
        freeze=frozen_values(freeze),
        batch=batch,
    )
    inputs = [model] if calibration is None else [model, calibration]
    require_writable([path for path in (output, report, plot) if path is not None], inputs)
    if plot is not None:
        require_matplotlib()
    data = None if calibration is None else _samples(calibration)
    given = {"bits": bits, "weight_bits": weight_bits, "table_bits": table_bits}
    pinned = frozenset(name for name, value in given.items() if value is not None)
    with progress_bar() as progress:
        if max_error is None:
            made = Compiled(*compile_model(model, data, options, progress), Setting.of(options))
        else:
            expired = _after(time_budget)
            program, found, search = search_model(model, data, options, max_error, pinned, expired, progress)
            made = Compiled(program, found, search.chosen, search)
    _deliver(made, model.name, output, report, plot, json)


def _samples(path: Path) -> dict[str, npt.NDArray[Any]]:
    if path.suffix == ".json":
        message = f"{path} is no calibration: that is an .npz file with an array for each input, (count, *shape)"
        raise InputError("input_unreadable", message, path=str(path))
    return read_npz(path)


def _after(seconds: float) -> Callable[[], bool]:
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() >= deadline


def _deliver(made: Compiled, name: str, output: Path, report: Path | None, plot: Path | None, json: bool) -> None:
    """All files, then the warnings, then what was made."""
    document = {"program": str(output), **made.as_dict()}
    others = {report: (json_format.dumps(document, indent=2, sort_keys=True) + "\n").encode()} if report else {}
    if plot is not None:
        others[plot] = plot_fidelity(made.report, f"{name} {made.setting.text()}")
    write_all(made.program, output, others)
    for warning in made.warnings():
        warn(warning)
    emit(json, document, made.lines(f"{output}: model {document['model_id']}"))
