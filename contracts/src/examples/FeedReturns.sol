// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Tensor} from "../interfaces/Types.sol";
import {IAggregatorV3} from "./interfaces/IAggregatorV3.sol";

/// A model's input made from a price feed: daily simple returns, oldest first (docs/protocol/feed.md). For a given
/// observation time exactly one list of rounds is accepted, so a caller that supplies the round ids chooses nothing.
library FeedReturns {
    struct Source {
        IAggregatorV3 feed;
        uint16 window; // number of returns; one price more is observed
        uint8 scaleBits; // a return r is the integer floor(r * 2^scaleBits + 1/2)
        uint8 bits; // of the signed range a return must fit
        uint32 maxStaleness; // seconds between a price and the time it is observed at, at most
    }

    error SourceInvalid(uint256 window, uint256 scaleBits, uint256 bits);
    error WrongRoundCount(uint256 expected, uint256 got);
    error RoundMissing(uint80 roundId);
    error RoundAfterLatest(uint80 roundId, uint80 latestRoundId);
    error RoundAfterObservation(uint80 roundId, uint256 updatedAt, uint256 observedAt);
    error RoundStale(uint80 roundId, uint256 updatedAt, uint256 observedAt, uint256 maxStaleness);
    error RoundNotLast(uint80 roundId, uint80 laterRoundId, uint256 laterUpdatedAt, uint256 observedAt);
    error PhaseWithoutRounds(uint16 phaseId);
    error PriceOutOfRange(uint80 roundId, int256 answer);
    error ReturnOutOfRange(uint256 index, int256 value, uint256 bits);
    error GasTooLow(uint256 left, uint256 needed);

    uint256 internal constant DAY = 1 days;

    /// What one read of a round may use. It is set aside in full before each read: a round counts as absent when its read
    /// fails, and a caller that could starve a read of gas could make any round look absent.
    uint256 internal constant ROUND_GAS = 200_000;
    uint256 private constant ROUND_GAS_RESERVE = ROUND_GAS * 64 / 63 + 10_000;

    /// With scaleBits < bits every fall fits: a crash is the last thing that may leave a model without its input.
    function requireValid(Source memory source) internal pure {
        bool fits = source.window > 0 && source.bits >= 2 && source.bits <= 32 && source.scaleBits < source.bits;
        if (!fits) revert SourceInvalid(source.window, source.scaleBits, source.bits);
    }

    /// The last multiple of a day *before* `time`. Not at it: a block whose time is that very multiple could still bring
    /// a price with that time, after the input was built from an earlier one.
    function observationTime(uint256 time) internal pure returns (uint256) {
        return (time - 1) / DAY * DAY;
    }

    /// The model's input for observation time `observedAt`: int32 of dims [1, window], oldest return first.
    /// `roundIds[i]` is the round of the price at `observedAt - i` days.
    function inputAt(Source memory source, uint256 observedAt, uint80[] calldata roundIds)
        internal
        view
        returns (Tensor memory)
    {
        return toTensor(source, pricesAt(source, observedAt, roundIds));
    }

    /// `prices[i]` is the price at `observedAt - i` days.
    function pricesAt(Source memory source, uint256 observedAt, uint80[] calldata roundIds)
        internal
        view
        returns (uint256[] memory prices)
    {
        uint256 count = uint256(source.window) + 1;
        if (roundIds.length != count) revert WrongRoundCount(count, roundIds.length);
        (uint80 latest,,,,) = source.feed.latestRoundData();
        prices = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            prices[i] = _priceAt(source, latest, observedAt - i * DAY, roundIds[i]);
        }
    }

    /// floor((price - before) / before * 2^scaleBits + 1/2), the rounding of the program's rescale.
    function returnHalfUp(uint256 price, uint256 before, uint256 scaleBits) internal pure returns (int256) {
        int256 numerator = 2 * (int256(price) - int256(before)) * int256(1 << scaleBits) + int256(before);
        return _floorDiv(numerator, 2 * int256(before));
    }

    /// `prices` newest first, one more than `source.window`; the tensor oldest first.
    function toTensor(Source memory source, uint256[] memory prices) internal pure returns (Tensor memory tensor) {
        uint256 count = source.window;
        int256 bound = int256(1 << (source.bits - 1));
        bytes memory data = new bytes(4 * count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 newest = count - 1 - i;
            int256 value = returnHalfUp(prices[newest], prices[newest + 1], source.scaleBits);
            if (value < -bound || value >= bound) revert ReturnOutOfRange(i, value, source.bits);
            bytes4 word = bytes4(uint32(int32(value)));
            for (uint256 b = 0; b < 4; ++b) {
                data[4 * i + b] = word[b];
            }
        }
        tensor.width = 4;
        tensor.dims = new uint32[](2);
        tensor.dims[0] = 1;
        tensor.dims[1] = uint32(count);
        tensor.data = data;
    }

    function _priceAt(Source memory source, uint80 latest, uint256 time, uint80 roundId)
        private
        view
        returns (uint256)
    {
        if (roundId > latest) revert RoundAfterLatest(roundId, latest);
        (bool exists, int256 answer, uint256 updatedAt) = _round(source.feed, roundId);
        if (!exists) revert RoundMissing(roundId);
        if (answer <= 0 || answer > type(int192).max) revert PriceOutOfRange(roundId, answer);
        if (updatedAt > time) revert RoundAfterObservation(roundId, updatedAt, time);
        if (time - updatedAt > source.maxStaleness) revert RoundStale(roundId, updatedAt, time, source.maxStaleness);
        if (roundId != latest) _requireLastBefore(source.feed, latest, time, roundId);
        return uint256(answer);
    }

    /// No later round of the phase, and no later phase, had a round at or before `time`. Phases of a proxy overlap (the
    /// new aggregator reports before it is switched to, the old one after), so the highest phase that had started counts.
    function _requireLastBefore(IAggregatorV3 feed, uint80 latest, uint256 time, uint80 roundId) private view {
        uint16 phase = uint16(roundId >> 64);
        uint16 latestPhase = uint16(latest >> 64);
        uint80 next = roundId + 1;
        (bool exists,, uint256 updatedAt) = _round(feed, next);
        // Only a phase that is over may end; in the running one, "no next round" is true of the latest round alone.
        if (!exists && phase == latestPhase) revert RoundMissing(next);
        if (exists && updatedAt <= time) revert RoundNotLast(roundId, next, updatedAt, time);
        while (phase < latestPhase) {
            uint80 first = (uint80(++phase) << 64) | 1;
            (exists,, updatedAt) = _round(feed, first);
            if (!exists) revert PhaseWithoutRounds(phase);
            if (updatedAt <= time) revert RoundNotLast(roundId, first, updatedAt, time);
        }
    }

    /// Absent is both what reverts and what has no time.
    function _round(IAggregatorV3 feed, uint80 roundId)
        private
        view
        returns (bool exists, int256 answer, uint256 time)
    {
        if (gasleft() < ROUND_GAS_RESERVE) {
            revert GasTooLow(gasleft(), ROUND_GAS_RESERVE);
        }
        try feed.getRoundData{gas: ROUND_GAS}(roundId) returns (
            uint80, int256 answer_, uint256, uint256 updatedAt, uint80
        ) {
            return (updatedAt != 0, answer_, updatedAt);
        } catch {
            return (false, 0, 0);
        }
    }

    /// Toward minus infinity; `divisor` is positive.
    function _floorDiv(int256 dividend, int256 divisor) private pure returns (int256 quotient) {
        quotient = dividend / divisor;
        if (dividend % divisor < 0) --quotient;
    }
}
