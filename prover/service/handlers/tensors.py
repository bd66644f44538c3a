"""Tensors as artifacts, and outputs as people read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from circuits.errors import EnvironmentFailure
from circuits.program.graph import Program
from circuits.program.refs import Port
from prover.service.adapters.ports import Integers

FORMAT = "inferproof-tensors/1"


def encode_tensors(tensors: Sequence[Integers]) -> bytes:
    """Canonical JSON: the same integers give the same bytes."""
    body = [{"dims": list(t.shape), "integers": [int(v) for v in t.reshape(-1)]} for t in tensors]
    return json.dumps({"format": FORMAT, "tensors": body}, separators=(",", ":")).encode()


def decode_tensors(content: bytes) -> list[Integers]:
    document = json.loads(content)
    if document["format"] != FORMAT:
        raise EnvironmentFailure("artifact_corrupt", f"expected {FORMAT}, found {document['format']}")
    return [np.array(t["integers"], dtype=np.int64).reshape(t["dims"]) for t in document["tensors"]]


def describe_outputs(program: Program, outputs: Sequence[Integers]) -> bytes:
    """`{"outputs": {NAME: {"shape", "scale_bits", "integers", "values"}}}` as JSON; values = integers / 2^scale."""
    named = {o.port.name: _describe(o.port, v) for o, v in zip(program.outputs, outputs, strict=True)}
    return json.dumps({"outputs": named}).encode()


def _describe(port: Port, integers: Integers) -> dict[str, Any]:
    scale = port.scales[0]
    flat = integers.reshape(-1)
    return {
        "shape": list(port.dims),
        "scale_bits": scale,
        "integers": [int(q) for q in flat],
        "values": [float(v) for v in np.ldexp(flat.astype(np.float64), -scale)],
    }


def describe_ports(program: Program) -> dict[str, Any]:
    """What a caller must know to make an input and read an output."""

    def port(p: Port) -> dict[str, Any]:
        return {
            "name": p.name,
            "shape": list(p.dims),
            "bits": p.bits,
            "scale_bits": list(p.scales),
            "visibility": p.visibility.name.lower(),
        }

    return {"inputs": [port(p) for p in program.inputs], "outputs": [port(o.port) for o in program.outputs]}
