"""`inferproof model inspect`: what a program is made of, and what it would cost to prove."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from circuits.errors import EnvironmentFailure, InferproofError, InputError
from circuits.lower.optimistic import longest_game
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.program.refs import Port
from prover.cli.model_document import ops_of, summary
from prover.cli.model_options import ProgramFile
from prover.cli.plain_text import about_s, size
from prover.cli.route_options import RouteName
from verifier.console import JsonOption, emit, progress_bar

SIZES = ("parameters", "table_entries", "values", "multiply_accumulates", "file_bytes")
SHOWN_LABELS = 8


def inspect_(
    program: ProgramFile,
    costs: Annotated[bool, typer.Option(help="Estimate each route's cost: seconds, for a large program.")] = True,
    route: Annotated[
        RouteName | None,
        typer.Option(help="Only this route's cost; sumcheck: also each op's part of the memory.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Shows a program: its name, inputs and outputs, size, every op with its range, and its cost for each route."""
    if route is not None and not costs:
        raise InputError("bad_option", "--route names a cost to estimate, and --no-costs wants none")
    source = load_program(program)
    document = {**summary(source), "file_bytes": program.stat().st_size, "ops": ops_of(source)}
    if costs:
        document["routes"] = {name: cost(source) for name, cost in COSTS.items() if route in (None, name)}
    ports = [("input", port) for port in source.inputs] + [("output", output.port) for output in source.outputs]
    lines: list[str | Table] = [f"model {document['model_id']}", *(_port_line(side, port) for side, port in ports)]
    lines.append(", ".join(f"{name.replace('_', ' ')} {document[name]:,}" for name in SIZES))
    lines.append(_op_table(document["ops"]))
    for name, cost in document.get("routes", {}).items():
        lines.append(_route_line(name, cost))
        if route is not None and "memory" in cost:
            lines.append(_memory_table(cost["memory"]))
    emit(json, document, lines)


def _halo2_cost(program: Program) -> dict[str, Any]:
    from prover import halo2  # its libraries take longer to load than everything else here
    from prover.service.settings import Settings

    # The cache of `setup`: ezkl counts a few rows more or less whenever it is asked (decision 0050).
    cache = halo2.KeyCache(Settings().cache_dir)
    with progress_bar() as progress:
        return _proof_cost(lambda: asdict(halo2.estimate(program, halo2.Halo2Options(), cache, progress)))


def _sumcheck_cost(program: Program) -> dict[str, Any]:
    from prover import sumcheck

    def cost() -> dict[str, Any]:
        plan = sumcheck.make_plan(program)
        return {**asdict(sumcheck.estimate(plan)), "memory": sumcheck.memory(plan).as_dict()}

    return _proof_cost(cost)


def _proof_cost(cost: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The route's estimate on two cores, with what else it tells, or why it refuses the program; `provable` is None
    where that is not known."""
    try:
        return {"provable": True, **cost()}
    except EnvironmentFailure as error:
        return {"provable": None, "reason": error.as_dict()}
    except InferproofError as error:
        return {"provable": False, "reason": error.as_dict()}


def _optimistic_cost(program: Program) -> dict[str, Any]:
    """Of a claim: one inference with its commitment; and the moves of the longest dispute of it."""
    from prover.optimistic.estimate import estimate
    from prover.optimistic.key import DEFAULT_TERMS, OptimisticKey

    try:
        OptimisticKey.of(program, DEFAULT_TERMS)
    except InferproofError as error:
        return {"provable": False, "reason": error.as_dict()}
    return {"provable": True, **asdict(estimate(program)), "longest_dispute_moves": longest_game(program)}


COSTS: Mapping[str, Callable[[Program], dict[str, Any]]] = {
    "halo2": _halo2_cost,
    "sumcheck": _sumcheck_cost,
    "optimistic": _optimistic_cost,
}


def _route_line(route: str, cost: dict[str, Any]) -> str:
    if not cost["provable"]:
        verdict = "cannot prove it" if cost["provable"] is False else "cost not known"
        return f"route {route}: {verdict}: {cost['reason']['message']}"
    if "longest_dispute_moves" in cost:
        memory, trace = (f"{cost[name] / 2**20:,.1f} MiB" for name in ("peak_memory_bytes", "disk_bytes"))
        seconds = f"about {cost['prove_s']:.2f} s to run and commit, {memory} of memory, {trace} of trace"
        return f"route {route}: {seconds}; a dispute takes {cost['longest_dispute_moves']} moves at most"
    memory, disk = (size(cost[name]) for name in ("peak_memory_bytes", "disk_bytes"))
    circuit = f"{cost['rows']:,} rows, " if cost["rows"] is not None else ""
    times = f"about {about_s(cost['setup_s'])} to set up, {about_s(cost['prove_s'])} to prove on two cores"
    return f"route {route}: {circuit}an SRS of k = {cost['srs_k']}, {times}, {memory} of memory, {disk} of disk"


def _port_line(side: str, port: Port) -> str:
    scales = sorted(set(port.scales))
    scale = str(scales[0]) if len(scales) == 1 else f"{scales[0]} to {scales[-1]} by element"
    more = ["…"] if len(port.labels) > SHOWN_LABELS else []
    labels = f", labels {', '.join([*port.labels[:SHOWN_LABELS], *more])}" if port.labels else ""
    kind = f"{port.bits} bits, scale {scale}, {port.visibility.name.lower()}"
    return f"{side} {port.name}: shape {list(port.dims)}, {kind}{labels}"


def _op_table(ops: list[dict[str, Any]]) -> Table:
    names = ("op", "kind", "of", "dims", "bits", "scale", "shift", "range")
    table = Table(*(Column(name, overflow="fold") for name in names))
    for op in ops:
        low, high = op["range"]
        shift = f"{op.get('shift', '')}{' saturates' if op.get('saturates') else ''}"
        cells = (op["op"], op["kind"], op["of"], op["dims"], op["bits"], op["scale"], shift)
        table.add_row(*(Text(str(cell)) for cell in cells), f"{low:,} … {high:,}")
    return table


def _memory_table(memory: dict[str, Any]) -> Table:
    """What is there because of each op while a phase runs; the largest phase's total is the peak."""
    title = f"MiB of memory while a phase runs; the peak is in {memory['peak_phase']}"
    table = Table(
        *(Column(name, overflow="fold") for name in ("ops", "cells", "leaves", *memory["phase_bytes"])), title=title
    )
    for part in memory["parts"]:
        name = " ".join(filter(None, (", ".join(map(str, part["ops"])), part["kind"])))
        cells = part["setup_cells"] + part["witness_cells"]
        table.add_row(name, f"{cells:,}", f"{part['leaves']:,}", *_mebibytes(part["phase_bytes"].values()))
    table.add_row("process", "", "", *_mebibytes([memory["base_bytes"]] * len(memory["phase_bytes"])))
    table.add_row("all", "", "", *_mebibytes(memory["phase_bytes"].values()))
    return table


def _mebibytes(counts: Iterable[int]) -> list[str]:
    return [f"{count / 2**20:,.1f}" for count in counts]
