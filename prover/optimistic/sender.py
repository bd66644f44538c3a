"""An account's transactions: several at once, each dearer until the chain has it.

Made for moves that do no harm twice, because the contract takes each of them once. So nothing has to be remembered: a
new sender begins at the first nonce that is not mined, and what an earlier one left waiting there is replaced.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from circuits.errors import EnvironmentFailure

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Fees, SignedTransaction

PATIENCE_S = 30.0
POLL_S = 0.5
ROUNDS = 12
# What nodes say of a nonce that is taken: by a mined transaction, or by a waiting one that ours does not outbid.
STALE = ("nonce too low", "nonce too old")
UNDERPRICED = ("underpriced", "fee too low")


class Report(Protocol):
    """Hears what happens: an event's name and its values."""

    def __call__(self, event: str, **values: Any) -> object: ...


def quiet(event: str, **values: Any) -> None:
    """For a caller who does not want to know."""


class Account(Protocol):
    """What of `contracts.client.chain.Chain` a sender needs."""

    def fees(self) -> Fees: ...

    def mined_nonce(self, block: int | None = None) -> int: ...

    def estimate(self, function: Any, *, value: int = 0) -> int: ...

    def sign(
        self,
        function: Any,
        *,
        value: int = 0,
        nonce: int | None = None,
        gas: int | None = None,
        fees: Fees | None = None,
    ) -> SignedTransaction: ...

    def broadcast(self, raw: bytes) -> bytes: ...

    def receipt(self, transaction_hash: bytes) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class Call:
    """A contract function with its arguments, and the wei that go with it; `name` is for people.

    `about` tells calls of one name apart, for whoever made them; empty where there is one of them.
    """

    name: str
    function: Any
    value: int = 0
    about: bytes = b""


@dataclass(frozen=True)
class Sent:
    """What became of a call. `receipt` None: it was refused before it was sent, or somebody else used its nonce."""

    call: Call
    receipt: dict[str, Any] | None = None
    error: EnvironmentFailure | None = None

    @property
    def gas_used(self) -> int:
        return int(self.receipt["gasUsed"]) if self.receipt else 0

    @property
    def succeeded(self) -> bool:
        return self.receipt is not None and self.receipt["status"] == 1


@dataclass
class _Waiting:
    """A call under its nonce, what it offers, and the hashes under which it was offered so far."""

    call: Call
    nonce: int
    gas: int
    fees: Fees
    hashes: list[bytes] = field(default_factory=list)


class Sender:
    """Sends calls of one account and waits until each is mined.

    Args:
        account: a `Chain` with a private key. Nobody else may send from it meanwhile.
        max_fee: wei for a unit of gas that are never exceeded; None: no limit.
        report: hears of raised fees.
        patience_s: how long a transaction waits before its fee is raised by a quarter.
    """

    def __init__(
        self,
        account: Account,
        *,
        max_fee: int | None = None,
        report: Report = quiet,
        patience_s: float = PATIENCE_S,
        poll_s: float = POLL_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._account = account
        self._max_fee = max_fee
        self._report = report
        self._patience_s = patience_s
        self._poll_s = poll_s
        self._clock = clock
        self._sleep = sleep

    def send(self, call: Call) -> Sent:
        """One call; raises what the chain says if it is refused or reverts."""
        (sent,) = self.send_all([call])
        if sent.error is not None:
            raise sent.error
        if not sent.succeeded:
            raise EnvironmentFailure("transaction_reverted", f"{call.name} was mined and reverted, or replaced")
        return sent

    def send_all(self, calls: Sequence[Call]) -> list[Sent]:
        """Every call, in order, each under a nonce of its own. Calls that the contract refuses are left out."""
        if not calls:
            return []
        nonce, fees = self._account.mined_nonce(), self._account.fees().within(self._max_fee)
        done: dict[int, Sent] = {}
        waiting: dict[int, _Waiting] = {}
        for place, call in enumerate(calls):
            try:
                gas = self._account.estimate(call.function, value=call.value)
            except EnvironmentFailure as error:
                if error.code != "transaction_reverted":
                    raise
                done[place] = Sent(call, error=error)
                continue
            waiting[place] = _Waiting(call, nonce, gas, fees)
            self._offer(waiting[place])
            nonce += 1
        self._await(waiting, done)
        return [done[place] for place in range(len(calls))]

    def _await(self, waiting: dict[int, _Waiting], done: dict[int, Sent]) -> None:
        """Polls until nothing waits; raises `transaction_not_mined` once raising fees has not helped for long."""
        for _ in range(ROUNDS):
            until = self._clock() + self._patience_s
            while True:
                self._collect(waiting, done)
                if not waiting:
                    return
                if self._clock() >= until:
                    break
                self._sleep(self._poll_s)
            for entry in waiting.values():
                entry.fees = entry.fees.raised(self._max_fee)
                self._report("fee_raised", call=entry.call.name, nonce=entry.nonce, max_fee=entry.fees.max_fee)
                self._offer(entry)
        names = [entry.call.name for entry in waiting.values()]
        raise EnvironmentFailure("transaction_not_mined", f"the chain does not take {names}", calls=names)

    def _collect(self, waiting: dict[int, _Waiting], done: dict[int, Sent]) -> None:
        # The count first: a transaction mined between the two questions then still shows its receipt.
        mined = self._account.mined_nonce()
        for place, entry in list(waiting.items()):
            receipts = (self._account.receipt(known) for known in entry.hashes)
            receipt = next((found for found in receipts if found is not None), None)
            if receipt is None and mined <= entry.nonce:
                continue
            done[place] = Sent(entry.call, receipt)
            del waiting[place]

    def _offer(self, entry: _Waiting) -> None:
        """Signs and broadcasts, outbidding what an earlier sender left under this nonce."""
        for _ in range(ROUNDS):
            call, how = entry.call, {"nonce": entry.nonce, "gas": entry.gas}
            signed = self._account.sign(call.function, value=call.value, **how, fees=entry.fees)
            try:
                self._account.broadcast(signed.raw)
            except EnvironmentFailure as error:
                if _says(error, STALE):
                    return  # mined by now, perhaps ours: the receipts tell
                if not _says(error, UNDERPRICED):
                    raise
                dearer = entry.fees.raised(self._max_fee)
                if dearer.max_fee == entry.fees.max_fee:
                    return  # at the limit: what waits there has to be mined first
                entry.fees = dearer
            else:
                entry.hashes.append(signed.hash)
                return


def _says(error: EnvironmentFailure, words: tuple[str, ...]) -> bool:
    return any(word in error.message.lower() for word in words)
