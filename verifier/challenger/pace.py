"""How old what a challenger believes is, and how long a turn has to be for it all the same."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median_high
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # children know this module, and no chain
    from contracts.client.chain import Chain

# Seconds of block time are measured over this many blocks.
PACE_BLOCKS = 20
# The next block's are the median of these newest ones: a jump of the clock, or two, says nothing about it.
NEWEST_BLOCKS = 5
# A pass of a watcher may take as long for reading new claims: whoever makes many of them must not make us late in
# challenges that are open.
READING_S = 10.0
# No turn is played that is shorter: a process that was restarted has to start its children, and blocks are not even.
SHORTEST_TURN_S = 30


@dataclass(frozen=True)
class Pace:
    """Seconds: how old what we believe is, how long a block takes, how long it may be until we look again."""

    lag_s: int
    block_s: int
    pass_s: int

    def shortest_turn_s(self, run_s: int = 0) -> int:
        """The least time for a move under which a challenger plays: a turn is seen late, it is answered by a run that
        takes `run_s` where it was not kept, and the answer is seen as late."""
        return max(SHORTEST_TURN_S, 2 * self.lag_s + self.block_s + self.pass_s + run_s + 1)


def lag_s(confirmations: int, blocks: int, took_s: int) -> int:
    """Seconds of block time in which `confirmations` blocks come, where `blocks` of them took `took_s`; rounded up."""
    return -(-took_s * confirmations // blocks)


def measured_pace(chain: Chain, confirmations: int, pass_s: float = READING_S) -> Pace:
    """That of a chain's newest blocks, for whoever believes what has so many confirmations."""
    head = chain.block_number()
    return Pace(_lag_s(chain, head, confirmations), _block_s(chain, head), -int(-pass_s // 1))


def _lag_s(chain: Chain, head: int, confirmations: int) -> int:
    if confirmations == 0 or head == 0:
        return 0
    span = min(PACE_BLOCKS, head)
    return lag_s(confirmations, span, chain.timestamp(head) - chain.timestamp(head - span))


def _block_s(chain: Chain, head: int) -> int:
    times = [chain.timestamp(block) for block in range(max(0, head - NEWEST_BLOCKS), head + 1)]
    return median_high(later - earlier for earlier, later in pairwise(times)) if head else 0
