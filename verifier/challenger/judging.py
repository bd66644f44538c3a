"""Is a claim right? Our own run of the program says so, over the input that the chain holds.

Programs come from anybody, so each is read and run in a child of its own, under the one bound that there is: `Limits`,
the operator's for files that it gave itself, much tighter ones for what was fetched.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuits.errors import InferproofError
from circuits.program.errors import ProgramError
from verifier.challenger import case
from verifier.challenger.case import Case, Judgement
from verifier.challenger.child import Child, ChildFailedError, Limits, Question, wait_for
from verifier.challenger.claim_view import ClaimView
from verifier.challenger.engine import Engine
from verifier.challenger.errors import ChallengerError
from verifier.challenger.fault import Fault, ReadTrace
from verifier.challenger.moves import Move
from verifier.challenger.player import Answer, Board

# An answer may take the definition's run of one op too, which makes some 10^7 to 10^8 terms a second: a program of a
# single op still fits.
MAX_WORK = 5 * 10**10
OWN = Limits(work=MAX_WORK, seconds=7_200)
STRANGERS = Limits(work=5 * 10**8, seconds=60, memory_bytes=2**32)
CHILDREN_KEPT = 4  # with their runs, which games need at every move
AT_ONCE = {"moves": 2, "own": 1, "strangers": 1, "traces": 1}  # children at work


@dataclass(frozen=True)
class Found:
    """A program's file. `fetched`: from where a stranger registered it."""

    path: Path
    fetched: bool = False


# Finds a program by its model id; the locator is what its owner registered, and a hint. None: it is not to be had.
FindProgram = Callable[[bytes, str], Found | None]


class UnderWay(Exception):
    """There is no answer yet: go on with something else, and ask again."""


@dataclass
class _Seat:
    """A child about one claim, and the question that it was asked."""

    child: Child
    found: Found
    asked: Question | None = None

    @property
    def busy(self) -> bool:
        return self.asked is not None and not self.child.answered()


class Judge:
    """Asks children about claims. Questions raise UnderWay until they are answered.

    Args:
        own: limits for programs that the operator gave.
        strangers: for fetched ones.
        patient: wait for answers instead, for whoever has nothing else to do.
        child: starts one.
    """

    def __init__(
        self,
        find_program: FindProgram,
        engine: Engine,
        own: Limits = OWN,
        strangers: Limits = STRANGERS,
        *,
        patient: bool = True,
        child: Callable[[Limits, Case], Child] = Child,
    ) -> None:
        self._find_program = find_program
        self._engine = engine
        self._limits = {False: own, True: strangers}
        self._patient = patient
        self._child = child
        self._seats: OrderedDict[bytes, _Seat] = OrderedDict()  # the one used last is the last
        self._judgements: dict[bytes, Judgement] = {}
        self._lanes: dict[bytes, str] = {}  # in which each claim that has no judgement yet waits for one

    def judge(self, view: ClaimView) -> Judgement:
        """Codes: `program_unavailable`, `program_too_large_to_check`, those of `case.judgement`."""
        if view.claim_id not in self._judgements:
            self._judgements[view.claim_id] = self._ask(view, case.judgement)
            self._lanes.pop(view.claim_id, None)
        return self._judgements[view.claim_id]

    def is_full_for(self, claim: bytes) -> bool:
        """Whether judging a claim that waits for it would only raise UnderWay, so that the chain need not be asked."""
        seat, lane = self._seats.get(claim), self._lanes.get(claim)
        return seat.busy if seat is not None else lane is not None and not self._has_room(lane)

    def next_move(self, view: ClaimView, board: Board, salt: bytes, index: int) -> Move | None:
        """See `player.next_move`."""
        answer: Move | None = self._ask(view, case.next_move, board, salt, index)
        return answer

    def published_fault(self, view: ClaimView, read_trace: ReadTrace) -> Fault | None:
        """See `case.published_fault`."""
        answer: Fault | None = self._ask(view, case.published_fault, read_trace)
        return answer

    def explanation(self, view: ClaimView, read_trace: ReadTrace, answers: dict[bytes, Answer]) -> dict[str, Any]:
        """See `report.explanation`."""
        answer: dict[str, Any] = self._ask(view, case.explanation, read_trace, answers)
        return answer

    def evidence(
        self, view: ClaimView, read_trace: ReadTrace, answers: dict[bytes, Answer], chain_id: int, contract: str
    ) -> bytes:
        """See `report.evidence`."""
        answer: bytes = self._ask(view, case.evidence, read_trace, answers, chain_id, contract)
        return answer

    def wait(self, timeout_s: float) -> None:
        """Until some child has an answer; not at all where none is at work."""
        busy = [seat.child for seat in self._seats.values() if seat.busy]
        if busy:
            wait_for(busy, timeout_s)

    def drop(self, claim: bytes) -> None:
        """Makes room for the runs of claims that are played against."""
        self._judgements.pop(claim, None)
        self._lanes.pop(claim, None)
        self._stand_up(claim)

    def close(self) -> None:
        for claim in list(self._seats):
            self.drop(claim)

    def _ask(self, view: ClaimView, function: Callable[..., Any], *arguments: Any) -> Any:
        question, claim = Question(function, arguments), view.claim_id
        seat = self._seats.get(claim)
        if seat is None:
            found = self._find(view)
            self._require_room(claim, function, found)
            seat = self._sit_down(view, found)
        self._seats.move_to_end(claim)
        if seat.asked is None:
            self._require_room(claim, function, seat.found)
            seat.asked = question
            seat.child.ask(question)
        if self._patient and seat.busy:
            wait_for([seat.child], None)
        if seat.busy:
            raise UnderWay
        answered, seat.asked = seat.asked, None
        answer = self._answer(claim, seat)
        # Where the claim went on meanwhile, what was asked before is of no use, but its run is.
        return answer if answered == question else self._ask(view, function, *arguments)

    def _answer(self, claim: bytes, seat: _Seat) -> Any:
        try:
            return seat.child.answer()
        except InferproofError as error:
            no_program = isinstance(error, ProgramError) or error.code == "claim_of_another_model"
            if no_program or error.code == "program_too_large_to_check":
                self._stand_up(claim)  # there may be little left of it
            if not no_program or not seat.found.fetched:
                raise
            seat.found.path.unlink(missing_ok=True)  # it may be fetched again, and be another then
            message = f"what was fetched is not the program of this claim: {error.message}"
            raise ChallengerError("program_unavailable", message, **error.details) from error
        except ChildFailedError:
            self._stand_up(claim)
            raise

    def _find(self, view: ClaimView) -> Found:
        found = self._find_program(view.key.model_id, view.program_locator)
        if found is None:
            shown, locator = "0x" + view.key.model_id.hex(), view.program_locator
            message = f"nobody here holds the program of model {shown}: this claim cannot be checked"
            raise ChallengerError("program_unavailable", message, model_id=shown, locator=locator)
        return found

    def _require_room(self, claim: bytes, function: Callable[..., Any], found: Found) -> None:
        """Judging never keeps a move waiting, nor does what a claimant's server answers keep either, nor do strangers'
        programs the operator's."""
        lane = _lane(function, found)
        if function is case.judgement:
            self._lanes[claim] = lane
        if not self._has_room(lane):
            raise UnderWay

    def _has_room(self, lane: str) -> bool:
        at_work = [s for s in self._seats.values() if s.asked and s.busy and _lane(s.asked.function, s.found) == lane]
        return len(at_work) < AT_ONCE[lane]

    def _sit_down(self, view: ClaimView, found: Found) -> _Seat:
        idle = [claim for claim, seat in self._seats.items() if not seat.busy]
        for claim in idle[: max(0, len(idle) + 1 - CHILDREN_KEPT)]:
            self._stand_up(claim)
        limits = self._limits[found.fetched]
        child = self._child(limits, Case(view, found.path, self._engine, limits.work))
        self._seats[view.claim_id] = _Seat(child, found)
        return self._seats[view.claim_id]

    def _stand_up(self, claim: bytes) -> None:
        seat = self._seats.pop(claim, None)
        if seat is not None:
            seat.child.kill()


def _lane(function: Callable[..., Any], found: Found) -> str:
    if function is case.judgement:
        return "strangers" if found.fetched else "own"
    return "traces" if function is case.published_fault else "moves"
