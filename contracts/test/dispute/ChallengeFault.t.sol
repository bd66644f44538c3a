// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Challenges} from "../../src/dispute/Challenges.sol";
import {DisputeEvidence} from "../../src/dispute/DisputeEvidence.sol";
import {ClaimStatus, FaultProof, Phase} from "../../src/dispute/DisputeTypes.sol";
import {Picks} from "../../src/dispute/Picks.sol";
import {TreeLib} from "../../src/dispute/TreeLib.sol";
import {GameFixture} from "./support/GameFixture.sol";
import {Levels} from "./support/TraceBook.sol";

/// Path A: the trace is published, so one transaction after the commitment shows an element and all it is made of.
contract ChallengeFaultTest is GameFixture {
    bytes32 private claimId;

    function setUp() public override {
        super.setUp();
        tell(SMALL, 130, 25);
        claimId = claimed();
    }

    function test_a_shown_fault_kills_the_claim_and_pays_its_sender() public {
        bytes32 earlier = commitAs(SECOND, claimId, 1, SMALL); // committed to the same op before, but shows nothing
        bytes32 id = _committed(SMALL);
        _prove(faultProof(id, SMALL, 130));
        assertEq(uint256(claims.claimOf(claimId).status), uint256(ClaimStatus.Killed));
        assertEq(uint256(phaseOf(id)), uint256(Phase.Won));
        assertEq(claims.creditOf(CHALLENGER), terms().claimBond / 2 + 1 ether);
        claims.settle(earlier);
        assertEq(claims.creditOf(SECOND), 1 ether);
    }

    function test_a_right_element_is_no_fault() public {
        bytes32 id = _committed(SMALL);
        FaultProof memory proof = faultProof(id, SMALL, 131);
        int256 value = valueOf(SMALL, 131);
        vm.expectRevert(abi.encodeWithSelector(DisputeEvidence.NothingWrong.selector, id, value));
        _prove(proof);
    }

    function test_rejects_a_copied_proof() public {
        bytes32 id = _committed(SMALL);
        FaultProof memory proof = faultProof(id, SMALL, 130);
        vm.expectRevert(abi.encodeWithSelector(Picks.NotTheChallenger.selector, SECOND, CHALLENGER));
        vm.prank(SECOND);
        claims.proveFault(proof);
        // A commitment of one's own, made in the same block, comes too late.
        bytes32 own = commitAs(SECOND, claimId, 1, SMALL);
        proof.challengeId = own;
        vm.expectRevert(abi.encodeWithSelector(Picks.SameBlock.selector, own, block.number));
        vm.prank(SECOND);
        claims.proveFault(proof);
    }

    function test_rejects_another_op_or_salt_or_kind_than_committed_to() public {
        bytes32 id = _committed(SMALL);
        FaultProof memory proof = faultProof(id, SMALL, 130);
        proof.op = SHORT;
        vm.expectPartialRevert(Picks.OtherCommitment.selector);
        _prove(proof);
        proof = faultProof(id, SMALL, 130);
        proof.salt = 0;
        vm.expectPartialRevert(Picks.OtherCommitment.selector);
        _prove(proof);
        bytes32 toOpen = commitAs(CHALLENGER, claimId, 0, SMALL);
        vm.roll(block.number + 1);
        proof = faultProof(toOpen, SMALL, 130);
        vm.expectPartialRevert(Picks.OtherCommitment.selector);
        _prove(proof);
    }

    function test_its_time_ends_after_the_prove_time() public {
        bytes32 id = _committed(SMALL);
        FaultProof memory proof = faultProof(id, SMALL, 130);
        uint256 end = block.timestamp + 300;
        vm.warp(end);
        vm.expectRevert(abi.encodeWithSelector(Challenges.DeadlinePassed.selector, id, end));
        _prove(proof);
        vm.warp(end - 1); // long after the clock of an opening
        _prove(proof);
        assertEq(uint256(phaseOf(id)), uint256(Phase.Won));
    }

    function test_rejects_a_tensor_of_another_op_or_another_claim() public {
        bytes32 id = _committed(SMALL);
        FaultProof memory proof = faultProof(id, SMALL, 130);
        proof.descriptor = descriptorProof(SHORT);
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        _prove(proof);
        proof = faultProof(id, SMALL, 130);
        proof.tracePath[0] = tensorRootOf(BIG);
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        _prove(proof);
        proof = faultProof(id, SMALL, 130);
        lie.told = false; // the element as it is in an honest claim's trace
        proof.chunk = chunkOf(SMALL, 2);
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        _prove(proof);
    }

    function test_rejects_an_element_outside_the_tensor_or_its_chunk() public {
        bytes32 id = _committed(SMALL);
        FaultProof memory proof = faultProof(id, SMALL, 130);
        proof.element = 200;
        vm.expectRevert(abi.encodeWithSelector(DisputeEvidence.ElementOutOfRange.selector, 200, 200));
        _prove(proof);
        proof.element = 64; // in chunk 1
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        _prove(proof);
    }

    function test_rejects_paths_of_another_depth() public {
        bytes32 id = _committed(SMALL);
        FaultProof memory proof = faultProof(id, SMALL, 130);
        proof.chunkPath = new bytes32[](1);
        vm.expectRevert(abi.encodeWithSelector(TreeLib.IndexOutsideTree.selector, 2, 1));
        this.rootOver(2, proof.chunkPath, 1);
        vm.expectRevert(abi.encodeWithSelector(TreeLib.SiblingCount.selector, 2, 1));
        _prove(proof);
        proof = faultProof(id, SMALL, 130);
        proof.tracePath = new bytes32[](7);
        vm.expectRevert(abi.encodeWithSelector(TreeLib.SiblingCount.selector, 6, 7));
        _prove(proof);
    }

    function test_rejects_a_fault_proof_from_an_opened_challenge() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        FaultProof memory proof = faultProof(id, SMALL, 130);
        vm.expectRevert(abi.encodeWithSelector(Picks.WrongPosition.selector, id, Phase.Trace, 1));
        _prove(proof);
    }

    function rootOver(uint256 index, bytes32[] calldata path, uint256 depth) external pure returns (bytes32) {
        return TreeLib.rootOver(0, index, path, depth);
    }

    function _committed(uint32 op) private returns (bytes32 id) {
        id = commitAs(CHALLENGER, claimId, 1, op);
        vm.roll(block.number + 1);
    }

    function _prove(FaultProof memory proof) private {
        vm.prank(CHALLENGER);
        claims.proveFault(proof);
    }
}
