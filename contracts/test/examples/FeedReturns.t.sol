// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {Tensor} from "../../src/interfaces/Types.sol";
import {FeedReturns} from "../../src/examples/FeedReturns.sol";
import {IAggregatorV3} from "../../src/examples/interfaces/IAggregatorV3.sol";
import {TensorLib} from "../../src/libraries/TensorLib.sol";
import {FeedReturnsCaller} from "./support/FeedReturnsCaller.sol";
import {TableFeed} from "./support/TableFeed.sol";

/// The integers of docs/protocol/feed.md, against tests/vectors/returns.json, which the Python twin checks too.
contract FeedReturnsTest is Test {
    FeedReturnsCaller private caller = new FeedReturnsCaller();
    string private json = vm.readFile("../tests/vectors/returns.json");

    function test_returns_match_the_vectors() public {
        uint256 count = 0;
        for (; vm.keyExistsJson(json, _at("returns", count, "")); ++count) {
            uint256[] memory prices = vm.parseJsonUintArray(json, _at("returns", count, ".prices"));
            Tensor memory tensor = caller.toTensor(_source("returns", count, prices.length), prices);
            _assertTensor(tensor, vm.parseJsonIntArray(json, _at("returns", count, ".integers")));
        }
        assertEq(count, 15);
    }

    function test_refuses_return_outside_the_models_bits() public {
        uint256 count = 0;
        for (; vm.keyExistsJson(json, _at("refusals", count, "")); ++count) {
            uint256[] memory prices = vm.parseJsonUintArray(json, _at("refusals", count, ".prices"));
            FeedReturns.Source memory source = _source("refusals", count, prices.length);
            uint256 index = vm.parseJsonUint(json, _at("refusals", count, ".index"));
            int256 value = vm.parseJsonInt(json, _at("refusals", count, ".value"));
            vm.expectRevert(abi.encodeWithSelector(FeedReturns.ReturnOutOfRange.selector, index, value, source.bits));
            caller.toTensor(source, prices);
        }
        assertEq(count, 4);
    }

    function test_histories_match_the_vectors_and_no_other_round_is_accepted() public {
        uint256 count = 0;
        for (; vm.keyExistsJson(json, _at("histories", count, "")); ++count) {
            _checkHistory(count, false);
            _checkHistory(count, true);
        }
        assertEq(count, 5);
    }

    function testFuzz_return_is_floor_of_x_plus_a_half(uint192 price, uint192 before, uint8 scaleBits) public pure {
        int256 p = int256(bound(uint256(price), 1, uint192(type(int192).max)));
        int256 b = int256(bound(uint256(before), 1, uint192(type(int192).max)));
        uint256 s = bound(scaleBits, 0, 31);
        int256 q = FeedReturns.returnHalfUp(uint256(p), uint256(b), s);
        // q <= x + 1/2 < q + 1 with x = (p - b) * 2^s / b, multiplied by 2b.
        int256 twice = 2 * (p - b) * int256(1 << s) + b;
        assertLe(2 * b * q, twice);
        assertGt(2 * b * (q + 1), twice);
    }

    function test_rejects_source_that_no_tensor_can_hold() public {
        uint8[3][4] memory bad = [[0, 15, 16], [60, 16, 16], [60, 15, 33], [60, 0, 1]];
        for (uint256 i = 0; i < bad.length; ++i) {
            FeedReturns.Source memory source =
                FeedReturns.Source(IAggregatorV3(address(0)), bad[i][0], bad[i][1], bad[i][2], 1 days);
            vm.expectRevert(abi.encodeWithSelector(FeedReturns.SourceInvalid.selector, bad[i][0], bad[i][1], bad[i][2]));
            caller.requireValid(source);
        }
        caller.requireValid(FeedReturns.Source(IAggregatorV3(address(0)), 60, 15, 16, 1 days));
    }

    function test_observation_time_is_the_midnight_before_and_never_now() public pure {
        assertEq(FeedReturns.observationTime(20_000 days + 1), 20_000 days);
        assertEq(FeedReturns.observationTime(20_001 days), 20_000 days);
        assertEq(FeedReturns.observationTime(20_001 days + 1), 20_001 days);
    }

    function _checkHistory(uint256 index, bool absentIsZero) private {
        uint256[] memory ids = vm.parseJsonUintArray(json, _at("histories", index, ".round_ids"));
        uint80[] memory expected = _narrow(vm.parseJsonUintArray(json, _at("histories", index, ".expected")));
        FeedReturns.Source memory source = FeedReturns.Source({
            feed: _feedOf(index, ids, absentIsZero),
            window: uint16(expected.length - 1),
            scaleBits: uint8(vm.parseJsonUint(json, ".history_scale_bits")),
            bits: 16,
            maxStaleness: 2 days
        });
        uint256 observedAt = vm.parseJsonUint(json, ".observed_at");
        Tensor memory tensor = caller.inputAt(source, observedAt, expected);
        _assertTensor(tensor, vm.parseJsonIntArray(json, _at("histories", index, ".integers")));
        _checkNothingElseAccepted(source, observedAt, expected, ids);
    }

    function _feedOf(uint256 index, uint256[] memory ids, bool absentIsZero) private returns (TableFeed feed) {
        feed = new TableFeed();
        feed.setAbsentIsZero(absentIsZero);
        uint256[] memory times = vm.parseJsonUintArray(json, _at("histories", index, ".updated_at"));
        int256[] memory answers = vm.parseJsonIntArray(json, _at("histories", index, ".answers"));
        for (uint256 i = 0; i < ids.length; ++i) {
            feed.set(uint80(ids[i]), answers[i], times[i]);
        }
    }

    function _checkNothingElseAccepted(
        FeedReturns.Source memory source,
        uint256 observedAt,
        uint80[] memory expected,
        uint256[] memory ids
    ) private {
        for (uint256 place = 0; place < expected.length; ++place) {
            uint80 right = expected[place];
            for (uint256 i = 0; i < ids.length; ++i) {
                if (ids[i] == right) continue;
                expected[place] = uint80(ids[i]);
                vm.expectRevert();
                caller.inputAt(source, observedAt, expected);
            }
            expected[place] = right;
        }
    }

    function _source(string memory list, uint256 index, uint256 prices)
        private
        view
        returns (FeedReturns.Source memory)
    {
        uint8 scaleBits = uint8(vm.parseJsonUint(json, _at(list, index, ".scale_bits")));
        uint8 bits = uint8(vm.parseJsonUint(json, _at(list, index, ".bits")));
        return FeedReturns.Source(IAggregatorV3(address(0)), uint16(prices - 1), scaleBits, bits, 0);
    }

    function _assertTensor(Tensor memory tensor, int256[] memory expected) private pure {
        assertEq(tensor.width, 4);
        assertEq(tensor.dims.length, 2);
        assertEq(tensor.dims[0], 1);
        assertEq(tensor.dims[1], expected.length);
        assertEq(tensor.data.length, 4 * expected.length);
        for (uint256 i = 0; i < expected.length; ++i) {
            assertEq(TensorLib.valueAt(tensor.data, i), expected[i]);
        }
    }

    function _narrow(uint256[] memory wide) private pure returns (uint80[] memory narrow) {
        narrow = new uint80[](wide.length);
        for (uint256 i = 0; i < wide.length; ++i) {
            narrow[i] = uint80(wide[i]);
        }
    }

    function _at(string memory list, uint256 index, string memory field) private pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(index), "]", field);
    }
}
