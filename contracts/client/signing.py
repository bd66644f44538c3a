"""EIP-712: a request's id is the hash of its struct, and a signature over it lets somebody else submit it."""

from __future__ import annotations

from typing import Any

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data

from circuits.statement import keccak256
from contracts.client.types import Request

REQUEST_TYPES = {
    "Request": [
        {"name": "requester", "type": "address"},
        {"name": "payer", "type": "address"},
        {"name": "registrationId", "type": "bytes32"},
        {"name": "inputRoot", "type": "bytes32"},
        {"name": "routes", "type": "RoutePin[]"},
        {"name": "fee", "type": "uint128"},
        {"name": "bond", "type": "uint128"},
        {"name": "proveWindow", "type": "uint64"},
        {"name": "expiry", "type": "uint64"},
        {"name": "callbackGas", "type": "uint32"},
        {"name": "nonce", "type": "uint256"},
    ],
    "RoutePin": [
        {"name": "route", "type": "uint8"},
        {"name": "selector", "type": "bytes4"},
        {"name": "keyDigest", "type": "bytes32"},
    ],
}


def _signable(request: Request, chain_id: int, hub: str) -> SignableMessage:
    domain = {"name": "inferproof InferenceHub", "version": "1", "chainId": chain_id, "verifyingContract": hub}
    names = [field["name"] for field in REQUEST_TYPES["Request"]]
    message: dict[str, Any] = dict(zip(names, request.as_tuple(), strict=True))
    message["routes"] = [{"route": p.route, "selector": p.selector, "keyDigest": p.key_digest} for p in request.routes]
    return encode_typed_data(domain, REQUEST_TYPES, message)


def request_id(request: Request, chain_id: int, hub: str) -> bytes:
    """The id under which the hub knows this request; the same as InferenceHub.requestIdOf."""
    signable = _signable(request, chain_id, hub)
    return keccak256(b"\x19" + signable.version + signable.header + signable.body)


def sign_request(request: Request, chain_id: int, hub: str, private_key: str) -> bytes:
    """The requester's 65-byte signature for InferenceHub.requestSigned."""
    return bytes(Account.sign_message(_signable(request, chain_id, hub), private_key).signature)
