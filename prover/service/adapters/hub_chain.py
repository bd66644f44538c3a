"""The hub of a deployment, through `contracts.client`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from web3.exceptions import BlockNotFound

from circuits.errors import InputError
from contracts.client.chain import Chain, SignedTransaction
from contracts.client.deployment import Deployment
from contracts.client.hub import Hub, RequestedEvent
from contracts.client.registry import Registry
from contracts.client.types import Request, Status, Tensor
from prover.service.adapters.ports import Receipt, Signed
from prover.service.domain.chain import Block, HubRequest


class HubClient:
    """`ports.HubChain` over JSON-RPC."""

    def __init__(self, chain: Chain, deployment: Deployment) -> None:
        if deployment.chain_id != chain.chain_id:
            raise InputError(
                "deployment_of_another_chain",
                f"the deployment is for chain {deployment.chain_id}, the endpoint is chain {chain.chain_id}",
                deployment=deployment.chain_id,
                chain=chain.chain_id,
            )
        self._chain = chain
        self._hub = Hub(chain, deployment["InferenceHub"])
        self._registry = Registry(chain, deployment["ModelRegistry"])
        self._listed: dict[bytes, str] = {}
        self.chain_id = chain.chain_id
        self.hub_address = self._hub.address
        self.start_block = deployment.start_block

    @property
    def sender(self) -> str:
        return self._chain.address

    def head(self) -> int:
        return self._chain.block_number()

    def block(self, number: int) -> Block | None:
        def ask() -> Block | None:
            try:
                return Block(number, _hex(bytes(self._chain.web3.eth.get_block(number)["hash"])))
            except BlockNotFound:
                return None

        return self._chain.guard(ask)

    def timestamp(self) -> int:
        return self._chain.timestamp()

    def requested(self, from_block: int, to_block: int) -> list[HubRequest]:
        return [_request(event) for event in self._hub.requested_events(from_block, to_block)]

    def listed_model(self, registration_id: bytes) -> str:
        # A registration's model never changes, so it is asked for once.
        if registration_id not in self._listed:
            self._listed[registration_id] = _hex(self._registry.registration(registration_id).model_id)
        return self._listed[registration_id]

    def status(self, request_id: str) -> Status:
        return self._hub.status(bytes.fromhex(request_id.removeprefix("0x")))

    def next_nonce(self) -> int:
        return self._chain.nonce()

    def mined_nonce(self, block_number: int) -> int:
        return self._chain.mined_nonce(block_number)

    def bond(self, request: Request) -> int:
        return self._hub.bond(request)

    def sign_assign(self, request: Request, bond: int, nonce: int) -> Signed:
        return self._sign(self._hub.assign(request), nonce, value=bond)

    def sign_fulfil(self, request: Request, route: int, outputs: Sequence[Tensor], proof: bytes, nonce: int) -> Signed:
        return self._sign(self._hub.fulfil(request, route, outputs, proof), nonce)

    def broadcast(self, raw: bytes) -> None:
        self._chain.broadcast(raw)

    def receipt(self, transaction_hash: str) -> Receipt | None:
        found = self._chain.receipt(bytes.fromhex(transaction_hash.removeprefix("0x")))
        if found is None:
            return None
        return Receipt(found["status"] == 1, int(found["blockNumber"]), int(found["gasUsed"]))

    def _sign(self, function: Any, nonce: int, value: int = 0) -> Signed:
        signed: SignedTransaction = self._chain.sign(function, value=value, nonce=nonce)
        return Signed(signed.raw, _hex(signed.hash), signed.nonce)


def _request(event: RequestedEvent) -> HubRequest:
    block = Block(event.at.block_number, _hex(event.at.block_hash))
    place = (block, _hex(event.at.tx_hash), event.at.log_index)
    return HubRequest(_hex(event.request_id), event.request, event.inputs, *place)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
