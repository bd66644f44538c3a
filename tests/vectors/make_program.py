"""Writes tests/vectors/program.json: small programs with their model ids, inputs and every op's output.

Run from the repository root: `python -m tests.vectors.make_program`. The tests fail if the file is stale.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from circuits.program.graph import Program
from circuits.program.graph_json import dump_graph
from circuits.program.interpreter import trace
from circuits.program.ranges import ranges
from circuits.program.validate import validate
from circuits.statement import graph_root, leaf
from tests.vectors import golden_edges, golden_layers

PATH = Path(__file__).with_name("program.json")
INPUTS = golden_layers.INPUTS | golden_edges.INPUTS


def vector(build: Callable[[], Program]) -> dict[str, Any]:
    """One program with everything a second implementation has to find."""
    source = build()
    validate(source)
    header = source.header()
    cases = []
    for given in INPUTS[build]:
        tensors = [
            np.array(values, np.int64).reshape(port.dims) for values, port in zip(given, source.inputs, strict=True)
        ]
        cases.append({"inputs": given, "trace": [t.reshape(-1).tolist() for t in trace(source, tensors)]})
    return {
        "about": build.__doc__,
        "graph": json.loads(dump_graph(source)),
        "constants": [c.values.reshape(-1).tolist() for c in source.constants],
        "constant_dims": [list(c.values.shape) for c in source.constants],
        "descriptors": [op.encode().hex() for op in source.ops],
        "descriptor_leaves": [leaf(op.encode()).hex() for op in source.ops],
        "graph_root": graph_root([op.encode() for op in source.ops]).hex(),
        "weights_root": header.weights_root.hex(),
        "io_spec": header.io_spec.hex(),
        "model_id": source.model_id().hex(),
        "ranges": [[r.output.lo, r.output.hi] for r in ranges(source)],
        "cases": cases,
    }


def vectors() -> dict[str, Any]:
    return {build.__name__: vector(build) for build in INPUTS}


def text() -> str:
    return json.dumps(vectors(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
