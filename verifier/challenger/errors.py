"""What the challenger says when it refuses."""

from __future__ import annotations

from circuits.errors import InferproofError


class ChallengerError(InferproofError):
    """A claim cannot be judged, or a move must not be made. `code` says why and is stable.

    Codes: `claim_unknown`, `challenge_unknown`, `claim_of_another_model`, `opset_version_mismatch`,
    `claim_of_another_chain`, `claim_event_mismatch`, `claim_input_mismatch`, `program_unavailable`,
    `program_too_large_to_check`, `request_not_found`, `nothing_differs`, `already_challenged`, `selftest_failed`,
    `executor_differs`, `contract_differs`, `evidence_malformed`, `evidence_refused`, `evidence_unavailable`,
    `claim_not_pending`, `claim_is_right`, `too_late`, `not_staking`, and of `stakes`: `extension_too_short`,
    `prize_below_bond`, `prize_below_gas`, `bond_locked_too_long`, `game_too_dear`, `bond_over_budget`,
    `gas_over_budget`, `funds_below_reserve`.
    """
