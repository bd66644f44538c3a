// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ClaimLib} from "../../src/dispute/ClaimLib.sol";
import {Claims} from "../../src/dispute/Claims.sol";
import {DisputeEvidence} from "../../src/dispute/DisputeEvidence.sol";
import {Claim, ClaimStatus} from "../../src/dispute/DisputeTypes.sol";
import {IOptimisticClaims} from "../../src/dispute/IOptimisticClaims.sol";
import {TreeLib} from "../../src/dispute/TreeLib.sol";
import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {Request, Statement, Tensor} from "../../src/interfaces/Types.sol";
import {RequestLib} from "../../src/libraries/RequestLib.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {TensorLib} from "../../src/libraries/TensorLib.sol";
import {GameFixture} from "./support/GameFixture.sol";
import {Levels} from "./support/TraceBook.sol";

/// What a claim is, what it has to show, and what it is good for once it is final.
contract ClaimsTest is GameFixture {
    function test_a_claim_is_named_by_all_that_it_says() public {
        bytes32 claimId = claimed();
        Claim memory c = claims.claimOf(claimId);
        bytes32 requestId = hub.requestIdOf(asked());
        bytes32 outputRoot = StatementLib.outputRoot(claimedOutputs());
        bytes32 traceTree = Levels.root(traceLevels());
        bytes32 expected =
            keccak256(abi.encode(block.chainid, address(claims), requestId, keyDigest, traceTree, outputRoot, PROVER));
        assertEq(claimId, expected);
        assertEq(c.claimant, PROVER);
        assertEq(uint256(c.status), uint256(ClaimStatus.Pending));
        assertEq(c.keyDigest, keyDigest);
        assertEq(c.requestId, requestId);
        assertEq(c.inputRoot, asked().inputRoot);
        assertEq(c.outputRoot, outputRoot);
        assertEq(c.traceTree, traceTree);
        assertEq(c.windowEnd, block.timestamp + 1000);
    }

    function test_the_event_carries_the_top_and_where_the_trace_is() public {
        Request memory r = assigned();
        Claim memory c;
        (c.requestId, c.traceTree) = (hub.requestIdOf(r), Levels.root(traceLevels()));
        c.outputRoot = StatementLib.outputRoot(claimedOutputs());
        bytes32 claimId = keccak256(
            abi.encode(block.chainid, address(claims), c.requestId, keyDigest, c.traceTree, c.outputRoot, PROVER)
        );
        bytes32[] memory top = claimedTop();
        assertEq(top.length, 32);
        uint64 end = uint64(block.timestamp) + 1000;
        vm.expectEmit(address(claims));
        emit IOptimisticClaims.Claimed(
            claimId, c.requestId, PROVER, keyDigest, r.inputRoot, c.outputRoot, c.traceTree, end, top, "ipfs://trace"
        );
        claimAs(PROVER, r);
    }

    function test_rejects_a_claim_by_anybody_but_the_assigned_prover() public {
        Request memory r = assigned();
        bytes32 requestId = hub.requestIdOf(r);
        _expectClaimRefused(
            r, STRANGER, abi.encodeWithSelector(Claims.NotAssigned.selector, requestId, STRANGER, PROVER)
        );
    }

    function test_rejects_a_claim_for_a_request_that_nobody_took_on() public {
        Request memory r = assigned();
        r.nonce = 777;
        openRequest(r);
        bytes32 requestId = hub.requestIdOf(r);
        _expectClaimRefused(
            r, PROVER, abi.encodeWithSelector(Claims.NotAssigned.selector, requestId, PROVER, address(0))
        );
    }

    function test_rejects_a_claim_after_the_assignment_was_taken_back() public {
        Request memory r = assigned();
        skip(r.proveWindow);
        hub.expire(r);
        bytes32 requestId = hub.requestIdOf(r);
        _expectClaimRefused(
            r, PROVER, abi.encodeWithSelector(Claims.NotAssigned.selector, requestId, PROVER, address(0))
        );
    }

    function test_rejects_a_request_that_does_not_allow_the_route() public {
        Request memory r = aRequest();
        openRequest(r);
        assign(r);
        _expectClaimRefused(r, PROVER, abi.encodeWithSelector(RequestLib.RouteNotPinned.selector, 3));
    }

    function test_rejects_a_key_that_is_not_registered_here() public {
        bytes32 unknown = keccak256("unknown");
        Request memory r = _requestWithKey(unknown);
        _expectClaimRefused(r, PROVER, abi.encodeWithSelector(DisputeEvidence.UnknownKey.selector, unknown));
    }

    function test_rejects_a_key_of_another_model() public {
        Request memory r = _requestWithKey(keyDigest);
        bytes32 other = registry.modelIdOf(registrationId);
        _expectClaimRefused(r, PROVER, abi.encodeWithSelector(DisputeEvidence.OtherModel.selector, modelId, other));
    }

    function test_rejects_any_other_bond() public {
        Request memory r = assigned();
        uint256 bond = terms().claimBond;
        for (uint256 i = 0; i < 2; ++i) {
            uint256 sent = i == 0 ? bond - 1 : bond + 1;
            vm.expectRevert(abi.encodeWithSelector(Claims.WrongValue.selector, sent, bond));
            vm.prank(PROVER);
            claims.claim{value: sent}(r, claimedOutputs(), claimedTop(), outputPaths(), "");
        }
    }

    function test_rejects_a_claim_with_the_wrong_number_of_ops() public {
        Request memory r = assigned();
        for (uint256 length = 31; length <= 33; length += 2) {
            bytes32[] memory top = new bytes32[](length);
            vm.expectRevert(abi.encodeWithSelector(ClaimLib.TopLength.selector, 32, length));
            _claimWith(r, claimedOutputs(), top, outputPaths());
        }
    }

    function test_rejects_an_op_hidden_in_the_padding() public {
        Request memory r = assigned();
        bytes32[] memory top = claimedTop();
        bytes32 padding = TreeLib.zero(TOP_HEIGHT);
        for (uint256 i = 20; i < 32; ++i) {
            assertEq(top[i], padding);
        }
        top[20] = keccak256("a 41st op");
        vm.expectRevert(abi.encodeWithSelector(ClaimLib.PaddingNotZero.selector, 20, padding, top[20]));
        _claimWith(r, claimedOutputs(), top, outputPaths());
    }

    function test_rejects_a_false_output_root_over_a_correct_trace() public {
        Request memory r = assigned();
        bytes32[] memory top = claimedTop();
        bytes32[][] memory paths = outputPaths();
        Tensor[] memory outputs_ = claimedOutputs();
        outputs_[0].data[3] ^= 0x01;
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        _claimWith(r, outputs_, top, paths);
    }

    function test_rejects_outputs_of_another_op() public {
        Request memory r = assigned();
        Tensor[] memory outputs_ = claimedOutputs();
        outputs_[0].data = dataOf(SHORT); // of the same shape, and in the trace
        bytes32[][] memory paths = outputPaths();
        paths[0] = Levels.siblings(traceLevels(), 0, SHORT, TOP_HEIGHT);
        vm.expectPartialRevert(TreeLib.OtherRoot.selector);
        _claimWith(r, outputs_, claimedTop(), paths);
    }

    function test_rejects_outputs_that_do_not_fit_their_ports() public {
        Request memory r = assigned();
        bytes32[] memory top = claimedTop();
        bytes32[][] memory paths = outputPaths();
        Tensor[] memory outputs_ = claimedOutputs();
        outputs_[0].width = 8;
        vm.expectRevert(abi.encodeWithSelector(TensorLib.TensorWidthMismatch.selector, 0, 4, 8));
        _claimWith(r, outputs_, top, paths);
        outputs_ = claimedOutputs();
        outputs_[0].dims[0] = 4;
        vm.expectPartialRevert(TensorLib.TensorDimsMismatch.selector);
        _claimWith(r, outputs_, top, paths);
        vm.expectRevert(abi.encodeWithSelector(TensorLib.TensorCountMismatch.selector, 1, 0));
        _claimWith(r, new Tensor[](0), top, paths);
    }

    function test_rejects_output_paths_of_the_wrong_number_or_length() public {
        Request memory r = assigned();
        bytes32[] memory top = claimedTop();
        vm.expectRevert(abi.encodeWithSelector(ClaimLib.OutputPathCount.selector, 1, 2));
        _claimWith(r, claimedOutputs(), top, new bytes32[][](2));
        bytes32[][] memory paths = new bytes32[][](1);
        vm.expectRevert(abi.encodeWithSelector(TreeLib.SiblingCount.selector, 1, 0));
        _claimWith(r, claimedOutputs(), top, paths);
    }

    function test_rejects_the_same_claim_again() public {
        bytes32 claimId = claimed();
        _expectClaimRefused(asked(), PROVER, abi.encodeWithSelector(Claims.ClaimExists.selector, claimId));
        skip(1000);
        claims.finalise(claimId);
        _expectClaimRefused(asked(), PROVER, abi.encodeWithSelector(Claims.ClaimExists.selector, claimId));
    }

    function test_is_final_from_the_end_of_the_window_on() public {
        bytes32 claimId = claimed();
        uint256 end = block.timestamp + 1000;
        vm.warp(end - 1);
        vm.expectRevert(abi.encodeWithSelector(Claims.WindowOpen.selector, claimId, end));
        claims.finalise(claimId);
        vm.warp(end);
        vm.expectEmit(address(claims));
        emit IOptimisticClaims.ClaimFinal(claimId);
        vm.prank(STRANGER);
        claims.finalise(claimId);
        assertEq(claims.creditOf(PROVER), terms().claimBond);
        vm.expectRevert(
            abi.encodeWithSelector(Claims.WrongClaimStatus.selector, claimId, ClaimStatus.Final, ClaimStatus.Pending)
        );
        claims.finalise(claimId);
    }

    function test_is_not_final_while_a_challenge_is_open() public {
        bytes32 claimId = claimed();
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 0);
        skip(2000);
        vm.expectRevert(abi.encodeWithSelector(Claims.ChallengesOpen.selector, claimId, 1));
        claims.finalise(claimId);
        claims.timeout(id);
        claims.finalise(claimId);
        assertEq(uint256(claims.claimOf(claimId).status), uint256(ClaimStatus.Final));
    }

    function test_nothing_is_delivered_before_finality() public {
        bytes32 claimId = claimed();
        Request memory r = asked();
        Tensor[] memory outputs_ = claimedOutputs();
        vm.expectRevert(
            abi.encodeWithSelector(Claims.WrongClaimStatus.selector, claimId, ClaimStatus.Pending, ClaimStatus.Final)
        );
        vm.prank(PROVER);
        hub.fulfil(r, 3, outputs_, abi.encode(claimId));
        skip(1000);
        claims.finalise(claimId);
        vm.prank(PROVER);
        hub.fulfil(r, 3, outputs_, abi.encode(claimId));
        assertStatus(r, IInferenceHub.Status.Delivered);
    }

    function test_a_final_claim_convinces_of_its_own_statement_only() public {
        bytes32 claimId = claimed();
        skip(1000);
        claims.finalise(claimId);
        Statement memory s = _statement();
        bytes memory proof = abi.encode(claimId);
        claims.verify(keyDigest, s, proof);
        vm.expectRevert(abi.encodeWithSelector(Claims.OtherKey.selector, keyDigest, KEY_1));
        claims.verify(KEY_1, s, proof);
        s.modelId = KEY_1;
        vm.expectRevert(abi.encodeWithSelector(Claims.OtherModel.selector, modelId, KEY_1));
        claims.verify(keyDigest, s, proof);
        s = _statement();
        s.inputRoot = KEY_1;
        vm.expectRevert(abi.encodeWithSelector(Claims.OtherInput.selector, _statement().inputRoot, KEY_1));
        claims.verify(keyDigest, s, proof);
        s = _statement();
        s.outputRoot = KEY_1;
        vm.expectRevert(abi.encodeWithSelector(Claims.OtherOutput.selector, _statement().outputRoot, KEY_1));
        claims.verify(keyDigest, s, proof);
        vm.expectRevert(abi.encodeWithSelector(Claims.ProofMalformed.selector, 32, 33));
        claims.verify(keyDigest, _statement(), bytes.concat(proof, hex"00"));
        vm.expectRevert(
            abi.encodeWithSelector(Claims.WrongClaimStatus.selector, KEY_1, ClaimStatus.None, ClaimStatus.Final)
        );
        claims.verify(keyDigest, _statement(), abi.encode(KEY_1));
    }

    function _statement() private view returns (Statement memory) {
        return Statement(modelId, asked().inputRoot, StatementLib.outputRoot(claimedOutputs()));
    }

    /// A request for the fixture's other registration, with this key bound to it.
    function _requestWithKey(bytes32 key) private returns (Request memory r) {
        vm.prank(MODEL_OWNER);
        registry.bindKey(registrationId, 3, SELECTOR_3, key);
        r = aRequest();
        (r.routes[0].route, r.routes[0].selector, r.routes[0].keyDigest) = (3, SELECTOR_3, key);
        openRequest(r);
        assign(r);
    }

    function _expectClaimRefused(Request memory r, address claimant, bytes memory reason) private {
        vm.deal(claimant, 100 ether);
        Tensor[] memory outputs_ = claimedOutputs();
        bytes32[] memory top = claimedTop();
        bytes32[][] memory paths = outputPaths();
        vm.expectRevert(reason);
        vm.prank(claimant);
        claims.claim{value: terms().claimBond}(r, outputs_, top, paths, "");
    }

    function _claimWith(Request memory r, Tensor[] memory outputs_, bytes32[] memory top, bytes32[][] memory paths)
        private
    {
        vm.prank(PROVER);
        claims.claim{value: terms().claimBond}(r, outputs_, top, paths, "");
    }
}
