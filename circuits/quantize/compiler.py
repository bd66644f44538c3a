"""An ONNX file and calibration data in, a program and what it cost in accuracy out."""

from __future__ import annotations

import os

from circuits.errors import InferproofError
from circuits.program.graph import Program
from circuits.quantize.calibration import Data
from circuits.quantize.options import CompileOptions
from circuits.quantize.prepared import PreparedModel, Progress
from circuits.quantize.remedy import OVERFLOW, with_remedy
from circuits.quantize.report import FidelityReport


def _silent(phase: str, fraction: float) -> None:
    """The progress of a caller who does not want to know."""


def compile_model(
    onnx_path: str | os.PathLike[str],
    calibration: Data | None = None,
    options: CompileOptions | None = None,
    progress: Progress = _silent,
) -> tuple[Program, FidelityReport]:
    """The integer program of a model, validated, and its fidelity to the float model.

    `calibration` maps every input to [count, *shape] real values; the last fifth judges and does not calibrate.
    Raises InputError as `import_onnx` does, and ProgramError `program_range_overflow` where the integers would not be
    exact, with the settings that would make them so.
    """
    chosen = options or CompileOptions()
    prepared = PreparedModel.load(onnx_path, calibration, chosen)
    try:
        made = prepared.lower(chosen, progress)
    except InferproofError as error:
        if error.code != OVERFLOW:
            raise
        raise with_remedy(error, prepared, chosen, progress) from error
    return made.program, prepared.report(made, progress)
