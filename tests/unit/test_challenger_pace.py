"""The shortest turn that `setup` names is the shortest that a challenger plays: one function, not two figures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from verifier.challenger.pace import PACE_BLOCKS, READING_S, SHORTEST_TURN_S, Pace, lag_s, measured_pace


def chain(block_s: int, blocks: int = 100, jumps: int = 0) -> Any:
    """One whose clock jumped by a day before each of the newest `jumps` blocks."""

    def timestamp(block: int | None = None) -> int:
        at = blocks if block is None else block
        return block_s * at + 86_400 * max(0, at - (blocks - jumps))

    return SimpleNamespace(block_number=lambda: blocks, timestamp=timestamp)


def test_the_pace_is_measured_over_the_newest_blocks_and_rounded_up() -> None:
    assert measured_pace(chain(12), 2) == Pace(24, 12, int(READING_S))
    assert measured_pace(chain(12, blocks=1), 2, 59.5) == Pace(24, 12, 60)
    assert measured_pace(chain(12), 0) == Pace(0, 12, 10)
    assert measured_pace(chain(12, blocks=0), 2) == Pace(0, 0, 10)
    assert lag_s(1, PACE_BLOCKS, PACE_BLOCKS + 1) == 2


def test_a_clock_that_jumped_once_or_twice_does_not_make_blocks_slow() -> None:
    assert measured_pace(chain(12, jumps=2), 0).block_s == 12
    assert measured_pace(chain(12, jumps=3), 0).block_s > 86_400


@pytest.mark.parametrize(
    ("pace", "run_s", "needed"),
    [
        (Pace(24, 12, 10), 0, 71),  # seen 24 s late, its answer in the next block and 24 s later
        (Pace(24, 12, 10), 7, 78),
        (Pace(24, 12, 60), 0, 121),
        (Pace(0, 30, 10), 0, 41),
        (Pace(0, 0, 0), 0, SHORTEST_TURN_S),
    ],
)
def test_a_turn_has_room_for_everything_that_takes_time_in_it(pace: Pace, run_s: int, needed: int) -> None:
    assert pace.shortest_turn_s(run_s) == needed
