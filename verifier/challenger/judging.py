"""Is a claim right? Our own run of the program says so, over the input that the chain holds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from circuits.lower.optimistic import require_disputable, work
from circuits.program.graph import Program
from verifier.challenger.claim_view import ClaimView, require_same_model
from verifier.challenger.engine import Engine, LoadedProgram
from verifier.challenger.errors import ChallengerError
from verifier.challenger.player import wrong_top_node
from verifier.challenger.preflight import confirm_run, self_test
from verifier.challenger.records import Verdict
from verifier.dispute.commitment import CommittedTrace

# Finds a program by its model id; the locator is what its owner registered, and a hint. None: it is not to be had.
FindProgram = Callable[[bytes, str], Program | None]

# Terms that a program may take by default: some minutes on two cores.
MAX_WORK = 10**11
PROGRAMS_KEPT = 16
TRACES_KEPT = 4


@dataclass(frozen=True)
class Judgement:
    """`wrong_node` is the first node of the top that is not ours; it covers the ops first_op <= op <= last_op."""

    verdict: Verdict
    output_differs: bool = False
    wrong_node: int = 0
    first_op: int = 0
    last_op: int = 0


class Judge:
    """Runs programs for claims. What was run last is kept; the rest is run again when it is needed.

    `max_work`: anybody may register a program and claim it, so one that takes more terms is refused, not run.
    """

    def __init__(self, find_program: FindProgram, engine: Engine, max_work: int = MAX_WORK) -> None:
        self._find_program = find_program
        self._engine = engine
        self._max_work = max_work
        self._too_large: dict[bytes, int] = {}
        self._programs: OrderedDict[bytes, LoadedProgram] = OrderedDict()
        self._traces: OrderedDict[bytes, CommittedTrace] = OrderedDict()
        self._tested = False
        self._confirmed: set[bytes] = set()

    def program(self, view: ClaimView) -> LoadedProgram:
        """Codes: `program_unavailable`, `op_too_large_to_dispute`, `program_too_large_to_check`,
        `claim_of_another_model`, `opset_version_mismatch`."""
        model_id = view.key.model_id
        if model_id not in self._programs:
            loaded = LoadedProgram(self._find(model_id, view.program_locator), self._engine)
            require_same_model(view, loaded.committed, loaded.header)
            self._programs[model_id] = loaded
            while len(self._programs) > PROGRAMS_KEPT:
                self._programs.popitem(last=False)
        self._programs.move_to_end(model_id)
        loaded = self._programs[model_id]
        require_same_model(view, loaded.committed, loaded.header)
        return loaded

    def _find(self, model_id: bytes, locator: str) -> Program:
        """A program that is fit to be run. One that is too large is read once, however often it is asked for."""
        shown = "0x" + model_id.hex()
        if model_id not in self._too_large:
            found = self._find_program(model_id, locator)
            if found is None:
                message = f"nobody here holds the program of model {shown}: this claim cannot be checked"
                raise ChallengerError("program_unavailable", message, model_id=shown, locator=locator)
            require_disputable(found)
            if work(found) <= self._max_work:
                return found
            self._too_large[model_id] = work(found)
        took, limit = self._too_large[model_id], self._max_work
        message = (
            f"the program of model {shown} takes {took} terms, and {limit} are allowed: raise --max-work to check it"
        )
        raise ChallengerError("program_too_large_to_check", message, model_id=shown, work=took, limit=limit)

    def trace(self, view: ClaimView) -> CommittedTrace:
        """Our own run on the claim's input."""
        if view.claim_id in self._traces:
            self._traces.move_to_end(view.claim_id)
        else:
            self._traces[view.claim_id] = self.program(view).run(view.inputs)
            while len(self._traces) > TRACES_KEPT:
                self._traces.popitem(last=False)
        return self._traces[view.claim_id]

    def drop(self, claim: bytes) -> None:
        """Makes room for the runs of claims that are played against."""
        self._traces.pop(claim, None)

    def judge(self, view: ClaimView) -> Judgement:
        """The trace tree says all: with the true one, the contract bound the outputs to the true ones."""
        mine = self.trace(view)
        if view.claim.trace_tree == mine.trace_tree:
            return Judgement(Verdict.RIGHT)
        node = wrong_top_node(view.top, mine)
        first = node << mine.top_height
        last = min(len(mine.program.ops), (node + 1) << mine.top_height) - 1
        return Judgement(Verdict.WRONG, view.claim.output_root != mine.output_root, node, first, last)

    def prepare_to_stake(self, view: ClaimView) -> None:
        """Refuses on any sign that it is us who are wrong. Codes: `selftest_failed`, `executor_differs`."""
        if not self._tested:
            self_test(self._engine)
            self._tested = True
        if view.claim_id not in self._confirmed:
            confirm_run(self.trace(view), view.inputs)
            self._confirmed.add(view.claim_id)
