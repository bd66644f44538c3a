// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceHub} from "../../src/core/InferenceHub.sol";
import {UnorderedNonces} from "../../src/core/UnorderedNonces.sol";
import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {Request} from "../../src/interfaces/Types.sol";
import {ContractSigner} from "../support/ContractSigner.sol";
import {HubFixture} from "../support/HubFixture.sol";

/// Requests that their requester signed and somebody else submits.
contract InferenceHubSignedTest is HubFixture {
    function test_a_cancelled_nonce_kills_a_signed_request() public {
        Request memory r = aRequest();
        r.payer = address(0);
        bytes memory signature = signed(r);
        vm.startPrank(REQUESTER);
        hub.cancelNonce(0);
        vm.expectRevert(abi.encodeWithSelector(UnorderedNonces.NonceAlreadyUsed.selector, REQUESTER, 0));
        hub.cancelNonce(0);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(UnorderedNonces.NonceAlreadyUsed.selector, REQUESTER, 0));
        vm.prank(STRANGER);
        hub.requestSigned{value: 1 ether}(r, inputs(), signature);
    }

    function test_signed_request_paid_by_whoever_submits_is_refunded_to_them() public {
        Request memory r = aRequest();
        r.payer = address(0);
        bytes memory signature = signed(r);
        vm.prank(STRANGER);
        hub.requestSigned{value: 1 ether}(r, inputs(), signature);
        vm.prank(REQUESTER);
        hub.cancel(r);
        assertEq(hub.creditOf(STRANGER), 1 ether);
        assertEq(hub.creditOf(REQUESTER), 0);
    }

    function test_signed_request_paid_by_the_requesters_credit() public {
        Request memory r = aRequest();
        bytes memory signature = signed(r);
        vm.prank(REQUESTER);
        hub.deposit{value: 3 ether}();
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.WrongValue.selector, 1 ether, 0));
        vm.prank(STRANGER);
        hub.requestSigned{value: 1 ether}(r, inputs(), signature);
        vm.prank(STRANGER);
        hub.requestSigned(r, inputs(), signature);
        assertEq(hub.creditOf(REQUESTER), 2 ether);
        vm.prank(REQUESTER);
        hub.cancel(r);
        assertEq(hub.creditOf(REQUESTER), 3 ether);
        assertEq(hub.creditOf(STRANGER), 0);
    }

    function test_submitters_credit_is_never_touched_by_a_signed_request() public {
        Request memory r = aRequest();
        r.payer = address(0);
        bytes memory signature = signed(r);
        vm.startPrank(STRANGER);
        hub.deposit{value: 5 ether}();
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.WrongValue.selector, 0, 1 ether));
        hub.requestSigned(r, inputs(), signature);
    }

    function test_rejects_a_signature_over_anything_else() public {
        bytes memory signature = signed(changed(0));
        for (uint256 i = 1; i < 13; ++i) {
            Request memory r = changed(i);
            bytes32 id = hub.requestIdOf(r);
            vm.expectRevert(abi.encodeWithSelector(InferenceHub.SignatureInvalid.selector, id, r.requester));
            hub.requestSigned(r, inputs(), signature);
        }
    }

    function test_rejects_a_signature_for_another_hub() public {
        InferenceHub other = new InferenceHub(registry, router);
        Request memory r = aRequest();
        r.payer = address(0);
        bytes memory signature = signed(r);
        bytes32 id = other.requestIdOf(r);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.SignatureInvalid.selector, id, REQUESTER));
        other.requestSigned{value: 1 ether}(r, inputs(), signature);
    }

    function test_a_contract_signs_by_erc1271() public {
        ContractSigner signer = new ContractSigner(REQUESTER);
        Request memory r = aRequest();
        (r.requester, r.payer) = (address(signer), address(0));
        bytes memory signature = signed(r);
        vm.prank(STRANGER);
        hub.requestSigned{value: 1 ether}(r, inputs(), signature);
        assertStatus(r, IInferenceHub.Status.Open);
        r.nonce = 1;
        bytes32 id = hub.requestIdOf(r);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.SignatureInvalid.selector, id, address(signer)));
        vm.prank(STRANGER);
        hub.requestSigned{value: 1 ether}(r, inputs(), signature);
    }
}
