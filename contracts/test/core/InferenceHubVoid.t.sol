// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceHub} from "../../src/core/InferenceHub.sol";
import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {Request} from "../../src/interfaces/Types.sol";
import {HubFixture} from "../support/HubFixture.sol";

/// What a stopped verifier does to the assignments that counted on it (docs/protocol/hub.md section 4).
contract InferenceHubVoidTest is HubFixture {
    IInferenceHub.Status private constant OPEN = IInferenceHub.Status.Open;
    IInferenceHub.Status private constant ASSIGNED = IInferenceHub.Status.Assigned;
    IInferenceHub.Status private constant DELIVERED = IInferenceHub.Status.Delivered;
    IInferenceHub.Status private constant REFUNDED = IInferenceHub.Status.Refunded;

    function test_a_stopped_verifier_voids_the_assignment_and_returns_both_sides_money() public {
        Request memory r = reached(ASSIGNED);
        stopVerifier(SELECTOR_1);
        vm.prank(STRANGER);
        hub.voidAssignment(r);
        assertStatus(r, REFUNDED);
        assertEq(hub.creditOf(PROVER), 1.5 ether);
        assertEq(hub.creditOf(REQUESTER), 1 ether);
    }

    function test_a_void_assignment_never_forfeits_its_bond() public {
        Request memory r = reached(ASSIGNED);
        bytes32 id = hub.requestIdOf(r);
        stopVerifier(SELECTOR_1);
        skip(600);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.AssignmentVoid.selector, id));
        hub.expire(r);
        hub.voidAssignment(r);
        assertEq(hub.creditOf(PROVER), 1.5 ether);
    }

    function test_rejects_voiding_while_every_counted_on_verifier_is_live() public {
        Request memory r = aRequest();
        r.routes = pins(2);
        openRequest(r);
        stopVerifier(SELECTOR_2); // before the assignment, so nobody counted on it
        assign(r);
        bytes32 id = hub.requestIdOf(r);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.AssignmentNotVoid.selector, id));
        vm.prank(PROVER);
        hub.voidAssignment(r);
        skip(600);
        hub.expire(r);
        assertEq(hub.creditOf(REQUESTER), 1.5 ether);
    }

    function test_with_another_route_live_only_the_prover_gives_up_before_the_deadline() public {
        Request memory r = _assignedWithTwoRoutes();
        bytes32 id = hub.requestIdOf(r);
        stopVerifier(SELECTOR_1);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.NotTheProver.selector, id, STRANGER, PROVER));
        vm.prank(STRANGER);
        hub.voidAssignment(r);
        vm.expectEmit();
        emit IInferenceHub.Reopened(id, PROVER, 1.5 ether);
        vm.prank(PROVER);
        hub.voidAssignment(r);
        assertStatus(r, OPEN);
        assertEq(hub.creditOf(PROVER), 1.5 ether);
        assertEq(hub.bondOf(r), 1.5 ether);
        assign(r);
        bytes memory proof = proofFor(r, 1);
        vm.prank(PROVER);
        hub.fulfil(r, 2, outputs(), proof);
        assertStatus(r, DELIVERED);
    }

    function test_with_another_route_live_the_prover_may_still_deliver_by_it() public {
        Request memory r = _assignedWithTwoRoutes();
        stopVerifier(SELECTOR_1);
        bytes memory proof = proofFor(r, 1);
        vm.prank(PROVER);
        hub.fulfil(r, 2, outputs(), proof);
        assertStatus(r, DELIVERED);
    }

    function test_with_another_route_live_anybody_voids_from_the_deadline() public {
        Request memory r = _assignedWithTwoRoutes();
        stopVerifier(SELECTOR_1);
        skip(600);
        vm.prank(STRANGER);
        hub.voidAssignment(r);
        assertStatus(r, OPEN);
        assertEq(hub.creditOf(PROVER), 1.5 ether);
    }

    function test_voiding_an_expired_request_refunds_it() public {
        Request memory r = _assignedWithTwoRoutes();
        stopVerifier(SELECTOR_1);
        vm.warp(r.expiry);
        hub.voidAssignment(r);
        assertStatus(r, REFUNDED);
        assertEq(hub.creditOf(REQUESTER), 1 ether);
    }

    function _assignedWithTwoRoutes() private returns (Request memory r) {
        r = aRequest();
        r.routes = pins(2);
        openRequest(r);
        assign(r);
    }
}
