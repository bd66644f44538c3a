"""The optimistic route as a `ports.Runner`: it runs and commits, and leaves the claim to who has the account."""

from __future__ import annotations

import time
from collections.abc import Sequence

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.statement import Route, Statement
from prover.backend import Estimate, PhaseReport, Phases, Progress
from prover.optimistic.claim import outputs_of
from prover.optimistic.estimate import estimate
from prover.optimistic.key import DEFAULT_TERMS, OptimisticKey
from prover.optimistic.store import TraceStore, statement_of
from prover.optimistic.trace import Tracer
from prover.service.adapters.ports import Integers, Proof
from verifier.dispute.commitment import CommittedTrace


class OptimisticRunner:
    """Whether the pinned key is the program's is seen where the chain is; a run needs none.

    `store` None: traces are not published, and whoever disputes a claim has it revealed.
    """

    route = int(Route.OPTIMISTIC)

    def __init__(self, store: TraceStore | None) -> None:
        self._store = store

    def estimate(self, program: Program) -> Estimate:
        OptimisticKey.of(program, DEFAULT_TERMS)  # the same refusals as at registration
        return estimate(program)

    def prove(
        self, program: Program, inputs: Sequence[Integers], progress: Progress, expected_key: bytes | None = None
    ) -> Proof:
        if expected_key is None:
            raise InputError("claim_without_request", "the optimistic route answers requests on a hub, nothing else")
        phases = Phases()
        began = time.perf_counter()
        progress("run and commit", None)
        trace = self.open_trace(program, inputs)
        said = statement_of(trace)
        phases.add(PhaseReport("run and commit", time.perf_counter() - began))
        if self._store is not None:
            began = time.perf_counter()
            progress("publish", None)
            self._store.publish(trace)
            phases.add(PhaseReport("publish", time.perf_counter() - began))
        statement = Statement(said.model_id, said.input_root, said.output_root)
        return Proof(None, None, statement, expected_key, outputs_of(trace), tuple(phases.as_list()))

    def open_trace(self, program: Program, inputs: Sequence[Integers]) -> CommittedTrace:
        return Tracer(program).trace(inputs)

    def locator(self, trace: CommittedTrace) -> str:
        return "" if self._store is None else self._store.locator(statement_of(trace))
