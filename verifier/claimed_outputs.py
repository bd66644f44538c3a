"""The file that `verify --output` reads: outputs as a verb printed them with `--json`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits import strict_json
from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.program.refs import Port
from circuits.program.values import outputs_document
from verifier.errors import VerificationError

MAX_FILE_BYTES = 1 << 28

# Beside the integers: not needed, but where a file has it, it is what its reader relies on.
MEANINGS = ("shape", "scale_bits", "values", "labels")


def claimed_outputs(path: Path, program: Program) -> list[npt.NDArray[np.int64]]:
    """The integers of every output. Raises InputError `output_unreadable`, and VerificationError `output_differs` for a
    file whose integers stand for something else than it says."""
    claimed = _by_name(path, program)
    outputs = [_integers(path, claimed.get(output.port.name), output.port) for output in program.outputs]
    for name, expected in outputs_document(program, outputs)["outputs"].items():
        for field in MEANINGS:
            if field in claimed[name] and _flat(claimed[name][field]) != _flat(expected.get(field)):
                message = f"{path} contradicts itself: the {field} of its output {name!r} are not those of its integers"
                raise VerificationError("output_differs", message, path=str(path), output=name, field=field)
    return outputs


def _by_name(path: Path, program: Program) -> dict[str, Any]:
    """An object, but for what `verify` prints without a program: a list in the program's order."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise _no_outputs(path, f"it is over {MAX_FILE_BYTES} bytes")
        document = strict_json.parse(raw)
    except OSError as error:
        raise InputError("output_unreadable", f"cannot read {path}: {error.strerror}", path=str(path)) from error
    except ValueError:
        raise _no_outputs(path, "it is no JSON") from None
    claimed = document.get("outputs") if isinstance(document, dict) else None
    names = [output.port.name for output in program.outputs]
    if isinstance(claimed, list):
        if len(claimed) != len(names):
            raise _no_outputs(path, f"its list has {len(claimed)} outputs, the program {len(names)}")
        named = [each["name"] for each in claimed if isinstance(each, dict) and "name" in each]
        if named not in ([], names):
            raise _no_outputs(path, f"its list is of other outputs than the program's: {', '.join(names)[:200]}")
        claimed = dict(zip(names, claimed, strict=True))
    if not isinstance(claimed, dict):
        raise _no_outputs(path, "it has no object 'outputs'")
    for name in claimed.keys() - set(names):
        raise _no_outputs(path, f"the program has no output {name[:64]!r}")
    return claimed


def _integers(path: Path, output: Any, port: Port) -> npt.NDArray[np.int64]:
    """What the file says of one output; a number with a fraction is not rounded to an integer."""
    try:
        array = np.array(output["integers"], object).reshape(port.dims)
        if not all(type(element) is int and -(2**31) <= element < 2**31 for element in array.flat):
            raise ValueError("not all elements are integers of 4 bytes")
        return array.astype(np.int64)
    except (ValueError, KeyError, TypeError):
        why = f"its output {port.name!r} needs the {math.prod(port.dims)} 'integers' of shape {list(port.dims)}"
        raise _no_outputs(path, why) from None


def _flat(meaning: Any) -> list[Any]:
    """As the integers may be nested, so may be what they stand for."""
    return [leaf for part in meaning for leaf in _flat(part)] if isinstance(meaning, list) else [meaning]


def _no_outputs(path: Path, why: str) -> InputError:
    message = f"{path} does not hold this program's outputs as `model run --json` prints them: {why}"
    return InputError("output_unreadable", message, path=str(path))
