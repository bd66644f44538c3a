"""Input files: one sample, in real numbers as people have them, or in the program's own integers.

A `.json` file is `{"input_data": [[...], ...]}` (one list an input, flat or nested, in graph order), or
`{"inputs": {name: [...]}}`, or, with integers that are already at the port's scale, `{"integers": {name: [...]}}`. A
`.npz` file has an array for each input, by name.
"""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits import strict_json
from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.program.interpreter import check_inputs
from circuits.program.refs import Port
from circuits.program.values import quantize_input
from circuits.statement import MAX_RANK

Integers = npt.NDArray[np.int64]

MAX_FILE_BYTES = 2**30
ENCRYPTED = 1
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises for damage, and NumPy for a header that is no header (it evaluates a Python literal).
HOSTILE_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    EOFError,
    LookupError,
    MemoryError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
KINDS = ("input_data", "inputs", "integers")


def read_inputs(path: str | os.PathLike[str], program: Program) -> list[Integers]:
    """The integers of every input of `program`, in graph order.

    Raises InputError: `input_unreadable`, `input_malformed`, `input_wrong_names`, `input_wrong_shape`,
    `input_not_finite`, `input_out_of_range`.
    """
    file = Path(path)
    try:
        if file.exists() and not file.is_file():  # a pipe would never answer
            raise _unreadable(file, "it is no file")
        if file.stat().st_size > MAX_FILE_BYTES:
            raise _unreadable(file, f"it is larger than {MAX_FILE_BYTES} bytes")
        if file.suffix == ".npz":
            inputs = _from_arrays(read_npz(file), program)
        elif file.suffix == ".json":
            inputs = _from_document(_read_json(file), program)
        else:
            raise _unreadable(file, "an input file is .json or .npz")
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error)) from error
    check_inputs(program.inputs, inputs)
    return inputs


def _unreadable(path: Path, why: object) -> InputError:
    return InputError("input_unreadable", f"{path} cannot be read as an input: {why}", path=str(path))


def malformed(problem: str, **details: Any) -> InputError:
    return InputError("input_malformed", f"the input {problem}", **details)


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file that anybody may have made: nothing is unpickled, sizes are checked before expanding."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(path, members)
            return {member.filename.removesuffix(".npy"): _read_array(archive, member) for member in members}
    except OSError as error:
        raise _unreadable(path, error.strerror or error) from error
    except HOSTILE_ARCHIVE as error:
        raise _unreadable(path, error) from error


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if len(set(names)) != len(names) or not all(name.endswith(".npy") for name in names):
        raise _unreadable(path, "it is no archive of arrays by name")
    if any(member.flag_bits & ENCRYPTED or member.compress_type not in COMPRESSIONS for member in members):
        raise _unreadable(path, "its arrays are encrypted, or compressed as NumPy never does")
    total = sum(member.file_size for member in members)
    if total > MAX_FILE_BYTES:
        raise _unreadable(path, f"it expands to {total} bytes, at most {MAX_FILE_BYTES}")


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """Not by `np.load`, which decides by the file's first bytes whether it is an archive at all."""
    with archive.open(member) as file:
        array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return array


def _read_json(path: Path) -> Any:
    try:
        return strict_json.parse(path.read_bytes())
    except ValueError as error:
        raise _unreadable(path, error) from error


def _from_arrays(arrays: Mapping[str, npt.NDArray[Any]], program: Program) -> list[Integers]:
    _check_names(arrays, program)
    for port in program.inputs:
        values = arrays[port.name]
        if values.dtype.kind not in ("fiub" if _holds_truth(port) else "fiu"):
            raise malformed(f"{port.name!r} is an array of {values.dtype}, not of numbers", input=port.name)
    return [quantize_input(port, arrays[port.name]) for port in program.inputs]


def _from_document(document: Any, program: Program) -> list[Integers]:
    found = [kind for kind in KINDS if isinstance(document, dict) and kind in document]
    if len(found) != 1 or len(document) != 1:
        raise malformed(f"must be an object with exactly one of {', '.join(KINDS)}")
    given = document[found[0]]
    if found[0] == "input_data":
        if not isinstance(given, list) or len(given) != len(program.inputs):
            lists = f"a list of {len(program.inputs)} list(s), one for each input"
            raise malformed(f"'input_data' must be {lists}: a file holds one sample")
        given = {port.name: values for port, values in zip(program.inputs, given, strict=True)}
    if not isinstance(given, dict):
        raise malformed(f"{found[0]!r} must be an object of input names")
    _check_names(given, program)
    parse: Callable[[Port, Any], Integers] = _integers if found[0] == "integers" else _reals
    return [parse(port, given[port.name]) for port in program.inputs]


def _check_names(given: Mapping[str, Any], program: Program) -> None:
    names = [port.name for port in program.inputs]
    if set(given) != set(names):
        raise InputError(
            "input_wrong_names",
            f"the program's inputs are {', '.join(names)}; given are {', '.join(sorted(given)) or 'none'}",
            expected=names,
            got=sorted(given),
        )


def _holds_truth(port: Port) -> bool:
    """A port of whole numbers may stand for truth values, 1 and 0."""
    return set(port.scales) == {0}


def _check_numbers(port: Port, value: Any, integers: bool, depth: int = 0) -> None:
    """Nested lists of JSON numbers, and nothing else: "1" is not 1, and true is 1 only for a port of whole numbers."""
    if isinstance(value, list) and depth < MAX_RANK:
        for item in value:
            _check_numbers(port, item, integers, depth + 1)
    elif isinstance(value, bool):
        if not _holds_truth(port):
            raise malformed(f"{port.name!r} holds {str(value).lower()}, and it is no truth value", input=port.name)
    elif not isinstance(value, int if integers else (int, float)):
        kind = "integers" if integers else "numbers"
        raise malformed(f"{port.name!r} must be nested lists of {kind}", input=port.name)


def _shaped(port: Port, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A flat list counts as the port's shape if it has as many elements."""
    return array.reshape(port.dims) if array.ndim == 1 and array.size == math.prod(port.dims) else array


def _array(port: Port, value: Any, dtype: type[np.float64] | type[np.int64]) -> npt.NDArray[Any]:
    try:
        return _shaped(port, np.asarray(value, dtype))
    except (ValueError, OverflowError) as error:
        raise malformed(f"{port.name!r} is no regular array: {error}", input=port.name) from error


def _reals(port: Port, value: Any) -> Integers:
    _check_numbers(port, value, integers=False)
    return quantize_input(port, _array(port, value, np.float64))


def _integers(port: Port, value: Any) -> Integers:
    _check_numbers(port, value, integers=True)
    return _array(port, value, np.int64)
