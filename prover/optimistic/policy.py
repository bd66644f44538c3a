"""What a claimant is ready for: whoever chose the terms may be the one to challenge, docs/decisions/0100."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.errors import InputError
from verifier.dispute.rules import prize
from verifier.dispute.types import DisputeTerms

MIN_EXTENSION_S = 600
MIN_CHALLENGE_BOND_WEI = 10**15


@dataclass(frozen=True)
class Policy:
    """Under what an account claims. The floors are for chains on which transactions take as long as on Ethereum.

    Args:
        max_stake: wei that it puts down at most, both bonds together.
        min_extension: seconds that it needs to see a challenge, to run the program and to get an answer mined.
        min_challenge_bond: wei; what it gets for the answers to a challenge that is lost.
    """

    max_stake: int
    min_extension: int = MIN_EXTENSION_S
    min_challenge_bond: int = MIN_CHALLENGE_BOND_WEI

    def require(self, terms: DisputeTerms) -> None:
        """Raises InputError for terms under which it makes no claim; see `objections`."""
        for objection in self.objections(terms):
            raise objection

    def objections(self, terms: DisputeTerms) -> list[InputError]:
        """`extension_too_short`: an honest claim could be timed out. `challenge_bond_too_low`: it could be challenged
        for nothing, all day. `challenge_bond_too_high`: challengers could only lose, and so nobody would look."""
        extension, bond, most = terms.extension, terms.challenge_bond, prize(terms)
        found = []
        if extension < self.min_extension:
            message = f"an extension of {extension} s is less than the {self.min_extension} s that an answer may take"
            found.append(_objection("extension_too_short", message, extension, self.min_extension))
        if bond < self.min_challenge_bond:
            message = f"a challenge bond of {bond} wei does not pay for answers, {self.min_challenge_bond} wei do"
            found.append(_objection("challenge_bond_too_low", message, bond, self.min_challenge_bond))
        if bond > most:
            message = f"a challenge bond of {bond} wei is over the prize of {most} wei: nobody would challenge"
            found.append(_objection("challenge_bond_too_high", message, bond, most))
        return found


def _objection(code: str, message: str, got: int, limit: int) -> InputError:
    return InputError(code, message, got=got, limit=limit)
