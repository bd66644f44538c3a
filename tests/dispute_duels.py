"""Duels stopped at a phase, and the challenger's next move with something of it changed."""

from __future__ import annotations

from dataclasses import replace

from tests.dispute_games import Duel, lie, new_game, refusal
from verifier.challenger import moves
from verifier.challenger.player import Board, next_move
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.types import Phase


def duel_at(mine: CommittedTrace, op: int, element: int, phase: Phase, *, revealed: bool = False) -> Duel:
    """A duel over one false element that is at this phase for the first time; at a leaf for Trace."""
    claimed = lie(mine, op, element)
    duel = Duel(new_game(claimed), mine, claimed)
    duel.until(lambda at: at.phase is phase and (phase is not Phase.TRACE or at.is_leaf))
    if revealed:
        assert duel.defend()
    return duel


def planned(duel: Duel) -> moves.Move:
    board = Board(duel.id, duel.challenge, duel.claimed.top, duel.answers)
    move = next_move(board, duel.mine, duel.salt, duel.index or 0)
    assert move is not None
    return move


def refused_move(duel: Duel, **fields: object) -> str:
    """What the planned move is refused with, once these fields of it are changed."""
    return refusal(lambda: duel.make(replace(planned(duel), **fields)))  # type: ignore[type-var]
