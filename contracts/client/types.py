"""The structs of contracts/src/interfaces/Types.sol, in Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.statement import Integers, tensor_bytes

ZERO_ADDRESS = "0x" + "00" * 20


class Status(IntEnum):
    """InferenceHub's request states."""

    NONE = 0
    OPEN = 1
    ASSIGNED = 2
    DELIVERED = 3
    REFUNDED = 4


@dataclass(frozen=True)
class Tensor:
    """Signed integers as the contracts carry them: `data` is big-endian two's complement, row-major."""

    width: int
    dims: tuple[int, ...]
    data: bytes

    @classmethod
    def from_array(cls, values: Integers) -> Tensor:
        return cls(4, tuple(values.shape), tensor_bytes(values, 4))

    @classmethod
    def from_tuple(cls, raw: Any) -> Tensor:
        width, dims, data = fields(raw, "width", "dims", "data")
        return cls(int(width), tuple(int(d) for d in dims), bytes(data))

    def to_array(self) -> npt.NDArray[np.int64]:
        return np.frombuffer(self.data, dtype=f">i{self.width}").astype(np.int64).reshape(self.dims)

    def as_tuple(self) -> tuple[Any, ...]:
        return (self.width, list(self.dims), self.data)


@dataclass(frozen=True)
class RoutePin:
    """One allowed route, pinned down to the verifier's key."""

    route: int
    selector: bytes
    key_digest: bytes

    def as_tuple(self) -> tuple[Any, ...]:
        return (self.route, self.selector, self.key_digest)


@dataclass(frozen=True)
class Request:
    """Everything economic about a request; amounts in wei, times in unix seconds."""

    requester: str
    payer: str
    registration_id: bytes
    input_root: bytes
    routes: tuple[RoutePin, ...]
    fee: int
    bond: int
    prove_window: int
    expiry: int
    callback_gas: int
    nonce: int

    @classmethod
    def from_tuple(cls, raw: Any) -> Request:
        names = "requester payer registrationId inputRoot routes fee bond proveWindow expiry callbackGas nonce"
        requester, payer, registration_id, root, routes, *numbers = fields(raw, *names.split())
        pins = (fields(pin, "route", "selector", "keyDigest") for pin in routes)
        return cls(
            requester,
            payer,
            bytes(registration_id),
            bytes(root),
            tuple(RoutePin(int(r), bytes(s), bytes(k)) for r, s, k in pins),
            *(int(n) for n in numbers),
        )

    def as_tuple(self) -> tuple[Any, ...]:
        head = (self.requester, self.payer, self.registration_id, self.input_root)
        pins = [pin.as_tuple() for pin in self.routes]
        return (*head, pins, self.fee, self.bond, self.prove_window, self.expiry, self.callback_gas, self.nonce)

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable; `from_dict` reads it back."""
        return {
            "requester": self.requester,
            "payer": self.payer,
            "registration_id": self.registration_id.hex(),
            "input_root": self.input_root.hex(),
            "routes": [[p.route, p.selector.hex(), p.key_digest.hex()] for p in self.routes],
            "numbers": [self.fee, self.bond, self.prove_window, self.expiry, self.callback_gas, self.nonce],
        }

    @classmethod
    def from_dict(cls, body: dict[str, Any]) -> Request:
        routes = tuple(RoutePin(r, bytes.fromhex(s), bytes.fromhex(k)) for r, s, k in body["routes"])
        ids = (bytes.fromhex(body["registration_id"]), bytes.fromhex(body["input_root"]))
        return cls(body["requester"], body["payer"], *ids, routes, *body["numbers"])


def fields(raw: Any, *names: str) -> Sequence[Any]:
    """A struct's fields in their order: web3 hands structs over as tuples or as attribute dicts."""
    if isinstance(raw, (tuple, list)):
        return raw
    return [raw[name] for name in names]
