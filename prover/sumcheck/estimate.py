"""What a proof will cost, from the shape of the program's system, before anything heavy starts.

The figures per cell, leaf and coefficient are measured on two cores.
"""

from __future__ import annotations

import math

from circuits.lower.sumcheck.layout import fraction_layout
from prover.backend import Estimate
from prover.sumcheck.memory import memory
from prover.sumcheck.plan import Plan
from prover.sumcheck.reading_costs import reading_costs
from verifier.curve import POINT_BYTES

_SRS_BYTES_PER_CELL = 2 * POINT_BYTES
_START_S, _TERM_S, _POINT_S = 0.05, 1.5e-4, 1e-8
_COMMIT_S, _LEAF_S, _CELL_S, _COEFFICIENT_S = 2e-7, 4e-7, 1.3e-7, 9e-6


def estimate(plan: Plan) -> Estimate:
    """Of setup and proof on a cold cache."""
    program, system, table = plan.lowering.program, plan.lowering.system, plan.layout
    leaves, row = 1 << fraction_layout(system).depth, 1 << table.row_bits
    setup_cells, witness_cells = len(table.setup_rows) * row, len(table.witness_rows) * row
    cells = setup_cells + witness_cells
    terms = sum(len(identity.terms) for identity in system.identities)
    terms += sum(1 + sum(map(len, fractions.columns)) for fractions in system.fractions)
    points = sum(math.prod(op.iteration_of(operand)) for op in program.ops for operand in range(len(op.operands)))
    prove_s = _START_S + terms * _TERM_S + points * _POINT_S + witness_cells * _COMMIT_S
    prove_s += sum(cost.summed_s for cost in reading_costs(system, plan.lowering.owners))
    return Estimate(
        setup_s=_START_S + setup_cells * _COMMIT_S + row * _COEFFICIENT_S,
        prove_s=prove_s + leaves * _LEAF_S + cells * _CELL_S + row * _COEFFICIENT_S,
        peak_memory_bytes=memory(plan).peak_bytes,
        disk_bytes=POINT_BYTES * len(table.setup_rows) + _SRS_BYTES_PER_CELL * row,
        srs_k=table.row_bits,
    )
