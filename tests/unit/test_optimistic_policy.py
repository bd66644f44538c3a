"""Terms are their owner's choice: those by which an honest claimant loses are not claimed under."""

from __future__ import annotations

from dataclasses import replace

import pytest

from circuits.errors import InputError
from prover.optimistic.key import DEFAULT_TERMS
from prover.optimistic.policy import MIN_CHALLENGE_BOND_WEI, MIN_EXTENSION_S, Policy
from verifier.dispute.types import DisputeTerms

POLICY = Policy(max_stake=10**18)
AT_THE_FLOOR = replace(
    DEFAULT_TERMS,
    extension=MIN_EXTENSION_S,
    challenge_bond=MIN_CHALLENGE_BOND_WEI,
    claim_bond=2 * MIN_CHALLENGE_BOND_WEI,
    clock=1,
)
BELOW = {
    "extension_too_short": replace(AT_THE_FLOOR, extension=MIN_EXTENSION_S - 1, clock=30 * 86_400),
    "challenge_bond_too_low": replace(AT_THE_FLOOR, challenge_bond=MIN_CHALLENGE_BOND_WEI - 1),
    "challenge_bond_too_high": replace(AT_THE_FLOOR, challenge_bond=MIN_CHALLENGE_BOND_WEI + 1),
}


@pytest.mark.parametrize("terms", [DEFAULT_TERMS, AT_THE_FLOOR])
def test_claims_under_default_terms_and_under_terms_at_the_floors(terms: DisputeTerms) -> None:
    assert POLICY.objections(terms) == []
    POLICY.require(terms)


@pytest.mark.parametrize(("code", "terms"), BELOW.items())
def test_refuses_terms_by_which_an_honest_claimant_is_robbed_or_nobody_looks(code: str, terms: DisputeTerms) -> None:
    with pytest.raises(InputError) as refused:
        POLICY.require(terms)
    assert refused.value.code == code
    assert [objection.code for objection in POLICY.objections(terms)] == [code]


def test_all_objections_are_told_together() -> None:
    terms = replace(AT_THE_FLOOR, extension=1, challenge_bond=1, claim_bond=1)
    assert [objection.code for objection in POLICY.objections(terms)] == list(BELOW)


def test_an_owner_may_lower_the_floors_for_a_chain_that_is_fast() -> None:
    terms = replace(AT_THE_FLOOR, extension=60, challenge_bond=1)
    Policy(10**18, min_extension=60, min_challenge_bond=1).require(terms)
