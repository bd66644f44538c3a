"""What goes wrong over one claim: told, counted and tried again later, while everything else goes on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import structlog

from circuits.errors import EnvironmentFailure
from verifier.challenger import Notice, errands
from verifier.challenger.errands import FIRST_RETRY_S, LAST_RETRY_S, REFUSED_RETRY_S, UNEXPECTED, Errand, Errands
from verifier.challenger.errors import ChallengerError
from verifier.challenger.judging import UnderWay

BAD, GOOD = b"\1" * 32, b"\2" * 32


class Desk:
    """Errands with everything that they call written down, at a time that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.told: list[tuple[str, bytes, bytes]] = []
        self.noted: list[tuple[bytes, str]] = []
        self.done: list[bytes] = []
        monkeypatch.setattr(errands.time, "monotonic", lambda: self.now)
        self.errands = Errands(self.wait, self.tell, lambda *given: self.noted.append(given))

    def wait(self, seconds: float) -> None:
        self.now += min(seconds, 1.0)

    def tell(self, notice: Notice) -> None:
        self.told.append((notice.code, notice.claim_id, notice.challenge_id))

    def good(self) -> Errand:
        return Errand(GOOD, b"", lambda: self.done.append(GOOD))

    def run(self, *acts: Callable[[], None], patience_s: float = 0.0, challenge_id: bytes = b"") -> None:
        """All of them about the bad claim, then one about the good one."""
        self.errands.run([*(Errand(BAD, challenge_id, act) for act in acts), self.good()], patience_s)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), RecursionError(), AssertionError()])
def test_an_error_over_one_claim_is_told_and_counted_and_the_others_go_on(desk: Desk, error: Exception) -> None:
    def act() -> None:
        raise error

    desk.run(act)
    assert desk.told == [(UNEXPECTED, BAD, b"")]
    assert desk.noted == [(BAD, UNEXPECTED)]
    assert desk.errands.unexpected == 1
    assert desk.done == [GOOD]


def test_its_traceback_is_logged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_that_is_named() -> None:
        raise KeyError("no such key")

    # Where the module's own goes depends on which verbs ran in this process before.
    logged = structlog.testing.CapturingLogger()
    processors = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    monkeypatch.setattr(errands, "log", structlog.wrap_logger(logged, processors))
    desk.run(one_that_is_named)
    (call,) = logged.calls
    assert "one_that_is_named" in call.args[0]
    assert "no such key" in call.args[0]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_process_is_caught_by_nobody(desk: Desk, end: type[BaseException]) -> None:
    def act() -> None:
        raise end

    with pytest.raises(end):
        desk.run(act)


def test_a_chain_that_does_not_answer_keeps_all_waiting(desk: Desk) -> None:
    def act() -> None:
        raise EnvironmentFailure("chain_unreachable", "no")

    with pytest.raises(EnvironmentFailure):
        desk.run(act)
    assert desk.errands.unexpected == 0


def test_a_refusal_over_a_claim_is_told_and_is_tried_again_after_a_minute_and_not_before(desk: Desk) -> None:
    """Otherwise claims that can never be staked on would take every pass."""
    tried: list[float] = []

    def act() -> None:
        tried.append(desk.now)
        raise ChallengerError("bond_over_budget", "no")

    for desk.now in (0, 1, REFUSED_RETRY_S - 1, REFUSED_RETRY_S, REFUSED_RETRY_S + 1):
        desk.run(act)
    assert tried == [0, REFUSED_RETRY_S]
    assert desk.told == [("bond_over_budget", BAD, b"")] * 2
    assert desk.errands.unexpected == 0


def test_a_move_that_was_refused_is_tried_again_in_the_next_pass(desk: Desk) -> None:
    """Its clock is running."""
    tried: list[float] = []

    def act() -> None:
        tried.append(desk.now)
        raise EnvironmentFailure("chain_refused", "no")

    for desk.now in (0, 1, 2):
        desk.run(act, challenge_id=b"\3" * 32)
    assert tried == [0, 1, 2]


def test_what_failed_is_tried_again_after_longer_and_longer_waits(desk: Desk) -> None:
    tried: list[float] = []

    def act() -> None:
        tried.append(desk.now)
        raise KeyError

    for _ in range(400):
        desk.run(act)
        desk.now += 1
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps[:4] == [FIRST_RETRY_S, 2 * FIRST_RETRY_S, 4 * FIRST_RETRY_S, 8 * FIRST_RETRY_S]
    assert set(gaps[4:]) == {LAST_RETRY_S}
    assert desk.errands.unexpected == len(tried)
    assert len(desk.done) == 400


def test_a_claim_that_fails_is_played_on_in_its_challenges(desk: Desk) -> None:
    played: list[int] = []

    def fail() -> None:
        raise KeyError

    desk.run(fail)
    desk.run(lambda: played.append(1), challenge_id=b"\3" * 32)
    assert played == [1]


def test_success_ends_the_waiting_and_the_note(desk: Desk) -> None:
    failing = [True]

    def act() -> None:
        if failing:
            raise KeyError

    desk.run(act)
    failing.clear()
    desk.now += FIRST_RETRY_S
    desk.run(act)
    assert desk.noted == [(BAD, UNEXPECTED), (BAD, "")]
    failing.append(True)
    desk.now += 1
    desk.run(act)
    desk.now += FIRST_RETRY_S  # as after a first time
    desk.run(act)
    assert desk.errands.unexpected == 3


def test_what_is_under_way_is_asked_for_again_while_patience_lasts(desk: Desk) -> None:
    tried: list[float] = []

    def act() -> None:
        tried.append(desk.now)
        if desk.now < 3:
            raise UnderWay

    desk.run(act, patience_s=10)
    assert tried == [0, 1, 2, 3]
    desk.now, tried[:] = 0.0, []
    desk.run(act, patience_s=2)
    assert tried == [0, 1]
    assert desk.done == [GOOD, GOOD]
    assert desk.told == []


def test_a_claim_that_is_put_off_is_left_alone_for_so_long(desk: Desk) -> None:
    tried: list[float] = []
    desk.errands.put_off(BAD, 100)
    for desk.now in (0, 99, 100):
        desk.run(lambda: tried.append(desk.now))
    assert tried == [100]
    assert desk.noted == []
