"""Float graph and calibration data to program, and how faithful the program is."""

from circuits.quantize.compiler import compile_model
from circuits.quantize.options import CompileOptions
from circuits.quantize.report import FidelityReport, OutputFidelity, Saturation, TableError, WorstOp

__all__ = [
    "CompileOptions",
    "FidelityReport",
    "OutputFidelity",
    "Saturation",
    "TableError",
    "WorstOp",
    "compile_model",
]
