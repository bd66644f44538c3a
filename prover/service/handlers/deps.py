"""What handlers are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from circuits.program.graph import Program
from prover.service.adapters.ports import Broker, Clock, Compiler, HubChain, Integers, Prover
from prover.service.adapters.store import ArtifactStore
from prover.service.adapters.unit_of_work import Database
from prover.service.settings import Settings


@dataclass(frozen=True)
class Deps:
    """Ports and adapters of one process. `chain` is None where none is configured."""

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
    clock: Clock = field(default=time.time)
