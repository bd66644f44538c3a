"""Whatever wrong claims are made of, the claims beside them are judged and staked on: order, retries, and lanes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_challenger_evidence import MINE, corrupted, view_of

from verifier.challenger import ChallengerError, Engine, Found, Judge, Judgement, Mode, Notice, Store, Verdict, Watcher
from verifier.challenger import watch as watching
from verifier.challenger.errands import REFUSED_RETRY_S
from verifier.challenger.judging import UnderWay
from verifier.challenger.pace import READING_S
from verifier.dispute.types import ClaimStatus

ASKING_S = 1.0  # that the node takes to tell about a claim


class Scene:
    """A watcher of claims that are all wrong, over a chain, a judge and a time that are made up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.store = Store(":memory:")
        self.viewed: list[bytes] = []
        self.tried: list[tuple[float, bytes]] = []
        self.notices: list[Notice] = []
        self.refused: Callable[[bytes], bool] = lambda _: True
        monkeypatch.setattr(watching.time, "monotonic", lambda: self.now)
        judge = SimpleNamespace(
            is_full_for=lambda _: False, judge=lambda _: WRONG, drop=lambda _: None, wait=lambda _: None
        )
        challenger: Any = SimpleNamespace(
            chain=SimpleNamespace(from_block=10, view=self.view, drop=lambda _: None),
            judge=judge,
            store=self.store,
            sender=SimpleNamespace(reconcile=lambda _: None),
            block=lambda: 0,
            judged=self.judged,
            stake=self.stake,
        )
        self.watcher = Watcher(challenger, Mode.ACTIVE, self.notices.append)

    def claims(self, count: int, first: int = 0) -> list[bytes]:
        named = [number.to_bytes(32, "big") for number in range(first, first + count)]
        for number, claim in enumerate(named):
            self.store.record_claim(claim, bytes(32), first + number)
        return named

    def view(self, claim: bytes, *_: int) -> Any:
        self.now += ASKING_S
        self.viewed.append(claim)
        return SimpleNamespace(claim_id=claim, claim=SimpleNamespace(status=ClaimStatus.PENDING))

    def judged(self, view: Any) -> Judgement:
        self.store.judge(view.claim_id, Verdict.WRONG)
        return WRONG

    def stake(self, view: Any, _judgement: Judgement) -> Any:
        self.tried.append((self.now, view.claim_id))
        if self.refused(view.claim_id):
            raise ChallengerError("prize_below_bond", f"no, at {self.now}")
        return SimpleNamespace(fault=None, row=SimpleNamespace(challenge_id=view.claim_id))

    def once(self) -> None:
        self.watcher.once(0.0)
        self.now += 1


WRONG = Judgement(Verdict.WRONG)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_a_claim_that_nobody_looked_at_waits_for_no_claim_that_is_not_staked_on(scene: Scene) -> None:
    """Many decoys fill every pass; a claim after all of them is judged once each of them was, and before any again."""
    decoys = scene.claims(3 * int(READING_S))
    scene.once()
    (late,) = scene.claims(1, first=1_000)
    while late not in scene.viewed:
        scene.once()
    assert scene.viewed == [*decoys, late]
    assert scene.tried[-1][1] == late


def test_a_stake_that_was_refused_is_tried_again_after_a_minute_and_told_once(scene: Scene) -> None:
    (claim,) = scene.claims(1)
    for _ in range(200):
        scene.once()
    times = [at for at, tried in scene.tried if tried == claim]
    assert len(times) >= 3
    assert all(later - earlier >= REFUSED_RETRY_S for earlier, later in pairwise(times))
    assert [notice.code for notice in scene.notices] == ["claim_wrong", "prize_below_bond"]


def test_what_was_not_tried_for_longest_is_tried_first(scene: Scene) -> None:
    """More claims than a pass has time for, all to be tried again: none of them is left out."""
    claims = scene.claims(4 * int(READING_S))
    while len(scene.tried) < 3 * len(claims):
        scene.once()
    counts = {claim: sum(tried == claim for _, tried in scene.tried) for claim in claims}
    assert set(counts.values()) == {3}


def test_a_claim_that_can_be_staked_on_is_whatever_the_decoys_around_it(scene: Scene) -> None:
    scene.claims(12)
    (victim,) = scene.claims(1, first=12)
    scene.refused = lambda claim: claim != victim
    for _ in range(3):
        scene.once()
    assert ("challenged", victim) in {(notice.code, notice.claim_id) for notice in scene.notices}


# Children.


class Slow:
    """A child that answers nothing, ever."""

    def __init__(self, *_: Any) -> None:
        self.asked: list[str] = []
        CHILDREN.append(self)

    def ask(self, question: Any) -> None:
        self.asked.append(question.function.__name__)

    def answered(self) -> bool:
        return False

    def kill(self) -> None:
        """There is nobody to kill."""


CHILDREN: list[Slow] = []


@pytest.fixture
def judge() -> Judge:
    CHILDREN.clear()
    found = Found(Path("a.program"))
    return Judge(lambda *_: found, Engine(), patient=False, child=Slow)  # type: ignore[arg-type]


def under_way(act: Callable[[], object]) -> list[list[str]]:
    with pytest.raises(UnderWay):
        act()
    return [child.asked for child in CHILDREN]


def test_a_server_that_answers_slowly_keeps_no_claim_from_being_judged_and_no_move_from_being_made(
    judge: Judge,
) -> None:
    views = [view_of(corrupted(0, element)) for element in range(4)]

    def read(*_: Any) -> None: ...

    board: Any = None
    under_way(lambda: judge.published_fault(views[0], read))
    under_way(lambda: judge.published_fault(views[1], read))  # one at a time
    under_way(lambda: judge.judge(views[2]))
    for view in (view_of(MINE), views[3]):
        asked = under_way(lambda view=view: judge.next_move(view, board, b"", 0))
    assert asked == [["published_fault"], ["judgement"], ["next_move"], ["next_move"]]


def test_the_chain_is_not_asked_about_a_claim_that_waits_for_others_to_be_judged(judge: Judge) -> None:
    first, second = view_of(corrupted(0, 1)), view_of(corrupted(0, 2))
    assert not judge.is_full_for(first.claim_id)
    under_way(lambda: judge.judge(first))
    assert judge.is_full_for(first.claim_id)  # its own child is at work
    assert not judge.is_full_for(second.claim_id)  # nobody knows yet what it waits for
    under_way(lambda: judge.judge(second))
    assert judge.is_full_for(second.claim_id)
    judge.drop(first.claim_id)
    assert not judge.is_full_for(second.claim_id)


def test_a_watcher_asks_the_chain_nothing_about_a_claim_that_has_to_wait(scene: Scene) -> None:
    scene.claims(2)
    scene.watcher.challenger.judge.is_full_for = lambda _: True  # type: ignore[method-assign]
    scene.once()
    assert scene.viewed == []
