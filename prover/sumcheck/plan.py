"""A program made ready for this route, if a verifier will look at a key of it."""

from __future__ import annotations

from circuits.errors import InputError
from circuits.lower.sumcheck.bounds import require_bounded
from circuits.lower.sumcheck.layout import choose_row_bits
from circuits.lower.sumcheck.lowering import Lowering, lower
from circuits.program.graph import Program


def make_plan(program: Program) -> tuple[Lowering, int]:
    """The lowering, and the bits of a row. Raises InputError `route_unsupported`.

    What no verifier takes (docs/protocol/sumcheck.md section 10) is refused here, before it takes time and memory.
    """
    lowering = lower(program)
    row_bits = choose_row_bits(lowering.system)
    try:
        require_bounded(lowering.system, row_bits)
    except ValueError as error:
        message = f"the sumcheck route does not prove this program, as no verifier would take its key: {error}"
        raise InputError("route_unsupported", message) from error
    return lowering, row_bits
