"""Transactions that wait are replaced by dearer ones; those that the contract refuses use no nonce; nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from circuits.errors import EnvironmentFailure
from contracts.client.chain import Fees, SignedTransaction
from prover.optimistic.sender import Call, Sender


@dataclass(frozen=True)
class Offer:
    name: str
    nonce: int
    max_fee: int
    gas: int
    value: int


@dataclass
class FakeAccount:
    """A mempool of one account. `market` is what a transaction must offer to be mined at the next tick."""

    market: int = 100
    mined: int = 0
    pool: dict[int, Offer] = field(default_factory=dict)
    receipts: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    offers: list[Offer] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    reverts: set[str] = field(default_factory=set)
    unreachable: bool = False

    def fees(self) -> Fees:
        return Fees(100, 10)

    def mined_nonce(self, block: int | None = None) -> int:
        return self.mined

    def estimate(self, function: str, *, value: int = 0) -> int:
        if function in self.refuses:
            raise EnvironmentFailure("transaction_reverted", "the contract refused: TooLate()")
        return 1000

    def sign(
        self,
        function: str,
        *,
        value: int = 0,
        nonce: int | None = None,
        gas: int | None = None,
        fees: Fees | None = None,
    ) -> SignedTransaction:
        assert nonce is not None
        assert gas is not None
        assert fees is not None
        offer = Offer(function, nonce, fees.max_fee, gas, value)
        self.offers.append(offer)
        raw = repr(offer).encode()
        return SignedTransaction(raw, raw, nonce)

    def broadcast(self, raw: bytes) -> bytes:
        if self.unreachable:
            raise EnvironmentFailure("chain_unreachable", "no chain answers")
        offer = self.offers[-1]
        if offer.nonce < self.mined:
            raise EnvironmentFailure("chain_refused", "the node refused: nonce too low")
        waiting = self.pool.get(offer.nonce)
        if waiting is not None and offer.max_fee * 10 < waiting.max_fee * 11:
            raise EnvironmentFailure("chain_refused", "the node refused: replacement transaction underpriced")
        self.pool[offer.nonce] = offer
        return raw

    def receipt(self, transaction_hash: bytes) -> dict[str, Any] | None:
        return self.receipts.get(transaction_hash)

    def tick(self, _seconds: float) -> None:
        """A block: mines what pays enough, in the order of nonces."""
        while (offer := self.pool.get(self.mined)) is not None and offer.max_fee >= self.market:
            status = 0 if offer.name in self.reverts else 1
            self.receipts[repr(offer).encode()] = {"status": status, "gasUsed": 900}
            del self.pool[self.mined]
            self.mined += 1


def sender_of(account: FakeAccount, **options: Any) -> Sender:
    """Every look at the clock is a second later, so patience ends after a few ticks."""
    seconds = iter(range(10**6))
    return Sender(account, patience_s=3, clock=lambda: float(next(seconds)), sleep=account.tick, **options)


def calls(*names: str) -> list[Call]:
    return [Call(name, name) for name in names]


def test_calls_go_out_together_each_under_its_own_nonce() -> None:
    account = FakeAccount(mined=7)
    sent = sender_of(account).send_all(calls("a", "b", "c"))
    assert [(o.name, o.nonce) for o in account.offers] == [("a", 7), ("b", 8), ("c", 9)]
    assert all(one.succeeded and one.gas_used == 900 for one in sent)


def test_a_transaction_that_waits_is_replaced_by_dearer_ones_until_it_is_mined() -> None:
    account = FakeAccount(market=180)
    (sent,) = sender_of(account).send_all(calls("reveal"))
    assert sent.succeeded
    assert [o.max_fee for o in account.offers] == [100, 126, 158, 198]
    assert {o.nonce for o in account.offers} == {0}


def test_fees_never_rise_above_the_limit() -> None:
    account = FakeAccount(market=10**6)
    with pytest.raises(EnvironmentFailure) as stuck:
        sender_of(account, max_fee=130).send_all(calls("reveal"))
    assert stuck.value.code == "transaction_not_mined"
    assert max(o.max_fee for o in account.offers) == 130


@pytest.mark.parametrize(("limit", "offered"), [(60, 60), (99, 99), (100, 100), (None, 100)])
def test_first_offer_keeps_to_the_limit(limit: int | None, offered: int) -> None:
    account = FakeAccount(market=0)
    sender_of(account, max_fee=limit).send_all(calls("reveal"))
    assert [o.max_fee for o in account.offers] == [offered]


def test_what_an_earlier_process_left_waiting_is_outbid_under_the_same_nonce() -> None:
    account = FakeAccount(market=200, pool={0: Offer("left", 0, 150, 1000, 0)})
    (sent,) = sender_of(account).send_all(calls("reveal"))
    assert sent.succeeded
    assert account.mined == 1
    assert all(o.nonce == 0 for o in account.offers)


def test_a_call_that_the_contract_refuses_uses_no_nonce_and_stops_no_other() -> None:
    account = FakeAccount(refuses={"late"})
    refused, sent = sender_of(account).send_all(calls("late", "reveal"))
    assert refused.error is not None
    assert refused.error.code == "transaction_reverted"
    assert (refused.succeeded, sent.succeeded) == (False, True)
    assert [o.name for o in account.offers] == ["reveal"]


def test_a_transaction_mined_and_reverted_is_not_called_a_success() -> None:
    account = FakeAccount(reverts={"claim"})
    sender = sender_of(account)
    (sent,) = sender.send_all(calls("claim"))
    assert not sent.succeeded
    with pytest.raises(EnvironmentFailure) as refused:
        sender.send(Call("claim", "claim", 5))
    assert refused.value.code == "transaction_reverted"


def test_somebody_elses_transaction_under_our_nonce_is_no_receipt_of_ours() -> None:
    account = FakeAccount(market=10**6)

    def overtaken(_seconds: float) -> None:
        account.mined = 1

    seconds = iter(range(100))
    sender = Sender(account, patience_s=3, clock=lambda: float(next(seconds)), sleep=overtaken)
    (sent,) = sender.send_all(calls("reveal"))
    assert (sent.receipt, sent.succeeded) == (None, False)


def test_an_unreachable_chain_is_said_at_once() -> None:
    with pytest.raises(EnvironmentFailure) as silent:
        sender_of(FakeAccount(unreachable=True)).send_all(calls("reveal"))
    assert silent.value.code == "chain_unreachable"
