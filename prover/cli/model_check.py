"""`inferproof model check`: can this ONNX file be compiled, and if not, why not?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import typer
from rich.table import Column, Table
from rich.text import Text

from circuits.errors import InputError
from circuits.onnx import FloatGraph, import_onnx
from prover.cli.model_options import Batch, Freeze, OnnxFile, frozen_values
from verifier.console import JsonOption, emit

# What a model says that no program can. Anything else (no such file, an unknown --freeze) is the caller's mistake.
ANSWERS_NO = ("onnx_unsupported_ops", "onnx_unsupported_input", "onnx_constant_output")


def check(model: OnnxFile, freeze: Freeze = None, batch: Batch = 1, json: JsonOption = False) -> None:
    """Says whether every node of an ONNX model can be compiled; exit code 1, and all that cannot, if not."""
    try:
        graph = import_onnx(model, freeze=frozen_values(freeze), batch=batch).source
    except InputError as error:
        if error.code not in ANSWERS_NO:
            raise
        nodes = error.details.get("nodes", [])
        document = {"supported": False, "unsupported": nodes, "reason": {"code": error.code, "message": error.message}}
        answer = f"NO: {len(nodes)} node(s) cannot be compiled" if nodes else f"NO: {error.message}"
        emit(json, document, [answer, _refused(nodes)] if nodes else [answer])
        raise typer.Exit(1) from error
    counts = dict(sorted(Counter(node.op for node in graph.nodes).items()))
    document = {
        "supported": True,
        "unsupported": [],
        "inputs": _ports(graph, list(graph.inputs)),
        "outputs": _ports(graph, graph.outputs),
        "nodes": counts,
    }
    table = Table("operator", "nodes")
    for op, count in counts.items():
        table.add_row(op, str(count))
    emit(json, document, [f"YES: all {sum(counts.values())} nodes can be compiled", table])


def _ports(graph: FloatGraph, names: list[str]) -> dict[str, Any]:
    return {name: {"type": graph.type_name(name), "shape": list(graph.shapes[name])} for name in names}


def _refused(nodes: list[dict[str, Any]]) -> Table:
    table = Table(*(Column(name, overflow="fold") for name in ("node", "operator", "name", "why not")))
    for node in nodes:
        table.add_row(str(node["position"]), Text(node["op"]), Text(node["node"]), Text(node["reason"]))
    return table
