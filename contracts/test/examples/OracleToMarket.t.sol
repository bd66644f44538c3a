// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DemoToken} from "../../src/examples/DemoToken.sol";
import {LendingMarket} from "../../src/examples/LendingMarket.sol";
import {OracleFixture} from "./support/OracleFixture.sol";

/// From a price history to what a borrower may borrow, with nothing between but the hub.
contract OracleToMarketTest is OracleFixture {
    DemoToken private collateral;
    DemoToken private loan;
    LendingMarket private lending;

    function setUp() public override {
        collateral = new DemoToken(address(this), "Collateral", "COL", 18);
        loan = new DemoToken(address(this), "Loan", "LOAN", 6);
        market = address(collateral);
        super.setUp();
        LendingMarket.Limits memory limits = LendingMarket.Limits({
            maxLtv: 8_500, maxThreshold: 9_000, liquidationBonus: 500, maxUpdateAge: 6 hours, maxPriceAge: 1 days
        });
        lending = new LendingMarket(loan, collateral, feed, oracle, limits, 7_000, 7_800);
        loan.mint(address(this), 1_000_000e6);
        loan.approve(address(lending), type(uint256).max);
        lending.deposit(1_000_000e6, address(this));
        collateral.mint(address(this), 1_000e18);
        collateral.approve(address(lending), type(uint256).max);
        lending.supplyCollateral(address(this), 1_000e18); // 1004 each
    }

    function test_attested_drawdown_changes_what_may_be_borrowed() public {
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.BeyondLtv.selector, 702_801e6, 702_800e6));
        lending.borrow(702_801e6);
        _update(ONE / 10); // wants 8800 and 8000, one step up is 8100 and 7300
        lending.syncRiskParameters();
        assertEq(lending.ltv(), oracle.ltv());
        assertEq(lending.liquidationThreshold(), oracle.liquidationThreshold());
        assertEq(lending.ltv(), 7_300);
        lending.borrow(732_920e6);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.BeyondLtv.selector, 732_920e6 + 1, 732_920e6));
        lending.borrow(1);
    }

    function test_market_refuses_attested_update_left_lying_for_six_hours() public {
        _update(ONE / 10);
        uint256 published = block.timestamp;
        vm.warp(published + 6 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.UpdateTooOld.selector, "ltv", published, 6 hours));
        lending.syncRiskParameters();
    }

    function test_market_follows_both_values_up_and_down() public {
        int32[3] memory drawdowns = [ONE, int32(0), ONE / 2];
        for (uint256 day = 0; day < drawdowns.length; ++day) {
            _nextDay(1_000e8);
            _update(drawdowns[day]);
            lending.syncRiskParameters();
            assertEq(lending.ltv(), oracle.ltv());
            assertEq(lending.liquidationThreshold(), oracle.liquidationThreshold());
        }
        assertEq(lending.liquidationThreshold(), 7_500);
    }
}
