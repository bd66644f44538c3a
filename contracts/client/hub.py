"""Typed access to InferenceHub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts.client.chain import Chain
from contracts.client.types import Request, Status, Tensor, fields


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


class Hub:
    """Reads return Python values; writes return contract functions for `Chain.send` or `Chain.sign`."""

    def __init__(self, chain: Chain, address: str) -> None:
        self.chain = chain
        self.address = address
        self.contract = chain.contract("InferenceHub", address)
        self.functions = self.contract.functions

    def requested_events(self, from_block: int, to_block: int, request_id: bytes | None = None) -> list[RequestedEvent]:
        """Of all requests, or of one."""
        return [
            RequestedEvent(
                bytes(log["args"]["requestId"]),
                Request.from_tuple(log["args"]["request"]),
                tuple(Tensor.from_tuple(t) for t in log["args"]["inputs"]),
                LogPosition.of(log),
            )
            for log in self._logs("Requested", from_block, to_block, request_id)
        ]

    def delivered_events(self, from_block: int, to_block: int) -> list[DeliveredEvent]:
        return [
            DeliveredEvent(
                bytes(log["args"]["requestId"]),
                log["args"]["prover"],
                int(log["args"]["route"]),
                bytes(log["args"]["outputRoot"]),
                tuple(Tensor.from_tuple(t) for t in log["args"]["outputs"]),
                LogPosition.of(log),
            )
            for log in self._logs("Delivered", from_block, to_block)
        ]

    def _logs(self, event: str, from_block: int, to_block: int, request_id: bytes | None = None) -> list[Any]:
        ask = self.contract.events[event].get_logs
        wanted = {} if request_id is None else {"requestId": request_id}
        return list(self.chain.guard(lambda: ask(argument_filters=wanted, from_block=from_block, to_block=to_block)))

    def status(self, request_id: bytes) -> Status:
        return Status(self.chain.call(self.functions.statusOf(request_id)))

    def state(self, request_id: bytes) -> RequestState:
        raw = self.chain.call(self.functions.stateOf(request_id))
        names = ("status", "expired", "liveAtAssignment", "route", "deadline", "prover", "sponsor", "undelivered")
        status, expired, _, _, deadline, prover, *_ = fields(raw, *names)
        return RequestState(Status(status), int(expired), int(deadline), str(prover))

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
