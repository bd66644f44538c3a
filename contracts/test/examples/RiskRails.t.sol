// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {Rails, RiskRails} from "../../src/examples/RiskRails.sol";

contract RiskRailsTest is Test {
    function test_a_drawdown_is_rounded_up_to_a_basis_point_and_clamped() public pure {
        assertEq(RiskRails.toBpsUp(type(int32).min, 14), 0);
        assertEq(RiskRails.toBpsUp(-1, 14), 0);
        assertEq(RiskRails.toBpsUp(0, 14), 0);
        assertEq(RiskRails.toBpsUp(1, 14), 1); // 0.61 bps
        assertEq(RiskRails.toBpsUp(8_192, 14), 5_000);
        assertEq(RiskRails.toBpsUp(8_193, 14), 5_001);
        assertEq(RiskRails.toBpsUp(16_383, 14), 10_000);
        assertEq(RiskRails.toBpsUp(16_384, 14), 10_000);
        assertEq(RiskRails.toBpsUp(type(int32).max, 14), 10_000);
        assertEq(RiskRails.toBpsUp(1, 0), 10_000);
    }

    /// Under any consistent rails, from any start inside them, by any prediction: bounds, step and gap hold.
    function testFuzz_next_stays_on_the_rails(
        Rails memory r,
        uint256 threshold,
        uint256 ltv,
        int32 drawdown,
        uint8 scale
    ) public pure {
        r.gap = uint16(bound(r.gap, 0, 5_000));
        r.minThreshold = uint16(bound(r.minThreshold, r.gap, 10_000));
        r.maxThreshold = uint16(bound(r.maxThreshold, r.minThreshold, 10_000));
        r.minLtv = uint16(bound(r.minLtv, 0, r.minThreshold - r.gap));
        r.maxLtv = uint16(bound(r.maxLtv, r.minLtv, type(uint16).max));
        r.maxStep = uint16(bound(r.maxStep, 1, type(uint16).max));
        threshold = bound(threshold, r.minThreshold, r.maxThreshold);
        uint256 highest = threshold - r.gap < r.maxLtv ? threshold - r.gap : r.maxLtv;
        ltv = bound(ltv, r.minLtv, highest);
        scale = uint8(bound(scale, 0, 31));
        RiskRails.requireConsistent(r);
        RiskRails.requireInside(r, ltv, threshold);

        (uint256 nextLtv, uint256 nextThreshold) = RiskRails.next(r, ltv, threshold, drawdown, scale);
        RiskRails.requireInside(r, nextLtv, nextThreshold);
        assertApproxEqAbs(nextLtv, ltv, r.maxStep);
        assertApproxEqAbs(nextThreshold, threshold, r.maxStep);
    }

    /// With nothing in the way, a worse prediction never gives a higher value.
    function testFuzz_worse_prediction_never_raises_a_value(uint16 low, uint16 high) public pure {
        (low, high) = low < high ? (low, high) : (high, low);
        Rails memory r = Rails(0, 10_000, 500, 10_000, 10_000, 500, 200);
        (uint256 ltvLow, uint256 thresholdLow) = RiskRails.next(r, 4_000, 5_000, int256(uint256(low)), 16);
        (uint256 ltvHigh, uint256 thresholdHigh) = RiskRails.next(r, 4_000, 5_000, int256(uint256(high)), 16);
        assertLe(ltvHigh, ltvLow);
        assertLe(thresholdHigh, thresholdLow);
    }
}
