// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceHub} from "../../src/core/InferenceHub.sol";
import {VerifierRouter} from "../../src/core/VerifierRouter.sol";
import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {Request, Tensor} from "../../src/interfaces/Types.sol";
import {RequestLib} from "../../src/libraries/RequestLib.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {DigestVerifier} from "../support/DigestVerifier.sol";
import {HubFixture} from "../support/HubFixture.sol";

/// A request from opening to its end: who may do what until when, and where the money goes.
contract InferenceHubLifeTest is HubFixture {
    IInferenceHub.Status private constant NONE = IInferenceHub.Status.None;
    IInferenceHub.Status private constant OPEN = IInferenceHub.Status.Open;
    IInferenceHub.Status private constant ASSIGNED = IInferenceHub.Status.Assigned;
    IInferenceHub.Status private constant DELIVERED = IInferenceHub.Status.Delivered;
    IInferenceHub.Status private constant REFUNDED = IInferenceHub.Status.Refunded;

    function test_fulfilment_pays_fee_and_bond_to_the_prover() public {
        Request memory r = reached(ASSIGNED);
        bytes32 id = hub.requestIdOf(r);
        vm.expectEmit();
        emit IInferenceHub.Delivered(id, PROVER, 1, StatementLib.outputRoot(outputs()), outputs());
        fulfil(r);
        assertStatus(r, DELIVERED);
        assertEq(hub.creditOf(PROVER), 2.5 ether);
        vm.prank(PROVER);
        hub.withdraw(2.5 ether);
        assertEq(PROVER.balance, 101 ether);
        assertEq(address(hub).balance, 0);
    }

    function test_each_action_works_in_exactly_its_own_statuses() public {
        IInferenceHub.Status[5] memory all = [NONE, OPEN, ASSIGNED, DELIVERED, REFUNDED];
        for (uint256 i = 0; i < all.length; ++i) {
            Request memory r = reached(all[i]);
            _expectOnlyIn(r, all[i], OPEN, abi.encodeCall(hub.assign, (r)));
            _expectOnlyIn(r, all[i], OPEN, abi.encodeCall(hub.cancel, (r)));
            _expectOnlyIn(r, all[i], ASSIGNED, abi.encodeCall(hub.fulfil, (r, 1, outputs(), proofFor(r, 0))));
            _expectOnlyIn(r, all[i], ASSIGNED, abi.encodeCall(hub.expire, (r)));
            _expectOnlyIn(r, all[i], ASSIGNED, abi.encodeCall(hub.voidAssignment, (r)));
            _expectOnlyIn(r, all[i], DELIVERED, abi.encodeCall(hub.retryCallback, (r, outputs())));
        }
    }

    function test_a_request_changed_in_calldata_is_unknown() public {
        Request memory r = reached(ASSIGNED);
        r.fee += 1 ether;
        bytes32 id = hub.requestIdOf(r);
        bytes memory proof = proofFor(r, 0);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.WrongStatus.selector, id, NONE, ASSIGNED));
        vm.prank(PROVER);
        hub.fulfil(r, 1, outputs(), proof);
    }

    // Assignment

    function test_assignment_takes_exactly_the_bond() public {
        Request memory r = reached(OPEN);
        vm.startPrank(PROVER);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.WrongValue.selector, 1.5 ether - 1, 1.5 ether));
        hub.assign{value: 1.5 ether - 1}(r);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.WrongValue.selector, 1.5 ether + 1, 1.5 ether));
        hub.assign{value: 1.5 ether + 1}(r);
        vm.expectEmit();
        emit IInferenceHub.Assigned(hub.requestIdOf(r), PROVER, 1.5 ether, uint64(block.timestamp) + 600);
        hub.assign{value: 1.5 ether}(r);
        assertEq(hub.stateOf(hub.requestIdOf(r)).prover, PROVER);
    }

    function test_assignment_until_just_before_expiry() public {
        Request memory r = reached(OPEN);
        bytes32 id = hub.requestIdOf(r);
        vm.warp(r.expiry);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.RequestExpired.selector, id, r.expiry));
        vm.prank(PROVER);
        hub.assign{value: 1.5 ether}(r);
        vm.warp(r.expiry - 1);
        assign(r);
        assertStatus(r, ASSIGNED);
    }

    function test_rejects_assignment_without_a_live_route() public {
        Request memory r = reached(OPEN);
        stopVerifier(SELECTOR_1);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.NoLiveRoute.selector, hub.requestIdOf(r)));
        vm.prank(PROVER);
        hub.assign{value: 1.5 ether}(r);
    }

    // Fulfilment

    function test_a_copied_proof_pays_nobody_else() public {
        Request memory r = reached(ASSIGNED);
        bytes memory proof = proofFor(r, 0);
        bytes32 id = hub.requestIdOf(r);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.NotTheProver.selector, id, STRANGER, PROVER));
        vm.prank(STRANGER);
        hub.fulfil(r, 1, outputs(), proof);
    }

    function test_fulfilment_until_just_before_the_deadline() public {
        Request memory r = reached(ASSIGNED);
        bytes memory proof = proofFor(r, 0);
        uint256 deadline = block.timestamp + 600;
        vm.warp(deadline);
        bytes32 id = hub.requestIdOf(r);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.DeadlinePassed.selector, id, deadline));
        vm.prank(PROVER);
        hub.fulfil(r, 1, outputs(), proof);
        vm.warp(deadline - 1);
        fulfil(r);
        assertStatus(r, DELIVERED);
    }

    function test_rejects_outputs_that_the_proof_is_not_about() public {
        Request memory r = reached(ASSIGNED);
        bytes memory proof = proofFor(r, 0);
        Tensor[] memory forged = outputs();
        forged[0].data[11] = 0x0a;
        vm.expectRevert(abi.encodeWithSelector(DigestVerifier.NotTheProof.selector, KEY_1));
        vm.prank(PROVER);
        hub.fulfil(r, 1, forged, proof);
    }

    function test_rejects_a_proof_for_another_input() public {
        Request memory r = reached(ASSIGNED);
        Request memory other = aRequest();
        other.inputRoot = keccak256("another input");
        bytes memory proof = proofFor(other, 0);
        vm.expectRevert(abi.encodeWithSelector(DigestVerifier.NotTheProof.selector, KEY_1));
        vm.prank(PROVER);
        hub.fulfil(r, 1, outputs(), proof);
    }

    function test_rejects_a_route_that_the_request_did_not_pin() public {
        Request memory r = reached(ASSIGNED);
        Request memory other = aRequest();
        other.routes = pins(2);
        bytes memory proof = proofFor(other, 1);
        vm.expectRevert(abi.encodeWithSelector(RequestLib.RouteNotPinned.selector, 2));
        vm.prank(PROVER);
        hub.fulfil(r, 2, outputs(), proof);
    }

    function test_any_pinned_route_delivers_under_its_own_key() public {
        Request memory r = aRequest();
        r.routes = pins(2);
        openRequest(r);
        assign(r);
        bytes memory underKey1 = proofFor(r, 0);
        bytes memory underKey2 = proofFor(r, 1);
        vm.startPrank(PROVER);
        vm.expectRevert(abi.encodeWithSelector(DigestVerifier.NotTheProof.selector, KEY_2));
        hub.fulfil(r, 2, outputs(), underKey1);
        hub.fulfil(r, 2, outputs(), underKey2);
        assertEq(hub.stateOf(hub.requestIdOf(r)).route, 2);
    }

    function test_a_stopped_verifier_delivers_nothing() public {
        Request memory r = reached(ASSIGNED);
        bytes memory proof = proofFor(r, 0);
        stopVerifier(SELECTOR_1);
        vm.expectRevert(abi.encodeWithSelector(VerifierRouter.SelectorNotLive.selector, SELECTOR_1, 2));
        vm.prank(PROVER);
        hub.fulfil(r, 1, outputs(), proof);
    }

    // Expiry

    function test_expiry_from_exactly_the_deadline() public {
        Request memory r = reached(ASSIGNED);
        uint256 deadline = block.timestamp + 600;
        bytes32 id = hub.requestIdOf(r);
        vm.warp(deadline - 1);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.DeadlineNotReached.selector, id, deadline));
        hub.expire(r);
        vm.warp(deadline);
        vm.expectEmit();
        emit IInferenceHub.Reopened(id, PROVER, 3 ether);
        hub.expire(r);
        assertStatus(r, OPEN);
        assertEq(hub.creditOf(REQUESTER), 1.5 ether);
    }

    function test_bond_doubles_three_times_and_then_the_fee_is_refunded() public {
        Request memory r = reached(OPEN);
        uint256 forfeited = 0;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 bond = 1.5 ether << i;
            assertStatus(r, OPEN);
            assertEq(hub.bondOf(r), bond);
            assign(r);
            skip(600);
            hub.expire(r);
            forfeited += bond;
        }
        assertStatus(r, REFUNDED);
        assertEq(hub.creditOf(REQUESTER), forfeited + 1 ether);
        assertEq(address(hub).balance, forfeited + 1 ether);
    }

    function test_a_later_prover_delivers_under_a_doubled_bond() public {
        Request memory r = reached(ASSIGNED);
        skip(600);
        hub.expire(r);
        assign(r);
        fulfil(r);
        assertEq(hub.creditOf(PROVER), 1 ether + 3 ether);
        assertEq(hub.creditOf(REQUESTER), 1.5 ether);
    }

    function test_an_assignment_that_outlives_the_request_ends_in_a_refund() public {
        Request memory r = reached(OPEN);
        vm.warp(r.expiry - 1);
        assign(r);
        vm.warp(r.expiry + 599);
        hub.expire(r);
        assertStatus(r, REFUNDED);
        assertEq(hub.creditOf(REQUESTER), 2.5 ether);
    }

    function test_forfeited_bond_is_the_requesters_and_the_fee_the_sponsors() public {
        Request memory r = aRequest();
        r.payer = address(0);
        bytes memory signature = signed(r);
        vm.prank(STRANGER);
        hub.requestSigned{value: 1 ether}(r, inputs(), signature);
        assign(r);
        vm.warp(r.expiry);
        hub.expire(r);
        assertEq(hub.creditOf(REQUESTER), 1.5 ether);
        assertEq(hub.creditOf(STRANGER), 1 ether);
    }

    // Cancelling

    function test_only_the_requester_cancels_before_expiry_and_anybody_from_then_on() public {
        Request memory r = reached(OPEN);
        bytes32 id = hub.requestIdOf(r);
        vm.warp(r.expiry - 1);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.NotExpired.selector, id, r.expiry));
        vm.prank(STRANGER);
        hub.cancel(r);
        vm.warp(r.expiry);
        vm.expectEmit();
        emit IInferenceHub.Refunded(id, REQUESTER, 1 ether);
        vm.prank(STRANGER);
        hub.cancel(r);
        assertEq(hub.creditOf(REQUESTER), 1 ether);
        assertStatus(r, REFUNDED);
    }

    function _expectOnlyIn(
        Request memory r,
        IInferenceHub.Status actual,
        IInferenceHub.Status expected,
        bytes memory action
    ) private {
        if (actual == expected) return;
        bytes memory refused =
            abi.encodeWithSelector(InferenceHub.WrongStatus.selector, hub.requestIdOf(r), actual, expected);
        vm.prank(PROVER);
        (bool accepted, bytes memory reason) = address(hub).call(action);
        assertFalse(accepted);
        assertEq(reason, refused);
    }
}
