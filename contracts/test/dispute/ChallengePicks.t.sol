// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Challenges} from "../../src/dispute/Challenges.sol";
import {Claims} from "../../src/dispute/Claims.sol";
import {DisputeEvidence} from "../../src/dispute/DisputeEvidence.sol";
import {Challenge, ClaimStatus, DescriptorProof, Opening, Phase, Position} from "../../src/dispute/DisputeTypes.sol";
import {Picks} from "../../src/dispute/Picks.sol";
import {RevealLib} from "../../src/dispute/RevealLib.sol";
import {TreeLib} from "../../src/dispute/TreeLib.sol";
import {GameFixture} from "./support/GameFixture.sol";
import {Levels} from "./support/TraceBook.sol";

/// What a challenger may do, and what is refused.
contract ChallengePicksTest is GameFixture {
    bytes32 private claimId;

    function setUp() public override {
        super.setUp();
        tell(SMALL, 130, 25);
        claimId = claimed();
    }

    function test_a_commitment_stores_who_when_and_to_what() public {
        bytes32 c1 = commitmentOf(claimId, CHALLENGER, 0, 3);
        assertEq(c1, keccak256(abi.encodePacked(claimId, uint256(uint160(CHALLENGER)), uint8(0), uint32(3), SALT)));
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 3);
        bytes32 second = commitAs(SECOND, claimId, 1, 3);
        assertEq(id, keccak256(abi.encode(claimId, CHALLENGER, c1)));
        Challenge memory c = claims.challengeOf(id);
        assertEq(c.challenger, CHALLENGER);
        assertEq(c.claimId, claimId);
        assertEq(c.commitment, c1);
        assertEq(uint256(c.at.phase), uint256(Phase.Committed));
        assertEq(c.turnStart, block.timestamp);
        assertEq(c.defenderClock, 200);
        assertEq(c.challengerClock, 200);
        assertEq(c.committedAt, block.number);
        assertEq(c.order, 0);
        assertEq(claims.challengeOf(second).order, 1);
        assertEq(claims.claimOf(claimId).openChallenges, 2);
        assertEq(claims.claimOf(claimId).commitments, 2);
    }

    function test_rejects_any_other_challenge_bond() public {
        for (uint256 i = 0; i < 2; ++i) {
            uint256 sent = i == 0 ? 1 ether - 1 : 1 ether + 1;
            vm.expectRevert(abi.encodeWithSelector(Claims.WrongValue.selector, sent, 1 ether));
            vm.prank(CHALLENGER);
            claims.commit{value: sent}(claimId, SALT);
        }
    }

    function test_rejects_the_same_commitment_twice_also_after_it_was_lost() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 0);
        bytes memory refused = abi.encodeWithSelector(Challenges.ChallengeExists.selector, id);
        bytes32 committed = commitmentOf(claimId, CHALLENGER, 0, 0);
        vm.startPrank(CHALLENGER);
        vm.expectRevert(refused);
        claims.commit{value: 1 ether}(claimId, committed);
        skip(300);
        claims.timeout(id);
        vm.expectRevert(refused);
        claims.commit{value: 1 ether}(claimId, committed);
    }

    function test_rejects_a_challenge_of_what_is_no_claim_or_over() public {
        vm.expectRevert(
            abi.encodeWithSelector(Claims.WrongClaimStatus.selector, SALT, ClaimStatus.None, ClaimStatus.Pending)
        );
        claims.commit{value: 1 ether}(SALT, SALT);
        uint256 end = block.timestamp + 1000;
        vm.warp(end - 1);
        commitAs(CHALLENGER, claimId, 0, 0);
        vm.warp(end);
        vm.expectRevert(abi.encodeWithSelector(Challenges.WindowClosed.selector, claimId, end));
        claims.commit{value: 1 ether}(claimId, SALT);
    }

    function test_rejects_opening_in_the_block_of_the_commitment() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, SMALL >> 1);
        vm.expectRevert(abi.encodeWithSelector(Picks.SameBlock.selector, id, block.number));
        this.callOpen(CHALLENGER, id, SMALL);
        vm.roll(block.number + 1);
        openAs(CHALLENGER, id, SMALL);
    }

    function test_rejects_a_copied_opening_by_somebody_else() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 0);
        vm.roll(block.number + 1);
        vm.expectRevert(abi.encodeWithSelector(Picks.NotTheChallenger.selector, SECOND, CHALLENGER));
        this.callOpen(SECOND, id, SMALL);
        // A copied commitment is to a move of the one who made it first.
        bytes32 copied = commitmentOf(claimId, CHALLENGER, 0, 0);
        vm.prank(SECOND);
        bytes32 copy = claims.commit{value: 1 ether}(claimId, copied);
        vm.roll(block.number + 1);
        vm.expectRevert(
            abi.encodeWithSelector(Picks.OtherCommitment.selector, copied, commitmentOf(claimId, SECOND, 0, 0))
        );
        this.callOpen(SECOND, copy, SMALL);
    }

    function test_rejects_opening_another_node_than_committed_to() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 5);
        vm.roll(block.number + 1);
        vm.expectPartialRevert(Picks.OtherCommitment.selector);
        this.callOpen(CHALLENGER, id, SMALL);
        bytes32 toProve = commitAs(SECOND, claimId, 1, 0);
        vm.roll(block.number + 1);
        vm.expectPartialRevert(Picks.OtherCommitment.selector);
        this.callOpen(SECOND, toProve, SMALL);
    }

    function test_rejects_a_node_that_is_not_in_the_trace() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 0);
        vm.roll(block.number + 1);
        bytes32[][] memory levels = traceLevels();
        bytes32[] memory path = Levels.siblings(levels, 1, 0, 6);
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        _open(id, 0, SALT, path);
        vm.expectRevert(abi.encodeWithSelector(TreeLib.SiblingCount.selector, 5, 6));
        _open(id, 0, levels[0][0], Levels.siblings(levels, 0, 0, 6));
    }

    function test_rejects_opening_a_node_over_nothing_but_padding() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 20);
        vm.roll(block.number + 1);
        bytes32[][] memory levels = traceLevels();
        vm.expectRevert(abi.encodeWithSelector(Picks.OnlyPadding.selector, 20, 1));
        _open(id, 20, levels[1][20], Levels.siblings(levels, 1, 20, 6));
    }

    function test_rejects_a_node_of_a_tensor_over_nothing_but_padding() public {
        bytes32 id = opened(CHALLENGER, claimId, BIG);
        Target memory to = Target(BIG, 9_999, 0);
        answer(id);
        pick(id, to);
        answer(id);
        bytes32[][] memory levels = tensorLevels(BIG); // 157 chunks: the last are under node 19 of height 3
        bytes32[] memory path = Levels.siblings(levels, 3, 20, 8);
        DescriptorProof memory none;
        vm.expectRevert(abi.encodeWithSelector(Picks.OnlyPadding.selector, 20, 3));
        vm.prank(CHALLENGER);
        claims.pickNode(id, 20, levels[3][20], path, none);
        pick(id, to);
        assertEq(claims.challengeOf(id).at.index, 19);
    }

    function test_rejects_a_descriptor_of_another_op() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        answer(id);
        bytes32[][] memory trace = traceLevels();
        DescriptorProof memory proof = descriptorProof(SHORT);
        bytes32[] memory path = Levels.siblings(trace, 0, SMALL, 1);
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        vm.prank(CHALLENGER);
        claims.pickNode(id, SMALL, trace[0][SMALL], path, proof);
        DescriptorProof memory none;
        vm.expectRevert(abi.encodeWithSelector(TreeLib.SiblingCount.selector, 6, 0));
        vm.prank(CHALLENGER);
        claims.pickNode(id, SMALL, trace[0][SMALL], path, none);
    }

    function test_naming_a_leaf_tells_the_chain_how_large_the_op_is() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        assertEq(claims.challengeOf(id).terms, 0);
        answer(id);
        pick(id, Target(SMALL, 130, 25));
        Challenge memory c = claims.challengeOf(id);
        assertEq(c.elements, 200);
        assertEq(c.terms, 30);
        assertEq(c.first, 5);
        assertEq(c.node, tensorRootOf(SMALL));
        assertEq(c.descriptorLeaf, keccak256(abi.encodePacked(hex"00", descriptorOf(SMALL))));
    }

    function test_rejects_a_node_outside_the_one_revealed() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        answer(id);
        bytes32[][] memory trace = traceLevels();
        DescriptorProof memory proof = descriptorProof(2);
        vm.expectRevert(abi.encodeWithSelector(Picks.NotBelow.selector, 2, 0, 1));
        vm.prank(CHALLENGER);
        claims.pickNode(id, 2, trace[0][2], Levels.siblings(trace, 0, 2, 1), proof);
    }

    function test_rejects_an_element_past_the_tensor_or_of_another_chunk() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        answer(id);
        pick(id, Target(SMALL, 130, 25));
        answer(id);
        bytes32[][] memory levels = tensorLevels(SMALL);
        bytes memory chunk = chunkOf(SMALL, 3);
        bytes32[] memory path = Levels.siblings(levels, 0, 3, 2);
        vm.startPrank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(Picks.ElementOutOfRange.selector, 200, 200));
        claims.pickElement(id, 200, chunk, path);
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        claims.pickElement(id, 130, chunk, path); // in chunk 2
        bytes memory long = bytes.concat(chunk, hex"00");
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        claims.pickElement(id, 199, long, path);
        claims.pickElement(id, 199, chunk, path);
        assertEq(claims.challengeOf(id).value, valueOf(SMALL, 199));
    }

    function test_rejects_a_chunk_that_is_not_whole() public {
        vm.expectRevert(abi.encodeWithSelector(RevealLib.ChunkLength.selector, 255));
        this.valueIn(new bytes(255));
    }

    function test_rejects_a_range_or_ends_that_were_not_revealed() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        walk(id, Target(SMALL, 130, 25), Phase.Sum);
        answer(id);
        Position memory p = claims.challengeOf(id).at;
        bytes32[][] memory levels = sumsLevels(sumsBody(p));
        bytes32[] memory path = Levels.siblings(levels, 0, 1, 1);
        int128 first = accumulatorOf(SMALL, 130, 24);
        int128 last = accumulatorOf(SMALL, 130, 30);
        vm.startPrank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(Picks.RangeOutOfBounds.selector, 2, 2));
        claims.pickRange(id, 2, first, last, path);
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        claims.pickRange(id, 1, first + 1, last, path);
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        claims.pickRange(id, 1, first, last + 1, path);
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        claims.pickRange(id, 0, first, last, path);
        claims.pickRange(id, 1, first, last, path);
        p = claims.challengeOf(id).at;
        assertEq(p.lo, 24);
        assertEq(p.hi, 30);
    }

    function test_rejects_every_pick_of_another_position() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, SMALL >> 1);
        vm.roll(block.number + 1);
        _rejectsPicks(id, true, true, true);
        openAs(CHALLENGER, id, SMALL);
        answer(id);
        _rejectsPicks(id, false, true, true); // a node of the trace is revealed
        pick(id, Target(SMALL, 130, 25));
        answer(id);
        _rejectsPicks(id, true, false, true); // chunks are
        pick(id, Target(SMALL, 130, 25));
        answer(id);
        _rejectsPicks(id, true, true, false); // accumulators are
        pick(id, Target(SMALL, 130, 25));
        _rejectsPicks(id, true, true, true); // a segment was picked
    }

    function test_rejects_moves_of_a_challenge_that_does_not_exist_or_ended() public {
        vm.expectRevert(abi.encodeWithSelector(Challenges.ChallengeNotOpen.selector, SALT, Phase.None));
        claims.timeout(SALT);
        bytes32 id = atStep(CHALLENGER, claimId, Target(SMALL, 130, 25));
        prove(id);
        bytes memory over = abi.encodeWithSelector(Challenges.ChallengeNotOpen.selector, id, Phase.Won);
        vm.startPrank(CHALLENGER);
        vm.expectRevert(over);
        claims.prove(id, descriptorOf(SMALL), new Opening[](0));
        vm.expectRevert(over);
        claims.timeout(id);
        vm.expectRevert(over);
        claims.settle(id);
        vm.expectRevert(over);
        claims.turnOf(id);
    }

    function callOpen(address challenger, bytes32 id, uint32 op) external {
        openAs(challenger, id, op);
    }

    function valueIn(bytes calldata chunk) external pure returns (int32) {
        return RevealLib.valueIn(chunk, 0);
    }

    function _open(bytes32 id, uint32 index, bytes32 node, bytes32[] memory path) private {
        DescriptorProof memory none;
        vm.prank(CHALLENGER);
        claims.open(id, index, SALT, node, path, none);
    }

    function _rejectsPicks(bytes32 id, bool node, bool element, bool range) private {
        DescriptorProof memory none;
        vm.startPrank(CHALLENGER);
        if (node) {
            vm.expectPartialRevert(Picks.WrongPosition.selector);
            claims.pickNode(id, 0, 0, new bytes32[](0), none);
        }
        if (element) {
            vm.expectPartialRevert(Picks.WrongPosition.selector);
            claims.pickElement(id, 0, "", new bytes32[](0));
        }
        if (range) {
            vm.expectPartialRevert(Picks.WrongPosition.selector);
            claims.pickRange(id, 0, 0, 0, new bytes32[](0));
        }
        if (claims.challengeOf(id).at.phase != Phase.Step) {
            vm.expectPartialRevert(DisputeEvidence.WrongPosition.selector);
            claims.prove(id, "", new Opening[](0));
        }
        if (claims.challengeOf(id).at.phase != Phase.Committed) {
            vm.expectPartialRevert(Picks.WrongPosition.selector);
            claims.open(id, 0, SALT, 0, new bytes32[](0), none);
        }
        vm.stopPrank();
    }
}
