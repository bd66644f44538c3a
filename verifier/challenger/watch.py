"""Watches every claim of a contract: one pass reads what is new, judges it, and makes the moves that are due."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from itertools import chain
from typing import Any

import structlog

from circuits.errors import EnvironmentFailure, InferproofError
from contracts.client.dispute_events import (
    ClaimCancelled,
    Claimed,
    ClaimEvent,
    ClaimFinal,
    ClaimKilled,
    Committed,
)
from verifier.challenger.case import Judgement
from verifier.challenger.challenger import Challenger
from verifier.challenger.claim_view import ClaimView
from verifier.challenger.errands import UNEXPECTED, Errand, Errands, Notice, Notify
from verifier.challenger.judging import UnderWay
from verifier.challenger.log_reader import LARGEST_RANGE
from verifier.challenger.moves import in_words, name_of
from verifier.challenger.pace import READING_S
from verifier.challenger.planning import OUR_CLOCK_RAN_OUT, WITHOUT_SALT
from verifier.challenger.records import CommitmentRow, KnownClaim, Verdict
from verifier.dispute.types import ClaimStatus, CommitmentKind

log = structlog.get_logger()

# Failures that another pass may not have; the others end the daemon.
PASSING = frozenset({"chain_unreachable", "chain_refused", "log_incomplete", "chain_too_short"})
# A claim that could not be judged for one of these reasons may be one day.
CURABLE = frozenset(
    {"program_unavailable", "program_too_large_to_check", "selftest_failed", "executor_differs", UNEXPECTED}
)
# Looking for a program costs little, and one may be on its way; the others are tried again after a restart, or rarely.
RARELY = CURABLE - {"program_unavailable", UNEXPECTED}
RARELY_S = 3_600.0
ENDINGS = {ClaimFinal: "claim_final", ClaimKilled: "claim_killed", ClaimCancelled: "claim_cancelled"}


class Mode(StrEnum):
    """How far a watcher goes."""

    WATCHTOWER = "watchtower"  # checks and tells
    DEFENSIVE = "defensive"  # and plays its open challenges to their end, but opens none
    ACTIVE = "active"  # and challenges wrong claims


class Watcher:
    """Follows the chain from where the store stands. `notify` hears everything once.

    `once` is safe to repeat at any time, and after a crash at any point.
    """

    def __init__(self, challenger: Challenger, mode: Mode, notify: Notify) -> None:
        self.challenger = challenger
        self.mode = mode
        self._chain = challenger.chain
        self._store = challenger.store
        self._notify = notify
        self._told: set[tuple[str, bytes, bytes, str]] = set()
        self._found_wrong: set[bytes] = set()  # of which this watcher has told
        self._tried: dict[bytes, float] = {}  # when each claim that was looked at before was looked at last
        self._errands = Errands(challenger.judge.wait, self._tell_trouble, challenger.store.note)

    @property
    def unexpected(self) -> int:
        """Errors of our own that were met over claims, each logged with its traceback."""
        return self._errands.unexpected

    def run(self, stopping: threading.Event, interval_s: float) -> None:
        """Passes until stopped. A chain that does not answer is waited for."""
        while not stopping.is_set():
            until = time.monotonic() + interval_s
            try:
                self.once(interval_s)
            except EnvironmentFailure as error:
                if error.code not in PASSING:
                    raise
                log.warning("pass_failed", **error.as_dict())
            stopping.wait(max(0.0, until - time.monotonic()))

    def once(self, patience_s: float = math.inf) -> None:
        """One pass, as of the newest confirmed block. What is still being judged after so many seconds goes on being
        judged, and is for a later pass."""
        block = self.challenger.block()
        self._roll_back_orphans()
        self._follow(block)
        # Clocks run in what is open, so it goes before what is new.
        if self.mode is not Mode.WATCHTOWER:
            self.challenger.sender.reconcile(block)
        self._errands.run(chain(self._plays(block), self._judgings(block, patience_s)), patience_s)

    def _plays(self, block: int) -> Iterator[Errand]:
        rows = [] if self.mode is Mode.WATCHTOWER else self._store.commitments()
        for row in rows:
            if not row.ended:
                yield Errand(row.claim_id, row.challenge_id, partial(self._play, row, block))

    def _judgings(self, block: int, patience_s: float) -> Iterator[Errand]:
        """What nobody looked at yet goes first, in the order of the chain; then what was not for longest. So whatever
        claims can be made of, that cannot be judged or are not staked on, keeps none from its turn."""
        until = time.monotonic() + max(READING_S, patience_s)
        for known in sorted(self._store.claims(ended=False), key=self._turn):
            if time.monotonic() >= until:
                log.info("judging_goes_on_next_pass")
                return
            yield Errand(known.claim_id, b"", partial(self._judge, known, block))

    def _turn(self, known: KnownClaim) -> tuple[bool, float]:
        seen = known.verdict is not Verdict.UNCHECKED
        return seen, self._tried.get(known.claim_id, 0.0) if seen else 0.0

    # The log.

    def _roll_back_orphans(self) -> None:
        """Goes back to the newest block read that the chain still has.

        A block that is missing says nothing (a node may lag behind another); a block with another hash says everything.
        """
        replaced, common = False, self._chain.from_block - 1
        for block in self._store.blocks():
            now = self._chain.block(block.number)
            if now == block:
                common = block.number
                break
            replaced = replaced or now is not None
        if replaced:
            log.warning("reorganisation", back_to=common)
            with self._store.transaction():
                self._store.roll_back_above(common)
            self._chain.forget()
            self._told.clear()
            self._found_wrong.clear()

    def _follow(self, block: int) -> None:
        read = self._store.blocks()
        first = read[0].number + 1 if read else self._chain.from_block
        while first <= block:
            last = min(block, first + LARGEST_RANGE - 1)
            before = self._chain.block(last)
            events = self._chain.events(first, last)
            if before is None or self._chain.block(last) != before:
                return  # the chain moved under us; the next pass sorts it out
            with self._store.transaction():
                for event in events:
                    self._record(event)
                self._store.advance(before)
            first = last + 1

    def _record(self, event: ClaimEvent) -> None:
        if isinstance(event, Claimed):
            self._store.record_claim(event.claim_id, event.request_id, event.at.block_number)
        elif isinstance(event, ClaimFinal | ClaimKilled | ClaimCancelled):
            self._store.end_claim(event.claim_id)
            self._drop(event.claim_id)
            self._tell(Notice(ENDINGS[type(event)], event.claim_id, message=_ending(event)))
        elif isinstance(event, Committed) and self.challenger.has_account:
            self._adopt(event)

    def _adopt(self, event: Committed) -> None:
        """A challenge of this account that this store did not make can still be played, once it is opened."""
        if event.challenger != self.challenger.account or self._store.commitment(event.challenge_id) is not None:
            return
        key = self._chain.claims.key(self._chain.claims.claim_of(event.claim_id).key_digest)
        bond = key.terms.challenge_bond
        named = (event.challenge_id, event.claim_id)
        self._store.add_commitment(CommitmentRow(*named, CommitmentKind.OPEN, 0, b"", event.commitment, bond))

    # Claims and challenges.

    def _judge(self, known: KnownClaim, block: int) -> None:
        """What is due for a claim that has no end yet; nothing if it is right, and the log will tell its end."""
        stands = known.verdict is Verdict.WRONG and not self._has_staked(known.claim_id)
        curable = known.verdict is Verdict.REFUSED and known.reason in CURABLE
        to_check = known.verdict is Verdict.UNCHECKED or curable
        to_stake = stands and self.mode is Mode.ACTIVE
        to_tell = stands and known.claim_id not in self._found_wrong
        if not (to_check or to_stake or to_tell):
            return
        if self.challenger.judge.is_full_for(known.claim_id):
            raise UnderWay
        self._tried[known.claim_id] = time.monotonic()
        view = self._chain.view(known.claim_id, block, known.block_number)
        if view.claim.status is not ClaimStatus.PENDING:
            self._store.end_claim(known.claim_id)
            self._drop(known.claim_id)
            return
        if to_check:
            self._check(view)
        if to_tell:  # whoever found it, a watcher before or `check`, may have told nobody
            self._tell_wrong(view.claim_id, "an earlier run of ours gave something else")
        if to_stake:
            self._stake(view, self.challenger.judge.judge(view))

    def _drop(self, claim_id: bytes) -> None:
        """What is kept to be fast, of a claim that needs it no more."""
        self._tried.pop(claim_id, None)
        self._chain.drop(claim_id)
        self.challenger.judge.drop(claim_id)

    def _has_staked(self, claim_id: bytes) -> bool:
        """Whether a challenge of ours of the claim is open, or was played to an end that another would not change."""
        return any(row.ended in ("", "won", "lost") for row in self._store.commitments(claim_id))

    def _check(self, view: ClaimView) -> None:
        try:
            judgement = self.challenger.judged(view)
        except EnvironmentFailure:
            raise
        except InferproofError as error:
            self._store.judge(view.claim_id, Verdict.REFUSED, error.code)
            if error.code in RARELY:
                self._errands.put_off(view.claim_id, RARELY_S)
            self._tell(Notice(error.code, view.claim_id, message=error.message, details=error.details))
            return
        if judgement.verdict is Verdict.RIGHT:
            self._drop(view.claim_id)
            self._tell(Notice("claim_right", view.claim_id, message="the claim is what our own run gives"))
            return
        message = f"ops {judgement.first_op} to {judgement.last_op} are where it first differs from our own run"
        self._tell_wrong(view.claim_id, message, output_differs=judgement.output_differs)
        if self.mode is Mode.ACTIVE and not self._has_staked(view.claim_id):
            self._stake(view, judgement)

    def _tell_wrong(self, claim_id: bytes, message: str, **details: Any) -> None:
        self._found_wrong.add(claim_id)
        self._tell(Notice("claim_wrong", claim_id, message=message, details=details))

    def _stake(self, view: ClaimView, judgement: Judgement) -> None:
        staked = self.challenger.stake(view, judgement)
        path = "a published trace" if staked.fault is not None else "forced reveals"
        self._tell(Notice("challenged", view.claim_id, staked.row.challenge_id, f"challenged, by {path}"))

    def _play(self, row: CommitmentRow, block: int) -> None:
        found = self.challenger.plan(row, block)
        sent = self.challenger.make(found)
        if sent is not None and found.move is not None:
            self._tell(Notice(name_of(found.move), row.claim_id, row.challenge_id, in_words(found.move)))
        elif found.why in (WITHOUT_SALT, OUR_CLOCK_RAN_OUT, "won", "lost", "settled"):
            self._tell(Notice(found.why, row.claim_id, row.challenge_id))

    def _tell_trouble(self, notice: Notice) -> None:
        """Once, though what there is to say about it changes with the chain's prices."""
        self._say(notice, "")

    def _tell(self, notice: Notice) -> None:
        self._say(notice, notice.message)

    def _say(self, notice: Notice, told_by: str) -> None:
        told = (notice.code, notice.claim_id, notice.challenge_id, told_by)
        if told not in self._told:
            self._told.add(told)
            self._notify(notice)


def _ending(event: ClaimFinal | ClaimKilled | ClaimCancelled) -> str:
    if isinstance(event, ClaimKilled):
        return f"overturned by {event.winner}, who gets {event.prize} wei"
    return "final" if isinstance(event, ClaimFinal) else "cancelled in a pause"
