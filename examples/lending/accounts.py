"""The optimistic route's two sides, each with nothing but its account, the chain and the program's file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from circuits.program.file import load_program
from circuits.program.graph import Program
from contracts.client.chain import Chain
from contracts.client.deployment import Deployment
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub
from contracts.client.registry import Registry
from prover.optimistic.claim import Contracts, Made, examine, find_request, make_claim
from prover.optimistic.defender import Defended, Defender
from prover.optimistic.policy import Policy
from prover.optimistic.sender import Sender
from prover.optimistic.standing import ClaimReader
from verifier.challenger import challenger, sender
from verifier.challenger.claims_on_chain import ClaimsOnChain
from verifier.challenger.engine import Engine
from verifier.challenger.errands import Notice
from verifier.challenger.judging import Found, Judge
from verifier.challenger.log_reader import LogReader
from verifier.challenger.store import Store
from verifier.challenger.watch import Mode, Watcher
from verifier.dispute.commitment import CommittedTrace

Integers = npt.NDArray[np.int64]
POLL_S = 0.02  # the chain mines at once
MAX_STAKE = 10**19
POLICY = Policy(MAX_STAKE, min_extension=60)


class Claimant:
    """Takes a request on, claims what its trace says, and defends it."""

    def __init__(self, chain: Chain, core: Deployment, program: Program) -> None:
        self.chain = chain
        self.program = program
        claims = OptimisticClaims(chain, core["OptimisticClaims"])
        self.contracts = Contracts(claims, Hub(chain, core["InferenceHub"]), Registry(chain, core["ModelRegistry"]))
        self._sender = Sender(chain, poll_s=POLL_S)
        self._start = core.start_block

    def claim(self, request_id: bytes, run: Callable[[Sequence[Integers]], CommittedTrace]) -> Made:
        """`run` is what this provider makes of an input."""
        logs = LogReader()
        event = find_request(self.contracts.hub, request_id, self._start, logs)
        asked = examine(self.contracts, event, self.program, POLICY, logs)
        return make_claim(self.contracts, asked, run([t.to_array() for t in event.inputs]), self._sender)

    def defender(self, defended: Defended) -> Defender:
        reader = ClaimReader(self.contracts.claims, defended.claim_id, self._start, LogReader())
        return Defender(defended, reader, self.contracts.hub, self._sender, withdraw=False)


class Challenger:
    """Anybody who looks at every claim and overturns the wrong ones. What it hears of itself is in `notices`."""

    def __init__(self, chain: Chain, core: Deployment, folder: Path) -> None:
        """`folder` has the programs, under the names that their owners registered, and gets the memory."""
        self.address = chain.address
        self.notices: list[Notice] = []
        self._folder = folder
        self._memory = Store(folder / "challenger.sqlite")
        self._judge = Judge(self._find_program, Engine())
        staking = challenger.Challenger(
            ClaimsOnChain(chain, core),
            self._judge,
            self._memory,
            sender.Sender(chain, self._memory, sender.Budgets(bonds=MAX_STAKE)),
        )
        self._watcher = Watcher(staking, Mode.ACTIVE, self.notices.append)

    def once(self) -> None:
        """Reads what is new on the chain, judges it, and makes the moves that are due."""
        self._watcher.once()

    def close(self) -> None:
        self._judge.close()
        self._memory.close()

    def said(self, code: str, claim_id: bytes) -> bool:
        return any(notice.code == code and notice.claim_id == claim_id for notice in self.notices)

    def _find_program(self, model_id: bytes, locator: str) -> Found | None:
        path = self._folder / Path(locator).name
        return Found(path) if load_program(path).model_id() == model_id else None
