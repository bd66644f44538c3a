"""What is due of a claimant follows from the chain alone: logs that lag, reorganisations, pauses, confirmations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from halo2_programs import gemm_relu
from optimistic_market import an_input, honest_trace

from circuits.errors import EnvironmentFailure
from contracts.client.dispute_events import Committed
from contracts.client.dispute_types import Challenge, Claim
from contracts.client.hub import LogPosition, RequestState
from contracts.client.types import Status
from prover.optimistic.defender import Defended, Defender, idle, unanswered
from prover.optimistic.sender import Call, Sent
from prover.optimistic.standing import ClaimReader, OpenChallenge, Standing
from verifier.challenger.log_reader import LogReader
from verifier.dispute.types import ClaimStatus, Phase, Position

CLAIM, REQUEST = b"\x01" * 32, b"\x02" * 32
US = "0x" + "aa" * 20
PENDING = Claim(US, ClaimStatus.PENDING, 0, 0, b"", REQUEST, b"", b"", b"", 1_000)
LEAF = Position(Phase.TRACE, op=1)
OURS = RequestState(Status.ASSIGNED, 0, 10_000, US)
TRACE = honest_trace(gemm_relu(), an_input(gemm_relu()))


def challenge(at: Position) -> Challenge:
    return Challenge(at, b"", b"", 0, 0, 0, 0, 0, 0, 0, 0, US, 0, 0, CLAIM, b"")


def opened(number: int, at: Position = LEAF, *, defenders: bool = True, deadline: int = 500) -> OpenChallenge:
    return OpenChallenge(bytes([number]) * 32, challenge(at), defenders, deadline)


def standing(*challenges: OpenChallenge, now: int = 100) -> Standing:
    return Standing(9, PENDING, now, now, False, challenges)


@dataclass
class FakeClaims:
    """The contract's views; `logs` maps a challenge to the block of its commitment."""

    claim: Claim = PENDING
    open: dict[bytes, OpenChallenge] = field(default_factory=dict)
    ended: set[bytes] = field(default_factory=set)
    logs: dict[bytes, int] = field(default_factory=dict)
    head: int = 10
    time: int = 100
    stopped: bool = False
    asked: list[tuple[int, int]] = field(default_factory=list)
    credits: int = 0

    @property
    def chain(self) -> Any:
        return SimpleNamespace(block_number=lambda: self.head, timestamp=lambda: self.time, address=US)

    def add(self, found: OpenChallenge, block: int) -> None:
        self.open[found.challenge_id] = found
        self.logs[found.challenge_id] = block

    def claim_of(self, claim_id: bytes, block: int | None = None) -> Claim:
        return replace(self.claim, open_challenges=len(self.open))

    def game_time(self, block: int | None = None) -> int:
        return self.time

    def paused(self, block: int | None = None) -> bool:
        return self.stopped

    def credit(self, account: str) -> int:
        return self.credits

    def challenge_of(self, challenge_id: bytes, block: int | None = None) -> Challenge:
        if challenge_id in self.open:
            return self.open[challenge_id].challenge
        return challenge(Position(Phase.LOST if challenge_id in self.ended else Phase.NONE))

    def turn_of(self, challenge_id: bytes, block: int | None = None) -> tuple[bool, int]:
        return self.open[challenge_id].defenders, self.open[challenge_id].deadline

    def events(self, first: int, last: int, *topics: bytes | None) -> list[Committed]:
        self.asked.append((first, last))
        found = {named: block for named, block in self.logs.items() if first <= block <= last}
        return [Committed(CLAIM, n, US, b"", LogPosition(b, b"", b"", 0)) for n, b in found.items()]

    def __getattr__(self, name: str) -> Any:
        """A function of the contract becomes its name and arguments."""
        return lambda *arguments: (name, *arguments)


def reader_of(claims: FakeClaims) -> ClaimReader:
    return ClaimReader(claims, CLAIM, 1, LogReader(), clock=lambda: 0.0)  # type: ignore[arg-type]


@dataclass
class FakeHub:
    claims: FakeClaims
    request: RequestState = OURS

    @property
    def chain(self) -> Any:
        return self.claims.chain

    def state(self, request_id: bytes) -> RequestState:
        return self.request

    def credit(self, account: str) -> int:
        return 0

    def fulfil(self, *arguments: Any) -> Any:
        return ("fulfil", *arguments)


@dataclass
class FakeSender:
    calls: list[Call] = field(default_factory=list)

    def send_all(self, calls: list[Call]) -> list[Sent]:
        self.calls += calls
        return [Sent(call, {"status": 1, "gasUsed": 7}) for call in calls]


def defender_of(claims: FakeClaims, hub: FakeHub, **options: Any) -> tuple[Defender, FakeSender]:
    sender = FakeSender()
    made: Any = Defended(CLAIM, REQUEST, None, (), lambda: TRACE)  # type: ignore[arg-type]
    parts: Any = (made, reader_of(claims), hub, sender)
    return Defender(*parts, **options), sender


def test_one_reveal_answers_all_challenges_at_its_position_and_the_most_urgent_come_first() -> None:
    other = replace(LEAF, op=2)
    found = unanswered(standing(opened(1, deadline=400), opened(2, other, deadline=300), opened(3, deadline=200)))
    assert [one.challenge_id[0] for one in found] == [3, 2]


def test_what_is_late_or_not_ours_is_not_answered() -> None:
    theirs = opened(1, defenders=False, deadline=500)
    assert unanswered(standing(theirs, opened(2, deadline=100), now=100)) == []


def test_a_challenger_is_timed_out_at_its_deadline_and_not_before() -> None:
    theirs = opened(1, defenders=False, deadline=100)
    assert idle(standing(theirs, now=99)) == []
    assert idle(standing(theirs, opened(2, deadline=50), now=100)) == [theirs]


def test_reader_refuses_a_node_whose_log_lacks_a_challenge() -> None:
    claims = FakeClaims()
    claims.add(opened(1), 5)
    del claims.logs[opened(1).challenge_id]
    with pytest.raises(EnvironmentFailure) as incomplete:
        reader_of(claims).read()
    assert incomplete.value.code == "logs_missing"


def test_reader_finds_a_commitment_that_a_reorganisation_moved_far_back() -> None:
    claims = FakeClaims(head=500)
    reader = reader_of(claims)
    assert reader.read().challenges == ()
    claims.add(opened(1), 3)
    assert [one.challenge_id for one in reader.read().challenges] == [opened(1).challenge_id]


def test_reader_asks_the_log_only_for_what_may_have_changed() -> None:
    claims = FakeClaims(head=500)
    reader = reader_of(claims)
    reader.read()
    claims.asked.clear()
    claims.head = 501
    reader.read()
    assert claims.asked == [(437, 501)]


def test_reader_sees_an_ended_challenge_that_a_reorganisation_reopened() -> None:
    claims = FakeClaims()
    claims.logs[opened(1).challenge_id] = 4
    claims.ended.add(opened(1).challenge_id)
    reader = reader_of(claims)
    assert reader.read().challenges == ()
    claims.open[opened(1).challenge_id] = opened(1)
    assert len(reader.read().challenges) == 1


def test_nothing_is_sent_in_a_pause() -> None:
    claims = FakeClaims(stopped=True, time=2_000)
    claims.add(opened(1, deadline=3_000), 5)
    defender, sender = defender_of(claims, FakeHub(claims))
    assert defender.once() is None
    claims.stopped = False
    assert defender.once() is None
    assert [call.name for call in sender.calls] == ["revealTensor"]


def test_a_claim_is_finalised_only_after_its_window_and_without_open_challenges() -> None:
    claims = FakeClaims(time=999)
    claims.add(opened(1, defenders=False, deadline=2_000), 5)
    defender, sender = defender_of(claims, FakeHub(claims))
    defender.once()
    claims.time = 1_000
    defender.once()
    assert sender.calls == []
    claims.open.clear()
    defender.once()
    assert [call.name for call in sender.calls] == ["finalise"]


def test_an_end_is_believed_after_its_confirmations_and_taken_back_by_a_reorganisation() -> None:
    claims = FakeClaims(claim=replace(PENDING, status=ClaimStatus.FINAL))
    hub = FakeHub(claims, RequestState(Status.DELIVERED, 0, 0, US))
    defender, sender = defender_of(claims, hub, confirmations=3)
    assert defender.once() is None
    claims.head = 12
    hub.request = OURS  # the delivery is gone
    assert defender.once() is None
    assert [call.name for call in sender.calls] == ["fulfil"]
    hub.request = RequestState(Status.DELIVERED, 0, 0, US)
    assert defender.once() is None
    claims.head = 14
    assert defender.once() is None
    claims.head = 15
    outcome = defender.once()
    assert outcome is not None
    assert (outcome.status, outcome.delivered) == (ClaimStatus.FINAL, True)


def test_nothing_is_delivered_under_an_assignment_that_lapsed_or_is_anothers() -> None:
    claims = FakeClaims(claim=replace(PENDING, status=ClaimStatus.FINAL))
    for state in (
        RequestState(Status.ASSIGNED, 0, 100, US),
        RequestState(Status.ASSIGNED, 0, 10_000, "0x" + "bb" * 20),
    ):
        defender, sender = defender_of(claims, FakeHub(claims, state))
        outcome = defender.once()
        assert outcome is not None
        assert not outcome.delivered
        assert sender.calls == []


def test_credit_is_withdrawn_unless_it_should_stay() -> None:
    claims = FakeClaims(claim=replace(PENDING, status=ClaimStatus.CANCELLED), credits=5)
    hub = FakeHub(claims, RequestState(Status.OPEN, 0, 0, US))
    defender, sender = defender_of(claims, hub, withdraw=False)
    assert defender.once() is not None
    defender, sender = defender_of(claims, hub)
    assert defender.once() is None
    assert [call.function for call in sender.calls] == [("withdraw", 5)]


class RefusingSender(FakeSender):
    """A chain that refuses the calls named in `refuses`, without a transaction."""

    refuses: frozenset[str] = frozenset()

    def send_all(self, calls: list[Call]) -> list[Sent]:
        self.calls += calls
        error = EnvironmentFailure("transaction_reverted", f"no, at {len(self.calls)}", error="NotNow")
        mined = {"status": 1, "gasUsed": 7}
        return [Sent(c, error=error) if c.name in self.refuses else Sent(c, mined) for c in calls]


def refusing(
    claims: FakeClaims, *names: str, open_trace: Callable[[], Any] = lambda: TRACE
) -> tuple[Defender, RefusingSender, list[tuple[str, dict[str, Any]]]]:
    sender = RefusingSender()
    told: list[tuple[str, dict[str, Any]]] = []
    sender.refuses = frozenset(names)

    def hear(event: str, **values: Any) -> None:
        told.append((event, values))

    made: Any = Defended(CLAIM, REQUEST, None, (), open_trace)  # type: ignore[arg-type]
    parts: Any = (made, reader_of(claims), FakeHub(claims), sender)
    return Defender(*parts, report=hear), sender, told


def test_a_refused_reveal_is_tried_once_a_block_and_told_once() -> None:
    claims = FakeClaims()
    claims.add(opened(1), 5)
    defender, sender, told = refusing(claims, "revealTensor")
    for _ in range(3):
        defender.once()
    assert [call.name for call in sender.calls] == ["revealTensor"]
    claims.head += 1  # the state may have changed: what was refused may be legal now
    defender.once()
    assert [call.name for call in sender.calls] == ["revealTensor"] * 2
    assert [event for event, _ in told] == ["refused"]
    sender.refuses = frozenset()
    claims.head += 1
    defender.once()
    assert defender.tally.calls == {"revealTensor": 1}
    assert [event for event, _ in told] == ["refused", "sent"]


def test_a_refused_reveal_keeps_no_other_position_waiting() -> None:
    claims = FakeClaims()
    claims.add(opened(1), 5)
    defender, sender, _ = refusing(claims, "revealTensor")
    defender.once()
    claims.add(opened(2, replace(LEAF, op=0)), 6)
    defender.once()
    assert [call.function[1][0] for call in sender.calls] == [1, 2]


def test_a_refused_timeout_is_tried_at_every_pass_and_told_once() -> None:
    """Our own clock may be ahead of the chain's: what is too early now is due without any new block."""
    claims = FakeClaims(time=600)
    claims.add(opened(1, defenders=False, deadline=500), 5)
    defender, sender, told = refusing(claims, "timeout")
    defender.once()
    defender.once()
    assert [call.name for call in sender.calls] == ["timeout"] * 2
    assert [event for event, _ in told] == ["refused"]


class Torn:
    """A trace of which op 0 cannot be had again."""

    def __getattr__(self, name: str) -> Any:
        return getattr(TRACE, name)

    def reveal_body(self, at: Position) -> bytes:
        if at.op == 0:
            raise MemoryError
        return TRACE.reveal_body(at)


def test_an_answer_that_fails_drops_no_other_answer_and_no_timeout_of_its_claim() -> None:
    claims = FakeClaims()
    claims.add(opened(1, replace(LEAF, op=0), deadline=200), 5)
    claims.add(opened(2), 5)
    claims.add(opened(3, replace(LEAF, op=2), defenders=False, deadline=90), 5)
    defender, sender, told = refusing(claims, open_trace=Torn)
    defender.once()
    defender.once()
    assert [call.name for call in sender.calls] == ["revealTensor", "timeout"] * 2
    assert [event for event, _ in told if event != "sent"] == ["unanswered"]


def test_a_trace_that_cannot_be_had_keeps_no_timeout_waiting() -> None:
    def gone() -> Any:
        raise EnvironmentFailure("store_unusable", "no such folder")

    claims = FakeClaims()
    claims.add(opened(1), 5)
    claims.add(opened(3, replace(LEAF, op=2), defenders=False, deadline=90), 5)
    defender, sender, told = refusing(claims, open_trace=gone)
    defender.once()
    assert [call.name for call in sender.calls] == ["timeout"]
    assert ("unanswered", "store_unusable") in [(event, values.get("code")) for event, values in told]
