"""Typed access to ModelRegistry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuits.errors import EnvironmentFailure, InputError
from circuits.statement import ModelHeader, Route
from contracts.client.types import RoutePin

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Chain


@dataclass(frozen=True)
class Registration:
    """One listing: who owns it, what it lists, where the program is, and the key of each bound route."""

    registration_id: bytes
    model_id: bytes
    owner: str
    io_spec: bytes
    locator: str
    deprecated: bool
    pins: tuple[RoutePin, ...]


class Registry:
    """Reads return Python values; writes return contract functions for `Chain.send`."""

    def __init__(self, chain: Chain, address: str) -> None:
        self.chain = chain
        self.address = address
        self.functions = chain.contract("ModelRegistry", address).functions

    def register(self, header: ModelHeader, locator: str) -> Any:
        body = (header.graph_root, header.weights_root, header.io_spec, header.opset_version)
        return self.functions.register(body, locator)

    def bind_key(self, registration_id: bytes, pin: RoutePin) -> Any:
        return self.functions.bindKey(registration_id, *pin.as_tuple())

    def registration_id(self, owner: str, model_id: bytes) -> bytes:
        return bytes(self.chain.call(self.functions.registrationIdOf(owner, model_id)))

    def exists(self, registration_id: bytes) -> bool:
        try:
            self.chain.call(self.functions.ownerOf(registration_id))
        except EnvironmentFailure as error:
            if error.details.get("error") != "UnknownRegistration":
                raise
            return False
        return True

    def registration(self, registration_id: bytes) -> Registration:
        ask = self.chain.call
        if not self.exists(registration_id):
            shown = "0x" + registration_id.hex()
            raise InputError("registration_unknown", f"no registration {shown} here", registration_id=shown)
        return Registration(
            registration_id,
            bytes(ask(self.functions.modelIdOf(registration_id))),
            ask(self.functions.ownerOf(registration_id)),
            bytes(ask(self.functions.ioSpecOf(registration_id))),
            ask(self.functions.locatorOf(registration_id)),
            ask(self.functions.isDeprecated(registration_id)),
            tuple(pin for route in Route if (pin := self._pin(registration_id, route)) is not None),
        )

    def _pin(self, registration_id: bytes, route: Route) -> RoutePin | None:
        selector, digest = self.chain.call(self.functions.keyOf(registration_id, int(route)))
        return RoutePin(int(route), bytes(selector), bytes(digest)) if bytes(digest) != bytes(32) else None
