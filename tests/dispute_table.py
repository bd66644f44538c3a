"""Where disputes are played: a deployed market on a local chain, its accounts and its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hexbytes import HexBytes
from optimistic_market import Market

from circuits.errors import EnvironmentFailure
from contracts.client.chain import Chain
from contracts.client.devnet import DEV_KEYS, ask, go_back, take_snapshot
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub
from contracts.client.types import Request, Tensor
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.types import DisputeTerms

Integers = npt.NDArray[np.int64]

MOVE_GAS = 3_000_000  # for moves that are sent although they may be refused; nothing may need as much
FUNDS = 10**22


def error_of(send: Callable[[], object]) -> str:
    """The name of the custom error that the contract refuses with; fails if it does not."""
    with pytest.raises(EnvironmentFailure) as failure:
        send()
    assert failure.value.code == "transaction_reverted", failure.value
    return str(failure.value.details.get("error", failure.value.message))


def status_of(chain: Chain, transaction: bytes) -> int:
    """1 for a mined transaction that was carried out, 0 for one that was refused."""
    receipt = chain.web3.eth.wait_for_transaction_receipt(HexBytes(transaction), timeout=20, poll_latency=0.01)
    return int(receipt["status"])


@dataclass(frozen=True)
class Claimed:
    """A claim on the chain, by its maker's own trace."""

    claim_id: bytes
    request: Request
    trace: CommittedTrace
    claimant: Chain


class Table:
    """Where games are played. Account 0 owns the market and is the guardian, 1 claims, 2 challenges; there are more."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.chain = market.chain
        self.hub = Hub(self.chain, market.deployment["InferenceHub"])
        self.claims = OptimisticClaims(self.chain, market.deployment["OptimisticClaims"])
        self._accounts: dict[int, Chain] = {}
        self._nonces = count(1)

    @property
    def terms(self) -> DisputeTerms:
        return self.market.key.terms

    def account(self, number: int) -> Chain:
        """An account with money."""
        if number not in self._accounts:
            key = DEV_KEYS[number] if number < len(DEV_KEYS) else "0x" + (10_000 + number).to_bytes(32, "big").hex()
            chain = Chain(self.chain.rpc_url, key)
            ask(self.chain, "anvil_setBalance", chain.address, hex(FUNDS))
            self._accounts[number] = chain
        return self._accounts[number]

    def as_seen_by(self, chain: Chain) -> OptimisticClaims:
        return OptimisticClaims(chain, self.claims.address)

    def assigned(self, inputs: Sequence[Integers], claimant: Chain) -> Request:
        """A new request for these inputs, assigned to the claimant."""
        request_id = self.market.request(list(inputs), nonce=next(self._nonces))
        (event,) = self.hub.requested_events(0, self.chain.block_number(), request_id)
        claimant.send(Hub(claimant, self.hub.address).assign(event.request), value=self.hub.bond(event.request))
        return event.request

    def claim(self, trace: CommittedTrace, claimant: Chain | None = None, locator: str = "") -> Claimed:
        """What this trace says of a new request."""
        claimant = claimant or self.account(1)
        request = self.assigned(trace.inputs, claimant)
        before = self.chain.block_number()
        function = self.as_seen_by(claimant).claim(request, outputs_of(trace), trace.top, trace.output_paths, locator)
        claimant.send(function, value=self.terms.claim_bond)
        found = self.claims.events(before, self.chain.block_number())
        return Claimed(found[-1].claim_id, request, trace, claimant)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever happens to the chain inside is undone after it."""
        state = take_snapshot(self.chain)
        try:
            yield
        finally:
            go_back(self.chain, state)

    @contextmanager
    def one_block(self) -> Iterator[None]:
        """Whatever is broadcast inside is mined in one block after it."""
        ask(self.chain, "evm_setAutomine", False)
        try:
            yield
        finally:
            ask(self.chain, "evm_mine")
            ask(self.chain, "evm_setAutomine", True)

    def sent_at(self, time: int, chain: Chain, function: Any, value: int = 0) -> str:
        """Sends a call into a block of that time; the name of the error that it is refused with, or nothing."""
        signed = chain.sign(function, value=value, gas=MOVE_GAS)
        self.next_block_at(time)
        mined = chain.broadcast(signed.raw)
        if status_of(chain, mined):
            return ""
        options = {"from": chain.address, "value": value}
        return error_of(lambda: chain.guard(lambda: function.call(options)))  # in the newest block, which is that one

    def next_block_at(self, time: int) -> None:
        ask(self.chain, "evm_setNextBlockTimestamp", time)

    def wait(self, seconds: int) -> None:
        """A block that many seconds after the newest one."""
        self.next_block_at(self.chain.timestamp() + seconds)
        ask(self.chain, "evm_mine")

    def held(self) -> int:
        """Wei in the contract."""
        return self.chain.balance(self.claims.address)


def outputs_of(trace: CommittedTrace) -> list[Tensor]:
    return [Tensor.from_array(trace.made[output.ref.index]) for output in trace.program.outputs]
