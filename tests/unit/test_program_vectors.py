"""docs/protocol/program.md: the vectors are current, and a second reading of the note in plain Python agrees."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.vectors import make_program

VECTORS: dict[str, Any] = json.loads(make_program.PATH.read_text(encoding="utf-8"))
Tensor = list[int]


def test_committed_vectors_are_what_the_script_writes() -> None:
    assert make_program.PATH.read_text(encoding="utf-8") == make_program.text()


def flat(values: Any) -> Tensor:
    return [v for item in values for v in flat(item)] if isinstance(values, list) else [values]


def read(tensor: Tensor, how: dict[str, Any], point: tuple[int, ...]) -> int | None:
    """Section 2: the element at a point, None out of bounds."""
    place = 0
    for size, offset, strides in zip(how["view"], how["offsets"], how["strides"], strict=True):
        index = offset + sum(s * t for s, t in zip(strides, point, strict=True))
        if not 0 <= index < size:
            return None
        place = place * size + index
    return tensor[place]


def finish(acc: int, op: dict[str, Any]) -> int:
    """Section 3, in exact integers."""
    shifted = (2 * acc + 2 ** op["shift"]) // 2 ** (op["shift"] + 1)
    clamped = min(max(shifted, -(2 ** (op["bits"] - 1))), 2 ** (op["bits"] - 1) - 1)
    assert op["saturates"] or clamped == shifted
    return clamped


def element(op: dict[str, Any], operands: list[Tensor], output: tuple[int, ...]) -> int:
    """Section 4, one output element."""
    inner = list(itertools.product(*(range(d) for d in op["inner"])))
    reads = [
        [read(tensor, how, output + k) for k in inner] if op["op"] != "lookup" or i == 0 else []
        for i, (tensor, how) in enumerate(zip(operands, op["maps"], strict=True))
    ]
    zeros = [[0 if v is None else v for v in column] for column in reads]
    if op["op"] == "contract":
        bias = zeros[2][0] if len(zeros) == 3 else 0
        return finish(sum(a * b for a, b in zip(zeros[0], zeros[1], strict=True)) + bias, op)
    if op["op"] == "linear":
        weights = [*op["coefficients"], 1]
        return finish(sum(c * x[0] for c, x in zip(weights, zeros, strict=False)), op)
    if op["op"] == "mul":
        return finish(zeros[0][0] * zeros[1][0], op)
    if op["op"] == "reduce_sum":
        return finish(op["multiplier"] * sum(zeros[0]), op)
    if op["op"] == "lookup":
        return operands[1][zeros[0][0] - op["low"]]
    found = [v for column in reads for v in column if v is not None]
    return max(found) if op["op"] == "max" else [*found, op["fill"]][0]


@pytest.mark.parametrize("name", VECTORS)
def test_traces_follow_the_note_step_by_step(name: str) -> None:
    vector = VECTORS[name]
    for case in vector["cases"]:
        made: list[Tensor] = []
        sources = {"input": [flat(v) for v in case["inputs"]], "const": vector["constants"], "op": made}
        for op in vector["graph"]["ops"]:
            operands = [sources[kind][index] for kind, index in op["operands"]]
            points = itertools.product(*(range(d) for d in op["dims"]))
            made.append([element(op, operands, point) for point in points])
        assert made == case["trace"]


@pytest.mark.parametrize("name", VECTORS)
def test_descriptors_follow_the_note_step_by_step(name: str) -> None:
    vector = VECTORS[name]
    kinds = {"input": 0, "const": 1, "op": 2}
    codes = {"contract": 1, "linear": 2, "mul": 3, "reduce_sum": 4, "lookup": 5, "max": 6, "index": 10}

    def u32s(values: list[int]) -> bytes:
        return bytes([len(values)]) + b"".join(v.to_bytes(4, "big") for v in values)

    def i32(value: int) -> bytes:
        return (value % 2**32).to_bytes(4, "big")

    for op, expected in zip(vector["graph"]["ops"], vector["descriptors"], strict=True):
        raw = (
            bytes([codes[op["op"]], 4, op["bits"], op["scale"] % 256]) + u32s(op["dims"]) + bytes([len(op["operands"])])
        )
        raw += b"".join(bytes([kinds[kind]]) + i32(index) for kind, index in op["operands"])
        raw += u32s(op["inner"])
        for how in op["maps"]:
            raw += u32s(how["view"])
            for offset, strides in zip(how["offsets"], how["strides"], strict=True):
                raw += i32(offset) + b"".join(i32(s) for s in strides)
        if op["op"] == "linear":
            raw += bytes([len(op["coefficients"])]) + b"".join(i32(c) for c in op["coefficients"])
        raw += b"".join(i32(op[field]) for field in ("multiplier", "low", "fill") if field in op)
        raw += bytes([op["shift"], op["saturates"]]) if "shift" in op else b""
        assert raw.hex() == expected
