"""`inferproof model compile / run / inspect / check`: from an ONNX file to a program, and into one."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from circuits.errors import InputError
from circuits.execute import execute
from circuits.onnx import import_onnx
from circuits.program.file import load_program, save_program
from circuits.program.graph import Program
from circuits.program.input_file import read_inputs, read_npz
from circuits.program.ops import Accumulating
from circuits.program.ranges import ranges
from circuits.program.refs import Port, Visibility
from circuits.program.values import outputs_document
from circuits.quantize import CompileOptions, FidelityReport, compile_model
from verifier.console import JsonOption, emit, progress_bar, warn

app = typer.Typer(no_args_is_help=True, help="Compile, run and look into programs; list them on a chain.")

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
POOR_FIDELITY = 0.1
FIDELITY_COLUMNS = ("output", "split", "samples", "max error", "mean error", "largest value", "argmax agrees")


@app.command("compile")
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
    json: JsonOption = False,
) -> None:
    """Compiles an ONNX model to an integer program, and says what that costs in accuracy."""
    options = CompileOptions(
        bits=bits,
        weight_bits=weight_bits,
        table_bits=table_bits,
        input_visibility=Visibility.HASHED if hashed_input else Visibility.PUBLIC,
        input_bits={name: _whole(value) for name, value in _pairs(input_bits)},
        input_scales={name: _whole(value) for name, value in _pairs(input_scale)},
        input_ranges={name: _range(value) for name, value in _pairs(input_range)},
        per_feature=tuple(per_feature or ()),
        freeze=_frozen(freeze),
        batch=batch,
    )
    data = None if calibration is None else read_npz(calibration)
    with progress_bar() as progress:
        program, report = compile_model(model, data, options, progress)
    try:
        save_program(program, output)
    except OSError as error:
        raise InputError("output_unwritable", f"{output} cannot be written: {error.strerror}") from error
    for warning in [*report.warnings, *_poor_outputs(report)]:
        warn(warning)
    document = {"program": str(output), **_summary(program), "fidelity": report.as_dict()}
    emit(json, document, _fidelity_table(f"{output}: model 0x{program.model_id().hex()}", report))


@app.command("run")
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
        places = np.ndindex(*output["shape"])
        for place, integer, value in zip(places, output["integers"], output["values"], strict=True):
            table.add_row(name, str(list(place)), str(integer), f"{value:.6g}")
    emit(json, document, table)


@app.command("inspect")
def inspect_(program: ProgramFile, json: JsonOption = False) -> None:
    """Shows a program: its name, its inputs and outputs, every op with its range."""
    source = load_program(program)
    ops = _ops(source)
    ports = [("input", port) for port in source.inputs] + [("output", output.port) for output in source.outputs]
    shown = [f"{side} {p.name}: shape {list(p.dims)}, {p.bits} bits, scale {list(p.scales)}" for side, p in ports]
    title = "\n".join([f"model 0x{source.model_id().hex()}", *shown])
    table = Table("op", "kind", "dims", "bits", "scale", "shift", "range", title=Text(title))
    for op in ops:
        low, high = op["range"]
        cells = (op["op"], op["kind"], op["dims"], op["bits"], op["scale"], op.get("shift", ""), f"{low} … {high}")
        table.add_row(*(str(cell) for cell in cells))
    emit(json, {**_summary(source), "ops": ops}, table)


@app.command("check")
def check(model: OnnxFile, freeze: Freeze = None, batch: Batch = 1, json: JsonOption = False) -> None:
    """Says whether every node of an ONNX model can be compiled; exit code 1, and all that cannot, if not."""
    try:
        graph = import_onnx(model, freeze=_frozen(freeze), batch=batch).graph
    except InputError as error:
        if error.code != "onnx_unsupported_ops":
            raise
        nodes = error.details["nodes"]
        lines = [
            f"NO: {len(nodes)} node(s) cannot be compiled",
            *(f"  {n['op']} ({n['node']}): {n['reason']}" for n in nodes),
        ]
        emit(json, {"supported": False, "unsupported": nodes}, lines)
        raise typer.Exit(1) from error
    counts = Counter(node.op for node in graph.nodes)
    inputs = {name: list(shape) for name, shape in graph.inputs.items()}
    document = {"supported": True, "unsupported": [], "inputs": inputs, "nodes": dict(sorted(counts.items()))}
    emit(json, document, ["YES: every node can be compiled", *(f"  {name}: {count}" for name, count in counts.items())])


def _poor_outputs(report: FidelityReport) -> list[str]:
    """Outputs whose error is of the size of their values: such a program is no stand-in for its model."""
    poor = [o for o in report.outputs if o.max_abs_error > POOR_FIDELITY * o.max_abs_value]
    return [
        f"POOR FIDELITY: output {o.output!r} ({o.split}) is off by up to {o.max_abs_error:.3g}, its values reach "
        f"{o.max_abs_value:.3g}; check the calibration data, or raise --bits"
        for o in poor
    ]


def _port(port: Port) -> dict[str, Any]:
    return {
        "name": port.name,
        "shape": list(port.dims),
        "bits": port.bits,
        "scale_bits": list(port.scales),
        "visibility": port.visibility.name.lower(),
    }


def _summary(program: Program) -> dict[str, Any]:
    return {
        "model_id": "0x" + program.model_id().hex(),
        "inputs": [_port(port) for port in program.inputs],
        "outputs": [_port(output.port) for output in program.outputs],
        "op_counts": dict(sorted(Counter(op.opcode.name.lower() for op in program.ops).items())),
        "parameters": sum(constant.values.size for constant in program.constants),
    }


def _ops(program: Program) -> list[dict[str, Any]]:
    listed = []
    for index, (op, found) in enumerate(zip(program.ops, ranges(program), strict=True)):
        entry: dict[str, Any] = {
            "op": index,
            "kind": op.opcode.name.lower(),
            "operands": [f"{ref.source.name}({ref.index})" for ref in op.operands],
            "dims": list(op.dims),
            "inner": list(op.inner),
            "bits": op.bits,
            "scale": op.scale,
            "range": [found.output.lo, found.output.hi],
        }
        if isinstance(op, Accumulating):
            entry |= {"shift": op.shift, "saturates": op.saturates, "accumulator_magnitude": found.magnitude}
        listed.append(entry)
    return listed


def _fidelity_table(title: str, report: FidelityReport) -> Table:
    table = Table(*FIDELITY_COLUMNS, title=title)
    for row in report.rows():
        table.add_row(*row)
    for worst in report.worst_ops:
        table.add_row(f"op {worst.op} {worst.opcode}", "worst", "", f"{worst.max_abs_error:.3g}", "", "", "")
    return table


def _pairs(given: list[str] | None) -> list[tuple[str, str]]:
    """NAME=VALUE options."""
    split = [item.partition("=") for item in given or []]
    for name, equals, value in split:
        if not (name and equals and value):
            raise InputError("bad_option", f"NAME=VALUE is needed, got {name + equals + value!r}")
    return [(name, value) for name, _, value in split]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InputError("bad_option", f"a whole number is needed, got {text!r}") from error


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    try:
        bounds = float(low), float(high)
    except ValueError as error:
        raise InputError("bad_option", f"LOW:HIGH is needed, got {text!r}") from error
    if not bounds[0] < bounds[1]:
        raise InputError("bad_option", f"LOW must be below HIGH, got {text!r}")
    return bounds


def _frozen(given: list[str] | None) -> dict[str, Any]:
    """Values are Python literals: a number, or nested lists of numbers."""
    frozen = {}
    for name, value in _pairs(given):
        try:
            frozen[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise InputError("bad_option", f"--freeze {name} needs a number or a list, got {value!r}") from error
    return frozen
