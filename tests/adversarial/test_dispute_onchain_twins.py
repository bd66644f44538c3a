"""The contract and its twin in Python, given the same moves at the same seconds, legal or not, never disagree."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from dispute_model import OP_OF, lie
from dispute_table import Table
from dispute_twins import CHALLENGERS, CLAIMANT, GUARDIAN, Twins

from verifier.challenger import moves
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_fault
from verifier.dispute.rules import OVER, Move, Side, timeout_from
from verifier.dispute.types import ClaimStatus, CommitmentKind, Phase

pytestmark = pytest.mark.slow

ACTIONS = 60
SEATS = 3


def random_action(twins: Twins, rng: np.random.Generator) -> None:
    """Mostly what is due; now and then anything else."""
    alive = [seat for seat in twins.seats if twins.game.challenges[seat.id].at.phase not in OVER]
    pick = rng.random()
    if len(alive) < SEATS and (not alive or pick < 0.08):
        kind = CommitmentKind.PROVE_FAULT if rng.random() < 0.3 else CommitmentKind.OPEN
        many = len(twins.claimed.program.ops) >> (0 if kind is CommitmentKind.PROVE_FAULT else twins.claimed.top_height)
        # The first ops have the large tensors and the long sums.
        index = int(rng.choice([0, 0, 1, int(rng.integers(many))]))
        return twins.commit(kind, index, value=None if rng.random() < 0.9 else 1)
    if pick < 0.1:
        return twins.pause(int(rng.choice([GUARDIAN, GUARDIAN, CHALLENGERS[0]])))
    if pick < 0.11:
        return twins.cancel(int(rng.choice([GUARDIAN, CLAIMANT])) if rng.random() < 0.2 else CLAIMANT)
    if pick < 0.13 or not alive:
        return twins.finalise()
    seat = alive[int(rng.integers(len(alive)))]
    if pick < 0.17:
        return twins.timeout(seat)
    if pick < 0.18 or twins.game.status is not ClaimStatus.PENDING:
        return twins.settle(seat)
    spoil = bool(rng.random() < 0.2)
    turn = twins.game.turn_of(seat.id)
    defends = (turn.side is Side.DEFENDER) != (rng.random() < 0.05)
    (twins.reveal if defends else twins.attack)(seat, spoil)
    return None


def let_time_pass(twins: Twins, rng: np.random.Generator) -> None:
    """A second or a few; sometimes to the last second of a turn, or to the first after it."""
    alive = [seat.id for seat in twins.seats if twins.game.challenges[seat.id].at.phase not in OVER]
    if twins.game.clock.paused_at is not None:
        twins.time += int(rng.integers(1, 400))
        if rng.random() < 0.6:
            twins.pause(GUARDIAN)
    elif alive and rng.random() < 0.06:
        challenge = alive[int(rng.integers(len(alive)))]
        ends = timeout_from(twins.game.challenges[challenge].at, twins.game.turn_of(challenge), twins.game.terms)
        now = twins.game.clock.at(twins.moment())
        twins.time += max(0, ends - now - int(rng.integers(2)))
    else:
        twins.time += int(rng.choice([0, 0, 1, 3, 9]))


def end(twins: Twins) -> None:
    """Everything that is open is ended, and every wei is where it belongs."""
    if twins.game.clock.paused_at is not None:
        twins.pause(GUARDIAN)
    twins.time += 5_000
    for seat in twins.seats:
        if twins.game.challenges[seat.id].at.phase in OVER:
            continue
        if twins.game.status is ClaimStatus.PENDING:
            twins.timeout(seat)
        if twins.game.challenges[seat.id].at.phase not in OVER:
            twins.settle(seat)
    if twins.game.status is ClaimStatus.PENDING:
        twins.finalise()
    assert twins.game.status is not ClaimStatus.PENDING
    assert twins.game.ledger.at_stake == 0


def walk(twins: Twins, index: int) -> None:
    """A challenge of a node of the top, down to a step, with nothing but legal moves."""
    twins.commit(CommitmentKind.OPEN, index)
    seat = twins.seats[-1]
    while (at := twins.game.challenges[seat.id].at).phase is not Phase.STEP:
        defends = twins.game.turn_of(seat.id).side is Side.DEFENDER
        made = twins.reveal(seat, spoil=False) if defends else twins.attack(seat, spoil=False)
        if not made:
            return  # the false element, which has no sums
        assert twins.game.challenges[seat.id].at != at or defends


def test_the_contract_and_its_twin_never_disagree(table: Table, truth: CommittedTrace) -> None:
    made, ends, reached = Counter[str](), Counter[ClaimStatus](), set[Phase]()
    for seed, trace in enumerate([truth, lie(truth, OP_OF["contract"], 7, recomputed=True), truth]):
        rng = np.random.default_rng(seed)
        with table.undone():
            twins = Twins(table, trace, rng)
            for index in (0, 1, 0):  # the ops with the large tensors and the long sums
                walk(twins, index)
            for _ in range(ACTIONS):
                random_action(twins, rng)
                let_time_pass(twins, rng)
            end(twins)
        reached |= twins.passed | {at.phase for at in twins.positions()}
        made += twins.made
        ends[twins.game.status] += 1
    assert reached >= {Phase.COMMITTED, Phase.TRACE, Phase.NODES, Phase.DATA, Phase.SUM, Phase.STEP, Phase.LOST}
    accepted = {name.split()[0] for name in made if name.endswith("accepted")}
    assert accepted >= {"commit", "open", *(move for move in Move if move.startswith(("pick", "reveal")))}, made
    assert accepted >= {"timeout", "pause", "unpause"}, made
    assert sum(count for name, count in made.items() if name.endswith("refused")) > 40, made
    assert ClaimStatus.FINAL in ends, ends


def test_the_contract_and_its_twin_pay_the_same_for_a_fault(table: Table, truth: CommittedTrace) -> None:
    op = OP_OF["contract"]
    twins = Twins(table, lie(truth, op, 7, recomputed=True), np.random.default_rng(9))
    for _ in range(3):
        twins.commit(CommitmentKind.PROVE_FAULT, op)
    first, second, _ = twins.seats
    for seat, element, accepted in ((first, 6, False), (second, 7, True), (first, 7, False)):
        proof = open_fault(twins.claimed, seat.id, op, seat.salt, element)
        assert twins.make(seat, moves.ProveFault(proof), seat.account) is accepted
    assert twins.game.status is ClaimStatus.KILLED
    end(twins)
    assert twins.made["settle accepted"] == 2
