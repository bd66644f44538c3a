"""What a challenger stakes on: keys made for robbing watchers, or for keeping their bonds busy, find no taker."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from dispute_model import mixed_program

from circuits.errors import InputError
from circuits.lower.optimistic import longest_game
from prover.cli.challenger_options import Limits
from prover.optimistic.key import DEFAULT_TERMS
from verifier.challenger import Budgets, Challenger, ChallengerError, Judgement, Store, Verdict
from verifier.challenger.pace import Pace
from verifier.challenger.stakes import GAME_GAS, LONGEST_LOCK_S, Game, Means, objections
from verifier.dispute.rules import prize
from verifier.dispute.types import ClaimStatus, DisputeTerms

ETHER, GWEI, DAY_S = 10**18, 10**9, 86_400
KEY = b"\7" * 32
TERMS = DEFAULT_TERMS
PACE = Pace(24, 12, 10)
GAME = Game(13, GAME_GAS, 2)
MEANS = Means(balance=10 * ETHER, at_stake=0, open_challenges=0, gas_spent=0, max_fee=GWEI)
COST = GAME_GAS * GWEI


def codes(
    terms: DisputeTerms = TERMS, *, game: Game = GAME, pace: Pace = PACE, means: Means = MEANS, **budgets: Any
) -> list[str]:
    found = objections(KEY, terms, game, pace, means, Budgets(**budgets))
    return [objection.code for objection in found]


def test_a_game_that_pays_is_played() -> None:
    assert codes() == []


# It must pay.


def test_a_decoy_that_stakes_dust_against_a_bond_is_not_staked_on_unless_its_key_is_named() -> None:
    decoy = replace(TERMS, claim_bond=1)
    assert codes(decoy) == ["prize_below_bond", "prize_below_gas"]
    assert codes(decoy, keys=frozenset({KEY})) == []
    assert codes(decoy, keys=frozenset({b"\10" * 32})) == ["prize_below_bond", "prize_below_gas"]


@pytest.mark.parametrize("odd", [0, 1])
def test_the_prize_is_what_the_contract_pays_and_makes_up_for_the_bond(odd: int) -> None:
    terms = replace(TERMS, claim_bond=2 * ETHER + odd, challenge_bond=ETHER)
    assert prize(terms) == ETHER
    assert codes(terms) == []
    assert codes(replace(terms, challenge_bond=ETHER + 1)) == ["prize_below_bond"]


def test_the_prize_makes_up_for_the_gas_at_the_price_of_today() -> None:
    terms = replace(TERMS, claim_bond=2 * COST, challenge_bond=1)
    assert codes(terms) == []
    assert codes(terms, means=replace(MEANS, max_fee=GWEI + 1)) == ["prize_below_gas"]


def test_keys_are_named_on_the_command_line_by_their_whole_digest() -> None:
    assert Limits(keys=["0x" + KEY.hex(), "08" * 32]).budgets == Budgets(keys=frozenset({KEY, b"\10" * 32}))
    with pytest.raises(InputError, match="64 hex digits"):
        assert Limits(keys=[KEY.hex()[:8]]).budgets


# There must be time.


def test_a_key_whose_moves_nobody_can_make_in_time_is_not_staked_on_even_if_it_is_named() -> None:
    needed = PACE.shortest_turn_s(GAME.run_s)
    robber = replace(TERMS, clock=1, extension=needed - 1, prove_time=1)
    assert codes(robber) == codes(robber, keys=frozenset({KEY})) == ["extension_too_short"]
    assert codes(replace(robber, extension=needed)) == []  # the clock does not matter: every turn has the extension


def test_a_program_that_takes_longer_to_run_than_a_turn_has_is_not_staked_on() -> None:
    assert codes(game=replace(GAME, run_s=TERMS.extension)) == ["extension_too_short"]


def test_a_bond_that_may_be_locked_for_over_a_week_is_not_put_down_unless_the_key_is_named() -> None:
    longest = (LONGEST_LOCK_S - GAME.moves * TERMS.extension) // 2
    assert codes(replace(TERMS, clock=longest)) == []
    for slow in ({"clock": longest + 1}, {"extension": 14 * DAY_S}, {"prove_time": 8 * DAY_S}):
        terms = replace(TERMS, **slow)
        assert codes(terms) == ["bond_locked_too_long"]
        assert codes(terms, keys=frozenset({KEY})) == []


def test_a_game_beyond_the_gas_that_is_kept_for_one_is_not_begun_unless_the_key_is_named() -> None:
    """Else a program with the largest descriptors would make us run out of what we keep."""
    dear = replace(GAME, gas=GAME_GAS + 1)
    assert codes(game=dear) == ["game_too_dear"]
    assert codes(game=dear, keys=frozenset({KEY})) == []


def test_the_game_of_a_program_is_as_long_as_its_longest_and_pays_for_its_largest_descriptor() -> None:
    program = mixed_program()
    game = Game.of(program, 3)
    assert (game.moves, game.run_s) == (longest_game(program), 3)
    assert game.gas <= GAME_GAS
    largest = max(program.ops, key=lambda op: len(op.encode()))
    assert Game.of(replace(program, ops=(largest,) * len(program.ops)), 3).gas >= 80 * len(largest.encode())


# There must be money for every open game.


def test_a_bond_is_put_down_only_if_gas_is_left_to_play_for_it() -> None:
    """A bond of all that the account has would be lost for want of gas."""
    enough = replace(MEANS, balance=TERMS.challenge_bond + COST)
    assert codes(means=enough) == []
    assert codes(means=replace(enough, balance=enough.balance - 1)) == ["funds_below_reserve"]
    assert codes(means=replace(enough, open_challenges=1)) == ["funds_below_reserve"]
    assert codes(means=replace(enough, balance=enough.balance + 2 * COST, open_challenges=2)) == []
    assert codes(means=replace(enough, balance=0), keys=frozenset({KEY})) == ["funds_below_reserve"]


def test_the_gas_budget_covers_every_open_game_and_this_one() -> None:
    assert codes(gas=COST) == []
    assert codes(gas=COST - 1) == ["gas_over_budget"]
    busy = replace(MEANS, open_challenges=4, gas_spent=7)
    assert codes(means=busy, gas=5 * COST + 7) == []
    assert codes(means=busy, gas=5 * COST + 6, keys=frozenset({KEY})) == ["gas_over_budget"]


def test_the_bond_budget_counts_what_is_at_stake() -> None:
    bond = TERMS.challenge_bond
    busy = replace(MEANS, at_stake=2 * bond, open_challenges=2)
    assert codes(means=busy, bonds=3 * bond) == []
    assert codes(means=busy, bonds=3 * bond - 1) == ["bond_over_budget"]


# Before anything of the claimant is read.


def staking(terms: DisputeTerms, means: Means, budgets: Budgets, read: list[bytes]) -> ChallengerError:
    """The refusal of a challenger that would read the claimant's trace, and notes that it does."""
    on_chain: Any = SimpleNamespace(
        chain=SimpleNamespace(
            block_number=lambda: 0, timestamp=lambda _=0: 0, chain_id=1, address="0x1", block_hash=lambda _: b""
        ),
        claims=SimpleNamespace(game_time=lambda: 0, address="0x2"),
    )
    judge: Any = SimpleNamespace(published_fault=lambda view, _: read.append(view.claim_id))
    sender: Any = SimpleNamespace(means=lambda: means, budgets=budgets)
    challenger = Challenger(on_chain, judge, Store(":memory:"), sender)
    claim = SimpleNamespace(status=ClaimStatus.PENDING, window_end=1, key_digest=KEY)
    view: Any = SimpleNamespace(claim_id=bytes(32), claim=claim, key=SimpleNamespace(terms=terms))
    with pytest.raises(ChallengerError) as refused:
        challenger.stake(view, Judgement(Verdict.WRONG, game=GAME))
    return refused.value


def test_nothing_of_a_claimant_is_read_before_it_is_clear_that_there_would_be_a_challenge() -> None:
    """A server that answers slowly costs time, and one wrong claim of 1 wei must not buy it."""
    read: list[bytes] = []
    decoy = replace(TERMS, claim_bond=1, challenge_bond=2**127, clock=30 * DAY_S)
    refused = staking(decoy, MEANS, Budgets(), read)
    assert refused.code == "prize_below_bond"
    expected = ["prize_below_bond", "prize_below_gas", "bond_locked_too_long", "funds_below_reserve"]
    assert refused.details["objections"] == expected
    assert staking(TERMS, replace(MEANS, balance=0), Budgets(), read).code == "funds_below_reserve"
    assert staking(TERMS, MEANS, Budgets(bonds=0), read).code == "bond_over_budget"
    assert read == []
