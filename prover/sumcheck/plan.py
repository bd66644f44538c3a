"""A program made ready for this route, if a verifier will look at a key of it."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.errors import InputError
from circuits.lower.sumcheck.bounds import require_bounded
from circuits.lower.sumcheck.layout import Layout, choose_row_bits, layout
from circuits.lower.sumcheck.lowering import Lowering, lower
from circuits.program.graph import Program
from prover.backend import PhaseReport, Phases, Progress, silent
from prover.sumcheck.measuring import Stopwatch
from verifier.messages import MAX_PROOF_BYTES
from verifier.sumcheck_proof import ProofShape


@dataclass(frozen=True, eq=False)
class Plan:
    """What estimates and setup start from: the lowering, where its tensors lie, and what it took to find out."""

    lowering: Lowering
    layout: Layout
    report: PhaseReport


def make_plan(program: Program, progress: Progress = silent) -> Plan:
    """Raises InputError `route_unsupported`, `proof_too_large`.

    What no verifier takes (docs/protocol/sumcheck.md section 10) is refused here, before it takes time and memory.
    """
    phases = Phases()
    with Stopwatch("lower", phases, progress):
        lowering = lower(program)
        row_bits = choose_row_bits(lowering.system)
        try:
            require_bounded(lowering.system, row_bits)
        except ValueError as error:
            message = f"the sumcheck route does not prove this program, as no verifier would take its key: {error}"
            raise InputError("route_unsupported", message) from error
        table = layout(lowering.system, row_bits)
        length = ProofShape.of(lowering.system, table).length
        if length > MAX_PROOF_BYTES:
            message = (
                f"a proof (it holds inputs and outputs) would have {length:,} bytes; verifiers read {MAX_PROOF_BYTES:,}"
            )
            raise InputError("proof_too_large", message, bytes=length, limit=MAX_PROOF_BYTES)
    return Plan(lowering, table, phases.reports[0])
