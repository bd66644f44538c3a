"""What handlers need from outside, as small interfaces; tests pass fakes, `entrypoints.wiring` the real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from circuits.program.graph import Program
from circuits.statement import Statement
from contracts.client.types import Request, Status, Tensor
from prover.backend import Estimate, Progress
from prover.service.domain.chain import Block, HubRequest
from verifier.dispute.commitment import CommittedTrace

Integers = npt.NDArray[np.int64]


class Clock(Protocol):
    """Unix seconds."""

    def __call__(self) -> float: ...


@dataclass(frozen=True)
class Proof:
    """What a prover hands back: the bytes of the proof file and of the key file that it verifies under (None where a
    claim has to do), what it proves, and what each phase cost."""

    file: bytes | None
    key_file: bytes | None
    statement: Statement
    key_digest: bytes
    outputs: list[Integers]
    phases: tuple[dict[str, Any], ...]


class Prover(Protocol):
    """One route. `expected_key` is the digest a request pins: another key is refused before proving starts."""

    route: int

    def estimate(self, program: Program) -> Estimate: ...

    def prove(
        self, program: Program, inputs: Sequence[Integers], progress: Progress, expected_key: bytes | None = None
    ) -> Proof: ...


class Runner(Prover, Protocol):
    """The optimistic route. Its `prove` makes no proof, but shows what a claim of it would say."""

    def open_trace(self, program: Program, inputs: Sequence[Integers]) -> CommittedTrace:
        """The trace of a run, the same however often it is asked for."""
        ...

    def locator(self, trace: CommittedTrace) -> str:
        """Where others find the trace; empty if it is not published."""
        ...


@dataclass(frozen=True)
class CompileRequest:
    """An ONNX upload on disk, and how to quantize it."""

    onnx: Path
    calibration: Path | None = None
    bits: int = 16
    weight_bits: int = 16


class Compiler(Protocol):
    def compile(self, request: CompileRequest) -> tuple[Program, dict[str, Any]]:
        """The program and its fidelity report; raises InputError for what cannot be compiled."""
        ...


class Broker(Protocol):
    """Carries job ids to workers. A message may be lost or doubled: the row is the job."""

    def send(self, job_id: str, queue: str) -> None: ...

    def check(self) -> None:
        """Raises EnvironmentFailure when messages cannot be sent."""
        ...


@dataclass(frozen=True)
class Signed:
    """A transaction ready for the outbox."""

    raw: bytes
    hash: str
    nonce: int


@dataclass(frozen=True)
class Receipt:
    succeeded: bool
    block_number: int
    gas_used: int


@dataclass(frozen=True)
class OwnClaim:
    """A claim that this service made: what defending it needs. `open_trace` runs the program again."""

    claim_id: str  # 0x-hex
    request_id: str
    request: Request
    outputs: tuple[Tensor, ...]
    made_in: int  # a block at or before the claim's
    open_trace: Callable[[], CommittedTrace]


class ClaimEnd(StrEnum):
    """How a claim ended."""

    DELIVERED = "delivered"
    LAPSED = "lapsed"  # final, but the assignment was over
    KILLED = "killed"
    CANCELLED = "cancelled"


class ClaimChain(Protocol):
    """The optimistic route's contracts, with the claimant's account. Failures carry `prover.optimistic`'s codes.

    Nothing here is remembered: everything goes on where the chain stands.
    """

    def examine(self, found: HubRequest, program: Program) -> None:
        """Raises InputError for a request that should not be claimed."""
        ...

    def claim(self, found: HubRequest, program: Program, trace: CommittedTrace, locator: str) -> str:
        """Assigns and claims, as far as that is not done yet; the claim's id."""
        ...

    def defend(self, claims: Mapping[str, Callable[[], OwnClaim]]) -> dict[str, ClaimEnd]:
        """Sends everything that is due for these claims, named by their ids; those that have ended, and how."""
        ...


class HubChain(Protocol):
    """One hub on one chain, with the prover's account. Failures carry contracts.client's codes."""

    chain_id: int
    hub_address: str
    start_block: int

    @property
    def sender(self) -> str: ...

    def head(self) -> int: ...

    def block(self, number: int) -> Block | None:
        """None where the chain does not (or no longer does) reach that number."""
        ...

    def timestamp(self) -> int: ...

    def requested(self, from_block: int, to_block: int) -> list[HubRequest]: ...

    def listed_model(self, registration_id: bytes) -> str:
        """The modelId (0x-hex) of a registration; raises InputError("registration_unknown")."""
        ...

    def status(self, request_id: str) -> Status: ...

    def next_nonce(self) -> int: ...

    def mined_nonce(self, block_number: int) -> int:
        """How many transactions of the sender the chain holds at that block."""
        ...

    def bond(self, request: Request) -> int:
        """What an assignment costs now, in wei; it doubles with every one that lapses."""
        ...

    def sign_assign(self, request: Request, bond: int, nonce: int) -> Signed: ...

    def sign_fulfil(
        self, request: Request, route: int, outputs: Sequence[Tensor], proof: bytes, nonce: int
    ) -> Signed: ...

    def broadcast(self, raw: bytes) -> None: ...

    def receipt(self, transaction_hash: str) -> Receipt | None: ...
