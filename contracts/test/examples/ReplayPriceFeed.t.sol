// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Test} from "forge-std/Test.sol";
import {ReplayPriceFeed} from "../../src/examples/ReplayPriceFeed.sol";

contract ReplayPriceFeedTest is Test {
    ReplayPriceFeed private feed = new ReplayPriceFeed(address(this), 8, "S&P 500");

    function setUp() public {
        vm.warp(20_000 days);
    }

    function test_answers_like_a_proxy_over_two_phases() public {
        int192[] memory answers = new int192[](2);
        uint64[] memory times = new uint64[](2);
        (answers[0], answers[1], times[0], times[1]) = (10, -11, 1_000, 1_000);
        feed.pushMany(answers, times);
        feed.startPhase();
        uint80 last = feed.push(12, 900); // a new aggregator may have started earlier
        assertEq(last, (uint80(2) << 64) | 1);
        (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = feed.latestRoundData();
        assertEq(id, last);
        assertEq(answer, 12);
        assertEq(startedAt, 900);
        assertEq(updatedAt, 900);
        assertEq(answeredIn, last);
        (, answer,,,) = feed.getRoundData((uint80(1) << 64) | 2);
        assertEq(answer, -11);
        assertEq(feed.decimals(), 8);
        assertEq(feed.description(), "S&P 500");
    }

    function test_reverts_for_rounds_it_does_not_have() public {
        feed.push(10, 1_000);
        uint80[4] memory absent = [uint80(1) << 64, (uint80(1) << 64) | 2, 1, (uint80(2) << 64) | 1];
        for (uint256 i = 0; i < absent.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ReplayPriceFeed.NoDataPresent.selector, absent[i]));
            feed.getRoundData(absent[i]);
        }
        feed.startPhase();
        vm.expectRevert(abi.encodeWithSelector(ReplayPriceFeed.NoDataPresent.selector, uint80(2) << 64));
        feed.latestRoundData();
    }

    function test_rejects_times_going_back_or_ahead() public {
        vm.expectRevert(abi.encodeWithSelector(ReplayPriceFeed.TimeOrder.selector, 0, 0, block.timestamp));
        feed.push(10, 0); // a round without a time reads as absent
        feed.push(10, 1_000);
        uint64[2] memory bad = [uint64(999), uint64(block.timestamp + 1)];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ReplayPriceFeed.TimeOrder.selector, bad[i], 1_000, block.timestamp));
            feed.push(10, bad[i]);
        }
        vm.expectRevert(abi.encodeWithSelector(ReplayPriceFeed.LengthsDiffer.selector, 1, 0));
        feed.pushMany(new int192[](1), new uint64[](0));
    }

    function test_rejects_prices_from_anybody_but_the_owner() public {
        vm.startPrank(makeAddr("stranger"));
        bytes memory reason = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, makeAddr("stranger"));
        vm.expectRevert(reason);
        feed.push(10, 1_000);
        vm.expectRevert(reason);
        feed.pushMany(new int192[](0), new uint64[](0));
        vm.expectRevert(reason);
        feed.startPhase();
    }
}
