"""What a move is refused with, here and by the contract."""

from __future__ import annotations

from verifier.errors import VerificationError


class DisputeError(VerificationError):
    """A move that the rules do not allow, or bytes that do not show what they should.

    Codes. About trees and openings: `node_missing`, `path_mismatch`, `proof_malformed`, `numbers_not_ascending`,
    `number_out_of_range`, `siblings_left_over`, `siblings_missing`, `openings_not_ascending`, `operand_missing`,
    `chunk_not_opened`, `element_count_mismatch`, `term_undefined`. About bodies: `body_length`, `fold_mismatch`,
    `padding_not_zero`, `sums_mismatch`. About moves: `wrong_phase`, `wrong_mover`, `wrong_turn`, `too_late`,
    `too_early`, `not_pending`, `pick_out_of_range`, `commitment_mismatch`, `step_holds`, `already_there`, `paused`,
    `wrong_value`. About published traces: `trace_malformed`.
    """
