"""Input files and real values: every shape that people have them in, and one clear refusal for the rest."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.errors import InputError
from circuits.program import input_file
from circuits.program.graph import Program
from circuits.program.input_file import read_inputs
from circuits.program.interpreter import run
from circuits.program.ops import Linear
from circuits.program.refs import AffineMap, Output, Port, Ref, Source
from circuits.program.values import outputs_document, quantize_clamped, quantize_input, real_values

MAPS = (AffineMap((2, 2), (0, 0), ((1, 0), (0, 1))), AffineMap.broadcast((2,), (2, 2)))
OP = Linear((Ref(Source.INPUT, 0), Ref(Source.INPUT, 1)), MAPS, (2, 2), (), 18, 4, 0, False, (1, 1))
PROGRAM = Program(
    (Port("a", (1, 2, 2), 16, (4,)), Port("b", (2,), 8, (4, 0))),
    (),
    (OP,),
    (Output(Ref(Source.OP, 0), Port("y", (2, 2), 18, (4,))),),
)


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    "document",
    [
        {"input_data": [[1, -0.5, 0.25, 2], [1.5, -7]]},
        {"input_data": [[[[1, -0.5], [0.25, 2]]], [1.5, -7]]},
        {"inputs": {"b": [1.5, -7], "a": [[1, -0.5], [0.25, 2]]}},
        {"integers": {"a": [16, -8, 4, 32], "b": [24, -7]}},
        {"integers": {"a": [[[16, -8], [4, 32]]], "b": [24, -7]}},
    ],
)
def test_reads_every_json_form(document: Any, tmp_path: Path) -> None:
    a, b = read_inputs(written(tmp_path / "in.json", document), PROGRAM)
    assert a.tolist() == [[[16, -8], [4, 32]]]
    assert b.tolist() == [24, -7]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_reads_npz_by_name(dtype: type, tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", b=np.array([1.5, -7], dtype), a=np.array([[[1, -0.5], [0.25, 2]]], dtype))
    a, b = read_inputs(tmp_path / "in.npz", PROGRAM)
    assert (a.reshape(-1).tolist(), b.tolist()) == ([16, -8, 4, 32], [24, -7])


GOOD = [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", "input_unreadable"),
        ("{", "input_unreadable"),
        ("[" * 100_000, "input_unreadable"),
        ([], "input_malformed"),
        ({}, "input_malformed"),
        ({"input_data": GOOD}, "input_malformed"),
        ({"input_data": [GOOD]}, "input_malformed"),
        ({"input_data": [GOOD, [1, 2], [3]]}, "input_malformed"),
        ({"input_data": [GOOD, [1, 2]], "inputs": {}}, "input_malformed"),
        ({"input_data": [GOOD, [1, 2]], "more": 1}, "input_malformed"),
        ({"inputs": [GOOD, [1, 2]]}, "input_malformed"),
        ({"inputs": {"a": GOOD}}, "input_wrong_names"),
        ({"inputs": {"a": GOOD, "b": [1, 2], "c": [1]}}, "input_wrong_names"),
        ({"inputs": {"a": GOOD, "b": [1, 2, 3]}}, "input_wrong_shape"),
        ({"inputs": {"a": GOOD[:3], "b": [1, 2]}}, "input_wrong_shape"),
        ({"inputs": {"a": [GOOD], "b": [1, 2]}}, "input_wrong_shape"),
        ({"inputs": {"a": [[1, 2], [3]], "b": [1, 2]}}, "input_malformed"),
        ({"inputs": {"a": GOOD, "b": [1, "2"]}}, "input_malformed"),
        ({"inputs": {"a": GOOD, "b": [1, True]}}, "input_malformed"),
        ({"inputs": {"a": GOOD, "b": [1, None]}}, "input_malformed"),
        ({"inputs": {"a": GOOD, "b": {"c": 1}}}, "input_malformed"),
        ('{"inputs": {"a": [1, 2, 3, NaN], "b": [1, 2]}}', "input_not_finite"),
        ('{"inputs": {"a": [1, 2, 3, 1e400], "b": [1, 2]}}', "input_not_finite"),
        ({"inputs": {"a": GOOD, "b": [1, 128]}}, "input_out_of_range"),
        ({"inputs": {"a": GOOD, "b": [8, 1]}}, "input_out_of_range"),
        ({"inputs": {"a": GOOD, "b": [1, 10**400]}}, "input_malformed"),
        ({"integers": {"a": GOOD, "b": [1, 128]}}, "input_out_of_range"),
        ({"integers": {"a": GOOD, "b": [1, 1.0]}}, "input_malformed"),
        ({"integers": {"a": GOOD, "b": [1, 10**30]}}, "input_malformed"),
    ],
)
def test_rejects_json_that_is_no_input(document: Any, code: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        read_inputs(written(tmp_path / "in.json", document), PROGRAM)
    assert refusal.value.code == code


def test_rejects_several_samples_and_says_that_one_is_wanted(tmp_path: Path) -> None:
    several = {"a": np.zeros((64, 2, 2)), "b": np.zeros((64, 2))}
    np.savez(tmp_path / "in.npz", **several)
    listed = {"input_data": np.zeros((64, 6)).tolist()}
    for path in (tmp_path / "in.npz", written(tmp_path / "in.json", listed)):
        with pytest.raises(InputError, match="one sample"):
            read_inputs(path, PROGRAM)


def test_rejects_npz_that_is_no_input(tmp_path: Path) -> None:
    def code_of(name: str) -> str:
        with pytest.raises(InputError) as refusal:
            read_inputs(tmp_path / name, PROGRAM)
        return refusal.value.code

    (tmp_path / "junk.npz").write_bytes(b"PK junk")
    np.savez(tmp_path / "pickle.npz", a=np.array([{}], object), b=np.zeros(2))
    np.savez(tmp_path / "text.npz", a=np.array(["x"] * 4), b=np.zeros(2))
    np.savez(tmp_path / "names.npz", a=np.zeros((2, 2)))
    np.savez(tmp_path / "nan.npz", a=np.full((2, 2), np.nan), b=np.zeros(2))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**20, 2**20)})
    with zipfile.ZipFile(tmp_path / "claims.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    codes = {name: code_of(f"{name}.npz") for name in ("junk", "pickle", "text", "names", "nan", "claims")}
    assert codes == {
        "junk": "input_unreadable",
        "pickle": "input_unreadable",
        "text": "input_malformed",
        "names": "input_wrong_names",
        "nan": "input_not_finite",
        "claims": "input_unreadable",
    }


def npy(header: str) -> bytes:
    """An array file of NumPy's with any header."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(16)


def archive_of(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return raw.getvalue()


def encrypted() -> bytes:
    raw = bytearray(archive_of([("a.npy", npy("{}"))]))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


SHAPE = '{"descr":"<f8","fortran_order":False,"shape":(%s,)}'


@pytest.mark.parametrize(
    "raw",
    [
        encrypted(),
        archive_of([("a.npy", npy(SHAPE % 1))], zipfile.ZIP_LZMA),
        archive_of([("a.npy", npy(SHAPE % 1))], zipfile.ZIP_BZIP2),
        archive_of([("a", b"no array")]),
        archive_of([("a.npy", npy("{"))]),
        archive_of([("a.npy", npy(SHAPE % 2**70))]),
        archive_of([("a.npy", npy(SHAPE % "True"))]),
        archive_of([("a.npy", npy(SHAPE % ("-" * 9000 + "1")))]),
        archive_of([("a.npy", npy("{[]:1}"))]),
        archive_of([("a.npy", npy('{1:2,"shape":(1,)}'))]),
        b"\x93NUMPY" + archive_of([("a.npy", b"")]),
    ],
)
def test_rejects_npz_made_to_crash_its_reader(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.npz").write_bytes(raw)
    with pytest.raises(InputError) as refusal:
        read_inputs(tmp_path / "in.npz", PROGRAM)
    assert refusal.value.code == "input_unreadable"


def test_rejects_npz_damaged_anywhere(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "good.npz", b=np.array([1.5, -7]), a=np.zeros((1, 2, 2)))
    good = (tmp_path / "good.npz").read_bytes()
    for position in range(len(good)):
        (tmp_path / "in.npz").write_bytes(good[:position] + bytes([good[position] ^ 0x55]) + good[position + 1 :])
        with contextlib.suppress(InputError):
            read_inputs(tmp_path / "in.npz", PROGRAM)


def test_rejects_npz_that_expands_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "in.npz", a=np.zeros((1, 2, 2)), b=np.zeros(2), bomb=np.zeros(10**6))
    monkeypatch.setattr(input_file, "MAX_FILE_BYTES", 10**6)
    assert (tmp_path / "in.npz").stat().st_size < 10**5
    with pytest.raises(InputError, match="expands"):
        read_inputs(tmp_path / "in.npz", PROGRAM)


@pytest.mark.parametrize("name", ["absent.json", "absent.npz", "input.csv", ""])
def test_rejects_paths_that_are_no_input_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "input.csv").write_text("1,2")
    with pytest.raises(InputError) as refusal:
        read_inputs(tmp_path / name, PROGRAM)
    assert refusal.value.code == "input_unreadable"


def test_rounds_half_up_and_clamps_only_when_asked() -> None:
    port = Port("x", (4,), 8, (1,))
    assert quantize_input(port, [0.25, -0.25, -0.75, 63.5]).tolist() == [1, 0, -1, 127]
    assert quantize_input(port, [-64.25, 0, 0, 0]).tolist() == [-128, 0, 0, 0]
    with pytest.raises(InputError) as refusal:
        quantize_input(port, [0, 0, 63.75, 0])
    assert refusal.value.details["at"] == [2]
    assert "must lie within [-64, 63.5] (8 bits at scale 1); for more, compile the model" in refusal.value.message
    assert quantize_clamped(port, [1e30, -1e30, 0, 0]).tolist() == [127, -128, 0, 0]
    assert real_values(port, np.array([1, -1, 0, 127])).tolist() == [0.5, -0.5, 0, 63.5]


def test_outputs_are_told_as_integers_and_values() -> None:
    inputs = [np.array([[[16, -8], [4, 32]]]), np.array([24, -7])]
    assert outputs_document(PROGRAM, run(PROGRAM, inputs)) == {
        "outputs": {
            "y": {
                "shape": [2, 2],
                "scale_bits": 4,
                "integers": [40, -15, 28, 25],
                "values": [2.5, -0.9375, 1.75, 1.5625],
            }
        }
    }
