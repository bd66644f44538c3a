"""Follows the hub's log: one pass reads what is new, and takes back what a reorganisation took away."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from circuits.errors import EnvironmentFailure
from prover.service.adapters.chain_repository import FeedRepository
from prover.service.adapters.ports import HubChain
from prover.service.adapters.unit_of_work import UnitOfWork
from prover.service.domain.chain import Block, HubRequest
from prover.service.handlers.deps import Deps

log = structlog.get_logger()

GROW_AFTER = 16


@dataclass
class LogWindow:
    """How many blocks are asked for at once; providers refuse ranges they find too large."""

    largest: int
    size: int = 0
    successes: int = 0

    def __post_init__(self) -> None:
        self.size = self.size or self.largest

    def refused(self, blocks: int) -> None:
        self.size, self.successes = max(1, blocks // 2), 0

    def answered(self, blocks: int) -> None:
        """Grows again, but rarely: every attempt at too much is an exchange for nothing."""
        self.successes += blocks == self.size
        if self.successes >= GROW_AFTER:
            self.size, self.successes = min(self.largest, self.size * 2), 0


def listen_once(deps: Deps, chain: HubChain, window: LogWindow) -> int:
    """Reads up to the newest confirmed block; returns how many requests were recorded."""
    _roll_back_orphans(deps, chain)
    target = chain.head() - deps.settings.confirmations
    recorded = 0
    while (first := _next_block(deps, chain)) <= target:
        found = _read_chunk(deps, chain, window, first, target)
        if found is None:
            break  # the chain moved under us; the next pass sorts it out
        recorded += found
    return recorded


def _next_block(deps: Deps, chain: HubChain) -> int:
    with deps.database.transaction() as work:
        read = _feed(work, chain).blocks()
    return read[0].number + 1 if read else chain.start_block


def _roll_back_orphans(deps: Deps, chain: HubChain) -> None:
    """Goes back to the newest block read that the chain still has; does nothing while the chain is merely behind.

    A block that is missing says nothing (a node may lag behind another); a block with another hash says everything.
    """
    with deps.database.transaction() as work:
        read = _feed(work, chain).blocks()
    replaced = False
    common: int | None = None
    for block in read:
        now = chain.block(block.number)
        if now == block:
            common = block.number
            break
        replaced = replaced or now is not None
    if not replaced:
        return
    with deps.database.transaction() as work:
        orphaned = _feed(work, chain).rollback_above(chain.start_block - 1 if common is None else common)
        outbox = work.outbox(chain.chain_id, chain.sender)
        if common is None:
            outbox.forget_all()
        else:
            outbox.reopen_above(common)
    log.warning("reorganisation", back_to=common, from_block=read[0].number, orphaned_requests=len(orphaned))


def _read_chunk(deps: Deps, chain: HubChain, window: LogWindow, first: int, target: int) -> int | None:
    """Reads one range and stores it with its last block; None if the chain changed while reading."""
    # The start block is read alone: its hash is the anchor by which another chain under the same id is told.
    last = first if first == chain.start_block else min(target, first + window.size - 1)
    before = chain.block(last)
    found = _requests(chain, window, first, last)
    if found is None:
        return 0
    if before is None or chain.block(last) != before:
        return None
    with deps.database.transaction() as work:
        feed = _feed(work, chain)
        for request in found:
            feed.record(request)
        feed.advance(Block(last, before.hash))
    window.answered(last - first + 1)
    return len(found)


def _requests(chain: HubChain, window: LogWindow, first: int, last: int) -> list[HubRequest] | None:
    """None where the provider found the range too large and a smaller one is worth asking for."""
    try:
        return chain.requested(first, last)
    except EnvironmentFailure as error:
        if error.code != "chain_refused" or first == last:
            raise
        log.info("log_range_refused", blocks=last - first + 1, reason=error.message)
        window.refused(last - first + 1)
        return None


def _feed(work: UnitOfWork, chain: HubChain) -> FeedRepository:
    return work.feed(chain.chain_id, chain.hub_address)
