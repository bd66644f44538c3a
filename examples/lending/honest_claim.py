"""How the second act ends: the same request, claimed as the program says, and delivered after its window."""

from __future__ import annotations

from circuits.program.interpreter import run as interpret
from circuits.statement import Route, output_root
from contracts.client.hub import RequestedEvent
from contracts.client.types import Status
from examples.lending.accounts import Challenger, Claimant
from examples.lending.ledger import Ledger, require
from examples.lending.stage import PROVER, TERMS, Parameters, Stage, require_refused
from prover.optimistic.defender import Defended, Defender
from prover.optimistic.trace import Tracer
from verifier.dispute.types import ClaimStatus

PASSES = 5  # finalise, fulfil, and what a defender needs to see that all is done


def claim_and_deliver(
    ledger: Ledger, stage: Stage, challenger: Challenger, requested: RequestedEvent, before: Parameters
) -> float:
    """The drawdown that the hub delivered, as a fraction of the price."""
    provider = Claimant(stage.chain(PROVER), stage.core, stage.program)
    with ledger.step("an honest provider claims what the program says") as step:
        made = provider.claim(requested.request_id, Tracer(stage.program).trace)
        step.gas = sum(sent.gas_used for sent in made.sent)
        step.note = f"drawdown {stage.real(made.defended.outputs):.1%}"
    defended = made.defended
    defender = provider.defender(defended)
    _watch(ledger, stage, challenger, defended)
    _wait(ledger, stage, provider, defended, defender, before)
    _deliver(ledger, stage, requested, defended, defender)
    return stage.real(defended.outputs)


def finish(defender: Defender) -> None:
    """Once its window is over an unchallenged claim becomes final, and its claimant delivers."""
    outcomes = (defender.once() for _ in range(PASSES))
    outcome = next((found for found in outcomes if found is not None), None)
    done = outcome is not None and outcome.delivered and outcome.status is ClaimStatus.FINAL
    require(done, "the claim became final and was delivered", outcome=str(outcome))


def _watch(ledger: Ledger, stage: Stage, challenger: Challenger, defended: Defended) -> None:
    with ledger.step("the challenger runs the program and leaves the claim alone"):
        challenger.once()
        require(challenger.said("claim_right", defended.claim_id), "the challenger finds the honest claim right")
        claim = stage.claims(stage.chain()).claim_of(defended.claim_id)
        require(claim.commitments == 0, "nobody challenges it", commitments=claim.commitments)


def _wait(
    ledger: Ledger, stage: Stage, provider: Claimant, defended: Defended, defender: Defender, before: Parameters
) -> None:
    with ledger.step("nothing is delivered before the window is over") as step:
        claims, hub = provider.contracts.claims, provider.contracts.hub
        require_refused(provider.chain, claims.finalise(defended.claim_id), "WindowOpen", "no claim is final too early")
        answer = hub.fulfil(defended.request, int(Route.OPTIMISTIC), defended.outputs, defended.claim_id)
        require_refused(provider.chain, answer, "WrongClaimStatus", "the hub refuses a claim that is not final")
        defender.once()
        require(hub.status(defended.request_id) is Status.ASSIGNED, "the request waits for its answer still")
        require(stage.parameters() == before, "the market's parameters did not move", before=str(before))
        stage.net.pass_time(TERMS.window)
        step.note = f"{TERMS.window} s; anvil's clock was moved"


def _deliver(ledger: Ledger, stage: Stage, requested: RequestedEvent, defended: Defended, defender: Defender) -> None:
    with ledger.step("the claim is final, and delivered") as step:
        finish(defender)
        step.gas = defender.tally.gas
        chain = stage.chain()
        events = stage.hub(chain).delivered_events(requested.at.block_number, chain.block_number())
        answers = [event for event in events if event.request_id == requested.request_id]
        require(len(answers) == 1, "the hub delivered exactly once", delivered=len(answers))
        true = output_root(interpret(stage.program, [tensor.to_array() for tensor in requested.inputs]))
        require(answers[0].output_root == true, "the chain's output is the interpreter's")
        require(
            answers[0].route == Route.OPTIMISTIC, "it was delivered by the optimistic route", route=answers[0].route
        )
        step.note = "the interpreter's integers"
