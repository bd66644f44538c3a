"""What is remembered of one hub on one chain: blocks read, requests seen, transactions written."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from contracts.client.types import Request, Tensor
from prover.service.adapters.tables import blocks, hub_requests, outbox
from prover.service.domain.chain import Block, HubRequest, OutboxTransaction, Purpose, Seen, TxState

KEPT_BLOCKS = 256


class FeedRepository:
    """Blocks and requests of the feed `chainId:hubAddress`."""

    def __init__(self, connection: Connection, feed: str) -> None:
        self._connection = connection
        self._feed = feed

    def blocks(self) -> list[Block]:
        """Blocks read to their end, newest first."""
        query = select(blocks.c.number, blocks.c.hash).where(blocks.c.feed == self._feed)
        return [Block(n, h) for n, h in self._connection.execute(query.order_by(blocks.c.number.desc()))]

    def advance(self, block: Block) -> None:
        """Everything up to `block` has been read. The newest blocks are kept, and the first one for ever."""
        self._connection.execute(insert(blocks).values(feed=self._feed, number=block.number, hash=block.hash))
        mine = blocks.c.feed == self._feed
        newest = select(blocks.c.number).where(mine).order_by(blocks.c.number.desc()).limit(KEPT_BLOCKS)
        anchor = select(func.min(blocks.c.number)).where(mine)
        forgotten = and_(blocks.c.number.not_in(newest.scalar_subquery()), blocks.c.number != anchor.scalar_subquery())
        self._connection.execute(delete(blocks).where(and_(mine, forgotten)))

    def rollback_above(self, number: int) -> list[str]:
        """Forgets the blocks above `number`; the ids of the requests that lost their block."""
        self._connection.execute(delete(blocks).where(and_(blocks.c.feed == self._feed, blocks.c.number > number)))
        above = and_(hub_requests.c.feed == self._feed, hub_requests.c.block_number > number)
        orphaned = list(self._connection.execute(select(hub_requests.c.request_id).where(above)).scalars())
        self._connection.execute(update(hub_requests).where(above).values(block_number=None, block_hash=None))
        return orphaned

    def record(self, found: HubRequest) -> None:
        """Inserts a request, or gives a known one (seen before a reorganisation) its new place."""
        place = {
            "block_number": found.block.number if found.block else None,
            "block_hash": found.block.hash if found.block else None,
            "tx_hash": found.tx_hash,
            "log_index": found.log_index,
        }
        if self._connection.execute(update(hub_requests).where(self._is(found.request_id)).values(place)).rowcount:
            return
        body = {
            "feed": self._feed,
            "request_id": found.request_id,
            "request": found.request.as_dict(),
            "inputs": [[t.width, list(t.dims), t.data.hex()] for t in found.inputs],
            "seen": found.seen.value,
            "reason": found.reason,
        }
        self._connection.execute(insert(hub_requests).values(body | place))

    def waiting(self) -> list[HubRequest]:
        """Requests on the chain that nothing has been decided about, oldest first."""
        undecided = and_(
            hub_requests.c.feed == self._feed,
            hub_requests.c.seen == Seen.WAITING.value,
            hub_requests.c.block_number.is_not(None),
        )
        order = (hub_requests.c.block_number, hub_requests.c.log_index)
        query = select(hub_requests).where(undecided).order_by(*order)
        return [_request(row) for row in self._connection.execute(query)]

    def decide(self, request_id: str, seen: Seen, reason: str | None = None) -> None:
        values = {"seen": seen.value, "reason": reason}
        self._connection.execute(update(hub_requests).where(self._is(request_id)).values(values))

    def get(self, request_id: str) -> HubRequest | None:
        row = self._connection.execute(select(hub_requests).where(self._is(request_id))).one_or_none()
        return None if row is None else _request(row)

    def counts(self) -> dict[tuple[str, str], int]:
        """Number of requests by (seen, reason)."""
        columns = (hub_requests.c.seen, hub_requests.c.reason)
        query = select(*columns, func.count()).where(hub_requests.c.feed == self._feed).group_by(*columns)
        return {(seen, reason or ""): int(n) for seen, reason, n in self._connection.execute(query)}

    def _is(self, request_id: str) -> Any:
        return and_(hub_requests.c.feed == self._feed, hub_requests.c.request_id == request_id)


class OutboxRepository:
    """Signed transactions of one sender on one chain."""

    def __init__(self, connection: Connection, chain_id: int, sender: str) -> None:
        self._connection = connection
        self._chain_id = chain_id
        self._sender = sender
        self._mine = and_(outbox.c.chain_id == chain_id, outbox.c.sender == sender)

    def add(self, transaction: OutboxTransaction) -> None:
        """Inserts; raises IntegrityError if its nonce, or the job's transaction of that purpose, exists."""
        values = {**asdict(transaction), "purpose": transaction.purpose.value, "state": transaction.state.value}
        self._connection.execute(insert(outbox).values(values))

    def of_job(self, job_id: str) -> dict[Purpose, OutboxTransaction]:
        """The job's transactions, without superseded ones."""
        live = and_(self._mine, outbox.c.job_id == job_id, outbox.c.state != TxState.SUPERSEDED.value)
        found = (_transaction(row) for row in self._connection.execute(select(outbox).where(live)))
        return {transaction.purpose: transaction for transaction in found}

    def written(self) -> list[OutboxTransaction]:
        """Transactions whose end is not known, by nonce."""
        open_ones = and_(self._mine, outbox.c.state == TxState.WRITTEN.value)
        query = select(outbox).where(open_ones).order_by(outbox.c.nonce)
        return [_transaction(row) for row in self._connection.execute(query)]

    def highest_nonce(self) -> int | None:
        """Of transactions whose end is not known."""
        query = select(func.max(outbox.c.nonce)).where(and_(self._mine, outbox.c.state == TxState.WRITTEN.value))
        highest: int | None = self._connection.execute(query).scalar_one()
        return highest

    def mark_broadcast(self, transaction_hash: str, now: float) -> None:
        self._connection.execute(update(outbox).where(outbox.c.hash == transaction_hash).values(broadcast_at=now))

    def settle(
        self, transaction_hash: str, state: TxState, block_number: int | None = None, gas_used: int | None = None
    ) -> None:
        values = {"state": state.value, "block_number": block_number, "gas_used": gas_used}
        self._connection.execute(update(outbox).where(outbox.c.hash == transaction_hash).values(values))

    def reopen_above(self, number: int) -> None:
        """After a reorganisation: what was mined above `number` is to be looked for again, under the same hash."""
        values = {"state": TxState.WRITTEN.value, "block_number": None, "gas_used": None, "broadcast_at": None}
        self._connection.execute(update(outbox).where(and_(self._mine, outbox.c.block_number > number)).values(values))

    def forget_all(self) -> None:
        """The chain itself is another one under the same id (a restarted devnet): nothing here can be mined on it."""
        self._connection.execute(update(outbox).where(self._mine).values(state=TxState.SUPERSEDED.value))


def _request(row: Row[Any]) -> HubRequest:
    fields = dict(row._mapping)
    block = Block(fields["block_number"], fields["block_hash"]) if fields["block_number"] is not None else None
    inputs = tuple(Tensor(width, tuple(dims), bytes.fromhex(data)) for width, dims, data in fields["inputs"])
    place = (block, fields["tx_hash"], fields["log_index"])
    seen = (Seen(fields["seen"]), fields["reason"])
    return HubRequest(fields["request_id"], Request.from_dict(fields["request"]), inputs, *place, *seen)


def _transaction(row: Row[Any]) -> OutboxTransaction:
    fields = dict(row._mapping)
    del fields["id"]
    purpose, state = Purpose(fields.pop("purpose")), TxState(fields.pop("state"))
    return OutboxTransaction(purpose=purpose, state=state, **fields)
