"""The claimant's side of a claim from its bond to its delivery (docs/protocol/optimistic.md sections 3 to 6).

Nothing is stored. What is due follows from the chain's state and the trace, and both can be had again: so a defender
that was killed at any point goes on where the chain stands, and makes no move twice, for the chain says what it has. A
reveal that was refused is tried again when there is another block, docs/decisions/0093.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from circuits.errors import EnvironmentFailure, InferproofError
from circuits.statement import Route
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub
from contracts.client.types import Request, Status, Tensor
from prover.optimistic.sender import Call, Report, Sender, Sent, quiet
from prover.optimistic.standing import ClaimReader, OpenChallenge, Standing
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.rules import Move, rule_at
from verifier.dispute.types import ClaimStatus, Position, position_key

T = TypeVar("T")

PASSING = frozenset({"chain_unreachable", "chain_refused", "transaction_not_mined"})


@dataclass(frozen=True)
class Defended:
    """A claim that its claimant has made. `open_trace` is called when a reveal is due; it may run the program again."""

    claim_id: bytes
    request_id: bytes
    request: Request
    outputs: tuple[Tensor, ...]
    open_trace: Callable[[], CommittedTrace]


@dataclass
class Tally:
    """What a defender has done so far: calls that were mined by name, and their gas."""

    calls: dict[str, int] = field(default_factory=dict)
    gas: int = 0

    def add(self, sent: Sent) -> None:
        if sent.succeeded:
            self.calls[sent.call.name] = self.calls.get(sent.call.name, 0) + 1
            self.gas += sent.gas_used


@dataclass(frozen=True)
class Outcome:
    """How a claim ended, and whether its request has an answer."""

    status: ClaimStatus
    delivered: bool
    tally: Tally


@dataclass(frozen=True)
class Plan:
    """What a defender sends now; `outcome` once it will never send anything again."""

    calls: list[Call]
    outcome: Outcome | None = None


class Defender:
    """Defends one claim.

    Args:
        defended: the claim, and everything that it may be asked for.
        reader: of that claim.
        hub: where the request is.
        sender: of the claimant's account.
        confirmations: blocks on top of the last one that matters before it is believed.
        withdraw: whether credit at both contracts is pulled in the end.
        report: hears what is done.
    """

    def __init__(
        self,
        defended: Defended,
        reader: ClaimReader,
        hub: Hub,
        sender: Sender,
        *,
        confirmations: int = 0,
        withdraw: bool = True,
        report: Report = quiet,
    ) -> None:
        self.tally = Tally()
        self._defended = defended
        self._reader = reader
        self._claims: OptimisticClaims = reader.claims
        self._hub = hub
        self._sender = sender
        self._confirmations = confirmations
        self._withdraw = withdraw
        self.report = report
        self._ended_at: int | None = None
        self._block = 0  # as of which the last plan was made
        self._refused: dict[bytes, int] = {}  # the position of a reveal, and the block in which it was refused
        self._said: set[tuple[str, str, bytes, str]] = set()

    def run(self, stopping: threading.Event, poll_s: float) -> Outcome | None:
        """Passes until the claim has ended and is delivered; None if stopped. Failures that may pass do not end it."""
        while not stopping.is_set():
            try:
                outcome = self.once()
            except EnvironmentFailure as error:
                if error.code not in PASSING:
                    raise
                self.report("waits", code=error.code, reason=error.message)
                outcome = None
            if outcome is not None:
                return outcome
            stopping.wait(poll_s)
        return None

    def once(self) -> Outcome | None:
        """One pass: sends everything that is due now; the outcome once nothing will ever be due again."""
        return defend_once([self], self._sender)[0]

    def plan(self) -> Plan:
        """Reads the chain: what is due now, or how it ended."""
        standing = self._reader.read()
        self._block = standing.block
        calls = self._due(standing)
        if calls or standing.claim.status is ClaimStatus.PENDING:
            self._ended_at = None
            return Plan(calls)
        if self._ended_at is None:
            self._ended_at = standing.block
            if self._confirmations:
                self.report("waiting", blocks=self._confirmations, reason="the end has to be confirmed")
        if standing.block < self._ended_at + self._confirmations:
            return Plan([])
        delivered = self._hub.state(self._defended.request_id).status is Status.DELIVERED
        won = standing.claim.status is ClaimStatus.FINAL
        return Plan([], Outcome(standing.claim.status, won and delivered, self.tally))

    def heard(self, sent: Sent) -> None:
        """What became of a call of the plan."""
        self.tally.add(sent)
        call, error = sent.call, sent.error
        if sent.succeeded:
            self.report("sent", call=call.name, gas=sent.gas_used)
        elif error is None:
            self.report("refused", call=call.name, reason="mined and reverted, or replaced")
        else:
            if call.about:
                self._refused[call.about] = self._block
            kind = str(error.details.get("error", error.message))  # its values may change at every pass
            self._say_once("refused", call.name, call.about, kind, reason=error.message)

    def _due(self, standing: Standing) -> list[Call]:
        claim = standing.claim
        if claim.status is ClaimStatus.PENDING:
            if standing.paused:
                return []  # game time stands still, and so do all deadlines
            calls = self._answers(standing)
            calls += [Call("timeout", self._claims.timeout(found.challenge_id)) for found in idle(standing)]
            if not standing.challenges and standing.now >= claim.window_end:
                calls.append(Call("finalise", self._claims.finalise(self._defended.claim_id)))
            return calls
        if claim.status is ClaimStatus.FINAL and self._assigned_to_us():
            return [self._fulfil()]
        return self._withdrawals() if self._withdraw else []

    def _answers(self, standing: Standing) -> list[Call]:
        """What cannot be answered must keep nothing else waiting: neither other answers nor timeouts."""
        waiting = [(position_key(found.challenge.at), found) for found in unanswered(standing)]
        waiting = [(place, found) for place, found in waiting if self._refused.get(place) != standing.block]
        if not waiting:
            return []
        trace = self._guarded(bytes(32), self._defended.open_trace)
        if trace is None:
            return []
        calls = [self._guarded(place, partial(self._answer, place, found, trace)) for place, found in waiting]
        return [call for call in calls if call is not None]

    def _guarded(self, place: bytes, make: Callable[[], T]) -> T | None:
        """None, and said once, where a trace or one answer of it is not to be had now."""
        try:
            return make()
        except (InferproofError, MemoryError) as error:
            code = error.code if isinstance(error, InferproofError) else "out_of_memory"
            reason = error.message if isinstance(error, InferproofError) else "this machine has too little memory"
            self._say_once("unanswered", "reveal", place, code, code=code, reason=reason)
            return None

    def _answer(self, place: bytes, found: OpenChallenge, trace: CommittedTrace) -> Call:
        at, named = found.challenge.at, found.challenge_id
        move, body = rule_at(at).reveal, trace.reveal_body(at)
        if move is Move.REVEAL_TENSOR:
            parts = (trace.committed.descriptors[at.op], trace.chunk_tree(at.op).root, body)
            return Call(move, self._claims.reveal_tensor(named, *parts), about=place)
        if move is Move.REVEAL_SUMS:
            body = self._claims.reveal_sums(named, trace.committed.descriptors[at.op], body)
            return Call(move, body, about=place)
        return Call(Move.REVEAL, self._claims.reveal(named, body), about=place)

    def _say_once(self, event: str, call: str, place: bytes, kind: str, **values: str) -> None:
        if (event, call, place, kind) not in self._said:
            self._said.add((event, call, place, kind))
            self.report(event, call=call, **values)

    def _assigned_to_us(self) -> bool:
        state = self._hub.state(self._defended.request_id)
        ours = state.status is Status.ASSIGNED and state.prover == self._hub.chain.address
        return ours and self._hub.chain.timestamp() < state.deadline

    def _fulfil(self) -> Call:
        made = self._defended
        proof = self._hub.fulfil(made.request, int(Route.OPTIMISTIC), made.outputs, made.claim_id)
        return Call("fulfil", proof)

    def _withdrawals(self) -> list[Call]:
        sides: tuple[OptimisticClaims | Hub, ...] = (self._claims, self._hub)
        credits_ = [(side, side.credit(side.chain.address)) for side in sides]
        return [Call("withdraw", side.withdraw(amount)) for side, amount in credits_ if amount]


def defend_once(defenders: Sequence[Defender], sender: Sender) -> list[Outcome | None]:
    """One pass over several claims of one account: everything that is due goes out together, so that none waits for
    another's transactions to be mined."""
    plans = [_planned(defender) for defender in defenders]
    sent = iter(sender.send_all([call for plan in plans for call in plan.calls]))
    for defender, plan in zip(defenders, plans, strict=True):
        for _ in plan.calls:
            defender.heard(next(sent))
    return [plan.outcome for plan in plans]


def _planned(defender: Defender) -> Plan:
    """What is wrong with one claim must not keep the others waiting; a silent chain keeps all of them."""
    try:
        return defender.plan()
    except InferproofError as error:
        if error.code == "chain_unreachable":
            raise
        defender.report("waits", code=error.code, reason=error.message)
        return Plan([])


def unanswered(standing: Standing) -> list[OpenChallenge]:
    """Challenges that wait for a reveal, the most urgent first; one a position, for all that are at it."""
    waiting = [found for found in standing.challenges if found.defenders and standing.game_time < found.deadline]
    by_place: dict[Position, OpenChallenge] = {}
    for found in _by_deadline(waiting):
        by_place.setdefault(found.challenge.at, found)
    return list(by_place.values())


def idle(standing: Standing) -> list[OpenChallenge]:
    """Challenges whose challenger let its time run out."""
    late = [found for found in standing.challenges if not found.defenders and standing.now >= found.deadline]
    return _by_deadline(late)


def _by_deadline(found: Iterable[OpenChallenge]) -> list[OpenChallenge]:
    return sorted(found, key=lambda challenge: challenge.deadline)
