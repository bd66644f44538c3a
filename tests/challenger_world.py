"""What tests of the challenger share: a market on a local chain, lying claimants, and a challenger's process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
from dispute_model import OP_OF, mixed_inputs, mixed_program
from dispute_play import defend
from dispute_table import Claimed, Table

from circuits.program.file import save_program
from circuits.program.graph import Program
from circuits.program.interpreter import trace
from contracts.client.chain import Chain
from contracts.client.devnet import ask, wait_until_mined
from contracts.client.dispute_events import Committed
from contracts.client.types import Tensor
from verifier.challenger.case import Case
from verifier.challenger.challenger import Challenger, nothing_published
from verifier.challenger.child import Child, Limits, Question
from verifier.challenger.claim_view import ClaimView
from verifier.challenger.claims_on_chain import ClaimsOnChain
from verifier.challenger.engine import Engine
from verifier.challenger.errands import Notice
from verifier.challenger.fault import PublishedTrace, ReadTrace
from verifier.challenger.judging import OWN, Found, Judge
from verifier.challenger.sender import Budgets, Sender
from verifier.challenger.store import Store
from verifier.challenger.watch import Mode, Watcher
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.rules import OVER
from verifier.dispute.types import ClaimStatus, Phase

Integers = npt.NDArray[np.int64]

CLAIMANT, CHALLENGER = 1, 2

PROGRAM = mixed_program()
INPUTS = mixed_inputs()
TRUE = trace(PROGRAM, INPUTS)
CONTRACT, LOOKUP = OP_OF["contract"], OP_OF["lookup"]


class Inline(Child):
    """What a child does, done here: for tests of other things, which are many, and may want to change what it does."""

    def __init__(self, _limits: Limits, subject: Case) -> None:
        self._subject = subject
        self._question: Question | None = None

    def ask(self, question: Question) -> None:
        self._question = question

    def answered(self) -> bool:
        return True

    def answer(self) -> Any:
        assert self._question is not None
        return self._question.function(self._subject, *self._question.arguments)

    def kill(self) -> None:
        """There is nobody to kill."""


def kept_program(program: Program, folder: Path) -> Path:
    path = folder / f"{program.model_id().hex()}.program"
    if not path.exists():
        save_program(program, path)
    return path


class Process:
    """A challenger as a process that may be killed and started again: only its store's file outlives it."""

    def __init__(
        self,
        table: Table,
        file: Path,
        mode: Mode = Mode.ACTIVE,
        *,
        account: int = CHALLENGER,
        budgets: Budgets | None = None,
        confirmations: int = 0,
        programs: Sequence[Program] | None = None,
        engine: Engine | None = None,
        read_trace: ReadTrace = nothing_published,
        patience_s: float = 3_600,
        from_block: int | None = None,
        limits: Limits = OWN,
        fetched: bool = False,
        child: Callable[[Limits, Case], Child] = Inline,
    ) -> None:
        self.table = table
        self.notices: list[Notice] = []
        self.chain = Chain(table.chain.rpc_url, table.account(account).account.key.hex())
        known = [table.market.program] if programs is None else list(programs)
        found = {program.model_id(): Found(kept_program(program, file.parent), fetched) for program in known}
        self.store = Store(file)
        view = ClaimsOnChain(self.chain, table.market.deployment, from_block)
        self.judge = Judge(
            lambda model_id, _: found.get(model_id), engine or Engine(), limits, limits, patient=False, child=child
        )
        sender = Sender(self.chain, self.store, budgets or Budgets(), patience_s=patience_s)
        self.challenger = Challenger(
            view, self.judge, self.store, sender, confirmations=confirmations, read_trace=read_trace
        )
        self.watcher = Watcher(self.challenger, mode, self.notices.append)

    def once(self) -> None:
        """A pass, and what it sent is mined if the chain mines by itself."""
        self.watcher.once()
        wait_until_mined(self.chain)

    def codes(self) -> list[str]:
        return [notice.code for notice in self.notices]


@dataclass
class Liar:
    """A claimant that answers whatever it is asked from its own trace, and bends its sums so that they pass."""

    table: Table
    claimed: Claimed
    revealed: list[str] = field(default_factory=list)
    gas: int = 0

    def challenges(self) -> list[bytes]:
        head = self.table.chain.block_number()
        events = self.table.claims.events(0, head, self.claimed.claim_id)
        return [event.challenge_id for event in events if isinstance(event, Committed)]

    def answer(self) -> None:
        """Every reveal that is due."""
        for named in self.challenges():
            challenge = self.table.claims.challenge_of(named)
            if challenge.at.phase in (*OVER, Phase.COMMITTED, Phase.STEP) or not self.table.claims.turn_of(named)[0]:
                continue
            seat: Any = SimpleNamespace(table=self.table, claimed=self.claimed, challenge_id=named)
            function, _ = defend(seat, challenge)
            self.gas += int(self.claimed.claimant.send(function)["gasUsed"])
            self.revealed.append(challenge.at.phase.name)


def lying_claim(table: Table, inputs: Sequence[Integers], made: Sequence[Integers], locator: str = "") -> Liar:
    """Claims these outputs of ops, whatever they are."""
    trace = CommittedTrace(table.market.program, list(inputs), list(made))
    return Liar(table, table.claim(trace, table.account(CLAIMANT), locator))


def corrupted(table: Table, op: int = CONTRACT, element: int = 3) -> Liar:
    """A claim in which one element is one too large, and nothing else follows from it."""
    made = [output.copy() for output in TRUE]
    made[op].reshape(-1)[element] += 1
    return lying_claim(table, INPUTS, made)


def killed(table: Table, liar: Liar) -> bool:
    return table.claims.claim_of(liar.claimed.claim_id).status is ClaimStatus.KILLED


class Published:
    """A claimant's trace data, as a reader would hand it out."""

    def __init__(self, trace: CommittedTrace) -> None:
        self._trace = trace

    def roots(self) -> Sequence[bytes]:
        return self._trace.tensor_roots

    def tensor(self, op: int) -> Integers:
        return self._trace.made[op]


def publishing(*liars: Liar) -> ReadTrace:
    """Reads the traces of these claims."""
    traces = {liar.claimed.claim_id: Published(liar.claimed.trace) for liar in liars}

    def read(view: ClaimView, _program: Program) -> PublishedTrace | None:
        return traces.get(view.claim_id)

    return read


def gas_of(process: Process) -> list[tuple[str, int]]:
    """Every transaction of a challenger that was mined, with its gas."""
    rows = process.store.transactions()
    return [(row.purpose, row.gas_used) for row in rows if row.gas_used is not None]


def play_out(process: Process, liar: Liar, until: Callable[[], bool], passes: int = 40) -> None:
    for _ in range(passes):
        process.once()
        if until():
            process.once()
            return
        liar.answer()
    raise AssertionError(f"it did not end: {process.codes()}")


def outputs_of(program: Program, made: Sequence[Integers]) -> list[Tensor]:
    return [Tensor.from_array(made[output.ref.index]) for output in program.outputs]


def mine(table: Table, blocks: int = 1) -> None:
    ask(table.chain, "anvil_mine", hex(blocks))
