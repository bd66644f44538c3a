// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {Tensor} from "../../src/interfaces/Types.sol";
import {FeedReturns} from "../../src/examples/FeedReturns.sol";
import {FeedReturnsCaller} from "./support/FeedReturnsCaller.sol";
import {TableFeed} from "./support/TableFeed.sol";

/// Which round counts at an observation (docs/protocol/feed.md section 2), attacked by a caller that supplies the ids.
contract FeedRoundsTest is Test {
    uint256 private constant T = 20_000 days;
    uint32 private constant MAX_STALENESS = 30 hours;

    FeedReturnsCaller private caller = new FeedReturnsCaller();
    TableFeed private feed = new TableFeed();

    function _id(uint256 phase, uint256 number) private pure returns (uint80) {
        return uint80((phase << 64) | number);
    }

    /// One return: the price at T and the one at T - 1 day.
    function _ask(uint80 newest, uint80 oldest) private view returns (Tensor memory) {
        uint80[] memory ids = new uint80[](2);
        (ids[0], ids[1]) = (newest, oldest);
        return caller.inputAt(FeedReturns.Source(feed, 1, 14, 16, MAX_STALENESS), T, ids);
    }

    function _expect(bytes memory reason) private {
        vm.expectRevert(reason);
    }

    /// (1,1) before T - 1 day, (1,2) between, (1,3) before T, (1,4) after T.
    function _onePhase() private {
        feed.set(_id(1, 1), 100, T - 1 days - 1 hours);
        feed.set(_id(1, 2), 110, T - 12 hours);
        feed.set(_id(1, 3), 120, T - 1 hours);
        feed.set(_id(1, 4), 130, T + 1);
    }

    function test_accepts_the_last_rounds_before() public {
        _onePhase();
        Tensor memory tensor = _ask(_id(1, 3), _id(1, 1));
        assertEq(tensor.data, abi.encodePacked(int32(3277))); // 0.2 * 2^14 = 3276.8
    }

    function test_rejects_round_that_is_not_the_last_before() public {
        _onePhase();
        _expect(abi.encodeWithSelector(FeedReturns.RoundNotLast.selector, _id(1, 2), _id(1, 3), T - 1 hours, T));
        _ask(_id(1, 2), _id(1, 1));
    }

    function test_rejects_round_after_the_observation() public {
        _onePhase();
        _expect(abi.encodeWithSelector(FeedReturns.RoundAfterObservation.selector, _id(1, 4), T + 1, T));
        _ask(_id(1, 4), _id(1, 1));
    }

    function test_rejects_observations_in_another_order() public {
        _onePhase();
        _expect(abi.encodeWithSelector(FeedReturns.RoundNotLast.selector, _id(1, 1), _id(1, 2), T - 12 hours, T));
        _ask(_id(1, 1), _id(1, 3));
    }

    function test_rejects_missing_round_whichever_way_the_feed_says_so() public {
        _onePhase();
        for (uint256 i = 0; i < 2; ++i) {
            feed.setAbsentIsZero(i == 1);
            _expect(abi.encodeWithSelector(FeedReturns.RoundMissing.selector, _id(1, 0)));
            _ask(_id(1, 0), _id(1, 1));
            _expect(abi.encodeWithSelector(FeedReturns.RoundMissing.selector, _id(0, 3)));
            _ask(_id(0, 3), _id(1, 1));
        }
    }

    function test_rejects_round_beyond_the_latest() public {
        _onePhase();
        feed.setLatest(_id(1, 3)); // (1,4) is readable, as a proposed aggregator's would be
        _expect(abi.encodeWithSelector(FeedReturns.RoundAfterLatest.selector, _id(1, 4), _id(1, 3)));
        _ask(_id(1, 4), _id(1, 1));
    }

    function test_rejects_stale_round() public {
        feed.set(_id(1, 1), 100, T - 1 days - MAX_STALENESS - 1);
        feed.set(_id(1, 2), 110, T - 1);
        _expect(
            abi.encodeWithSelector(
                FeedReturns.RoundStale.selector, _id(1, 1), T - 1 days - MAX_STALENESS - 1, T - 1 days, MAX_STALENESS
            )
        );
        _ask(_id(1, 2), _id(1, 1));
        feed.set(_id(1, 1), 100, T - 1 days - MAX_STALENESS);
        _ask(_id(1, 2), _id(1, 1));
    }

    function test_rejects_zero_negative_or_giant_price() public {
        _onePhase();
        int256[3] memory bad = [int256(0), -1, int256(type(int192).max) + 1];
        for (uint256 i = 0; i < bad.length; ++i) {
            feed.set(_id(1, 3), bad[i], T - 1 hours);
            _expect(abi.encodeWithSelector(FeedReturns.PriceOutOfRange.selector, _id(1, 3), bad[i]));
            _ask(_id(1, 3), _id(1, 1));
            // Nor may the caller step around it.
            _expect(abi.encodeWithSelector(FeedReturns.RoundNotLast.selector, _id(1, 2), _id(1, 3), T - 1 hours, T));
            _ask(_id(1, 2), _id(1, 1));
        }
    }

    function test_rejects_wrong_number_of_rounds() public {
        _onePhase();
        uint80[] memory ids = new uint80[](3);
        _expect(abi.encodeWithSelector(FeedReturns.WrongRoundCount.selector, 2, 3));
        caller.inputAt(FeedReturns.Source(feed, 1, 14, 16, MAX_STALENESS), T, ids);
    }

    function test_latest_round_needs_no_next_one() public {
        feed.set(_id(1, 1), 100, T - 1 days - 1 hours);
        feed.set(_id(1, 2), 110, T - 1 days + 1);
        _ask(_id(1, 2), _id(1, 1));
    }

    function test_rejects_gap_in_the_running_phase() public {
        _onePhase();
        feed.set(_id(1, 2), 0, 0);
        _expect(abi.encodeWithSelector(FeedReturns.RoundMissing.selector, _id(1, 2)));
        _ask(_id(1, 3), _id(1, 1));
    }

    function test_phase_change_between_observations() public {
        feed.set(_id(1, 9), 100, T - 1 days);
        feed.set(_id(2, 1), 200, T - 5 hours);
        _ask(_id(2, 1), _id(1, 9));
        feed.set(_id(2, 2), 210, T + 5 hours);
        _ask(_id(2, 1), _id(1, 9));
    }

    function test_phase_change_rejects_old_phase_once_the_new_one_reported() public {
        feed.set(_id(1, 9), 100, T - 1 days);
        feed.set(_id(2, 1), 200, T - 5 hours);
        feed.set(_id(1, 10), 101, T - 1 hours); // the old aggregator still reports
        _expect(abi.encodeWithSelector(FeedReturns.RoundNotLast.selector, _id(1, 10), _id(2, 1), T - 5 hours, T));
        _ask(_id(1, 10), _id(1, 9));
        _ask(_id(2, 1), _id(1, 9));
    }

    function test_phase_change_rejects_old_phase_when_only_a_phase_after_next_reported() public {
        // Phase 3 points at an aggregator older than phase 2's, as when a proxy is rolled back.
        feed.set(_id(1, 9), 100, T - 1 days);
        feed.set(_id(2, 1), 200, T + 1 hours);
        feed.set(_id(3, 1), 99, T - 2 days);
        feed.set(_id(3, 2), 98, T - 2 hours);
        _expect(abi.encodeWithSelector(FeedReturns.RoundNotLast.selector, _id(1, 9), _id(3, 1), T - 2 days, T));
        _ask(_id(1, 9), _id(3, 1));
        _ask(_id(3, 2), _id(3, 1));
    }

    function test_phase_change_rejects_earlier_round_of_the_ended_phase() public {
        feed.set(_id(1, 8), 90, T - 1 days - 2);
        feed.set(_id(1, 9), 100, T - 1 days - 1);
        feed.set(_id(2, 1), 200, T - 5 hours);
        _expect(
            abi.encodeWithSelector(FeedReturns.RoundNotLast.selector, _id(1, 8), _id(1, 9), T - 1 days - 1, T - 1 days)
        );
        _ask(_id(2, 1), _id(1, 8));
    }

    function test_phase_change_refuses_phase_without_rounds() public {
        feed.set(_id(1, 9), 100, T - 1 days);
        feed.set(_id(3, 1), 200, T - 5 hours);
        for (uint256 i = 0; i < 2; ++i) {
            feed.setAbsentIsZero(i == 1);
            _expect(abi.encodeWithSelector(FeedReturns.PhaseWithoutRounds.selector, uint16(2)));
            _ask(_id(3, 1), _id(1, 9));
        }
        // It heals by itself once every observation lies in later phases.
        feed.set(_id(3, 1), 200, T - 1 days);
        _ask(_id(3, 1), _id(3, 1));
    }

    function test_phase_change_refuses_running_phase_without_rounds() public {
        feed.set(_id(1, 9), 100, T - 1 days);
        feed.setLatest(_id(2, 0));
        vm.expectRevert("No data present");
        _ask(_id(1, 9), _id(1, 9));
        feed.setAbsentIsZero(true);
        _expect(abi.encodeWithSelector(FeedReturns.PhaseWithoutRounds.selector, uint16(2)));
        _ask(_id(1, 9), _id(1, 9));
    }

    /// A read that runs out of gas must not pass for a round that does not exist: with the read of (1,2) starved, (1,1)
    /// would look like the last of its phase, and what is left pays for the cheap read of (2,1).
    function test_rejects_caller_that_starves_the_read_of_the_next_round() public {
        feed.set(_id(1, 1), 100, T - 1 days - 2);
        feed.set(_id(1, 2), 110, T - 1 days - 1);
        feed.set(_id(1, 3), 120, T - 1);
        feed.set(_id(2, 1), 200, T + 1);
        feed.setGas(_id(1, 2), 190_000);
        uint80[] memory ids = new uint80[](2);
        (ids[0], ids[1]) = (_id(1, 3), _id(1, 1));
        FeedReturns.Source memory source = FeedReturns.Source(feed, 1, 14, 16, MAX_STALENESS);
        bytes memory call = abi.encodeCall(caller.checkRounds, (source, T, ids));
        for (uint256 gas_ = 190_000; gas_ < 240_000; gas_ += 100) {
            vm.cool(address(feed));
            (bool accepted,) = address(caller).staticcall{gas: gas_}(call);
            assertFalse(accepted);
        }
        ids[1] = _id(1, 2);
        caller.checkRounds(source, T, ids);
    }

    function test_refuses_feed_that_needs_more_gas_than_a_read_may_use() public {
        _onePhase();
        feed.setGas(_id(1, 3), FeedReturns.ROUND_GAS + 1);
        _expect(abi.encodeWithSelector(FeedReturns.RoundMissing.selector, _id(1, 3)));
        _ask(_id(1, 3), _id(1, 1));
    }

    /// For any history of overlapping phases, one pair of rounds is accepted: the highest ids at or before each time.
    function testFuzz_caller_cannot_choose_between_rounds(uint256 seed) public {
        uint80[] memory ids = _randomHistory(seed);
        uint80[] memory right = new uint80[](2);
        (right[0], right[1]) = (_highestAt(ids, T), _highestAt(ids, T - 1 days));
        uint80[] memory one = new uint80[](2);
        for (uint256 i = 0; i < ids.length; ++i) {
            for (uint256 j = 0; j < ids.length; ++j) {
                (one[0], one[1]) = (ids[i], ids[j]);
                bool isRight = one[0] == right[0] && one[1] == right[1];
                try caller.inputAt(FeedReturns.Source(feed, 1, 14, 32, 4 days), T, one) {
                    assertTrue(isRight);
                } catch {
                    assertFalse(isRight);
                }
            }
        }
    }

    function _highestAt(uint80[] memory ids, uint256 time) private view returns (uint80 highest) {
        for (uint256 i = 0; i < ids.length; ++i) {
            (, uint256 updatedAt) = feed.rows(ids[i]);
            if (updatedAt <= time && ids[i] > highest) highest = ids[i];
        }
    }

    /// Up to three phases of up to four rounds, times ascending within each phase only.
    function _randomHistory(uint256 seed) private returns (uint80[] memory ids) {
        uint256 phases = 1 + seed % 3;
        ids = new uint80[](4 * phases);
        for (uint256 phase = 1; phase <= phases; ++phase) {
            uint256 time = T - 2 days + uint256(keccak256(abi.encode(seed, phase))) % 36 hours;
            for (uint256 number = 1; number <= 4; ++number) {
                uint80 id = _id(phase, number);
                ids[4 * (phase - 1) + number - 1] = id;
                feed.set(id, int256(100 + time % 100), time);
                time += uint256(keccak256(abi.encode(seed, id))) % 24 hours;
            }
        }
    }
}
