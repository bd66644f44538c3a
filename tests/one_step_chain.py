"""contracts/src/dispute/OneStep.sol on a local chain, many calls in one request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from eth_abi.abi import encode

from circuits.statement import keccak256
from contracts.client.answers import decode_revert
from contracts.client.artifacts import abi_type, load_artifact
from contracts.client.chain import Chain
from contracts.client.devnet import DEV_KEYS, Devnet
from verifier.dispute.types import Opening, StepRoots

WORD = 32
AT_MOST = 100  # calls in one request


@dataclass(frozen=True)
class Reverted:
    """Why a call has no value: the name of a custom error, and its arguments."""

    error: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class OneStepChain:
    """The deployed contract; `run` and `finish` make calls, `values` asks for what they return."""

    rpc_url: str
    address: str
    session: requests.Session

    @staticmethod
    def run(
        descriptor: bytes, roots: StepRoots, element: int, lo: int, hi: int, acc: int, openings: Sequence[Opening]
    ) -> bytes:
        tuples = [opening.as_tuple() for opening in openings]
        return _encoded("run", [descriptor, roots.as_tuple(), element, lo, hi, acc, tuples])

    @staticmethod
    def finish(descriptor: bytes, acc: int) -> bytes:
        return _encoded("finish", [descriptor, acc])

    @staticmethod
    def shape(descriptor: bytes) -> bytes:
        return _encoded("shape", [descriptor])

    def answers(self, calls: Sequence[bytes]) -> list[bytes | Reverted]:
        """What the contract returns to each call."""
        found: list[bytes | Reverted] = []
        for first in range(0, len(calls), AT_MOST):
            batch = [self._request(i, data) for i, data in enumerate(calls[first : first + AT_MOST])]
            answer = self.session.post(self.rpc_url, json=batch, timeout=60).json()
            found += [_answer(item) for item in sorted(answer, key=lambda item: int(item["id"]))]
        return found

    def values(self, calls: Sequence[bytes]) -> list[int | Reverted]:
        """The integer that each call of `run` or `finish` returns."""
        return [
            answer if isinstance(answer, Reverted) else int.from_bytes(answer[:WORD], "big", signed=True)
            for answer in self.answers(calls)
        ]

    def _request(self, number: int, data: bytes) -> dict[str, Any]:
        call = {"to": self.address, "data": "0x" + data.hex()}
        return {"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": [call, "latest"]}


@contextmanager
def one_step_chain() -> Iterator[OneStepChain]:
    with Devnet() as net, requests.Session() as session:
        address, _ = Chain(net.rpc_url, DEV_KEYS[0]).deploy("OneStep")
        yield OneStepChain(net.rpc_url, address, session)


def _encoded(name: str, arguments: Sequence[Any]) -> bytes:
    types = next([abi_type(i) for i in e["inputs"]] for e in load_artifact("OneStep").abi if e.get("name") == name)
    return keccak256(f"{name}({','.join(types)})".encode())[:4] + encode(types, arguments)


def _answer(item: dict[str, Any]) -> bytes | Reverted:
    if "result" in item:
        return bytes.fromhex(item["result"].removeprefix("0x"))
    revert = decode_revert(bytes.fromhex(str(item["error"].get("data", "0x")).removeprefix("0x")))
    if revert["error"] == "unknown":
        raise AssertionError(f"the contract reverted without an error of its own: {item['error']}")
    return Reverted(revert["error"], revert["arguments"])
