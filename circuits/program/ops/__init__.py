"""The closed set of primitive ops."""

from circuits.program.ops.base import Accumulating, Op, Opcode
from circuits.program.ops.contract import Contract
from circuits.program.ops.divide import Divide, Rsqrt
from circuits.program.ops.gather import Gather
from circuits.program.ops.index import Index
from circuits.program.ops.linear import Linear, Mul, ReduceSum
from circuits.program.ops.lookup import Lookup
from circuits.program.ops.maximum import Argmax, Max
from circuits.program.ops.select import Compare, Relation, Select

__all__ = [
    "Accumulating",
    "Argmax",
    "Compare",
    "Contract",
    "Divide",
    "Gather",
    "Index",
    "Linear",
    "Lookup",
    "Max",
    "Mul",
    "Op",
    "Opcode",
    "ReduceSum",
    "Relation",
    "Rsqrt",
    "Select",
]
