// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Credits} from "../../src/core/Credits.sol";
import {InferenceHub} from "../../src/core/InferenceHub.sol";
import {ModelRegistry} from "../../src/core/ModelRegistry.sol";
import {UnorderedNonces} from "../../src/core/UnorderedNonces.sol";
import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {Request, RoutePin, Tensor} from "../../src/interfaces/Types.sol";
import {RequestLib} from "../../src/libraries/RequestLib.sol";
import {TensorLib} from "../../src/libraries/TensorLib.sol";
import {HubFixture} from "../support/HubFixture.sol";

/// What it takes to open a request, and who pays for it.
contract InferenceHubRequestTest is HubFixture {
    function test_opens_and_announces_everything_a_prover_needs() public {
        Request memory r = aRequest();
        bytes32 id = hub.requestIdOf(r);
        vm.expectEmit();
        emit IInferenceHub.Requested(id, registrationId, REQUESTER, r, inputs());
        assertEq(openRequest(r), id);
        assertStatus(r, IInferenceHub.Status.Open);
        assertEq(address(hub).balance, 1 ether);
        assertEq(hub.bondOf(r), 1.5 ether);
    }

    function test_id_is_the_eip712_digest() public view {
        Request memory r = aRequest();
        bytes32 pinHash = keccak256("RoutePin(uint8 route,bytes4 selector,bytes32 keyDigest)");
        bytes32 pin = keccak256(abi.encode(pinHash, uint8(1), SELECTOR_1, KEY_1));
        bytes32 typeHash = keccak256(
            "Request(address requester,address payer,bytes32 registrationId,bytes32 inputRoot,RoutePin[] routes,uint128 fee,uint128 bond,uint64 proveWindow,uint64 expiry,uint32 callbackGas,uint256 nonce)RoutePin(uint8 route,bytes4 selector,bytes32 keyDigest)"
        );
        bytes memory fields = abi.encode(r.fee, r.bond, r.proveWindow, r.expiry, r.callbackGas, r.nonce);
        bytes32 pinsHash = keccak256(abi.encodePacked(pin));
        bytes memory head = abi.encode(typeHash, r.requester, r.payer, r.registrationId, r.inputRoot, pinsHash);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("inferproof InferenceHub"),
                keccak256("1"),
                block.chainid,
                address(hub)
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, keccak256(bytes.concat(head, fields))));
        assertEq(hub.requestIdOf(r), digest);
    }

    function test_every_field_changes_the_id() public view {
        bytes32[13] memory ids;
        for (uint256 i = 0; i < 13; ++i) {
            ids[i] = hub.requestIdOf(changed(i));
            for (uint256 j = 0; j < i; ++j) {
                assertNotEq(ids[i], ids[j]);
            }
        }
    }

    function test_pays_from_credit_when_no_value_is_sent() public {
        Request memory r = aRequest();
        vm.startPrank(REQUESTER);
        hub.deposit{value: 1.25 ether}();
        hub.request(r, inputs());
        assertEq(hub.creditOf(REQUESTER), 0.25 ether);
        r.nonce = 1;
        vm.expectRevert(abi.encodeWithSelector(Credits.CreditTooLow.selector, REQUESTER, 0.25 ether, 1 ether));
        hub.request(r, inputs());
    }

    function test_rejects_any_value_but_the_fee() public {
        Request memory r = aRequest();
        vm.startPrank(REQUESTER);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.WrongValue.selector, 1 ether - 1, 1 ether));
        hub.request{value: 1 ether - 1}(r, inputs());
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.WrongValue.selector, 1 ether + 1, 1 ether));
        hub.request{value: 1 ether + 1}(r, inputs());
    }

    function test_rejects_a_request_in_somebody_elses_name() public {
        Request memory r = aRequest();
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.NotTheRequester.selector, STRANGER, REQUESTER));
        vm.prank(STRANGER);
        hub.request{value: 1 ether}(r, inputs());
    }

    function test_rejects_a_third_party_as_payer() public {
        Request memory r = aRequest();
        r.payer = STRANGER;
        vm.prank(STRANGER);
        hub.deposit{value: 2 ether}();
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.PayerNotAllowed.selector, STRANGER));
        vm.prank(REQUESTER);
        hub.request{value: 1 ether}(r, inputs());
        bytes memory signature = signed(r);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.PayerNotAllowed.selector, STRANGER));
        hub.requestSigned(r, inputs(), signature);
    }

    function test_rejects_a_nonce_used_twice() public {
        Request memory r = aRequest();
        openRequest(r);
        assertTrue(hub.isNonceUsed(REQUESTER, 0));
        assertFalse(hub.isNonceUsed(REQUESTER, 256));
        r.fee = 0.5 ether;
        vm.expectRevert(abi.encodeWithSelector(UnorderedNonces.NonceAlreadyUsed.selector, REQUESTER, 0));
        vm.prank(REQUESTER);
        hub.request{value: 0.5 ether}(r, inputs());
    }

    function testFuzz_nonces_work_in_any_order_once_each(uint256 first, uint256 second) public {
        vm.assume(first != second);
        Request memory r = aRequest();
        (r.fee, r.bond) = (0, 0);
        r.nonce = first;
        openRequest(r);
        r.nonce = second;
        openRequest(r);
        r.nonce = first;
        r.bond = 1;
        vm.expectRevert(abi.encodeWithSelector(UnorderedNonces.NonceAlreadyUsed.selector, REQUESTER, first));
        vm.prank(REQUESTER);
        hub.request(r, inputs());
    }

    function test_rejects_values_out_of_their_bounds() public {
        Request memory r = aRequest();
        r.bond = 1 ether - 1;
        _expectRefused(r, abi.encodeWithSelector(InferenceHub.BondBelowFee.selector, r.bond, r.fee));
        r = aRequest();
        r.proveWindow = 0;
        _expectRefused(r, abi.encodeWithSelector(InferenceHub.WindowOutOfRange.selector, 0, 30 days));
        r.proveWindow = 30 days + 1;
        _expectRefused(r, abi.encodeWithSelector(InferenceHub.WindowOutOfRange.selector, 30 days + 1, 30 days));
        r = aRequest();
        r.callbackGas = 2_000_001;
        _expectRefused(r, abi.encodeWithSelector(InferenceHub.CallbackGasOverMax.selector, 2_000_001, 2_000_000));
        r = aRequest();
        r.expiry = uint64(block.timestamp);
        bytes32 id = hub.requestIdOf(r);
        _expectRefused(r, abi.encodeWithSelector(InferenceHub.RequestExpired.selector, id, r.expiry));
    }

    function test_rejects_a_deprecated_model_but_finishes_what_was_open() public {
        Request memory r = aRequest();
        openRequest(r);
        vm.prank(MODEL_OWNER);
        registry.deprecate(registrationId);
        assign(r);
        fulfil(r);
        assertStatus(r, IInferenceHub.Status.Delivered);
        r.nonce = 1;
        _expectRefused(r, abi.encodeWithSelector(RequestLib.ModelDeprecated.selector, registrationId));
    }

    function test_rejects_an_unknown_registration() public {
        Request memory r = aRequest();
        r.registrationId = keccak256("unknown");
        _expectRefused(r, abi.encodeWithSelector(ModelRegistry.UnknownRegistration.selector, r.registrationId));
    }

    function test_rejects_pins_that_are_not_the_bound_keys() public {
        Request memory r = aRequest();
        RoutePin[6] memory wrong = [
            RoutePin(1, SELECTOR_1, KEY_2),
            RoutePin(1, SELECTOR_2, KEY_1),
            RoutePin(2, SELECTOR_1, KEY_1),
            RoutePin(3, 0, 0), // unbound, and made to look equal to it
            RoutePin(3, SELECTOR_1, KEY_1),
            RoutePin(9, 0, 0)
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            r.routes[0] = wrong[i];
            _expectRefused(
                r,
                abi.encodeWithSelector(
                    RequestLib.PinIsNotTheBoundKey.selector, wrong[i].route, wrong[i].selector, wrong[i].keyDigest
                )
            );
        }
    }

    function test_rejects_no_pins_five_pins_and_a_route_pinned_twice() public {
        Request memory r = aRequest();
        r.routes = new RoutePin[](0);
        _expectRefused(r, abi.encodeWithSelector(RequestLib.PinCount.selector, 0, 4));
        r.routes = new RoutePin[](5);
        _expectRefused(r, abi.encodeWithSelector(RequestLib.PinCount.selector, 5, 4));
        r.routes = pins(2);
        r.routes[1] = r.routes[0];
        _expectRefused(r, abi.encodeWithSelector(RequestLib.DuplicateRoute.selector, 1));
    }

    function test_rejects_a_pin_whose_verifier_is_stopped() public {
        Request memory r = aRequest();
        stopVerifier(SELECTOR_1);
        _expectRefused(r, abi.encodeWithSelector(RequestLib.RouteNotLive.selector, 1, SELECTOR_1));
    }

    function test_rejects_public_inputs_left_out_or_other_than_the_root() public {
        Request memory r = aRequest();
        vm.expectRevert(abi.encodeWithSelector(TensorLib.TensorCountMismatch.selector, 1, 0));
        vm.prank(REQUESTER);
        hub.request{value: 1 ether}(r, new Tensor[](0));
        bytes32 honest = r.inputRoot;
        r.inputRoot = keccak256("another");
        _expectRefused(r, abi.encodeWithSelector(RequestLib.InputRootMismatch.selector, r.inputRoot, honest));
    }

    function test_a_hashed_input_stays_out_of_calldata() public {
        Request memory r = aRequest();
        r.registrationId = hashedRegistrationId;
        _expectRefused(r, abi.encodeWithSelector(RequestLib.HashedInputInCalldata.selector, 1));
        vm.prank(REQUESTER);
        hub.request{value: 1 ether}(r, new Tensor[](0));
        assertStatus(r, IInferenceHub.Status.Open);
    }

    function _expectRefused(Request memory r, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(REQUESTER);
        hub.request{value: r.fee}(r, inputs());
    }
}
