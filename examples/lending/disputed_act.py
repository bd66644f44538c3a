"""The second act: a lie is claimed, caught and overturned; the market moves only once an honest claim is final."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from circuits.program.interpreter import run as interpret
from circuits.statement import Route
from contracts.client.hub import RequestedEvent
from contracts.client.types import Status
from examples.lending.accounts import Challenger, Claimant
from examples.lending.dishonest import Lie, calm_markets
from examples.lending.dispute import Dispute, Recorder
from examples.lending.honest_claim import claim_and_deliver, finish
from examples.lending.ledger import Ledger, require
from examples.lending.market import PriceHistory
from examples.lending.stage import (
    ANYBODY,
    CHALLENGER,
    ETHER,
    LIAR,
    OPERATOR,
    TERMS,
    Parameters,
    Stage,
    apply_update,
    ask_for_update,
    moved,
    require_refused,
    sync,
)
from prover.optimistic.defender import Defended
from verifier.dispute.rules import Side
from verifier.dispute.types import ClaimStatus


@dataclass(frozen=True)
class Disputed:
    """What the act showed. Drawdowns are fractions of the price.

    The market lent by `held` after the dispute, and would have by `unwatched` without it.
    """

    ledger: Ledger
    before: Parameters
    unwatched: Parameters
    held: Parameters
    after: Parameters
    claimed_drawdown: float
    attested_drawdown: float
    lie: Lie
    dispute: Dispute
    prize: int  # wei
    burnt: int

    def as_dict(self) -> dict[str, Any]:
        return {
            **self.ledger.as_dict(),
            "before": self.before.as_dict(),
            "unwatched": self.unwatched.as_dict(),
            "held": self.held.as_dict(),
            "after": self.after.as_dict(),
            "claimed_drawdown": self.claimed_drawdown,
            "attested_drawdown": self.attested_drawdown,
            "window_s": TERMS.window,
            "lie": asdict(self.lie),
            "dispute": self.dispute.as_dict(),
            "prize_wei": self.prize,
            "burnt_wei": self.burnt,
        }


def play(ledger: Ledger, stage: Stage, history: PriceHistory) -> Disputed:
    """`history` has one close more than the first act knew."""
    before = stage.parameters()
    _next_day(ledger, stage, history)
    requested = ask_for_update(ledger, stage, history)
    liar = Claimant(stage.chain(LIAR), stage.core, stage.program)
    lie, defended = _claim_a_lie(ledger, stage, liar, requested)
    unwatched = _if_nobody_looked(ledger, stage, liar, defended, before)
    with closing(Challenger(stage.chain(CHALLENGER), stage.core, stage.folder)) as challenger:
        dispute = _overturn(ledger, stage, liar, challenger, lie, defended)
        held = _nothing_is_delivered(ledger, stage, liar, defended, before)
        prize, burnt = _settle(ledger, stage, challenger, liar)
        _reopen(ledger, stage, requested)
        attested = claim_and_deliver(ledger, stage, challenger, requested, before)
    after = apply_update(ledger, stage, before)
    claimed = stage.real(defended.outputs)
    return Disputed(ledger, before, unwatched, held, after, claimed, attested, lie, dispute, prize, burnt)


def _next_day(ledger: Ledger, stage: Stage, history: PriceHistory) -> None:
    with ledger.step("a day passes, and the market closes") as step:
        chain = stage.chain(OPERATOR)
        stage.net.pass_time(history.next_midnight + 600 - chain.timestamp())
        close, earlier = history.rounds[-1], history.rounds[-2]
        feed = chain.contract("ReplayPriceFeed", stage.market.feed).functions
        step.spent(chain.send(feed.push(close.answer, close.updated_at)))
        unit = 10**history.decimals
        change = close.answer / earlier.answer - 1
        step.note = (
            f"${earlier.answer / unit:.2f} → ${close.answer / unit:.2f} ({change:+.1%}); anvil's clock was moved"
        )


def _claim_a_lie(ledger: Ledger, stage: Stage, liar: Claimant, requested: RequestedEvent) -> tuple[Lie, Defended]:
    with ledger.step("a dishonest provider takes it and claims a flattering output") as step:
        inputs = [tensor.to_array() for tensor in requested.inputs]
        lie, false_trace = calm_markets(stage.program, inputs)
        bonds = liar.contracts.claims.address
        held = liar.chain.balance(bonds)
        made = liar.claim(requested.request_id, lambda _: false_trace)
        bonded = liar.chain.balance(bonds) - held
        step.gas = sum(sent.gas_used for sent in made.sent)
        true = int(interpret(stage.program, inputs)[0].item()) / 2**stage.model.output_scale
        claimed = stage.real(made.defended.outputs)
        require(claimed < true, "the lie says that less may be lost", claimed=claimed, true=true)
        falsified = f"element {lie.element} of op {lie.op} is {lie.claimed}, where the program gives {lie.true}"
        step.note = f"drawdown {claimed:.1%}, not {true:.1%}: {falsified}; {bonded / ETHER} ether bonded"
    return lie, made.defended


def _if_nobody_looked(
    ledger: Ledger, stage: Stage, liar: Claimant, defended: Defended, before: Parameters
) -> Parameters:
    """What is at stake: the claim, left alone, becomes final. The chain then forgets it."""
    with ledger.step("if nobody looked (undone by a snapshot): the lie would move the market") as step:
        with stage.net.undone():
            stage.net.pass_time(TERMS.window)
            finish(liar.defender(defended))
            sync(stage)
            unwatched = stage.parameters()
        require(unwatched.ltv_bps > before.ltv_bps, "the lie would let more be borrowed", ltv=unwatched.ltv_bps)
        require(stage.parameters() == before, "it is undone")
        step.note = moved(before, unwatched)
    return unwatched


def _overturn(
    ledger: Ledger, stage: Stage, liar: Claimant, challenger: Challenger, lie: Lie, defended: Defended
) -> Dispute:
    claims = stage.claims(stage.chain())
    defender, made_at = liar.defender(defended), claims.chain.block_number()
    dispute = Recorder(ledger, claims, defended.claim_id).play(challenger.once, defender.once)
    at, killed = dispute.at, dispute.killed
    heard = [notice.message for notice in challenger.notices]
    require(killed is not None and killed.winner == challenger.address, "the challenger overturned it", heard=heard)
    require(at is not None and (at.op, at.element) == (lie.op, lie.element), "what was falsified was found", at=str(at))
    with ledger.step("the dispute in all") as step:
        blocks = claims.chain.block_number() - made_at
        require(blocks == len(dispute.moves), "every transaction of it is counted", blocks=blocks)
        status = claims.claim_of(defended.claim_id).status
        require(status is ClaimStatus.KILLED, "the claim is killed", status=status.name)
        shares = f"challenger {dispute.gas(Side.CHALLENGER):,}, defender {dispute.gas(Side.DEFENDER):,}"
        step.note = f"{len(dispute.moves)} transactions, {dispute.gas():,} gas ({shares})"
    return dispute


def _nothing_is_delivered(
    ledger: Ledger, stage: Stage, liar: Claimant, defended: Defended, before: Parameters
) -> Parameters:
    with ledger.step("nothing is delivered, and the market lends as before") as step:
        hub = liar.contracts.hub
        require(hub.status(defended.request_id) is Status.ASSIGNED, "the request waits for its answer still")
        answer = hub.fulfil(defended.request, int(Route.OPTIMISTIC), defended.outputs, defended.claim_id)
        require_refused(liar.chain, answer, "WrongClaimStatus", "the hub refuses an overturned claim")
        market = liar.chain.contract("LendingMarket", stage.market.market).functions
        require_refused(
            liar.chain, market.syncRiskParameters(), "UpdateTooOld", "the oracle has yesterday's update only"
        )
        oracle = liar.chain.contract("AttestedRiskOracle", stage.market.oracle).functions
        require(liar.chain.call(oracle.isAwaited(defended.request_id)), "the oracle waits for its answer still")
        held = stage.parameters()
        require(held == before, "the market's parameters did not move", before=str(before), now=str(held))
        step.note = f"LTV {held.ltv_bps} bps"
    return held


def _settle(ledger: Ledger, stage: Stage, challenger: Challenger, liar: Claimant) -> tuple[int, int]:
    """The challenger's prize and what is nobody's any more, in wei."""
    with ledger.step("the challenger draws its bond and the prize") as step:
        chain = stage.chain(CHALLENGER)
        claims = stage.claims(chain)
        credit, burnt = claims.credit(challenger.address), claims.burnt()
        prize = credit - TERMS.challenge_bond
        require(prize == TERMS.claim_bond // 2, "half of the claim's bond is the challenger's", prize=prize)
        require(burnt == TERMS.claim_bond - prize, "the other half is nobody's", burnt=burnt)
        require(claims.credit(liar.chain.address) == 0, "nothing of it is the liar's any more")
        held = chain.balance(claims.address)
        step.spent(chain.send(claims.withdraw(credit)))
        require(held - chain.balance(claims.address) == credit, "the contract paid what it owed", owed=credit)
        step.note = f"{prize / ETHER} ether more than it staked; the liar lost {(prize + burnt) / ETHER}"
    return prize, burnt


def _reopen(ledger: Ledger, stage: Stage, requested: RequestedEvent) -> None:
    with ledger.step("the liar's assignment runs out, the request opens again") as step:
        chain = stage.chain(ANYBODY)
        hub, request = stage.hub(chain), requested.request
        bond, before = hub.bond(request), hub.credit(request.requester)
        stage.net.pass_time(max(0, hub.state(requested.request_id).deadline - chain.timestamp()))
        step.spent(chain.send(hub.expire(request)))
        require(hub.status(requested.request_id) is Status.OPEN, "anybody can take the request again")
        paid = hub.credit(request.requester) - before
        require(paid == bond, "the assignment's bond is the oracle's", paid=paid, bond=bond)
        step.note = f"its bond of {bond / ETHER} ether is the oracle's"
