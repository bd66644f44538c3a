"""The closed set of primitive ops."""

from circuits.program.ops.base import Accumulating, Op, Opcode
from circuits.program.ops.contract import Contract
from circuits.program.ops.index import Index
from circuits.program.ops.linear import Linear, Mul, ReduceSum
from circuits.program.ops.lookup import Lookup
from circuits.program.ops.maximum import Max

__all__ = ["Accumulating", "Contract", "Index", "Linear", "Lookup", "Max", "Mul", "Op", "Opcode", "ReduceSum"]
