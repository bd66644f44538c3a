"""A claimant on a local chain: claims, answers every reveal of hostile challengers, delivers, is never slashed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from optimistic_market import (
    FEE,
    TERMS,
    Market,
    Stubborn,
    an_input,
    deep_program,
    honest_trace,
    let_pass,
    running_market,
)

from circuits.errors import EnvironmentFailure, InputError
from contracts.client.chain import Chain
from contracts.client.devnet import DEV_KEYS, go_back, take_snapshot
from contracts.client.dispute_events import Revealed
from contracts.client.types import Status
from prover.optimistic.claim import Made, examine, find_request, make_claim
from prover.optimistic.defender import Defender, Outcome
from prover.optimistic.policy import Policy
from prover.optimistic.sender import Sender
from prover.optimistic.standing import ClaimReader
from verifier.challenger.log_reader import LogReader
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.types import ClaimStatus, Phase

pytestmark = pytest.mark.slow

CLAIMANT, CHALLENGER = DEV_KEYS[1:3]
NONCES = count()
POLICY = Policy(10**19, min_extension=TERMS.extension)


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with running_market(deep_program()) as opened:
        yield opened


class Claimant:
    """An account with the program, as a process that may be started again at any time."""

    def __init__(self, market: Market, request_id: bytes) -> None:
        self.market = market
        self.chain = Chain(market.chain.rpc_url, CLAIMANT)
        self.contracts = market.contracts(self.chain)
        self.event = find_request(self.contracts.hub, request_id, market.deployment.start_block, LogReader())
        self.sender = Sender(self.chain, poll_s=0.02)

    def claim(self) -> Made:
        asked = examine(self.contracts, self.event, self.market.program, POLICY, LogReader())
        inputs = [tensor.to_array() for tensor in self.event.inputs]
        return make_claim(self.contracts, asked, honest_trace(self.market.program, inputs), self.sender)

    def defender(self, made: Made) -> Defender:
        start = self.market.deployment.start_block
        reader = ClaimReader(self.contracts.claims, made.defended.claim_id, start, LogReader())
        return Defender(made.defended, reader, self.contracts.hub, self.sender)


def finish(defender: Defender) -> Outcome:
    for _ in range(10):
        outcome = defender.once()
        if outcome is not None:
            return outcome
    raise AssertionError("the claim did not end")


@pytest.fixture
def claimant(market: Market) -> Claimant:
    inputs = an_input(market.program)
    return Claimant(market, market.request(inputs, nonce=next(NONCES)))


def test_an_unchallenged_claim_is_delivered_after_its_window_and_not_before(claimant: Claimant) -> None:
    made = claimant.claim()
    defender = claimant.defender(made)
    hub, request_id = claimant.contracts.hub, claimant.event.request_id
    assert defender.once() is None
    assert hub.status(request_id) is Status.ASSIGNED
    before = claimant.chain.balance(claimant.chain.address)
    let_pass(claimant.chain, TERMS.window)
    outcome = finish(defender)
    assert (outcome.status, outcome.delivered) == (ClaimStatus.FINAL, True)
    assert hub.status(request_id) is Status.DELIVERED
    assert outcome.tally.calls == {"finalise": 1, "fulfil": 1, "withdraw": 2}
    assert claimant.contracts.claims.credit(claimant.chain.address) == 0
    assert claimant.chain.balance(claimant.chain.address) > before


def play(challenger: Stubborn, defender: Defender, until: Phase) -> list[Phase]:
    """Move and answer in turn; the phases passed through."""
    passed = []
    for _ in range(20):
        passed.append(challenger.at.phase)
        if passed[-1] is until:
            return passed
        challenger.move()
        defender.once()
    raise AssertionError(f"{until} was never reached: {passed}")


@pytest.mark.parametrize(("op", "element"), [(2, 1), (0, 1111), (35, 2)])
def test_challenger_of_a_correct_claim_loses_its_bond_at_whatever_element(
    market: Market, claimant: Claimant, op: int, element: int
) -> None:
    made = claimant.claim()
    defender, trace = claimant.defender(made), made.defended.open_trace()
    challenger = Stubborn(market, CHALLENGER, trace, made.defended.claim_id, op, element)
    challenger.commit()
    play(challenger, defender, Phase.STEP)
    with pytest.raises(EnvironmentFailure) as refused:
        challenger.move()
    assert refused.value.details["error"] == "NothingWrong"
    let_pass(claimant.chain, TERMS.window + 2 * TERMS.clock)
    before = claimant.chain.balance(claimant.chain.address)
    outcome = finish(defender)
    assert (outcome.status, outcome.delivered) == (ClaimStatus.FINAL, True)
    assert outcome.tally.calls["timeout"] == 1
    won = claimant.chain.balance(claimant.chain.address) - before
    # Both bonds, the fee and the assignment's bond, less the gas.
    assert TERMS.claim_bond + TERMS.challenge_bond < won < TERMS.claim_bond + TERMS.challenge_bond + 2 * FEE


def test_a_defender_restarted_after_every_pass_reveals_nothing_twice(market: Market, claimant: Claimant) -> None:
    made = claimant.claim()
    challenger = Stubborn(market, CHALLENGER, made.defended.open_trace(), made.defended.claim_id, 0, 1199)
    challenger.commit()
    start = claimant.chain.block_number()
    while challenger.at.phase is not Phase.STEP:
        challenger.move()
        for _ in range(2):
            again = Claimant(market, claimant.event.request_id)
            assert again.claim().sent == ()
            again.defender(made).once()
    events = claimant.contracts.claims.events(start, claimant.chain.block_number(), made.defended.claim_id)
    revealed = [event.position_key for event in events if isinstance(event, Revealed)]
    assert len(revealed) == len(set(revealed)) == 4
    let_pass(claimant.chain, TERMS.window + 2 * TERMS.clock)
    assert finish(again.defender(made)).delivered


def test_many_challengers_at_one_position_are_answered_by_one_reveal(market: Market, claimant: Claimant) -> None:
    made = claimant.claim()
    defender = claimant.defender(made)
    crowd = [Stubborn(market, key, made.defended.open_trace(), made.defended.claim_id, 2, 0) for key in DEV_KEYS[2:]]
    for challenger in crowd:
        challenger.commit()
        challenger.move()
    defender.once()
    assert defender.tally.calls == {"reveal": 1}
    for challenger in crowd:
        challenger.move()
    defender.once()
    assert defender.tally.calls == {"reveal": 1, "revealTensor": 1}
    let_pass(claimant.chain, TERMS.window + 2 * TERMS.clock)
    outcome = finish(defender)
    assert outcome.delivered
    assert outcome.tally.calls["timeout"] == len(crowd)


def test_a_claim_whose_assignment_lapsed_is_still_defended_after_a_restart(market: Market) -> None:
    """Nobody finalised in time and the request is open again: the claim's bond is at stake all the same."""
    claimant = Claimant(market, market.request(an_input(market.program), nonce=next(NONCES)))
    made = claimant.claim()
    let_pass(claimant.chain, claimant.event.request.prove_window)
    market.chain.send(market.contracts(market.chain).hub.expire(claimant.event.request))
    again = Claimant(market, claimant.event.request_id)
    restarted = again.claim()
    assert (restarted.sent, restarted.defended.claim_id) == ((), made.defended.claim_id)
    outcome = finish(again.defender(restarted))
    assert (outcome.status, outcome.delivered) == (ClaimStatus.FINAL, False)
    assert outcome.tally.calls == {"finalise": 1, "withdraw": 1}


def test_a_reveal_that_a_reorganisation_took_away_is_made_again(market: Market, claimant: Claimant) -> None:
    made = claimant.claim()
    defender = claimant.defender(made)
    challenger = Stubborn(market, CHALLENGER, made.defended.open_trace(), made.defended.claim_id, 2, 0)
    challenger.commit()
    challenger.move()
    before = take_snapshot(claimant.chain)
    defender.once()
    assert not claimant.contracts.claims.turn_of(challenger.challenge)[0]
    go_back(claimant.chain, before)
    assert claimant.contracts.claims.turn_of(challenger.challenge)[0]
    defender.once()
    assert not claimant.contracts.claims.turn_of(challenger.challenge)[0]
    assert defender.tally.calls == {"reveal": 2}
    let_pass(claimant.chain, TERMS.window + 2 * TERMS.clock)
    assert finish(defender).delivered


def test_a_cancelled_claim_gives_its_bond_back_and_ends_the_defence(market: Market, claimant: Claimant) -> None:
    made = claimant.claim()
    defender, claims = claimant.defender(made), market.contracts(market.chain).claims
    challenger = Stubborn(market, CHALLENGER, made.defended.open_trace(), made.defended.claim_id, 2, 0)
    challenger.commit()
    challenger.move()
    market.chain.send(claims.functions.pause())  # the deployer is the guardian
    assert defender.once() is None
    assert defender.tally.calls == {}
    market.chain.send(claims.functions.cancel(made.defended.claim_id))
    market.chain.send(claims.functions.unpause())
    assert claims.credit(claimant.chain.address) == TERMS.claim_bond
    outcome = finish(defender)
    assert (outcome.status, outcome.delivered, outcome.tally.calls) == (ClaimStatus.CANCELLED, False, {"withdraw": 1})
    let_pass(market.chain, 7 * 86_400)  # until the guardian may pause again


def test_a_run_that_differs_from_the_claim_that_stands_is_not_claimed_too(claimant: Claimant) -> None:
    claimant.claim()
    again = Claimant(claimant.market, claimant.event.request_id)
    honest = honest_trace(again.market.program, [tensor.to_array() for tensor in again.event.inputs])
    made = [array.copy() for array in honest.made]
    made[-1].reshape(-1)[0] += 1
    faulty = CommittedTrace(again.market.program, honest.inputs, made)
    asked = examine(again.contracts, again.event, again.market.program, POLICY, LogReader())
    nonce = again.chain.nonce()
    with pytest.raises(EnvironmentFailure) as refused:
        make_claim(again.contracts, asked, faulty, again.sender)
    assert refused.value.code == "claim_of_another_run"
    assert again.chain.nonce() == nonce


def test_a_claim_that_was_overturned_ends_the_defence(market: Market, claimant: Claimant) -> None:
    """Nobody answers, the challenger takes the timeout, and a defender that comes back too late says so."""
    made = claimant.claim()
    challenger = Stubborn(market, CHALLENGER, made.defended.open_trace(), made.defended.claim_id, 2, 0)
    challenger.commit()
    challenger.move()
    let_pass(claimant.chain, TERMS.clock + TERMS.extension)
    challenger.chain.send(challenger.claims.timeout(challenger.challenge))
    outcome = finish(claimant.defender(made))
    assert (outcome.status, outcome.delivered) == (ClaimStatus.KILLED, False)
    assert claimant.contracts.hub.status(claimant.event.request_id) is Status.ASSIGNED


def test_a_request_that_cannot_outlast_a_dispute_is_refused_before_money_moves(market: Market) -> None:
    request_id = market.request(an_input(market.program), nonce=next(NONCES), window=TERMS.window + 1)
    claimant = Claimant(market, request_id)
    nonce = claimant.chain.nonce()
    with pytest.raises(InputError) as refused:
        claimant.claim()
    assert refused.value.code == "window_too_short"
    assert claimant.chain.nonce() == nonce
