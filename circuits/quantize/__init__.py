"""Float graph and calibration data to program, and how faithful the program is."""

from circuits.quantize.compiler import compile_model
from circuits.quantize.fidelity import FidelityReport, OutputFidelity, WorstOp
from circuits.quantize.options import CompileOptions

__all__ = ["CompileOptions", "FidelityReport", "OutputFidelity", "WorstOp", "compile_model"]
