"""`circuits.quantize` as a `ports.Compiler`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.program.input_file import read_npz
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
    """Arrays by name; nothing in the file is executed, and its size is bounded before it is expanded."""
    try:
        return read_npz(path)
    except InputError as error:
        raise InputError("calibration_unreadable", f"the calibration file is no .npz of arrays: {error}") from error
