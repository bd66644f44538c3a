"""`circuits.quantize` as a `ports.Compiler`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from circuits.errors import InputError
from circuits.program.graph import Program
from prover.service.adapters.ports import CompileRequest


class OnnxCompiler:
    """Compiles an upload with the options that the API offers, and the others' defaults."""

    def compile(self, request: CompileRequest) -> tuple[Program, dict[str, Any]]:
        # Seconds of imports (onnxruntime), for processes that never compile.
        from circuits.quantize import CompileOptions, compile_model

        calibration = _read_npz(request.calibration) if request.calibration else None
        options = CompileOptions(bits=request.bits, weight_bits=request.weight_bits)
        program, report = compile_model(request.onnx, calibration, options)
        return program, report.as_dict()


def _read_npz(path: Path) -> dict[str, Any]:
    """Arrays by name; nothing in the file is executed."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            if not isinstance(stored, np.lib.npyio.NpzFile):
                raise ValueError("a single array, not an .npz archive")
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError("calibration_unreadable", f"the calibration file is no .npz of arrays: {error}") from error
