"""The `.program` file (docs/protocol/program.md section 7). Reading one executes nothing and believes nothing."""

from __future__ import annotations

import os
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as save_tensors

from circuits.program.errors import ProgramError
from circuits.program.graph import Program
from circuits.program.graph_json import Tensors, dump_graph, malformed, parse_graph
from circuits.program.limits import MAX_OPS, require_dims
from circuits.program.validate import validate

MEMBERS = ("graph.json", "weights.safetensors")
MAX_GRAPH_BYTES = 2**23
MAX_WEIGHTS_BYTES = 2**31
MAX_HEADER_BYTES = 2**23
MAX_DIRECTORY_BYTES = 2**12
ENCRYPTED = 1
# The end of a zip archive: signature, two disk numbers, members (twice), bytes and offset of their directory, comment.
ARCHIVE_END = struct.Struct("<4s4HIIH")
ZIP64_LOCATOR = struct.Struct("<4s16s")
# An ONNX model says its version of the format first, then another of its fields 2 to 8.
ONNX_VERSION = b"\x08"
ONNX_NEXT = (b"\x12", b"\x1a", b"\x22", b"\x28", b"\x32", b"\x3a", b"\x42")
DTYPES: dict[str, np.dtype[np.signedinteger[Any]]] = {"I32": np.dtype("<i4"), "I64": np.dtype("<i8")}


def save_program(program: Program, path: str | os.PathLike[str]) -> None:
    """Writes a valid program; equal programs give equal bytes, and `path` is never left half-written."""
    validate(program)
    arrays = {str(i): c.values.astype(f"<i{c.width}") for i, c in enumerate(program.constants)}
    contents = (dump_graph(program), save_tensors(arrays))
    for name, data, limit in zip(MEMBERS, contents, (MAX_GRAPH_BYTES, MAX_WEIGHTS_BYTES), strict=True):
        _check_size(name, len(data), limit)
    target = Path(path)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for name, data in zip(MEMBERS, contents, strict=True):
                    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
            file.close()
            Path(file.name).chmod(0o644)
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def load_program(path: str | os.PathLike[str]) -> Program:
    """Reads and validates a program, from a file that anybody may have made.

    Raises ProgramError: `program_unreadable` (no such file, no such archive), `program_malformed` (an archive of
    something else), or what `validate` says about its contents.
    """
    graph, weights = _read_members(Path(path))
    program = parse_graph(graph, _parse_tensors(weights))
    validate(program)
    return program


def _read_members(path: Path) -> tuple[bytes, bytes]:
    try:
        if path.exists() and not path.is_file():  # a pipe would never answer
            raise ProgramError("program_unreadable", f"{path} is no file", path=str(path))
        with path.open("rb") as file:
            _check_end(path, file)
            archive = zipfile.ZipFile(file)
            _check_members(path, archive.infolist())
            return archive.read(MEMBERS[0]), archive.read(MEMBERS[1])
    except OSError as error:
        raise ProgramError("program_unreadable", f"{path} cannot be read: {error.strerror}", path=str(path)) from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise ProgramError("program_unreadable", f"{path} is no program file: {error}", path=str(path)) from error


def _check_end(path: Path, file: BinaryIO) -> None:
    """The archive says that it has two members: zipfile would read a directory of millions into memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - ARCHIVE_END.size - ZIP64_LOCATOR.size))
    tail = file.read()
    end = tail[-ARCHIVE_END.size :]
    if len(end) < ARCHIVE_END.size or not end.startswith(b"PK\5\6") or not end.endswith(b"\0\0"):
        raise zipfile.BadZipFile(_what_it_is(file))
    _, _, _, _, members, directory_bytes, _, _ = ARCHIVE_END.unpack(end)
    if members != len(MEMBERS) or directory_bytes > MAX_DIRECTORY_BYTES or tail.startswith(b"PK\6\7"):
        raise malformed(str(path), f"the archive has {members} members, {len(MEMBERS)} are needed")


def _what_it_is(file: BinaryIO) -> str:
    """Of a file that is no archive: what else it begins like."""
    file.seek(0)
    head = file.read(64)
    if head[:1] == ONNX_VERSION and head[2:3] in ONNX_NEXT:
        return "it is an ONNX model, of which `inferproof model compile` makes a program"
    if head.lstrip()[:1] in (b"{", b"["):
        return "it is JSON; where a verb takes both, the program comes before its input"
    return "it does not end as a zip archive without a comment does"


def _check_size(name: str, size: int, limit: int) -> None:
    if size > limit:
        raise ProgramError("program_too_large", f"{name} has {size} bytes, at most {limit}", bytes=size, limit=limit)


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Exactly the two members, stored as they are, so that nothing can be larger than the file itself."""
    if tuple(member.filename for member in members) != MEMBERS:
        raise malformed(str(path), f"the archive's members must be {' and '.join(MEMBERS)}, in this order")
    for member, limit in zip(members, (MAX_GRAPH_BYTES, MAX_WEIGHTS_BYTES), strict=True):
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & ENCRYPTED:
            raise malformed(str(path), f"{member.filename} is compressed or encrypted; members are stored as they are")
        _check_size(member.filename, member.file_size, limit)
        if member.compress_size != member.file_size:
            raise malformed(str(path), f"{member.filename} is stored, but in {member.compress_size} bytes")


def _parse_tensors(raw: bytes) -> Tensors:
    """Every tensor by name, still in the width in which it is stored."""
    if int.from_bytes(raw[:8], "little") > MAX_HEADER_BYTES:
        raise malformed("weights.safetensors", f"its header has over {MAX_HEADER_BYTES} bytes")
    try:
        entries = deserialize(raw)  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError) as error:
        raise malformed("weights.safetensors", str(error)) from error
    if len(entries) > MAX_OPS:
        raise malformed("weights.safetensors", f"it holds {len(entries)} tensors, at most {MAX_OPS} are allowed")
    tensors: Tensors = {}
    for name, entry in entries:
        if entry["dtype"] not in DTYPES:
            raise malformed("weights.safetensors", f"tensor {name[:64]!r} is {entry['dtype']}, not I32 or I64")
        require_dims(entry["shape"], f"tensor {name[:64]!r}")
        tensors[name] = np.frombuffer(entry["data"], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors
