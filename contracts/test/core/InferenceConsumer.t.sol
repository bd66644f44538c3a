// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceConsumer} from "../../src/core/InferenceConsumer.sol";
import {AttestedOutput, Request} from "../../src/interfaces/Types.sol";
import {HubFixture} from "../support/HubFixture.sol";
import {RecordingConsumer} from "../support/RecordingConsumer.sol";

/// What the base contract refuses even from the right hub.
contract InferenceConsumerTest is HubFixture {
    RecordingConsumer private consumer;

    function setUp() public override {
        super.setUp();
        consumer = new RecordingConsumer(hub);
        vm.deal(address(consumer), 10 ether);
    }

    function test_accepts_its_own_answer_once() public {
        bytes32 id = _open();
        vm.startPrank(address(hub));
        consumer.onInference(id, _answer());
        assertEq(consumer.calls(), 1);
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.NotOpenedHere.selector, id));
        consumer.onInference(id, _answer());
    }

    function test_rejects_callback_from_anybody_but_the_hub() public {
        bytes32 id = _open();
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.NotTheHub.selector, STRANGER, address(hub)));
        vm.prank(STRANGER);
        consumer.onInference(id, _answer());
    }

    function test_rejects_callback_for_request_opened_by_stranger() public {
        _open();
        bytes32 strangers = keccak256("a request that a stranger opened");
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.NotOpenedHere.selector, strangers));
        vm.prank(address(hub));
        consumer.onInference(strangers, _answer());
    }

    function test_nobody_opens_a_request_in_the_consumers_name() public {
        Request memory forged = _request();
        vm.prank(STRANGER);
        vm.expectPartialRevert(bytes4(keccak256("NotTheRequester(address,address)")));
        hub.request{value: 1 ether}(forged, inputs());
        // Nor by signature: this consumer implements no ERC-1271.
        bytes memory signature = signed(forged);
        vm.prank(STRANGER);
        vm.expectPartialRevert(bytes4(keccak256("SignatureInvalid(bytes32,address)")));
        hub.requestSigned(forged, inputs(), signature);
    }

    function test_rejects_another_program_or_input() public {
        bytes32 id = _open();
        AttestedOutput memory other = _answer();
        other.inputRoot = keccak256("another input");
        _expectOther(id, other);
        other = _answer();
        other.registrationId = hashedRegistrationId;
        _expectOther(id, other);
    }

    function test_rejects_a_route_or_key_that_was_not_pinned() public {
        bytes32 id = _open();
        AttestedOutput memory other = _answer();
        other.keyDigest = KEY_2;
        _expectNotPinned(id, other);
        other = _answer();
        other.route = 2;
        _expectNotPinned(id, other);
        other.keyDigest = 0; // what an unset mapping would equal
        _expectNotPinned(id, other);
    }

    function test_an_answer_that_could_not_be_applied_is_still_awaited() public {
        bytes32 id = _open();
        consumer.refuse(true);
        vm.startPrank(address(hub));
        vm.expectRevert(RecordingConsumer.NotNow.selector);
        consumer.onInference(id, _answer());
        assertTrue(consumer.isAwaited(id));
        consumer.refuse(false);
        consumer.onInference(id, _answer());
        assertEq(consumer.calls(), 1);
    }

    function test_rejects_opening_for_somebody_else() public {
        Request memory forged = _request();
        forged.requester = STRANGER;
        vm.expectRevert(abi.encodeWithSelector(InferenceConsumer.RequesterIsNotThis.selector, STRANGER));
        consumer.open(forged, inputs());
    }

    function test_spends_credit_before_its_balance() public {
        Request memory first = _request();
        consumer.open(first, inputs());
        assertEq(address(consumer).balance, 9 ether);
        vm.warp(first.expiry);
        hub.cancel(first);
        assertEq(hub.creditOf(address(consumer)), 1 ether);
        Request memory second = _request();
        second.nonce = 1;
        consumer.open(second, inputs());
        assertEq(address(consumer).balance, 9 ether);
        assertEq(hub.creditOf(address(consumer)), 0);
    }

    function _request() private view returns (Request memory request) {
        request = aRequest();
        (request.requester, request.payer) = (address(consumer), address(consumer));
        request.callbackGas = 300_000;
    }

    function _open() private returns (bytes32) {
        return consumer.open(_request(), inputs());
    }

    function _answer() private view returns (AttestedOutput memory) {
        return AttestedOutput(registrationId, _request().inputRoot, 1, KEY_1, outputs());
    }

    function _expectOther(bytes32 id, AttestedOutput memory other) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                InferenceConsumer.OtherProgramOrInput.selector, id, other.registrationId, other.inputRoot
            )
        );
        vm.prank(address(hub));
        consumer.onInference(id, other);
    }

    function _expectNotPinned(bytes32 id, AttestedOutput memory other) private {
        vm.expectRevert(
            abi.encodeWithSelector(InferenceConsumer.KeyNotPinned.selector, id, other.route, other.keyDigest)
        );
        vm.prank(address(hub));
        consumer.onInference(id, other);
    }
}
