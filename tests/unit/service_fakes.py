"""What service tests share: a tiny real program, a prover that convinces nobody, and a chain in memory."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from circuits.errors import EnvironmentFailure, InputError
from circuits.program.file import load_program, save_program
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.program.ops.linear import Linear
from circuits.program.refs import AffineMap, Output, Port, Ref, Source
from circuits.statement import Route, Statement, input_root, keccak256, output_root
from contracts.client.types import Request, RoutePin, Status, Tensor
from prover.backend import Estimate, Progress
from prover.service.adapters.database import migrate, open_engine
from prover.service.adapters.ports import CompileRequest, Integers, Proof, Receipt, Signed
from prover.service.adapters.store import ArtifactStore
from prover.service.adapters.unit_of_work import Database
from prover.service.domain.chain import Block, HubRequest
from prover.service.handlers.deps import Deps
from prover.service.settings import Settings
from verifier.messages import ProofFile

KEY_DIGEST = keccak256(b"key")
KEY_FILE = b"{}"
SENDER = "0x" + "aa" * 20
HUB = "0x" + "bb" * 20


def tiny_program(size: int = 2, factor: int = 3) -> Program:
    """y = factor * x over `size` 8-bit integers, scale 0."""
    dims = (size,)
    op = Linear(
        operands=(Ref(Source.INPUT, 0),),
        maps=(AffineMap.identity(dims),),
        dims=dims,
        inner=(),
        bits=16,
        scale=0,
        shift=0,
        saturates=False,
        coefficients=(factor,),
    )
    return Program(
        inputs=(Port("x", dims, 8, (0,)),),
        constants=(),
        ops=(op,),
        outputs=(Output(Ref(Source.OP, 0), Port("y", dims, 16, (0,))),),
    )


def read_inputs(path: Path, program: Program) -> list[Integers]:
    """The refusals of the real reader, for the one shape that the tiny program has."""
    port = program.inputs[0]
    values = np.array(json.loads(path.read_text())["input_data"][0], dtype=np.float64)
    if values.shape != port.dims:
        raise InputError("input_wrong_shape", f"expected {port.dims}, got {values.shape}")
    if not np.isfinite(values).all():
        raise InputError("input_not_finite", "NaN or infinity", value=float("nan"))
    if np.abs(values).max() > 127:
        raise InputError("input_out_of_range", "does not fit 8 bits")
    return [values.astype(np.int64)]


@dataclass
class FakeProver:
    """Computes honestly, proves nothing. `during` runs inside every proof, with its progress callback."""

    route: int = Route.HALO2
    memory: int = 1 << 20
    during: Callable[[Progress], None] = lambda progress: None
    runs: int = 0
    asked: int = 0

    def estimate(self, program: Program) -> Estimate:
        self.asked += 1
        return Estimate(rows=1, srs_k=4, setup_s=0.1, prove_s=0.1, peak_memory_bytes=self.memory, disk_bytes=1)

    def prove(
        self, program: Program, inputs: Sequence[Integers], progress: Progress, expected_key: bytes | None = None
    ) -> Proof:
        self.runs += 1
        progress("prove", 0.5)
        self.during(progress)
        outputs = run(program, list(inputs))
        statement = Statement(program.model_id(), input_root(list(inputs)), output_root(outputs))
        file = ProofFile(Route(self.route), statement, KEY_DIGEST, bytes(32), b"proof").to_json()
        return Proof(file, KEY_FILE, statement, KEY_DIGEST, outputs, ({"name": "prove", "seconds": 0.1},))


class FakeCompiler:
    """Takes any file that begins with `onnx`."""

    def compile(self, request: CompileRequest) -> tuple[Program, dict[str, Any]]:
        if not request.onnx.read_bytes().startswith(b"onnx"):
            raise InputError("onnx_unreadable", "this is no ONNX file")
        return tiny_program(), {"max_error": 0.0 if request.calibration is None else 0.5}


@dataclass
class FakeBroker:
    """Keeps what was sent; `down` makes it refuse."""

    sent: list[str] = field(default_factory=list)
    down: bool = False

    def send(self, job_id: str, queue: str) -> None:
        self.check()
        self.sent.append(job_id)

    def check(self) -> None:
        if self.down:
            raise EnvironmentFailure("broker_unusable", "down")


class ManualClock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@cache
def _migrated_database() -> bytes:
    """Migrations run once a test process; a copy of the result is as good, and much faster."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "service.db"
        engine = open_engine(f"sqlite:///{path}")
        migrate(engine, Path(folder))
        engine.dispose()
        return path.read_bytes()


def make_deps(folder: Path, **overrides: Any) -> Deps:
    """Real database, store and handlers over fakes; `overrides` are settings or dependencies."""
    wanted = {k: v for k, v in overrides.items() if k in Settings.model_fields}
    settings = Settings(
        data_dir=folder / "data",
        cache_dir=folder / "cache",
        **{"confirmations": 0, "worker_id": "w", "private_key": "0x" + "11" * 32, **wanted},
    )
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "service.db").write_bytes(_migrated_database())
    return replace(deps_over(settings), **{k: v for k, v in overrides.items() if k not in wanted})


def deps_over(settings: Settings) -> Deps:
    """Fakes over the database and the store that the settings name."""
    return Deps(
        settings=settings,
        database=Database(open_engine(settings.database_url)),
        store=ArtifactStore(settings.store_url, settings.cache_dir),
        broker=FakeBroker(),
        prover=FakeProver(),
        compiler=FakeCompiler(),
        load_program=load_program,
        save_program=save_program,
        read_inputs=read_inputs,
        clock=ManualClock(),
    )


def hold_model(deps: Deps, program: Program | None = None) -> str:
    """Registers a program by the front door; its modelId."""
    from prover.service.domain.models import ModelSource
    from prover.service.handlers.register_model import ModelUpload, register_model

    path = deps.settings.data_dir / "upload.program"
    save_program(program or tiny_program(), path)
    return register_model(deps, ModelUpload("tiny", ModelSource.PROGRAM, path))[0].model_id


@dataclass
class FakeTransaction:
    raw: bytes
    nonce: int
    effect: Callable[[], bool]


class FakeChain:
    """A hub, blocks with hashes, a mempool, and a miner that has to be asked."""

    chain_id = 31337
    hub_address = HUB
    start_block = 1
    sender = SENDER

    def __init__(self) -> None:
        self.blocks = ["0xgenesis"]
        self.fork = 0
        self.logs: list[HubRequest] = []
        self.states: dict[str, Status] = {}
        self.provers: dict[str, str] = {}
        self.signed: dict[bytes, FakeTransaction] = {}
        self.pool: dict[int, bytes] = {}
        self.receipts: dict[str, Receipt] = {}
        self.broadcasts: list[bytes] = []
        self.nonce = 0
        self.now = 1000
        self.model_id = ""
        self.range_limit = 10**9
        self.signatures = 0
        self.refuse_broadcast = False

    # What a test does to the chain.

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            self.blocks.append(f"0x{self.fork:02x}{len(self.blocks):062x}")
            while self.nonce in self.pool:
                raw = self.pool.pop(self.nonce)
                self.nonce += 1
                succeeded = self.signed[raw].effect()
                self.receipts[_hash(raw)] = Receipt(succeeded, self.head(), 21_000)

    def reorganise(self, depth: int) -> list[HubRequest]:
        """Replaces the newest blocks by as many others; what they held is gone. Returns the lost logs."""
        keep = len(self.blocks) - depth
        lost = [log for log in self.logs if log.block is not None and log.block.number >= keep]
        self.logs = [log for log in self.logs if log not in lost]
        for log in lost:
            self.states.pop(log.request_id, None)
        self.blocks = self.blocks[:keep]
        self.fork += 1
        self.mine(depth)
        return lost

    def open_request(self, inputs: list[Integers] | None = None, **changes: Any) -> HubRequest:
        tensors = inputs if inputs is not None else [np.array([1, 2], dtype=np.int64)]
        request = Request(
            requester="0x" + "cc" * 20,
            payer="0x" + "cc" * 20,
            registration_id=keccak256(b"registration"),
            input_root=input_root(tensors),
            routes=(RoutePin(Route.HALO2, b"\x01\x02\x03\x04", KEY_DIGEST),),
            fee=10,
            bond=10,
            prove_window=600,
            expiry=5000,
            callback_gas=0,
            nonce=len(self.logs),
        )
        request = replace(request, **changes)
        self.mine()
        return self.announce(request, tuple(Tensor.from_array(t) for t in tensors))

    def announce(self, request: Request, tensors: tuple[Tensor, ...]) -> HubRequest:
        request_id = "0x" + keccak256(json.dumps(request.as_dict()).encode()).hex()
        place = Block(self.head(), self.blocks[-1])
        found = HubRequest(request_id, request, tensors, place, "0x" + "11" * 32, len(self.logs))
        self.logs.append(found)
        self.states[request_id] = Status.OPEN
        return found

    # What the service asks of it.

    def head(self) -> int:
        return len(self.blocks) - 1

    def block(self, number: int) -> Block | None:
        return Block(number, self.blocks[number]) if 0 <= number < len(self.blocks) else None

    def timestamp(self) -> int:
        return self.now

    def requested(self, from_block: int, to_block: int) -> list[HubRequest]:
        if to_block - from_block + 1 > self.range_limit:
            raise EnvironmentFailure("chain_refused", "query returned more than 10000 results")
        return [log for log in self.logs if log.block and from_block <= log.block.number <= to_block]

    def listed_model(self, registration_id: bytes) -> str:
        if registration_id != keccak256(b"registration"):
            raise InputError("registration_unknown", "no such registration")
        return self.model_id

    def status(self, request_id: str) -> Status:
        return self.states.get(request_id, Status.NONE)

    def next_nonce(self) -> int:
        return self.nonce + len(self.pool)

    def mined_nonce(self, block_number: int) -> int:
        return self.nonce

    def bond(self, request: Request) -> int:
        return request.bond

    def sign_assign(self, request: Request, bond: int, nonce: int) -> Signed:
        return self._sign("assign", request, nonce, Status.OPEN, Status.ASSIGNED)

    def sign_fulfil(self, request: Request, route: int, outputs: Sequence[Tensor], proof: bytes, nonce: int) -> Signed:
        assert proof == b"proof"
        return self._sign("fulfil", request, nonce, Status.ASSIGNED, Status.DELIVERED)

    def broadcast(self, raw: bytes) -> None:
        if self.refuse_broadcast:
            raise EnvironmentFailure("account_without_funds", "insufficient funds")
        self.broadcasts.append(raw)
        if _hash(raw) not in self.receipts:
            self.pool[self.signed[raw].nonce] = raw

    def receipt(self, transaction_hash: str) -> Receipt | None:
        return self.receipts.get(transaction_hash)

    def _sign(self, name: str, request: Request, nonce: int, before: Status, after: Status) -> Signed:
        request_id = "0x" + keccak256(json.dumps(request.as_dict()).encode()).hex()
        mine = after is Status.ASSIGNED or self.provers.get(request_id) == SENDER
        if self.states.get(request_id) is not before or not mine:
            raise EnvironmentFailure("transaction_reverted", "the contract refused: WrongStatus", error="WrongStatus")

        def effect() -> bool:
            if self.states.get(request_id) is not before:
                return False
            self.states[request_id] = after
            self.provers[request_id] = SENDER
            return True

        self.signatures += 1
        raw = f"{name}:{request_id}:{nonce}:{self.signatures}".encode()
        self.signed[raw] = FakeTransaction(raw, nonce, effect)
        return Signed(raw, _hash(raw), nonce)


def _hash(raw: bytes) -> str:
    return "0x" + keccak256(raw).hex()


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Polls; fails the test where it never comes true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it never became true")
        time.sleep(0.02)


class Blocker:
    """A proof that goes on until told, and reports progress meanwhile."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()

    def __call__(self, progress: Progress) -> None:
        self.entered.set()
        while not self.release.wait(0.02):
            progress("prove", 0.7)
