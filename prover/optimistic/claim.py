"""From a request on the hub to a claim under bond (docs/protocol/optimistic.md section 1).

Everything that can be refused is refused before money moves: a request whose window is shorter than finality takes
would cost the assignment's bond, and a claim under a key of another program the claim's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.errors import EnvironmentFailure, InputError
from circuits.lower.optimistic import longest_game
from circuits.program.graph import Program
from circuits.statement import Route, input_root
from contracts.client.dispute_events import Claimed
from contracts.client.dispute_types import DisputeKey
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub, RequestedEvent, RequestState
from contracts.client.registry import Registry
from contracts.client.types import RoutePin, Status, Tensor
from prover.optimistic.defender import Defended
from prover.optimistic.engine import ENGINE
from prover.optimistic.key import OptimisticKey
from prover.optimistic.policy import Policy
from prover.optimistic.sender import Call, Sender, Sent
from verifier.challenger import self_test
from verifier.challenger.log_reader import LogReader
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.rules import latest_finality
from verifier.dispute.types import ClaimStatus, DisputeTerms, claim_id

# What must be mined after a challenge's last deadline and before the assignment's: timeout, finalise, fulfil.
CLOSING_MOVES = 3
STANDING = (ClaimStatus.PENDING, ClaimStatus.FINAL)


@dataclass(frozen=True)
class Contracts:
    """The contracts of one deployment that a claimant deals with, through one account."""

    claims: OptimisticClaims
    hub: Hub
    registry: Registry


@dataclass(frozen=True)
class Asked:
    """A request that this account may answer by a claim, and what that takes. Amounts in wei."""

    event: RequestedEvent
    pin: RoutePin
    key: DisputeKey
    state: RequestState
    assignment_bond: int
    prior: Claimed | None  # the newest claim that this account has made for it

    @property
    def stake(self) -> int:
        """What has to be put down from here on, if no claim stands."""
        return self.key.terms.claim_bond + (self.assignment_bond if self.state.status is Status.OPEN else 0)


@dataclass(frozen=True)
class Made:
    """A claim on the chain, and the transactions that this took now: none if it was there already."""

    defended: Defended
    sent: tuple[Sent, ...]


def finality_s(program: Program, terms: DisputeTerms) -> int:
    """The longest time from a claim to the end of its last challenge, section 4."""
    return latest_finality(terms.window, terms, longest_game(program))


def needed_window_s(program: Program, terms: DisputeTerms) -> int:
    """Seconds that an assignment must still have when the claim is made: finality, and the time to deliver after it."""
    return finality_s(program, terms) + CLOSING_MOVES * terms.extension


def find_request(hub: Hub, request_id: bytes, from_block: int, logs: LogReader) -> RequestedEvent:
    """The request's event, which carries its input; raises InputError `request_unknown`."""
    head = hub.chain.block_number()
    found = logs.newest(lambda first, last: hub.requested_events(first, last, request_id), from_block, head)
    if found is None:
        shown = "0x" + request_id.hex()
        raise InputError("request_unknown", f"no request {shown} was opened at this hub", request_id=shown)
    return found


def examine(contracts: Contracts, event: RequestedEvent, program: Program, policy: Policy, logs: LogReader) -> Asked:
    """Whether this account may and should claim an answer of `program` to the request, or go on with its claim.

    Errors: `route_not_pinned`, `registration_of_another_model`, `key_of_another_program`, `input_root_mismatch`,
    `window_too_short`, `stake_too_high`, `request_not_open`, `request_expired`, those of `Policy.objections`.
    """
    hub, request = contracts.hub, event.request
    pin = next((pin for pin in request.routes if pin.route == Route.OPTIMISTIC), None)
    if pin is None:
        raise InputError("route_not_pinned", "the request does not allow the optimistic route")
    if contracts.registry.registration(request.registration_id).model_id != program.model_id():
        raise InputError("registration_of_another_model", "the request is for another program")
    key = contracts.claims.key(pin.key_digest)
    require_key(key, program)
    if input_root([tensor.to_array() for tensor in event.inputs]) != request.input_root:
        raise InputError("input_root_mismatch", "the published tensors are not the ones the request is about")
    state = hub.state(event.request_id)
    prior = _own_claim(contracts.claims, event, logs, reopened=state.status is Status.OPEN)
    asked = Asked(event, pin, key, state, hub.bond(request), prior)
    if prior is None:
        _require_ours(asked, hub.chain.address)
        policy.require(key.terms)
        _require_time(asked, program, hub.chain.timestamp())
        if asked.stake > policy.max_stake:
            message = f"the claim needs {asked.stake} wei at stake, over the limit of {policy.max_stake}"
            raise InputError("stake_too_high", message, stake=asked.stake, limit=policy.max_stake)
    return asked


def _own_claim(claims: OptimisticClaims, event: RequestedEvent, logs: LogReader, *, reopened: bool) -> Claimed | None:
    """The newest one; of a request that is open again, whatever became of the assignment, only if it still stands."""

    def ask(first: int, last: int) -> list[Claimed]:
        found = claims.events(first, last, None, event.request_id)
        return [e for e in found if isinstance(e, Claimed) and e.claimant == claims.chain.address]

    found = logs.newest(ask, event.at.block_number, claims.chain.block_number())
    if found is not None and reopened and claims.claim_of(found.claim_id).status not in STANDING:
        return None
    return found


def require_key(key: DisputeKey, program: Program) -> None:
    """The registered key must be the program's own: an honest claim under another one can be overturned."""
    wanted = OptimisticKey.of(program, key.terms)
    if (key.model_id, key.num_ops, key.graph_tree) != (wanted.model_id, wanted.num_ops, wanted.graph_tree):
        raise InputError(
            "key_of_another_program",
            "the pinned key is not registered, or is another program's",
            expected={"model_id": wanted.model_id.hex(), "ops": wanted.num_ops, "graph_tree": wanted.graph_tree.hex()},
            got={"model_id": key.model_id.hex(), "ops": key.num_ops, "graph_tree": key.graph_tree.hex()},
        )


def _require_ours(asked: Asked, account: str) -> None:
    state = asked.state
    if state.status is Status.OPEN or (state.status is Status.ASSIGNED and state.prover == account):
        return
    status = state.status.name.lower()
    message = f"the request is {status}" + (f" to {state.prover}" if state.status is Status.ASSIGNED else "")
    raise InputError("request_not_open", message, status=status, prover=state.prover)


def _require_time(asked: Asked, program: Program, now: int) -> None:
    """An assignment must outlast the claim, whatever challengers do: else its bond is lost to nobody's fault.

    Once assigned the bond is lost for certain without a claim, so then only the window has to fit.
    """
    state, request, terms = asked.state, asked.event.request, asked.key.terms
    if state.status is Status.OPEN:
        if now >= request.expiry:
            raise InputError("request_expired", "nobody can be assigned to the request any more", expiry=request.expiry)
        left, needed = request.prove_window, needed_window_s(program, terms)
    else:
        left, needed = state.deadline - now, terms.window + terms.extension
    if left < needed:
        message = f"the assignment has {left} s, and a claim may take {needed} s to become final and delivered"
        raise InputError("window_too_short", message, left_s=left, needed_s=needed)


def _require_same_run(claims: OptimisticClaims, asked: Asked, named: bytes) -> None:
    """Two claims of one request that both stand say two things: one of this account's runs was wrong."""
    prior = asked.prior
    if prior is not None and claims.claim_of(prior.claim_id).status in STANDING:
        message = "this run is not what this account has claimed before: another program or a faulty machine"
        ids = {"standing": "0x" + prior.claim_id.hex(), "this_run": "0x" + named.hex()}
        raise EnvironmentFailure("claim_of_another_run", message, **ids)


def outputs_of(trace: CommittedTrace) -> list[npt.NDArray[np.int64]]:
    """The program's outputs, in graph order."""
    return [trace.made[output.ref.index].astype(np.int64) for output in trace.program.outputs]


def make_claim(contracts: Contracts, asked: Asked, trace: CommittedTrace, sender: Sender, locator: str = "") -> Made:
    """Assigns if need be, and claims. Called again after a crash it finds what it did, and does the rest.

    Raises ChallengerError `selftest_failed`, EnvironmentFailure `claim_of_another_run`, and what the chain refuses.
    """
    claims, event = contracts.claims, asked.event
    account = claims.chain.address
    outputs = tuple(Tensor.from_array(values) for values in outputs_of(trace))
    named = claim_id(
        claims.chain.chain_id,
        claims.address,
        event.request_id,
        asked.pin.key_digest,
        trace.trace_tree,
        trace.output_root,
        account,
    )
    made = Defended(named, event.request_id, event.request, outputs, lambda: trace)
    if claims.claim_of(named).status is not ClaimStatus.NONE:
        return Made(made, ())
    _require_same_run(claims, asked, named)
    _require_ours(asked, account)
    self_test(ENGINE)  # a machine that computes something else would lose the bond
    sent = []
    if asked.state.status is Status.OPEN:
        sent.append(sender.send(Call("assign", contracts.hub.assign(event.request), asked.assignment_bond)))
    body = claims.claim(event.request, outputs, trace.top, trace.output_paths, locator)
    sent.append(sender.send(Call("claim", body, asked.key.terms.claim_bond)))
    if claims.claim_of(named).status is ClaimStatus.NONE:
        raise EnvironmentFailure("claim_missing", "the claim was mined under another name", claim_id="0x" + named.hex())
    return Made(made, tuple(sent))
