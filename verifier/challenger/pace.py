"""How old what a challenger believes is, and how long a turn has to be for it all the same."""

from __future__ import annotations

from contracts.client.chain import Chain

# Seconds of block time are measured over this many blocks.
PACE_BLOCKS = 20


def lag_s(confirmations: int, blocks: int, took_s: int) -> int:
    """Seconds of block time in which `confirmations` blocks come, where `blocks` of them took `took_s`; rounded up."""
    return -(-took_s * confirmations // blocks)


def measured_lag_s(chain: Chain, confirmations: int) -> int:
    """The lag behind the newest block of a chain, at the pace of its newest blocks."""
    head = chain.block_number()
    if confirmations == 0 or head == 0:
        return 0
    span = min(PACE_BLOCKS, head)
    return lag_s(confirmations, span, chain.timestamp(head) - chain.timestamp(head - span))


def shortest_turn_s(lag: int) -> int:
    """The least time for a move under which a challenger plays: a turn is seen late, and so is its answer."""
    return 2 * lag + 1
