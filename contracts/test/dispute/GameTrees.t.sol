// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {ClaimLib} from "../../src/dispute/ClaimLib.sol";
import {DisputeLib} from "../../src/dispute/DisputeLib.sol";
import {TreeLib} from "../../src/dispute/TreeLib.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {Levels} from "./support/TraceBook.sol";

/// The game's trees and ranges against plain twins.
contract GameTreesTest is Test {
    function testFuzz_a_fold_is_the_merkle_root(uint8 count) public pure {
        bytes32[] memory leaves = _leaves(bound(count, 1, 200));
        bytes32 root = StatementLib.merkle(leaves);
        assertEq(TreeLib.fold(leaves, TreeLib.depthOf(leaves.length)), root);
    }

    function testFuzz_a_path_leads_to_the_root_from_its_own_place_only(uint8 count, uint8 at_, uint8 other) public {
        bytes32[][] memory levels = Levels.over(_leaves(bound(count, 1, 200)));
        uint256 depth = levels.length - 1;
        uint256 index = bound(at_, 0, levels[0].length - 1);
        bytes32[] memory path = Levels.siblings(levels, 0, index, depth);
        bytes32 leaf = levels[0][index];
        this.requireUnder(Levels.root(levels), leaf, index, path, depth);
        uint256 elsewhere = bound(other, 0, 255);
        if (elsewhere == index) return;
        if (elsewhere >> depth != 0) vm.expectPartialRevert(TreeLib.IndexOutsideTree.selector);
        else if (leaf == levels[0][elsewhere]) return; // padding beside padding
        else vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        this.requireUnder(Levels.root(levels), leaf, elsewhere, path, depth);
    }

    function test_the_top_of_any_trace_folds_to_its_root() public pure {
        uint256[8] memory counts = [uint256(1), 2, 3, 31, 32, 33, 65, 200];
        for (uint256 i = 0; i < counts.length; ++i) {
            bytes32[][] memory levels = Levels.over(_leaves(counts[i]));
            (uint256 height, uint256 depth) = ClaimLib.topOf(counts[i]);
            assertEq(height + depth, levels.length - 1);
            assertLe(depth, 5);
            assertTrue(height == 0 || depth == 5);
            assertEq(ClaimLib.traceTree(levels[height], counts[i]), Levels.root(levels));
        }
    }

    function test_spacings_are_the_least_that_give_192_ranges() public pure {
        assertEq(DisputeLib.spacing(25), 24);
        assertEq(DisputeLib.ranges(25), 2);
        assertEq(DisputeLib.spacing(4_608), 24);
        assertEq(DisputeLib.ranges(4_608), 192);
        assertEq(DisputeLib.spacing(4_609), 4_608);
        assertEq(DisputeLib.ranges(4_609), 2);
        assertEq(DisputeLib.spacing(884_736), 4_608);
        assertEq(DisputeLib.spacing(884_737), 884_736);
        assertEq(DisputeLib.spacing(1 << 36), 24 * 192 ** 4);
    }

    function test_heights_of_what_is_revealed() public pure {
        assertEq(DisputeLib.traceChild(11), 6);
        assertEq(DisputeLib.traceChild(5), 0);
        assertEq(DisputeLib.traceChild(1), 0);
        assertEq(DisputeLib.tensorChild(3), 2);
        assertEq(DisputeLib.tensorChild(7), 2);
        assertEq(DisputeLib.tensorChild(8), 3);
        assertEq(DisputeLib.tensorHeight(0), 0);
        assertEq(DisputeLib.tensorHeight(64), 0);
        assertEq(DisputeLib.tensorHeight(65), 1);
        assertEq(DisputeLib.tensorHeight(1 << 28), 22);
    }

    function requireUnder(bytes32 root, bytes32 node, uint256 index, bytes32[] calldata path, uint256 depth)
        external
        pure
    {
        TreeLib.requireUnder(root, node, index, path, depth);
    }

    function _leaves(uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(abi.encode(i));
        }
    }
}
