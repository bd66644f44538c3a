// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Bounds that a deployment sets once. All in basis points of the collateral's value.
struct Rails {
    uint16 minLtv;
    uint16 maxLtv;
    uint16 minThreshold;
    uint16 maxThreshold;
    uint16 maxStep; // the furthest either value moves in one update
    uint16 gap; // the loan-to-value ratio stays at least this far below the liquidation threshold
    uint16 buffer; // room kept below what the predicted drawdown alone would allow
}

/// From a predicted drawdown to a liquidation threshold and a loan-to-value ratio (docs/protocol/feed.md section 6).
library RiskRails {
    error RailsInconsistent(Rails rails);
    error StartOutsideRails(uint256 ltv, uint256 threshold);

    uint256 internal constant BPS = 10_000;

    /// Under these conditions `next` keeps ltv + gap <= threshold, whatever the predictions.
    function requireConsistent(Rails memory r) internal pure {
        bool ordered = r.minLtv <= r.maxLtv && r.minThreshold <= r.maxThreshold && r.maxThreshold <= BPS;
        bool apart = uint256(r.minLtv) + r.gap <= r.minThreshold;
        if (!ordered || !apart || r.maxStep == 0) revert RailsInconsistent(r);
    }

    function requireInside(Rails memory r, uint256 ltv, uint256 threshold) internal pure {
        bool ltvInside = ltv >= r.minLtv && ltv <= r.maxLtv && ltv + r.gap <= threshold;
        bool thresholdInside = threshold >= r.minThreshold && threshold <= r.maxThreshold;
        if (!ltvInside || !thresholdInside) revert StartOutsideRails(ltv, threshold);
    }

    /// The values in force after a prediction of `drawdown / 2^scaleBits`, given those before it.
    function next(Rails memory r, uint256 ltv, uint256 threshold, int256 drawdown, uint256 scaleBits)
        internal
        pure
        returns (uint256 nextLtv, uint256 nextThreshold)
    {
        uint256 safe = BPS - toBpsUp(drawdown, scaleBits);
        uint256 wanted = clamp(safe > r.buffer ? safe - r.buffer : 0, r.minThreshold, r.maxThreshold);
        nextThreshold = stepToward(threshold, wanted, r.maxStep);
        nextLtv = stepToward(ltv, clamp(nextThreshold - r.gap, r.minLtv, r.maxLtv), r.maxStep);
    }

    /// A fraction q / 2^scaleBits in basis points, clamped to [0, 1] first; a drawdown is never understated.
    function toBpsUp(int256 q, uint256 scaleBits) internal pure returns (uint256) {
        uint256 one = 1 << scaleBits;
        if (q <= 0) return 0;
        if (uint256(q) >= one) return BPS;
        return (uint256(q) * BPS + one - 1) >> scaleBits;
    }

    function clamp(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return value < low ? low : value > high ? high : value;
    }

    function stepToward(uint256 from, uint256 to, uint256 maxStep) internal pure returns (uint256) {
        return clamp(to, from > maxStep ? from - maxStep : 0, from + maxStep);
    }
}
