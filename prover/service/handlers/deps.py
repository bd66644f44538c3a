"""What handlers are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from circuits.errors import EnvironmentFailure
from circuits.program.graph import Program
from prover.service.adapters.ports import Broker, ClaimChain, Clock, Compiler, HubChain, Integers, Prover, Runner
from prover.service.adapters.store import ArtifactStore
from prover.service.adapters.unit_of_work import Database
from prover.service.settings import Settings


@dataclass(frozen=True)
class Deps:
    """Ports and adapters of one process. `chain` and `claims` are None where none is configured.

    `prover` makes proofs that a contract verifies; `sumcheck` proofs that only programs verify so far; `runner` is the
    optimistic route's, which only runs and commits.
    """

    settings: Settings
    database: Database
    store: ArtifactStore
    broker: Broker
    prover: Prover
    compiler: Compiler
    load_program: Callable[[Path], Program]
    save_program: Callable[[Program, Path], None]
    read_inputs: Callable[[Path, Program], list[Integers]]
    chain: HubChain | None = None
    sumcheck: Prover | None = None
    runner: Runner | None = None
    claims: ClaimChain | None = None
    clock: Clock = field(default=time.time)

    @property
    def provers(self) -> list[Prover]:
        """Of every route by which jobs are run."""
        others = (self.runner, self.sumcheck)
        return [self.prover, *(prover for prover in others if prover is not None)]

    @property
    def hub_provers(self) -> list[Prover]:
        """Of every route by which requests are answered here, the preferred one first: each needs its account, and
        contracts that know it, which those of the sumcheck route do not exist yet."""
        claiming = [self.runner] if self.runner is not None and self.claims is not None else []
        return [*([self.prover] if self.settings.private_key is not None else []), *claiming]

    def prover_of(self, route: int) -> Prover:
        """Raises EnvironmentFailure("route_not_served")."""
        for prover in self.provers:
            if prover.route == route:
                return prover
        raise EnvironmentFailure("route_not_served", f"this process does not serve route {route}", route=route)
