"""An ONNX file and calibration data in, a program and what it cost in accuracy out."""

from __future__ import annotations

import os
from collections.abc import Callable

from circuits.onnx import import_onnx
from circuits.program.graph import Program
from circuits.program.validate import validate
from circuits.quantize.calibration import Data, samples_of
from circuits.quantize.fidelity import FidelityReport, fidelity
from circuits.quantize.lower import lower
from circuits.quantize.options import CompileOptions

# Called with the name of the phase and the fraction of it that is done.
Progress = Callable[[str, float], None]


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
    Raises InputError as `import_onnx` does, and `program_range_overflow` where the integers would not be exact.
    """
    chosen = options or CompileOptions()
    model = import_onnx(onnx_path, freeze=dict(chosen.freeze), batch=chosen.batch)
    samples = samples_of(model.graph, calibration, chosen)
    builder = lower(model.graph, samples.calibration, chosen, lambda done: progress("lower", done))
    program = builder.finish(model.graph.outputs)
    validate(program)
    compared = samples.limited(chosen.fidelity_samples)
    report = fidelity(model, program, builder.values, compared, lambda done: progress("compare", done), builder.tables)
    return program, report
