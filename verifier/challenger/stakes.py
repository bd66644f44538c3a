"""What a challenger stakes on, and why not: one pure function, of nothing that a claimant says.

Anybody may register a key with any terms, and make wrong claims under it for a few hundred thousand gas. So a bond is
put down where the game pays, where there is time for every move, and where every open game can still be paid for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from circuits.lower.optimistic import longest_game
from circuits.program.graph import Program
from verifier.challenger.pace import Pace
from verifier.dispute.rules import latest_finality, prize
from verifier.dispute.types import DisputeTerms

# What is kept for our share of one game. The worst of this repository's models takes 0.9M (bench/dispute.md), a step
# in path A 1.2M.
GAME_GAS = 2_000_000
# A move's dearest, what executing a step takes more, and what a descriptor's byte does: two moves carry it (EIP-7623).
MOVE_GAS, STEP_GAS, DESCRIPTOR_BYTE_GAS = 150_000, 400_000, 2 * 40
LONGEST_LOCK_S = 7 * 86_400


@dataclass(frozen=True)
class Budgets:
    """What the account's owner allows, in wei; None: no limit of its own.

    `keys` are digests of keys that the owner has an interest in: there it may cost more than it brings.
    """

    bonds: int | None = None  # at stake at once
    gas: int | None = None  # for everything that this store remembers
    max_fee: int | None = None  # for a unit of gas
    keys: frozenset[bytes] = frozenset()


@dataclass(frozen=True)
class Game:
    """How long a game over a program may be, in moves of both sides; how much gas our moves may take then; and how
    many seconds a run takes that was not kept for the move."""

    moves: int
    gas: int
    run_s: int

    @classmethod
    def of(cls, program: Program, run_s: int) -> Game:
        moves, descriptor = longest_game(program), max((len(op.encode()) for op in program.ops), default=0)
        return cls(moves, (moves + 1) // 2 * MOVE_GAS + STEP_GAS + descriptor * DESCRIPTOR_BYTE_GAS, run_s)


@dataclass(frozen=True)
class Means:
    """What there is to stake with, in wei. `balance` is without what transactions on their way take along."""

    balance: int
    at_stake: int
    open_challenges: int
    gas_spent: int
    max_fee: int  # for a unit of gas, as the next transaction would offer

    @property
    def game(self) -> int:
        return GAME_GAS * self.max_fee

    @property
    def games(self) -> int:
        """Of every open game and one more."""
        return (self.open_challenges + 1) * self.game


@dataclass(frozen=True)
class Objection:
    """A reason not to stake. `code` is stable."""

    code: str
    message: str
    details: dict[str, Any]


def objections(
    key_digest: bytes, terms: DisputeTerms, game: Game, pace: Pace, means: Means, budgets: Budgets
) -> list[Objection]:
    """Everything that speaks against a challenge of a wrong claim under a key; what lasts longest is first.

    For keys that the owner named the game need not pay, and may be long and dear; there must be time and money all
    the same.
    """
    found = list(_too_fast(terms, game, pace))
    if key_digest not in budgets.keys:
        found += [*_unprofitable(terms, means), *_endless(terms, game)]
    return [*found, *_unaffordable(terms, means, budgets)]


def _too_fast(terms: DisputeTerms, game: Game, pace: Pace) -> Iterator[Objection]:
    """Every turn lasts for the extension at least, whatever the clock; a proof that has less time is not tried."""
    needed = pace.shortest_turn_s(game.run_s)
    if terms.extension < needed:
        message = f"a move under this key may have {terms.extension} s only, {needed} s are needed"
        details = {"extension": terms.extension, "needed_s": needed, "lag_s": pace.lag_s, "run_s": game.run_s}
        yield Objection("extension_too_short", message, details)


def _unprofitable(terms: DisputeTerms, means: Means) -> Iterator[Objection]:
    won, bond = prize(terms), terms.challenge_bond
    if won < bond:
        message = f"the prize of {won} wei is less than the bond of {bond} wei: under this key a lie may cost us more"
        yield Objection("prize_below_bond", f"{message}; --key stakes on it", {"prize": won, "bond": bond})
    if won < means.game:
        message = f"the prize of {won} wei is less than a game may cost, {means.game} wei; --key stakes on it"
        yield Objection("prize_below_gas", message, {"prize": won, "gas": means.game})


def _endless(terms: DisputeTerms, game: Game) -> Iterator[Objection]:
    locked = latest_finality(0, terms, game.moves)
    if locked > LONGEST_LOCK_S:
        message = f"the bond might be locked for {locked} s, over {LONGEST_LOCK_S}; --key stakes on it"
        yield Objection("bond_locked_too_long", message, {"locked_s": locked, "limit_s": LONGEST_LOCK_S})
    if game.gas > GAME_GAS:
        message = f"our moves may take {game.gas} gas, {GAME_GAS} are kept for a game; --key stakes on it"
        yield Objection("game_too_dear", message, {"gas": game.gas, "limit": GAME_GAS})


def _unaffordable(terms: DisputeTerms, means: Means, budgets: Budgets) -> Iterator[Objection]:
    bond = terms.challenge_bond
    if budgets.bonds is not None and means.at_stake + bond > budgets.bonds:
        message = (
            f"a bond of {bond} wei beside {means.at_stake} at stake would exceed the bond budget of {budgets.bonds}"
        )
        yield Objection(
            "bond_over_budget", message, {"at_stake": means.at_stake, "wanted": bond, "limit": budgets.bonds}
        )
    if budgets.gas is not None and means.gas_spent + means.games > budgets.gas:
        message = (
            f"{means.games} wei for the gas of this game and {means.open_challenges} open ones, and {means.gas_spent} "
            f"spent, would exceed the gas budget of {budgets.gas}"
        )
        details = {"spent": means.gas_spent, "wanted": means.games, "limit": budgets.gas}
        yield Objection("gas_over_budget", message, details)
    needed = bond + means.games
    if means.balance < needed:
        message = (
            f"the account has {means.balance} wei, and this bond with the gas of this game and "
            f"{means.open_challenges} open ones takes {needed}"
        )
        yield Objection("funds_below_reserve", message, {"balance": means.balance, "needed": needed})
