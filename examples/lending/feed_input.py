"""The lending model's input from a price feed: the twin of `contracts/src/examples/FeedReturns.sol`.

The rule is docs/protocol/feed.md. The contract proves that a list of rounds is the right one; this module finds that
list, and computes the same integers from the same prices. `tests/vectors/returns.json` pins both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from circuits.errors import InputError

DAY_S = 86_400
MAX_ANSWER = 2**191 - 1


@dataclass(frozen=True)
class Round:
    """One round of a feed: `round_id` is phase << 64 | number within the phase; `answer` in the feed's decimals."""

    round_id: int
    answer: int
    updated_at: int


def observation_time(now_s: int) -> int:
    """The last multiple of a day before (not at) `now_s`, unix time; feed.md section 1."""
    return (now_s - 1) // DAY_S * DAY_S


def rounds_for(rounds: Sequence[Round], observed_at: int, window: int, max_staleness_s: int) -> list[Round]:
    """The round of each of the `window + 1` observations, newest first; feed.md section 2.

    `rounds`, in any order, must hold the feed's last round before the oldest observation and all after it.
    """
    newest_first = sorted(rounds, key=lambda r: r.round_id, reverse=True)
    return [_round_at(newest_first, observed_at - i * DAY_S, max_staleness_s) for i in range(window + 1)]


def round_ids_for(rounds: Sequence[Round], observed_at: int, window: int, max_staleness_s: int) -> list[int]:
    """What to hand to `AttestedRiskOracle.requestUpdate`."""
    return [r.round_id for r in rounds_for(rounds, observed_at, window, max_staleness_s)]


def _round_at(newest_first: Sequence[Round], time: int, max_staleness_s: int) -> Round:
    # The highest id wins: where phases overlap, the later phase counts from its first round on.
    found = next((r for r in newest_first if r.updated_at <= time), None)
    if found is None:
        raise InputError("feed_round_missing", f"the feed has no round at or before {time}", time=time)
    if time - found.updated_at > max_staleness_s:
        raise InputError(
            "feed_round_stale",
            f"the feed's last round before {time} is {time - found.updated_at} s older, over {max_staleness_s} s",
            time=time,
            round_id=str(found.round_id),
            updated_at=found.updated_at,
            max_staleness_s=max_staleness_s,
        )
    if not 0 < found.answer <= MAX_ANSWER:
        raise InputError(
            "feed_price_out_of_range",
            f"round {found.round_id} has the answer {found.answer}, not a price",
            round_id=str(found.round_id),
            answer=str(found.answer),
        )
    return found


def return_half_up(price: int, before: int, scale_bits: int) -> int:
    """floor((price - before) / before · 2^scale_bits + 1/2), exactly; both prices positive."""
    return (2 * (price - before) * (1 << scale_bits) + before) // (2 * before)


def returns_integers(prices: Sequence[int], scale_bits: int, bits: int) -> list[int]:
    """Daily simple returns as integers, oldest first, of `prices` newest first (one price more than returns).

    Raises `feed_return_out_of_range` for a return outside the signed `bits`-bit range, as the contract reverts.
    """
    if len(prices) < 2 or min(prices) <= 0:
        raise InputError("feed_prices_unusable", "returns need two or more prices, all positive", count=len(prices))
    bound = 1 << (bits - 1)
    pairs = zip(prices[-2::-1], prices[:0:-1], strict=True)
    integers = [return_half_up(price, before, scale_bits) for price, before in pairs]
    for index, value in enumerate(integers):
        if not -bound <= value < bound:
            raise InputError(
                "feed_return_out_of_range",
                f"return {index} is {value} at scale 2^-{scale_bits}, outside {bits} signed bits",
                index=index,
                value=value,
                bits=bits,
            )
    return integers
