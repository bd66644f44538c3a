// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DisputeEvidence} from "../../src/dispute/DisputeEvidence.sol";
import {DisputeLib} from "../../src/dispute/DisputeLib.sol";
import {ClaimStatus, Phase, Position, Reveal} from "../../src/dispute/DisputeTypes.sol";
import {IOptimisticClaims} from "../../src/dispute/IOptimisticClaims.sol";
import {RevealLib} from "../../src/dispute/RevealLib.sol";
import {Reveals} from "../../src/dispute/Reveals.sol";
import {TreeLib} from "../../src/dispute/TreeLib.sol";
import {GameFixture} from "./support/GameFixture.sol";
import {Levels} from "./support/TraceBook.sol";

/// What the claimant may answer, and what is refused.
contract ChallengeRevealsTest is GameFixture {
    bytes32 private claimId;

    function setUp() public override {
        super.setUp();
        tell(SMALL, 130, 25);
        claimId = claimed();
    }

    function test_a_reveal_is_stored_and_told_with_its_body() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        _passTo(id, SMALL);
        bytes32 key = claims.positionKeyOf(claims.challengeOf(id).at);
        bytes32[][] memory levels = tensorLevels(SMALL);
        vm.expectEmit(address(claims));
        emit IOptimisticClaims.Revealed(claimId, id, key, Levels.root(levels), chunksOf(SMALL, 0, 4));
        answer(id);
        Reveal memory stored = claims.revealOf(claimId, key);
        assertEq(stored.at, block.timestamp);
        assertEq(stored.root, Levels.root(levels));
    }

    function test_rejects_a_reveal_by_anybody_but_the_claimant() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        bytes memory call_ = answerCall(claims.challengeOf(id).at, id);
        _refuse(CHALLENGER, call_, abi.encodeWithSelector(Reveals.NotTheClaimant.selector, CHALLENGER, PROVER));
    }

    function test_rejects_a_second_reveal_at_the_same_position() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        bytes memory call_ = answerCall(claims.challengeOf(id).at, id);
        answer(id);
        _refuse(PROVER, call_, abi.encodeWithSelector(Reveals.NotTheDefendersTurn.selector, id));
    }

    function test_rejects_a_reveal_before_anything_was_opened() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 0);
        bytes memory call_ = abi.encodeCall(claims.reveal, (id, ""));
        _refuse(PROVER, call_, abi.encodeWithSelector(Reveals.NotTheDefendersTurn.selector, id));
    }

    function test_rejects_nodes_that_do_not_fold_to_the_one_picked() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        bytes memory body = abi.encodePacked(Levels.below(traceLevels(), 1, 0, 0));
        body[0] ^= 0x01;
        _refuseBody(id, body, TreeLib.OtherRoot.selector);
        _refuseBody(id, new bytes(32), RevealLib.BodyLength.selector);
        _refuseBody(id, new bytes(96), RevealLib.BodyLength.selector);
    }

    function test_rejects_an_op_revealed_in_the_padding() public {
        // A claimant whose tree has a 40th leaf would have lied about the top; the rule is tried on the library itself.
        bytes memory body = abi.encodePacked(keccak256("op 38"), keccak256("op 39"));
        bytes32 node = keccak256(abi.encodePacked(hex"01", body));
        this.requireTraceNode(body, node, 19, 1, 40);
        vm.expectRevert(abi.encodeWithSelector(RevealLib.PaddingNotZero.selector, 39));
        this.requireTraceNode(body, node, 19, 1, 39);
        body = abi.encodePacked(keccak256("op 38"), bytes32(0));
        this.requireTraceNode(body, keccak256(abi.encodePacked(hex"01", body)), 19, 1, 39);
    }

    function test_rejects_nodes_over_nothing_but_padding_that_are_not_zero() public {
        bytes32[] memory nodes = new bytes32[](32); // of height 2, over 100 chunks: 25 of them
        for (uint256 i = 0; i < 32; ++i) {
            nodes[i] = i < 25 ? keccak256(abi.encode(i)) : TreeLib.zero(2);
        }
        this.requireTensorNode(abi.encodePacked(nodes), Levels.root(Levels.over(nodes)), 0, 7, 100 * 64);
        nodes[25] = 0;
        bytes32 root = Levels.root(Levels.over(nodes));
        vm.expectRevert(abi.encodeWithSelector(RevealLib.PaddingNotZero.selector, 25));
        this.requireTensorNode(abi.encodePacked(nodes), root, 0, 7, 100 * 64);
    }

    function test_rejects_a_reveal_with_non_zero_padding() public {
        uint256[4] memory wrongAt = [uint256(800), 801, 992, 1023]; // past 200 elements, in and after a first word
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory body = chunksOf(SMALL, 0, 4);
            body[wrongAt[i]] = 0x01;
            bytes32[] memory leaves = new bytes32[](4);
            for (uint256 j = 0; j < 4; ++j) {
                leaves[j] = keccak256(abi.encodePacked(hex"00", _slice(body, 256 * j, 256)));
            }
            bytes32 root = Levels.root(Levels.over(leaves));
            vm.expectPartialRevert(RevealLib.PaddingNotZero.selector);
            this.requireTensorNode(body, root, 0, 2, 200);
            this.requireTensorNode(body, root, 0, 2, 256); // where they are elements
        }
    }

    function test_rejects_chunks_past_the_tensor_or_left_out() public {
        bytes memory body = chunksOf(SMALL, 0, 3);
        bytes32[] memory leaves = new bytes32[](3);
        for (uint256 j = 0; j < 3; ++j) {
            leaves[j] = keccak256(abi.encodePacked(hex"00", _slice(body, 256 * j, 256)));
        }
        bytes32 root = Levels.root(Levels.over(leaves));
        this.requireTensorNode(body, root, 0, 2, 192); // the fourth is left out, and a zero leaf
        vm.expectRevert(abi.encodeWithSelector(RevealLib.BodyLength.selector, 1024, 768));
        this.requireTensorNode(body, root, 0, 2, 193);
        vm.expectRevert(abi.encodeWithSelector(RevealLib.BodyLength.selector, 768, 1024));
        this.requireTensorNode(bytes.concat(body, new bytes(256)), root, 0, 2, 192);
    }

    function test_an_empty_tensor_is_one_chunk_of_zeros() public {
        bytes memory chunk = new bytes(256);
        this.requireTensorNode(chunk, keccak256(abi.encodePacked(hex"00", chunk)), 0, 0, 0);
        chunk[0] = 0x01;
        bytes32 leaf = keccak256(abi.encodePacked(hex"00", chunk));
        vm.expectRevert(abi.encodeWithSelector(RevealLib.PaddingNotZero.selector, 0));
        this.requireTensorNode(chunk, leaf, 0, 0, 0);
    }

    function test_rejects_a_tensor_of_another_shape_or_another_root() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        _passTo(id, SMALL);
        bytes32 root = Levels.root(tensorLevels(SMALL));
        bytes memory body = chunksOf(SMALL, 0, 4);
        bytes memory call_ = abi.encodeCall(claims.revealTensor, (id, descriptorOf(SHORT), root, body));
        _refusePartially(call_, DisputeEvidence.OtherDescriptor.selector);
        call_ = abi.encodeCall(claims.revealTensor, (id, descriptorOf(SMALL), SALT, body));
        _refusePartially(call_, DisputeEvidence.OtherTensor.selector);
        body[0] ^= 0x01;
        call_ = abi.encodeCall(claims.revealTensor, (id, descriptorOf(SMALL), root, body));
        _refusePartially(call_, TreeLib.OtherRoot.selector);
    }

    function test_a_claim_with_the_wrong_shape_cannot_answer_and_is_killed() public {
        uint32[] memory dims = new uint32[](1);
        dims[0] = 201;
        forgedRoots[SMALL] = DisputeLib.tensorRoot(dims, Levels.root(tensorLevels(SMALL)));
        bytes32 other = claimAs(PROVER, asked());
        bytes32 id = opened(CHALLENGER, other, SMALL);
        _passTo(id, SMALL);
        bytes memory call_ = answerCall(claims.challengeOf(id).at, id);
        _refusePartially(call_, DisputeEvidence.OtherTensor.selector);
        skip(200);
        claims.timeout(id);
        assertEq(uint256(claims.claimOf(other).status), uint256(ClaimStatus.Killed));
    }

    function test_rejects_a_prefix_that_does_not_start_at_the_start() public {
        (bytes32 id, bytes memory body) = _atSums();
        body[15] ^= 0x01;
        bytes memory call_ = abi.encodeCall(claims.revealSums, (id, descriptorOf(SMALL), body));
        _refuse(PROVER, call_, abi.encodeWithSelector(DisputeEvidence.WrongAccumulator.selector, 0, 5, 4));
    }

    function test_rejects_a_prefix_that_does_not_end_at_the_element() public {
        (bytes32 id, bytes memory body) = _atSums();
        int256 wrong = int256(valueOf(SMALL, 130)) - 3; // as it should have been
        body = bytes.concat(_slice(body, 0, 32), abi.encodePacked(int128(accumulatorOf(SMALL, 130, 30) - 24)));
        bytes memory call_ = abi.encodeCall(claims.revealSums, (id, descriptorOf(SMALL), body));
        int32 value = valueOf(SMALL, 130);
        _refuse(PROVER, call_, abi.encodeWithSelector(DisputeEvidence.WrongElement.selector, value, wrong));
    }

    function test_rejects_too_few_and_too_many_accumulators() public {
        (bytes32 id, bytes memory body) = _atSums();
        bytes memory call_ = abi.encodeCall(claims.revealSums, (id, descriptorOf(SMALL), _slice(body, 0, 32)));
        _refuse(PROVER, call_, abi.encodeWithSelector(RevealLib.BodyLength.selector, 48, 32));
        call_ = abi.encodeCall(claims.revealSums, (id, descriptorOf(SMALL), bytes.concat(body, new bytes(16))));
        _refuse(PROVER, call_, abi.encodeWithSelector(RevealLib.BodyLength.selector, 48, 64));
    }

    function test_rejects_finishing_under_another_descriptor() public {
        (bytes32 id, bytes memory body) = _atSums();
        bytes memory call_ = abi.encodeCall(claims.revealSums, (id, descriptorOf(BIG), body));
        _refusePartially(call_, DisputeEvidence.OtherDescriptor.selector);
    }

    function test_rejects_ends_of_a_range_other_than_those_picked() public {
        lie.told = false;
        tell(BIG, 64, 4_700);
        bytes32 other = claimAs(PROVER, asked());
        bytes32 id = opened(CHALLENGER, other, BIG);
        Target memory to = Target(BIG, 64, 4_700);
        walk(id, to, Phase.Sum);
        answer(id);
        pick(id, to); // from 4,608 to 5,000
        Position memory p = claims.challengeOf(id).at;
        bytes memory body = sumsBody(p);
        bytes memory low =
            bytes.concat(abi.encodePacked(accumulatorOf(BIG, 64, p.lo) - 1), _slice(body, 16, body.length - 16));
        _refusePartially(abi.encodeCall(claims.revealSums, (id, "", low)), DisputeEvidence.WrongAccumulator.selector);
        // Eighths are the same, but it is not what was revealed before.
        bytes memory high =
            bytes.concat(_slice(body, 0, body.length - 16), abi.encodePacked(accumulatorOf(BIG, 64, p.hi) ^ 1));
        _refusePartially(abi.encodeCall(claims.revealSums, (id, "", high)), DisputeEvidence.WrongAccumulator.selector);
        answer(id);
    }

    function test_rejects_every_reveal_of_another_position() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        _rejectsReveals(id, false, true, true); // a node of the trace
        _passTo(id, SMALL);
        _rejectsReveals(id, true, false, true); // a tensor
        walk(id, Target(SMALL, 130, 25), Phase.Sum);
        _rejectsReveals(id, true, true, false);
    }

    function requireTraceNode(bytes calldata body, bytes32 node, uint256 index, uint256 height, uint256 numOps)
        external
        pure
    {
        RevealLib.requireTraceNode(body, node, index, height, numOps);
    }

    function requireTensorNode(bytes calldata body, bytes32 node, uint256 index, uint256 height, uint256 elements)
        external
        pure
    {
        RevealLib.requireTensorNode(body, node, index, height, elements);
    }

    function _passTo(bytes32 id, uint32 op) private {
        answer(id);
        pick(id, Target(op, 0, 0));
    }

    function _atSums() private returns (bytes32 id, bytes memory body) {
        id = opened(CHALLENGER, claimId, SMALL);
        walk(id, Target(SMALL, 130, 25), Phase.Sum);
        body = sumsBody(claims.challengeOf(id).at);
    }

    function _rejectsReveals(bytes32 id, bool nodes, bool tensor, bool sums) private {
        bytes4 wrong = DisputeEvidence.WrongPosition.selector;
        if (nodes) _refusePartially(abi.encodeCall(claims.reveal, (id, "")), wrong);
        if (tensor) _refusePartially(abi.encodeCall(claims.revealTensor, (id, "", 0, "")), wrong);
        if (sums) _refusePartially(abi.encodeCall(claims.revealSums, (id, "", "")), wrong);
    }

    function _refuseBody(bytes32 id, bytes memory body, bytes4 reason) private {
        _refusePartially(abi.encodeCall(claims.reveal, (id, body)), reason);
    }

    function _refusePartially(bytes memory call_, bytes4 reason) private {
        vm.prank(PROVER);
        (bool accepted, bytes memory answer_) = address(claims).call(call_);
        assertFalse(accepted);
        assertEq(bytes4(answer_), reason);
    }

    function _refuse(address caller, bytes memory call_, bytes memory reason) private {
        vm.prank(caller);
        (bool accepted, bytes memory answer_) = address(claims).call(call_);
        assertFalse(accepted);
        assertEq(answer_, reason);
    }

    function _slice(bytes memory data, uint256 from, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = data[from + i];
        }
    }
}
