"""The `.program` file: equal bytes for equal programs, and one clear refusal for every hostile file."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from circuits.program.errors import ProgramError
from circuits.program.file import load_program, save_program
from circuits.program.graph import Constant, Program
from circuits.program.graph_json import dump_graph
from circuits.program.interpreter import run
from circuits.program.ops import Contract, Index, Linear, Lookup, Max, Mul, ReduceSum
from circuits.program.refs import UNMAPPED, AffineMap, Output, Port, Ref, Source, Visibility
from tests.vectors import golden_edges, golden_layers

FLAT = AffineMap.identity((2,))
SCALAR = AffineMap.broadcast((), (2,))


def op(index: int) -> Ref:
    return Ref(Source.OP, index)


def seven_ops() -> Program:
    """Contract with bias, relu, lookup, square, mean, combination, concatenation."""
    x, const = Ref(Source.INPUT, 0), [Ref(Source.CONST, i) for i in range(4)]
    weights = AffineMap((2, 3), (0, 0), ((1, 0), (0, 1)))
    ops = (
        Contract(
            (x, const[0], const[1]),
            (AffineMap((3,), (0,), ((0, 1),)), weights, AffineMap((2,), (0,), ((1, 0),))),
            (2,), (3,), 8, 4, 4, True,
        ),
        Max((op(0), const[2]), (FLAT, SCALAR), (2,), (), 8, 4),
        Lookup((op(1), const[3]), (FLAT, UNMAPPED), (2,), (), 12, 4, 0),
        Mul((op(2), op(2)), (FLAT, FLAT), (2,), (), 16, 4, 3, False),
        ReduceSum((op(3),), (AffineMap((2,), (0,), ((0, 1),)),), (1,), (2,), 16, 4, 15, False, 2**14),
        Linear((op(4), op(3)), (AffineMap.broadcast((1,), (2,)), FLAT), (2,), (), 18, 4, 0, False, (1, -1)),
        Index((op(5), op(3)), (AffineMap((2,), (1,), ((-1,),)), AffineMap((2,), (-2,), ((1,),))), (5,), (), 18, 4, 7),
    )  # fmt: skip
    constants = (
        Constant("weights", np.array([[1, 2, 3], [-4, 5, -6]]), 4, 0),
        Constant("bias", np.array([1000, -1000]), 8, 0),
        Constant("zero", np.array(0), 4, 0),
        Constant("table", np.arange(128) * 3, 4, 0),
    )
    ports = (Port("x", (3,), 8, (0, 1, 2), Visibility.HASHED),)
    return Program(ports, constants, ops, (Output(op(6), Port("y", (5,), 18, (4,))),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "model.program"
    save_program(seven_ops(), target)
    return target


def code_of(path: Path) -> str:
    with pytest.raises(ProgramError) as refusal:
        load_program(path)
    json.dumps(refusal.value.as_dict())
    return refusal.value.code


def archive(path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name), data, method)
    return path


def parts() -> tuple[dict[str, Any], bytes]:
    program = seven_ops()
    weights = save({str(i): c.values.astype(f"<i{c.width}") for i, c in enumerate(program.constants)})
    return json.loads(dump_graph(program)), weights


def with_graph(path: Path, graph: object) -> Path:
    raw = graph if isinstance(graph, bytes) else json.dumps(graph).encode()
    return archive(path, ("graph.json", raw), ("weights.safetensors", parts()[1]))


def test_a_loaded_program_is_the_saved_one(path: Path) -> None:
    saved, loaded = seven_ops(), load_program(path)
    assert loaded.model_id() == saved.model_id()
    assert (loaded.inputs, loaded.ops, loaded.outputs) == (saved.inputs, saved.ops, saved.outputs)
    values = [np.array([100, -100, 50])]
    assert run(loaded, values)[0].tolist() == run(saved, values)[0].tolist()


@pytest.mark.parametrize("build", [*golden_layers.INPUTS, *golden_edges.INPUTS])
def test_every_golden_program_survives_its_file(build: Callable[[], Program], tmp_path: Path) -> None:
    saved = build()
    save_program(saved, tmp_path / "f")
    loaded = load_program(tmp_path / "f")
    assert (loaded.inputs, loaded.ops, loaded.outputs) == (saved.inputs, saved.ops, saved.outputs)
    assert loaded.model_id() == saved.model_id()


def test_equal_programs_have_equal_bytes(path: Path, tmp_path: Path) -> None:
    save_program(load_program(path), tmp_path / "again.program")
    assert (tmp_path / "again.program").read_bytes() == path.read_bytes()


def test_refused_program_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ProgramError):
        save_program(Program((), (), (), ()), tmp_path / "bad.program")
    assert list(tmp_path.iterdir()) == []


def test_rejects_what_is_no_archive(tmp_path: Path) -> None:
    assert code_of(tmp_path / "absent.program") == "program_unreadable"
    assert code_of(tmp_path) == "program_unreadable"
    for content in (b"", b"\0" * 100, b"PK\x05\x06"):
        (tmp_path / "junk").write_bytes(content)
        assert code_of(tmp_path / "junk") == "program_unreadable"


def test_rejects_every_truncation(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        (tmp_path / "cut").write_bytes(whole[:length])
        assert code_of(tmp_path / "cut") in ("program_unreadable", "program_malformed")


def test_never_crashes_on_a_flipped_byte(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    original = load_program(path).model_id()
    for position in range(0, len(whole), 13):
        (tmp_path / "bent").write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        with contextlib.suppress(ProgramError):  # anything else would fail the test
            assert load_program(tmp_path / "bent").model_id() == original  # a date or an attribute of the archive


def test_rejects_compressed_members_whatever_they_expand_to(tmp_path: Path) -> None:
    bomb = archive(
        tmp_path / "bomb",
        ("graph.json", b" " * 10_000_000),
        ("weights.safetensors", b"\0" * 10_000_000),
        method=zipfile.ZIP_DEFLATED,
    )
    assert bomb.stat().st_size < 100_000
    assert code_of(bomb) == "program_malformed"


def test_rejects_a_member_that_claims_more_than_the_file_holds(tmp_path: Path, path: Path) -> None:
    raw = bytearray(path.read_bytes())
    entry = raw.rindex(b"PK\x01\x02")  # weights.safetensors in the central directory: both sizes at offset 20
    raw[entry + 20 : entry + 28] = (2**30).to_bytes(4, "little") * 2
    (tmp_path / "claims").write_bytes(raw)
    assert code_of(tmp_path / "claims") == "program_unreadable"
    raw[entry + 20 : entry + 28] = (2**32 - 2).to_bytes(4, "little") * 2
    (tmp_path / "claims").write_bytes(raw)
    assert code_of(tmp_path / "claims") == "program_too_large"


@pytest.mark.parametrize(
    "names",
    [
        ["graph.json"],
        ["graph.json", "weights.safetensors", "more.txt"],
        ["../graph.json", "weights.safetensors"],
        ["/graph.json", "weights.safetensors"],
        ["weights.safetensors", "graph.json"],
        ["graph.json", "graph.json"],
    ],
)
def test_rejects_other_members(tmp_path: Path, names: list[str]) -> None:
    graph, weights = parts()
    contents = {"weights.safetensors": weights}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's, about a name given twice
        file = archive(tmp_path / "f", *((n, contents.get(n, json.dumps(graph).encode())) for n in names))
    assert code_of(file) == "program_malformed"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"format": NaN}',
        b'{"format": "inferproof-program/1", "format": "inferproof-program/1"}',
    ],
)
def test_rejects_graphs_that_are_no_json_object(tmp_path: Path, raw: bytes) -> None:
    assert code_of(with_graph(tmp_path / "f", raw)) == "program_malformed"


def change_to(*path: str | int, value: object) -> Any:
    def change(graph: dict[str, Any]) -> None:
        place: Any = graph
        for step in path[:-1]:
            place = place[step]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (change_to("format", value="inferproof-program/2"), "program_malformed"),
        (change_to("opset_version", value=2), "program_malformed"),
        (change_to("extra", value=1), "program_malformed"),
        (change_to("ops", value=None), "program_malformed"),
        (change_to("ops", value={}), "program_malformed"),
        (change_to("ops", 0, "op", value="exec"), "program_malformed"),
        (change_to("ops", 0, "op", value=1), "program_malformed"),
        (change_to("ops", 0, "shift", value=None), "program_malformed"),
        (change_to("ops", 0, "shift", value=True), "program_malformed"),
        (change_to("ops", 0, "shift", value=2.0), "program_malformed"),
        (change_to("ops", 0, "shift", value="2"), "program_malformed"),
        (change_to("ops", 0, "shift", value=10**30), "program_malformed"),
        (change_to("ops", 0, "shift", value=-1), "program_bad_attribute"),
        (change_to("ops", 0, "saturates", value=1), "program_malformed"),
        (change_to("ops", 0, "saturates", value=False), "program_bad_attribute"),
        (change_to("ops", 0, "low", value=1), "program_malformed"),
        (change_to("ops", 0, "operands", 0, value=["input", -1]), "program_malformed"),
        (change_to("ops", 0, "operands", 0, value=["file", 0]), "program_malformed"),
        (change_to("ops", 0, "operands", 0, value=["input"]), "program_malformed"),
        (change_to("ops", 0, "operands", 0, value=["op", 0]), "program_bad_reference"),
        (change_to("ops", 0, "maps", 0, "strides", 0, 0, value=[1]), "program_malformed"),
        (change_to("ops", 0, "maps", 0, "strides", 0, 0, value=2**31 - 1), "program_bad_map"),
        (change_to("ops", 0, "dims", value=[2**20, 2**20, 2**20]), "program_bad_shape"),
        (change_to("ops", 0, "inner", value=[2**62, 2**62]), "program_bad_shape"),
        (change_to("ops", 0, "scale", value=1000), "program_bad_attribute"),
        (change_to("inputs", 0, "visibility", value="secret"), "program_malformed"),
        (change_to("inputs", 0, "dims", value=[2**40]), "program_bad_shape"),
        (change_to("inputs", 0, "name", value=""), "program_bad_port"),
        (change_to("outputs", 0, "ref", value=["op", 99]), "program_bad_reference"),
        (change_to("constants", 0, value=None), "program_malformed"),
        (change_to("constants", 0, "width", value=8), "program_malformed"),
    ],
)
def test_rejects_graph_fields(tmp_path: Path, change: Any, code: str) -> None:
    graph, _ = parts()
    change(graph)
    assert code_of(with_graph(tmp_path / "f", graph)) == code


def tensors(**replaced: np.ndarray) -> bytes:
    stored = {str(i): c.values.astype(f"<i{c.width}") for i, c in enumerate(seven_ops().constants)}
    return save(stored | {name.strip("_"): values for name, values in replaced.items()})


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        (b"", "program_malformed"),
        (b"\xff" * 64, "program_malformed"),
        ((2**40).to_bytes(8, "little") + b"{}", "program_malformed"),
        (tensors() + b"\0", "program_malformed"),
        (tensors(_0=np.zeros((2, 3), np.float32)), "program_malformed"),
        (tensors(_0=np.zeros((2, 3), np.int64)), "program_malformed"),
        (tensors(_4=np.zeros(1, np.int32)), "program_malformed"),
        (tensors(_0=np.zeros((2, 0), np.int32)), "program_bad_map"),
        (tensors(_0=np.zeros((7,), np.int32)), "program_bad_map"),
        (tensors(_1=np.array([2**62, 0])), "program_bad_constant"),
    ],
)
def test_rejects_weights(tmp_path: Path, weights: bytes, code: str) -> None:
    raw = json.dumps(parts()[0]).encode()
    assert code_of(archive(tmp_path / "f", ("graph.json", raw), ("weights.safetensors", weights))) == code


def test_reads_from_the_path_only_what_the_archive_says(path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as file:
        assert [(m.filename, m.compress_type, m.date_time) for m in file.infolist()] == [
            ("graph.json", zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0)),
            ("weights.safetensors", zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0)),
        ]
