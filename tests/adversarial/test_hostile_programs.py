"""A `.program` file from a stranger costs its reader an error, a second of CPU time at most, and bounded memory."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from circuits.program.file import MAX_GRAPH_BYTES
from circuits.program.graph_json import dump_graph
from tests.hostile_files import BASE, Graph, archive, code_within_limits, put, weights, with_graph


def test_the_file_that_the_hostile_ones_start_from_is_accepted(tmp_path: Path) -> None:
    assert code_within_limits(with_graph(tmp_path / "f", lambda graph: None)) == "accepted"


# Archives.


def test_refuses_a_bomb(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "f", b" " * 2**24, b"\0" * 2**28, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 2**20
    assert code_within_limits(bomb) == "program_malformed"


def test_refuses_members_by_other_paths(tmp_path: Path) -> None:
    for name in ("../graph.json", "/etc/graph.json", "graph.json/", "graph.json/../x", "C:\\graph.json", "GRAPH.JSON"):
        with zipfile.ZipFile(tmp_path / "f", "w") as file:
            file.writestr(name, dump_graph(BASE))
            file.writestr("weights.safetensors", weights())
        assert code_within_limits(tmp_path / "f") == "program_malformed", name
    assert sorted(os.listdir(tmp_path)) == ["f"]


def directory_of(count: int) -> bytes:
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    return entry * count


def end(members: int, directory: int) -> bytes:
    return struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, members, members, directory, 0, 0)


def test_refuses_a_directory_of_a_million_members(tmp_path: Path) -> None:
    directory = directory_of(10**6)
    (tmp_path / "many").write_bytes(directory + end(0xFFFF, len(directory)))
    assert code_within_limits(tmp_path / "many") == "program_malformed"
    (tmp_path / "two").write_bytes(directory + end(2, len(directory)))
    assert code_within_limits(tmp_path / "two") == "program_malformed"
    zip64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 10**6, 10**6, len(directory), 0)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(directory), 1)
    (tmp_path / "more").write_bytes(directory + zip64 + locator + end(2, 100))
    assert code_within_limits(tmp_path / "more") == "program_malformed"


def test_refuses_members_that_overlap(tmp_path: Path) -> None:
    raw = bytearray(with_graph(tmp_path / "f", lambda graph: None).read_bytes())
    second = raw.rindex(b"PK\1\2")
    raw[second + 42 : second + 46] = (0).to_bytes(4, "little")  # both at the first member's place
    (tmp_path / "f").write_bytes(raw)
    assert code_within_limits(tmp_path / "f") == "program_unreadable"


def test_refuses_a_graph_over_the_limit_before_reading_it(tmp_path: Path) -> None:
    assert code_within_limits(archive(tmp_path / "f", b" " * (MAX_GRAPH_BYTES + 1), weights())) == "program_too_large"


# JSON.


@pytest.mark.parametrize(
    "text",
    [
        '{"format": ' + "[" * 10**6 + "]" * 10**6 + "}",
        '{"a":' * 10**6 + "0" + "}" * 10**6,
        '{"opset_version": 1' + "0" * 4000 + "}",
        '{"opset_version": 1' + "0" * 10**6 + "}",
        '{"opset_version": 1e999}',
        '{"opset_version": -Infinity}',
        '{"opset_version": NaN}',
        '{"format": "' + "[" * 10**6,
        '{"format": "\\ud800"}',
        '{"format": "\ud800"}',
        "\ufeff{}",
        "[" + "0," * 10**6 + "0]",
        "[" + '"",' * 10**6 + "0]",
        "{" + ",".join(f'"{i}":0' for i in range(10**5)) + "}",
    ],
    ids=range(14),
)
def test_refuses_json_that_is_no_graph(tmp_path: Path, text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    assert code_within_limits(archive(tmp_path / "f", raw, weights())) == "program_malformed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (put("ops", 0, "dims", value=[2**28 + 1]), "program_bad_shape"),
        (put("ops", 0, "dims", value=[2**28, 2**28, 0]), "program_bad_shape"),
        (put("ops", 0, "dims", value=[2**28] * 7 + [0]), "program_bad_shape"),
        (put("ops", 0, "dims", value=[2**62] * 8), "program_bad_shape"),
        (put("ops", 0, "dims", value=[-1]), "program_bad_shape"),
        (put("ops", 0, "dims", value=[1] * 9), "program_bad_shape"),
        (put("ops", 0, "dims", value=[1] * 10**6), "program_bad_shape"),
        (put("ops", 0, "inner", value=[2**36]), "program_bad_shape"),
        (put("ops", 0, "inner", value=[2**28, 2**9]), "program_bad_shape"),
        (put("ops", 0, "inner", value=[0, 2**28, 2**9]), "program_bad_shape"),
        (put("ops", 0, "maps", 0, "view", value=[2**28, 2**28]), "program_bad_shape"),
        (put("ops", 0, "maps", 0, "offsets", value=[2**31, 0]), "program_bad_attribute"),
        (put("ops", 0, "maps", 0, "offsets", value=[2**31 - 1, 2**31 - 1]), "program_bad_map"),
        (put("ops", 0, "operands", value=[["input", 0]] * 10**5), "program_bad_shape"),
        (put("ops", 0, "operands", 0, value=["input", 2**32]), "program_malformed"),
        (put("ops", value=[{}] * (2**16 + 1)), "program_malformed"),
        (put("ops", 0, "shift", value=10**30), "program_malformed"),
        (put("ops", 0, "bits", value=2**62), "program_bad_bits"),
        (put("inputs", 0, "dims", value=[2**28, 2**28, 0]), "program_bad_shape"),
        (put("inputs", 0, "scales", value=[0] * 10**6), "program_bad_port"),
        (put("inputs", 0, "scales", value=[]), "program_bad_port"),
        (put("inputs", 0, "name", value="x" * 10**6), "program_bad_name"),
        (put("inputs", 0, "name", value="\x1b[2J"), "program_bad_name"),
        (put("inputs", 0, "name", value="\ud800"), "program_bad_name"),
        (put("inputs", 0, "labels", value=["a"]), "program_bad_port"),
        (put("constants", 0, "name", value="\x1b[2J"), "program_bad_name"),
        (put("outputs", 0, "port", "labels", value=["a"] * (2**16 + 1)), "program_bad_port"),
        (put("outputs", 0, "port", "labels", value=["\r\n"]), "program_bad_name"),
        (put("outputs", 0, "port", "labels", value=["a" * 257]), "program_bad_name"),
        (put("outputs", 0, "port", "labels", value=["a"]), "program_bad_port"),
        (put("outputs", 0, "port", "labels", value=[]), "program_malformed"),
        (put("outputs", 0, "port", "labels", value=[1]), "program_malformed"),
        (put("outputs", value=[]), "program_bad_port"),
    ],
)
def test_refuses_graphs(tmp_path: Path, change: Callable[[Graph], None], code: str) -> None:
    assert code_within_limits(with_graph(tmp_path / "f", change)) == code


def test_refuses_absurd_counts(tmp_path: Path) -> None:
    def many(field: str, count: int) -> Callable[[Graph], None]:
        return lambda graph: graph[field].extend(graph[field][-1:] * count)

    assert code_within_limits(with_graph(tmp_path / "f", many("inputs", 255))) == "program_bad_port"
    assert code_within_limits(with_graph(tmp_path / "f", many("outputs", 255))) == "program_bad_port"
    assert code_within_limits(with_graph(tmp_path / "f", many("constants", 2**16))) == "program_malformed"


# Work: few bytes that ask for many reads.


def test_refuses_a_contraction_that_reads_a_small_constant_over_and_over(tmp_path: Path) -> None:
    def change(graph: Graph) -> None:
        op = graph["ops"][0]
        op["dims"], op["inner"], op["operands"] = [2**14], [2**14], op["operands"][:2]
        nowhere, both = {"view": [3], "offsets": [0], "strides": [[0, 0]]}, [[1, 1]]
        op["maps"] = [nowhere, {"view": [9], "offsets": [0], "strides": both}]

    assert code_within_limits(with_graph(tmp_path / "f", change)) == "program_too_large"


def test_reads_as_much_as_it_may_within_its_memory(tmp_path: Path) -> None:
    def change(graph: Graph) -> None:
        op = graph["ops"][0]
        op["dims"], op["inner"], op["operands"] = [2**11, 2**12 - 8], [], op["operands"][:2]
        nowhere = {"view": [3], "offsets": [0], "strides": [[0, 0]]}
        op["maps"] = [nowhere, {"view": [9], "offsets": [0], "strides": [[1, 1]]}]
        op["saturates"] = False  # which is found to be wrong once the range is known

    assert code_within_limits(with_graph(tmp_path / "f", change)) == "program_bad_attribute"


@pytest.mark.parametrize("kind", ["max", "argmax"])
def test_refuses_a_maximum_over_more_points_than_it_may_look_at(tmp_path: Path, kind: str) -> None:
    def change(graph: Graph) -> None:
        op = {field: graph["ops"][1][field] for field in ("bits", "scale")}
        op |= {"op": kind, "dims": [2**14], "inner": [2**14], "operands": [["input", 0]]}
        op["maps"] = [{"view": [3], "offsets": [-(2**14)], "strides": [[1, 1]]}]
        graph["ops"] = [op]

    assert code_within_limits(with_graph(tmp_path / "f", change)) == "program_too_large"


def test_refuses_many_ops_that_together_read_too_much(tmp_path: Path) -> None:
    def change(graph: Graph) -> None:
        first = graph["ops"][0]
        first["operands"] = first["operands"][:2]
        first["dims"], first["inner"], first["saturates"], first["bits"] = [2**11], [2**11], True, 8
        first["shift"] = 0
        nowhere = {"view": [3], "offsets": [0], "strides": [[0, 0]]}
        graph["ops"] = [
            first | {"maps": [nowhere, {"view": [9], "offsets": [-offset], "strides": [[1, 1]]}]}
            for offset in range(100)
        ]

    assert code_within_limits(with_graph(tmp_path / "f", change)) == "program_too_large"


# Weights.


def header(entries: object, data: bytes = b"") -> bytes:
    raw = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def tensor(*shape: int, offsets: tuple[int, int] = (0, 0), dtype: str = "I32") -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ((2**63).to_bytes(8, "little"), "program_malformed"),
        ((2**23 + 1).to_bytes(8, "little") + b" " * (2**23 + 1), "program_malformed"),
        (header({"0": tensor(0, 2**61)}), "program_bad_shape"),
        (header({"0": tensor(0, 2**62, 2**62)}), "program_bad_shape"),
        (header({"0": tensor(2**40)}), "program_malformed"),
        (header({"0": tensor(2**62, 4)}), "program_malformed"),
        (header({"0": tensor(1, offsets=(0, 2**40))}), "program_malformed"),
        (header({"0": tensor(1, offsets=(4, 0))}, b"\0" * 4), "program_malformed"),
        (header({"0": tensor(1, offsets=(0, 4)), "1": tensor(1, offsets=(0, 4))}, b"\0" * 4), "program_malformed"),
        (header({"0": tensor(1, offsets=(0, 8), dtype="F64")}, b"\0" * 8), "program_malformed"),
        (header({"0": tensor(1, offsets=(0, 1), dtype="BOOL")}, b"\0"), "program_malformed"),
        (header({str(i): tensor(0) for i in range(70_000)}), "program_malformed"),
        (header(b"[" * 10**6), "program_malformed"),
        (header({"__metadata__": {"x": "y" * 10**6}}), "program_malformed"),
    ],
    ids=range(14),
)
def test_refuses_weights(tmp_path: Path, raw: bytes, code: str) -> None:
    assert code_within_limits(archive(tmp_path / "f", dump_graph(BASE), raw)) == code
