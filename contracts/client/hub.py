"""Typed access to InferenceHub."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from contracts.client.types import Request, Status, Tensor, fields

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Chain

T = TypeVar("T")


@dataclass(frozen=True)
class LogPosition:
    """Where an event stands in the chain."""

    block_number: int
    block_hash: bytes
    tx_hash: bytes
    log_index: int

    @classmethod
    def of(cls, log: Any) -> LogPosition:
        return cls(
            int(log["blockNumber"]), bytes(log["blockHash"]), bytes(log["transactionHash"]), int(log["logIndex"])
        )


@dataclass(frozen=True)
class RequestedEvent:
    """A request was opened."""

    request_id: bytes
    request: Request
    inputs: tuple[Tensor, ...]
    at: LogPosition


@dataclass(frozen=True)
class DeliveredEvent:
    """A final output was accepted."""

    request_id: bytes
    prover: str
    route: int
    output_root: bytes
    outputs: tuple[Tensor, ...]
    at: LogPosition


@dataclass(frozen=True)
class RequestState:
    """What the hub stores of a request; `prover` and `deadline` (unix time) are those of an assignment under way."""

    status: Status
    expired: int  # assignments that ran out
    deadline: int
    prover: str

    @classmethod
    def from_tuple(cls, raw: Any) -> RequestState:
        names = ("status", "expired", "liveAtAssignment", "route", "deadline", "prover", "sponsor", "undelivered")
        status, expired, _, _, deadline, prover, *_ = fields(raw, *names)
        return cls(Status(status), int(expired), int(deadline), str(prover))


def _requested(log: Any) -> RequestedEvent:
    said = log["args"]
    inputs = tuple(Tensor.from_tuple(tensor) for tensor in said["inputs"])
    return RequestedEvent(bytes(said["requestId"]), Request.from_tuple(said["request"]), inputs, LogPosition.of(log))


def _delivered(log: Any) -> DeliveredEvent:
    said = log["args"]
    outputs = tuple(Tensor.from_tuple(tensor) for tensor in said["outputs"])
    ids = (bytes(said["requestId"]), str(said["prover"]), int(said["route"]), bytes(said["outputRoot"]))
    return DeliveredEvent(*ids, outputs, LogPosition.of(log))


class Hub:
    """Reads return Python values; writes return contract functions for `Chain.send` or `Chain.sign`."""

    def __init__(self, chain: Chain, address: str) -> None:
        self.chain = chain
        self.address = address
        self.contract = chain.contract("InferenceHub", address)
        self.functions = self.contract.functions

    def requested_events(self, from_block: int, to_block: int, request_id: bytes | None = None) -> list[RequestedEvent]:
        """Of all requests, or of one."""
        return self._logs("Requested", _requested, from_block, to_block, request_id)

    def delivered_events(self, from_block: int, to_block: int) -> list[DeliveredEvent]:
        return self._logs("Delivered", _delivered, from_block, to_block)

    def _logs(
        self, event: str, parse: Callable[[Any], T], from_block: int, to_block: int, request_id: bytes | None = None
    ) -> list[T]:
        ask = self.contract.events[event].get_logs
        wanted = {} if request_id is None else {"requestId": request_id}
        blocks = {"from_block": from_block, "to_block": to_block}
        return self.chain.guard(lambda: [parse(log) for log in ask(argument_filters=wanted, **blocks)])

    def status(self, request_id: bytes) -> Status:
        return self.chain.read(Status, self.functions.statusOf(request_id))

    def state(self, request_id: bytes) -> RequestState:
        return self.chain.read(RequestState.from_tuple, self.functions.stateOf(request_id))

    def request_id(self, request: Request) -> bytes:
        return bytes(self.chain.call(self.functions.requestIdOf(request.as_tuple())))

    def bond(self, request: Request) -> int:
        """What an assignment costs now, in wei; it doubles with every one that lapses."""
        return int(self.chain.call(self.functions.bondOf(request.as_tuple())))

    def credit(self, account: str) -> int:
        return int(self.chain.call(self.functions.creditOf(account)))

    def request(self, request: Request, inputs: Sequence[Tensor]) -> Any:
        return self.functions.request(request.as_tuple(), [t.as_tuple() for t in inputs])

    def request_signed(self, request: Request, inputs: Sequence[Tensor], signature: bytes) -> Any:
        return self.functions.requestSigned(request.as_tuple(), [t.as_tuple() for t in inputs], signature)

    def assign(self, request: Request) -> Any:
        return self.functions.assign(request.as_tuple())

    def fulfil(self, request: Request, route: int, outputs: Sequence[Tensor], proof: bytes) -> Any:
        return self.functions.fulfil(request.as_tuple(), route, [t.as_tuple() for t in outputs], proof)

    def cancel(self, request: Request) -> Any:
        return self.functions.cancel(request.as_tuple())

    def expire(self, request: Request) -> Any:
        return self.functions.expire(request.as_tuple())

    def retry_callback(self, request: Request, outputs: Sequence[Tensor]) -> Any:
        return self.functions.retryCallback(request.as_tuple(), [t.as_tuple() for t in outputs])

    def withdraw(self, amount: int) -> Any:
        return self.functions.withdraw(amount)
