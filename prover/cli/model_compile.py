"""`inferproof model compile`: an ONNX file in; a program, and what it costs in accuracy, out."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from circuits.program.input_file import read_npz
from circuits.program.refs import Visibility
from circuits.quantize import CompileOptions, FidelityReport, compile_model
from circuits.quantize.report import OUTPUT_COLUMNS
from prover.cli.model_document import summary
from prover.cli.model_files import require_writable, write_all
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
from verifier.console import JsonOption, emit, progress_bar, warn


def compile_(
    model: OnnxFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Program file to write.")],
    calibration: Annotated[Path | None, typer.Option(help=".npz: every input by name, (count, *shape).")] = None,
    bits: Annotated[int, typer.Option(help="Bits of inputs and activations, 8 to 24.")] = 16,
    weight_bits: Annotated[int, typer.Option(help="Bits of weights, 8 to 24.")] = 16,
    table_bits: Annotated[int, typer.Option(help="Bits of a lookup table's argument, 8 to 16.")] = 12,
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
        bits=bits,
        weight_bits=weight_bits,
        table_bits=table_bits,
        input_visibility=Visibility.HASHED if hashed_input else Visibility.PUBLIC,
        input_bits=whole_numbers(input_bits),
        input_scales=whole_numbers(input_scale),
        input_ranges=ranges_of(input_range),
        per_feature=tuple(per_feature or ()),
        freeze=frozen_values(freeze),
        batch=batch,
    )
    require_writable([path for path in (output, report, plot) if path is not None])
    if plot is not None:
        require_matplotlib()
    data = None if calibration is None else read_npz(calibration)
    with progress_bar() as progress:
        program, found = compile_model(model, data, options, progress)
    setting = {"bits": bits, "weight_bits": weight_bits, "table_bits": table_bits}
    document = {"program": str(output), **summary(program), "setting": setting, "fidelity": found.as_dict()}
    title = f"{output}: model {document['model_id']}"
    others = {report: _as_file(document)} if report else {}
    if plot is not None:
        others[plot] = plot_fidelity(found, f"{model.name} at {bits} bits, weights {weight_bits}, tables {table_bits}")
    write_all(program, output, others)
    for warning in found.warnings:
        warn(warning)
    emit(json, document, _tables(title, found))


def _as_file(document: dict[str, Any]) -> bytes:
    return (json_format.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def _tables(title: str, report: FidelityReport) -> list[str | Table]:
    """The report for people: outputs, then the worst ops, saturated tensors and tables, where there are any."""
    outputs = [output.row() for output in report.outputs]
    worst = [
        (f"{w.op} {w.opcode}", w.value, f"{w.node_op} {w.node}", f"{w.max_abs_error:.3g}", f"{w.relative_error:.2%}")
        for w in report.worst_ops
    ]
    saturated = [(f"{s.index} {s.kind}", s.value, f"{s.elements} of {s.of}") for s in report.saturations]
    entries = [(f"{t.op} lookup", t.function, str(t.entries), f"{t.max_abs_error:.3g}") for t in report.tables]
    tables = [
        _table(title, OUTPUT_COLUMNS, outputs),
        _table("worst ops", ("op", "value", "node", "max error", "of its largest value"), worst),
        _table("saturated", ("op or input", "value", "elements"), saturated),
        _table("tables", ("op", "function", "entries", "max error"), entries),
    ]
    return [table for table in tables if table.row_count]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(*columns, title=Text(title))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
