// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {DemoToken} from "../../src/examples/DemoToken.sol";
import {LendingMarket} from "../../src/examples/LendingMarket.sol";
import {ReplayPriceFeed} from "../../src/examples/ReplayPriceFeed.sol";
import {IRiskOracle} from "../../src/examples/interfaces/IRiskOracle.sol";
import {StaticRiskOracle} from "./support/StaticRiskOracle.sol";

/// Collateral has 18 decimals, the loan asset 6, the feed 8; one collateral is worth 2000 loan units at the start.
contract LendingMarketTest is Test {
    uint256 private constant NOW = 20_000 days;

    address private lender = makeAddr("lender");
    address private borrower = makeAddr("borrower");
    address private liquidator = makeAddr("liquidator");

    DemoToken private collateral = new DemoToken(address(this), "Collateral", "COL", 18);
    DemoToken private loan = new DemoToken(address(this), "Loan", "LOAN", 6);
    ReplayPriceFeed private feed = new ReplayPriceFeed(address(this), 8, "COL / LOAN");
    StaticRiskOracle private oracle = new StaticRiskOracle();
    LendingMarket private market;

    function setUp() public {
        vm.warp(NOW);
        _price(2_000e8);
        market = new LendingMarket(loan, collateral, feed, oracle, _limits(), 7_000, 7_800);
        loan.mint(lender, 1_000_000e6);
        loan.mint(liquidator, 1_000_000e6);
        collateral.mint(borrower, 10e18);
        address[3] memory accounts = [lender, borrower, liquidator];
        for (uint256 i = 0; i < accounts.length; ++i) {
            vm.startPrank(accounts[i]);
            loan.approve(address(market), type(uint256).max);
            collateral.approve(address(market), type(uint256).max);
            vm.stopPrank();
        }
        vm.prank(lender);
        market.deposit(100_000e6, lender);
        vm.prank(borrower);
        market.supplyCollateral(borrower, 10e18); // worth 20000
    }

    function _limits() private pure returns (LendingMarket.Limits memory) {
        return LendingMarket.Limits({
            maxLtv: 8_500, maxThreshold: 9_000, liquidationBonus: 500, maxUpdateAge: 6 hours, maxPriceAge: 1 days
        });
    }

    function _price(int192 answer) private {
        feed.push(answer, uint64(block.timestamp));
    }

    function _borrow(uint256 amount) private {
        vm.prank(borrower);
        market.borrow(amount);
    }

    function _debtOf(address account) private view returns (uint256 debt) {
        (, debt) = market.positionOf(account);
    }

    function _collateralOf(address account) private view returns (uint256 amount) {
        (amount,) = market.positionOf(account);
    }

    // Risk parameters.

    function test_applies_latest_pair_and_borrowing_follows_it() public {
        _borrow(14_000e6);
        oracle.setPair(address(collateral), 7_500, 8_000, NOW);
        market.syncRiskParameters();
        assertEq(market.ltv(), 7_500);
        assertEq(market.liquidationThreshold(), 8_000);
        _borrow(1_000e6);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.BeyondLtv.selector, 15_000e6 + 1, 15_000e6));
        _borrow(1);
    }

    function test_rejects_update_older_than_six_hours() public {
        oracle.setPair(address(collateral), 7_500, 8_000, NOW);
        vm.warp(NOW + 6 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.UpdateTooOld.selector, "ltv", NOW, 6 hours));
        market.syncRiskParameters();
        vm.warp(NOW + 6 hours);
        market.syncRiskParameters();
    }

    function test_rejects_update_applied_before() public {
        oracle.setPair(address(collateral), 7_500, 8_000, NOW);
        market.syncRiskParameters();
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.UpdateNotNewer.selector, NOW, NOW));
        market.syncRiskParameters();
    }

    function test_rejects_half_a_publication() public {
        oracle.setPair(address(collateral), 7_500, 8_000, NOW);
        vm.warp(NOW + 1);
        oracle.set("ltv", address(collateral), abi.encode(7_600), NOW + 1);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.UpdatesNotOfOnePublication.selector, NOW + 1, NOW));
        market.syncRiskParameters();
    }

    function test_rejects_values_out_of_its_own_bounds() public {
        uint256[2][4] memory bad =
            [[uint256(8_501), 9_000], [uint256(8_000), 9_001], [uint256(8_001), 8_000], [type(uint256).max, 9_000]];
        for (uint256 i = 0; i < bad.length; ++i) {
            oracle.setPair(address(collateral), bad[i][0], bad[i][1], NOW);
            vm.expectRevert(abi.encodeWithSelector(LendingMarket.UpdateOutOfBounds.selector, bad[i][0], bad[i][1]));
            market.syncRiskParameters();
        }
        assertEq(market.ltv(), 7_000);
    }

    function test_rejects_value_that_is_not_32_bytes() public {
        oracle.setPair(address(collateral), 7_500, 8_000, NOW);
        oracle.set("ltv", address(collateral), hex"1d4c", NOW);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.UpdateMalformed.selector, "ltv", hex"1d4c"));
        market.syncRiskParameters();
    }

    function test_ignores_updates_for_another_market() public {
        oracle.setPair(address(loan), 7_500, 8_000, NOW);
        vm.expectRevert("nothing published");
        market.syncRiskParameters();
    }

    // Borrowing.

    function test_rejects_borrowing_beyond_ltv() public {
        _borrow(14_000e6);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.BeyondLtv.selector, 14_000e6 + 1, 14_000e6));
        _borrow(1);
        assertEq(loan.balanceOf(borrower), 14_000e6);
    }

    function test_rejects_withdrawing_what_the_debt_needs() public {
        _borrow(7_000e6);
        vm.startPrank(borrower);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.BeyondLtv.selector, 7_000e6, 7_000e6 - 1));
        market.withdrawCollateral(5e18 + 1);
        market.withdrawCollateral(5e18);
        market.repay(borrower, 7_000e6);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.CollateralTooSmall.selector, 5e18, 5e18 + 1));
        market.withdrawCollateral(5e18 + 1);
        market.withdrawCollateral(5e18);
        vm.stopPrank();
        assertEq(collateral.balanceOf(borrower), 10e18);
    }

    function test_rejects_repaying_more_than_the_debt() public {
        _borrow(1e6);
        vm.prank(lender);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.DebtTooSmall.selector, 1e6, 1e6 + 1));
        market.repay(borrower, 1e6 + 1);
    }

    function test_rejects_stale_or_senseless_price() public {
        vm.warp(NOW + 1 days + 1);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.PriceUnusable.selector, int256(2_000e8), NOW, 1 days));
        _borrow(1);
        _price(0);
        vm.expectRevert(
            abi.encodeWithSelector(LendingMarket.PriceUnusable.selector, int256(0), block.timestamp, 1 days)
        );
        _borrow(1);
        // Leaving without debt needs no price.
        vm.prank(borrower);
        market.withdrawCollateral(10e18);
    }

    // Liquidation.

    function test_rejects_liquidating_a_healthy_position() public {
        _borrow(14_000e6);
        _price(1_800e8); // 18000 * 78% = 14040
        assertTrue(market.isHealthy(borrower));
        vm.prank(liquidator);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.PositionHealthy.selector, borrower, 14_000e6, 14_040e6));
        market.liquidate(borrower, 1e6);
    }

    function test_position_exactly_at_the_threshold_is_healthy() public {
        _borrow(7_800e6);
        _price(1_000e8); // 10000 * 78%
        assertTrue(market.isHealthy(borrower));
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.PositionHealthy.selector, borrower, 7_800e6, 7_800e6));
        market.liquidate(borrower, 1e6);
    }

    function test_liquidates_when_a_proven_threshold_falls_below_the_debt() public {
        _borrow(14_000e6);
        oracle.setPair(address(collateral), 6_400, 6_900, NOW); // 20000 * 69% = 13800
        market.syncRiskParameters();
        assertFalse(market.isHealthy(borrower));
        vm.prank(liquidator);
        (uint256 repaid, uint256 seized) = market.liquidate(borrower, 4_000e6);
        assertEq(repaid, 4_000e6);
        assertEq(seized, 2.1e18); // worth 4200
        assertEq(_debtOf(borrower), 10_000e6);
        assertEq(_collateralOf(borrower), 7.9e18);
        assertTrue(market.isHealthy(borrower));
    }

    function test_lenders_bear_what_collateral_does_not_cover() public {
        _borrow(14_000e6);
        _price(1_050e8); // collateral worth 10500, which with the bonus pays for 10000
        vm.prank(liquidator);
        (uint256 repaid, uint256 seized) = market.liquidate(borrower, type(uint256).max);
        assertEq(repaid, 10_000e6);
        assertEq(seized, 10e18);
        assertEq(_debtOf(borrower), 0);
        assertEq(market.totalDebt(), 0);
        assertEq(market.totalAssets(), 96_000e6);
        assertApproxEqAbs(market.convertToAssets(market.balanceOf(lender)), 96_000e6, 1);
    }

    function test_rejects_liquidating_nothing() public {
        _borrow(14_000e6);
        _price(1_000e8);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.NothingToLiquidate.selector, borrower));
        vm.prank(liquidator);
        market.liquidate(borrower, 0);
    }

    /// Whatever the price does, a liquidator pays at least what the seized collateral is worth without the bonus.
    function testFuzz_liquidation_never_gives_more_than_the_bonus(uint256 price, uint256 maxRepaid) public {
        _borrow(14_000e6);
        price = bound(price, 1, 1_790e8);
        _price(int192(int256(price)));
        maxRepaid = bound(maxRepaid, 1, 20_000e6);
        vm.prank(liquidator);
        try market.liquidate(borrower, maxRepaid) returns (uint256 repaid, uint256 seized) {
            uint256 seizedValue = seized * price / 1e20; // 18 + 8 decimals to 6
            assertLe(seizedValue * 10_000, repaid * 10_500);
            assertLe(repaid, 14_000e6);
            assertEq(_collateralOf(borrower), 10e18 - seized);
            assertTrue(_collateralOf(borrower) > 0 || _debtOf(borrower) == 0);
            assertEq(market.totalDebt(), _debtOf(borrower));
        } catch (bytes memory reason) {
            assertEq(bytes4(reason), LendingMarket.NothingToLiquidate.selector);
        }
    }

    // Lending.

    function test_lenders_withdraw_only_what_is_not_lent() public {
        _borrow(14_000e6);
        assertEq(market.maxWithdraw(lender), 86_000e6);
        vm.startPrank(lender);
        market.withdraw(86_000e6, lender, lender);
        assertEq(market.maxRedeem(lender), 0);
        vm.stopPrank();
        vm.startPrank(borrower);
        market.repay(borrower, 14_000e6);
        vm.stopPrank();
        vm.startPrank(lender);
        market.redeem(market.balanceOf(lender), lender, lender);
        assertEq(loan.balanceOf(lender), 1_000_000e6);
    }

    // Deployment.

    function test_refuses_limits_under_which_liquidation_could_not_restore_health() public {
        LendingMarket.Limits memory limits = _limits();
        limits.maxThreshold = 9_524; // times 1.05 is over 100%
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.LimitsInconsistent.selector, limits));
        new LendingMarket(loan, collateral, feed, oracle, limits, 7_000, 7_800);
        limits = _limits();
        limits.maxLtv = 9_001;
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.LimitsInconsistent.selector, limits));
        new LendingMarket(loan, collateral, feed, oracle, limits, 7_000, 7_800);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.UpdateOutOfBounds.selector, 7_801, 7_800));
        new LendingMarket(loan, collateral, feed, oracle, _limits(), 7_801, 7_800);
    }

    function test_refuses_collateral_that_is_the_loan_asset() public {
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.TokensNotDistinct.selector, address(loan)));
        new LendingMarket(loan, loan, feed, oracle, _limits(), 7_000, 7_800);
    }
}
