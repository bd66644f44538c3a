"""Writes statement.json: golden vectors of docs/protocol/statement.md, checked by Python, Rust and Solidity.

Run from the repository root: `python -m tests.vectors.make_statement`. The tests fail if the file is stale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from circuits import statement as s

PATH = Path(__file__).with_name("statement.json")
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

Json = dict[str, Any]


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def words(count: int) -> list[bytes]:
    """Distinct 32-byte words."""
    return [s.keccak256(bytes([i])) for i in range(count)]


def tensors() -> dict[str, tuple[int, s.Integers]]:
    """Name -> (width, values): every boundary that the encoding has."""

    def ramp(*dims: int) -> s.Integers:
        size = int(np.prod(dims))
        return ((np.arange(size, dtype=np.int64) * 2654435761) % 65536 - 32768).reshape(dims)

    return {
        "empty": (4, np.zeros((0,), np.int64)),
        "empty with a huge axis": (4, np.zeros((0, 2**20), np.int64)),
        "rank 0": (4, np.array(-5, np.int64)),
        "rank 8": (4, ramp(1, 2, 1, 2, 1, 2, 1, 2)),
        "one element": (4, np.array([1], np.int64)),
        "a word and a bit": (4, ramp(9)),
        "exactly one chunk": (4, ramp(64)),
        "one chunk and one element": (4, ramp(65)),
        "three chunks": (4, ramp(3, 64)),
        "image": (4, ramp(1, 1, 8, 8)),
        "int32 extremes": (4, np.array([INT32_MIN, -1, 0, INT32_MAX], np.int64)),
        "wide empty": (8, np.zeros((2, 0), np.int64)),
        "wide exactly one chunk": (8, ramp(32)),
        "wide one chunk and one element": (8, ramp(33)),
        "int64 extremes": (8, np.array([[INT64_MIN, -1], [0, INT64_MAX]], np.int64)),
    }


def tensor_vectors() -> list[Json]:
    return [
        {
            "name": name,
            "width": width,
            "dims": list(values.shape),
            "values": values.reshape(-1).tolist(),
            "data": hexed(s.tensor_bytes(values, width)),
            "root": hexed(s.tensor_root(values, width)),
        }
        for name, (width, values) in tensors().items()
    ]


def io_root_vectors() -> list[Json]:
    """Roots of lists of tensors, named by their position in the tensor vectors (width 4 only)."""
    everything = list(tensors().values())
    groups = [[4], [8, 2], [0, 5, 7]]
    return [
        {
            "tensors": group,
            "input_root": hexed(s.input_root([everything[i][1] for i in group])),
            "output_root": hexed(s.output_root([everything[i][1] for i in group])),
        }
        for group in groups
    ]


def port(dims: list[int], bits: int, visibility: int, scales: list[int]) -> bytes:
    """A port of ioSpec, statement.md section 5."""
    encoded = b"".join(d.to_bytes(4, "big") for d in dims)
    tail = len(scales).to_bytes(4, "big") + b"".join(x.to_bytes(1, "big", signed=True) for x in scales)
    return bytes([len(dims)]) + encoded + bytes([4, bits, visibility]) + tail


def io_specs() -> dict[str, bytes]:
    output = bytes([2]) + (3).to_bytes(4, "big") + port([1, 3], 16, 0, [8])
    return {
        "public, one scale an input element": bytes([1, 1]) + port([1, 4], 16, 0, [0, -3, 7, 127]) + output,
        "hashed": bytes([1, 1]) + port([1, 4], 16, 1, [4]) + output,
        "two inputs, rank 0, 32 bits": bytes([2, 1]) + port([], 32, 0, [0]) + port([2, 2], 8, 0, [-128]) + output,
    }


def header() -> s.ModelHeader:
    graph, weights = words(2)
    return s.ModelHeader(graph, weights, next(iter(io_specs().values())))


def registration_vector() -> Json:
    registry, owner, model = bytes.fromhex("11" * 20), bytes.fromhex("22" * 20), header().model_id()
    return {
        "chain_id": 31337,
        "registry": hexed(registry),
        "owner": hexed(owner),
        "model_id": hexed(model),
        "registration_id": hexed(s.registration_id(31337, registry, owner, model)),
    }


def vectors() -> Json:
    descriptors = [bytes([i]) * (10 + 300 * i) for i in range(3)]
    leaves = [b"", b"\0", bytes(256), bytes(range(256))]
    left, right = words(2)
    commitment = int.from_bytes(words(1)[0], "big") % 2**253
    model = header()
    return {
        "leaves": [{"data": hexed(d), "hash": hexed(s.leaf(d))} for d in leaves],
        "node": {"left": hexed(left), "right": hexed(right), "hash": hexed(s.merkle_root([left, right]))},
        "merkle": [
            {"leaves": [hexed(w) for w in words(n)], "root": hexed(s.merkle_root(words(n)))} for n in (0, 1, 2, 3, 5)
        ],
        "tensors": tensor_vectors(),
        "io_roots": io_root_vectors(),
        "input_commitment": {
            "scheme": 1,
            "commitment": hexed(commitment.to_bytes(32, "big")),
            "root": hexed(s.input_commitment(commitment)),
        },
        "graph": {"descriptors": [hexed(d) for d in descriptors], "root": hexed(s.graph_root(descriptors))},
        "io_specs": [
            {"name": name, "spec": hexed(spec), "digest": hexed(s.io_digest(spec))} for name, spec in io_specs().items()
        ],
        "model": {
            "graph_root": hexed(model.graph_root),
            "weights_root": hexed(model.weights_root),
            "io_spec": hexed(model.io_spec),
            "opset_version": model.opset_version,
            "model_id": hexed(model.model_id()),
        },
        "registration": registration_vector(),
    }


def text() -> str:
    return json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
