"""Sends the challenger's transactions: written to the store first, priced within a limit, repriced until mined.

Budgets are for beginning a game (stakes.py): what is open is played on, whatever it costs, for its bond is at stake.

A crash at any point leaves a row with a hash. The next pass asks the chain about it and, if nobody has heard of it,
hands the same bytes to the node again; so no move is made twice with two nonces, and none is forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from circuits.errors import EnvironmentFailure
from contracts.client.chain import Chain, Fees
from verifier.challenger.records import TransactionRow, TxState
from verifier.challenger.stakes import Budgets, Means
from verifier.challenger.store import Store

log = structlog.get_logger()

REBROADCAST_S = 15.0
MAX_REVERTS = 3
COMMIT = "commit"


@dataclass(frozen=True)
class MoveKey:
    """Which move a transaction makes; at most one of them waits at a time."""

    purpose: str
    claim_id: bytes
    challenge_id: bytes
    position_key: bytes = bytes(32)


@dataclass(frozen=True)
class _StoredCall:
    """A call from its bytes, in the form in which `Chain.sign` takes one."""

    target: str
    data: bytes

    def build_transaction(self, options: dict[str, Any]) -> dict[str, Any]:
        return {**options, "to": self.target, "data": "0x" + self.data.hex()}


class Sender:
    """One account's transactions."""

    def __init__(
        self,
        chain: Chain,
        store: Store,
        budgets: Budgets,
        *,
        patience_s: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._chain = chain
        self._store = store
        self.budgets = budgets
        self._patience_s = patience_s
        self._clock = clock

    def fees(self) -> Fees:
        """The node's, up to the limit."""
        return self._chain.fees().within(self.budgets.max_fee)

    def means(self) -> Means:
        """What there is for another challenge."""
        balance = self._chain.balance(self._chain.address) - self._store.wei_on_its_way()
        open_challenges = sum(not row.ended for row in self._store.commitments())
        at_stake, spent = self._store.bonds_at_stake(), self._store.gas_spent()
        return Means(balance, at_stake, open_challenges, spent, self.fees().max_fee)

    def in_flight(self, key: MoveKey) -> bool:
        """Whether a transaction that makes this move may still be mined."""
        return any(row.state is TxState.WRITTEN for row in self._rows(key))

    def write(self, key: MoveKey, function: Any, value: int = 0) -> TransactionRow:
        """Signs a transaction and stores it; `send` broadcasts. Raises what the chain says if it would revert.

        To be called inside the store's transaction that also holds what the move depends on.
        """
        if sum(row.state is TxState.REVERTED for row in self._rows(key)) >= MAX_REVERTS:
            message = f"{key.purpose} was mined and reverted {MAX_REVERTS} times"
            raise EnvironmentFailure("move_keeps_reverting", message, challenge_id="0x" + key.challenge_id.hex())
        gas = self._chain.estimate(function, value=value)
        highest = self._store.highest_nonce()
        nonce = self._chain.nonce() if highest is None else max(self._chain.nonce(), highest + 1)
        call = _StoredCall(str(function.address), bytes.fromhex(function._encode_transaction_data()[2:]))
        return self._sign(key, call, value, gas, nonce, self.fees())

    def _sign(self, key: MoveKey, call: _StoredCall, value: int, gas: int, nonce: int, fees: Fees) -> TransactionRow:
        signed = self._chain.sign(call, value=value, nonce=nonce, gas=gas, fees=fees)
        row = TransactionRow(
            signed.hash,
            nonce,
            key.purpose,
            key.claim_id,
            key.challenge_id,
            key.position_key,
            call.target,
            call.data,
            value,
            gas,
            fees.max_fee,
            fees.priority_fee,
            signed.raw,
            TxState.WRITTEN,
            self._clock(),
        )
        self._store.add_transaction(row)
        return row

    def send(self, row: TransactionRow) -> None:
        """A node that refuses (nonce used, no funds) is asked again later: the receipt decides, not the refusal."""
        try:
            self._chain.broadcast(row.raw)
        except EnvironmentFailure as error:
            if error.code == "chain_unreachable":
                raise
            log.warning("broadcast_refused", hash="0x" + row.hash.hex(), code=error.code, reason=error.message)
        self._store.mark_broadcast(row.hash, self._clock())

    def reconcile(self, confirmed: int) -> None:
        """Asks the chain about everything of which no end is known by block `confirmed`."""
        waiting = self._store.waiting()
        if not waiting:
            return
        # The count first: a transaction mined between the two questions then still shows its receipt.
        mined = self._chain.mined_nonce(confirmed)
        newest = {row.nonce: row for row in waiting}
        for row in waiting:
            if not self._settled(row, confirmed, mined) and newest[row.nonce] is row:
                self._press(row)

    def _settled(self, row: TransactionRow, confirmed: int, mined: int) -> bool:
        """Whether the transaction's end is known, or it is mined and its end is only a matter of time."""
        receipt = self._chain.receipt(row.hash)
        if receipt is not None:
            block = int(receipt["blockNumber"])
            if block <= confirmed:
                state = TxState.CONFIRMED if receipt["status"] == 1 else TxState.REVERTED
                price = int(receipt.get("effectiveGasPrice", row.max_fee))
                self._store.settle(row.hash, state, block, int(receipt["gasUsed"]), price)
                log.info("transaction_settled", purpose=row.purpose, state=state.value, gas_used=receipt["gasUsed"])
            return True
        if mined > row.nonce:
            self._store.settle(row.hash, TxState.REPLACED, None, None, None)
            return True
        return False

    def _press(self, row: TransactionRow) -> None:
        """Broadcasts again, for more if it has waited for long."""
        now = self._clock()
        if now - row.created_at >= self._patience_s and self._reprice(row):
            return
        if row.broadcast_at is None or now - row.broadcast_at >= REBROADCAST_S:
            self.send(row)

    def _reprice(self, row: TransactionRow) -> bool:
        """False where the limits allow no more."""
        raised, node = Fees(row.max_fee, row.priority_fee).raised(self.budgets.max_fee), self.fees()
        fees = Fees(max(raised.max_fee, node.max_fee), max(raised.priority_fee, node.priority_fee))
        if fees.max_fee < row.max_fee + max(1, row.max_fee // 10):  # nodes would refuse it as underpriced
            log.warning("fee_at_limit", purpose=row.purpose, max_fee=row.max_fee, limit=self.budgets.max_fee)
            return False
        try:
            key = MoveKey(row.purpose, row.claim_id, row.challenge_id, row.position_key)
            dearer = self._sign(key, _StoredCall(row.target, row.data), row.value, row.gas, row.nonce, fees)
        except EnvironmentFailure as error:
            if error.code == "chain_unreachable":
                raise
            log.warning("fee_not_raised", purpose=row.purpose, **error.as_dict())
            return False
        log.info("fee_raised", purpose=row.purpose, nonce=row.nonce, max_fee=fees.max_fee)
        self.send(dearer)
        return True

    def _rows(self, key: MoveKey) -> list[TransactionRow]:
        return self._store.of_move(key.challenge_id, key.purpose, key.position_key)
