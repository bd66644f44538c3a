"""What running and committing a program will cost, told before it starts.

The figures per element are measured on two cores, over programs of 15 thousand to 3.6 million elements.
"""

from __future__ import annotations

from circuits.execute.layouts import layout_bytes
from circuits.lower.optimistic import element_count, work
from circuits.program.graph import Program
from prover.backend import Estimate

_BASE_BYTES = 120 << 20  # the process with its libraries
_BYTES_PER_CONSTANT = 24  # as int64, and as the executor lays it out
_BYTES_PER_VALUE = 32  # as float64, as int32, and its share of trees and copies
_TRACE_BYTES_PER_VALUE, _TRACE_BYTES_PER_OP = 4, 32
_SETUP_S_PER_CONSTANT, _S_PER_TERM, _S_PER_VALUE, _START_S = 4e-8, 5e-9, 2.5e-7, 0.02


def estimate(program: Program) -> Estimate:
    """Of one inference with its commitment; `disk_bytes` is the trace where it is published."""
    values = sum(element_count(op) for op in program.ops)
    constants = sum(constant.values.size for constant in program.constants)
    memory = _BASE_BYTES + constants * _BYTES_PER_CONSTANT + values * _BYTES_PER_VALUE + sum(layout_bytes(program))
    return Estimate(
        setup_s=_START_S + constants * _SETUP_S_PER_CONSTANT,
        prove_s=_START_S + work(program) * _S_PER_TERM + values * _S_PER_VALUE,
        peak_memory_bytes=memory,
        disk_bytes=values * _TRACE_BYTES_PER_VALUE + len(program.ops) * _TRACE_BYTES_PER_OP,
    )
