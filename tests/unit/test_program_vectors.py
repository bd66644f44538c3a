"""docs/protocol/program.md: the vectors are current, and a second reading of the note in plain Python agrees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from circuits.program.ops import Opcode
from tests import second_reading
from tests.vectors import make_program

VECTORS: dict[str, Any] = json.loads(make_program.PATH.read_text(encoding="utf-8"))


def test_committed_vectors_are_what_the_script_writes() -> None:
    assert make_program.PATH.read_text(encoding="utf-8") == make_program.text()


def test_vectors_show_every_op() -> None:
    shown = {op["op"] for vector in VECTORS.values() for op in vector["graph"]["ops"]}
    assert shown == {opcode.name.lower() for opcode in Opcode}
    assert {opcode.name.lower(): int(opcode) for opcode in Opcode} == second_reading.OPCODES


@pytest.mark.parametrize("name", VECTORS)
def test_traces_follow_the_note_step_by_step(name: str) -> None:
    vector = VECTORS[name]
    for case in vector["cases"]:
        inputs = [second_reading.flat(v) for v in case["inputs"]]
        assert second_reading.trace(vector["graph"], vector["constants"], inputs) == case["trace"]


@pytest.mark.parametrize("name", VECTORS)
def test_ranges_follow_the_note_step_by_step(name: str) -> None:
    vector = VECTORS[name]
    assert [list(r) for r in second_reading.ranges(vector["graph"], vector["constants"])] == vector["ranges"]


@pytest.mark.parametrize("name", VECTORS)
def test_descriptors_follow_the_note_step_by_step(name: str) -> None:
    vector = VECTORS[name]
    assert [second_reading.descriptor(op).hex() for op in vector["graph"]["ops"]] == vector["descriptors"]
