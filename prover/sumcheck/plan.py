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
from verifier.curve import IDENTITY
from verifier.messages import MAX_CONTENT_BYTES
from verifier.sumcheck_key import SumcheckKey
from verifier.sumcheck_proof import ProofShape


@dataclass(frozen=True, eq=False)
class Plan:
    """What estimates and setup start from: the lowering, where its tensors lie, and what it took to find out."""

    lowering: Lowering
    layout: Layout
    report: PhaseReport


def make_plan(program: Program, progress: Progress = silent) -> Plan:
    """Raises InputError `route_unsupported`, `key_too_large`, `proof_too_large`.

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
        blank = SumcheckKey(bytes(32), bytes(32), row_bits, (IDENTITY,) * len(table.setup_rows), lowering.system)
        _require_readable("key", len(blank.encode()))
        _require_readable("proof", ProofShape.of(lowering.system, table).length)
    return Plan(lowering, table, phases.reports[0])


def _require_readable(name: str, length: int) -> None:
    if length > MAX_CONTENT_BYTES:
        message = f"a {name} would have {length:,} bytes; verifiers read {MAX_CONTENT_BYTES:,}"
        raise InputError(f"{name}_too_large", message, bytes=length, limit=MAX_CONTENT_BYTES)
