// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {InferenceHub} from "../../src/core/InferenceHub.sol";
import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {Request} from "../../src/interfaces/Types.sol";
import {HubHandler} from "../support/HubHandler.sol";

/// What holds after any sequence of actions by anybody (docs/protocol/hub.md section 5).
contract InferenceHubInvariants is Test {
    HubHandler private handler;
    InferenceHub private hub;

    function setUp() public {
        handler = new HubHandler();
        handler.start();
        hub = InferenceHub(address(handler.theHub()));
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](15);
        (selectors[0], selectors[1]) = (handler.openDirect.selector, handler.openSponsored.selector);
        (selectors[2], selectors[3]) = (handler.openFromConsumer.selector, handler.openFromHostile.selector);
        // Weighted, so that requests get somewhere.
        (selectors[4], selectors[5], selectors[6]) =
        (handler.assignOne.selector, handler.assignOne.selector, handler.assignOne.selector);
        (selectors[7], selectors[8]) = (handler.fulfilOne.selector, handler.fulfilOne.selector);
        (selectors[9], selectors[10]) = (handler.retryOne.selector, handler.expireOne.selector);
        (selectors[11], selectors[12]) = (handler.stopOne.selector, handler.voidOne.selector);
        (selectors[13], selectors[14]) = (handler.cancelOne.selector, handler.withdrawSome.selector);
        targetSelector(FuzzSelector({addr: address(handler), selectors: selectors}));
        bytes4[] memory rest = new bytes4[](2);
        (rest[0], rest[1]) = (handler.depositSome.selector, handler.elapse.selector);
        targetSelector(FuzzSelector({addr: address(handler), selectors: rest}));
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_hub_keeps_its_promises() public view {
        _balanceIsCreditsPlusEscrow();
        _eachRequestEndsAtMostOnce();
        _aProverIsNamedExactlyWhileAssigned();
    }

    /// The runs above are random; this shows that the handler can reach whatever they are meant to try.
    function test_handler_reaches_every_outcome() public {
        handler.openDirect(1 ether, 0, 0);
        handler.openSponsored(1 ether, 0, 0);
        _deliver(0, false);
        _deliver(0, false);
        handler.openFromConsumer(1 ether, 0, 0);
        _deliver(0, false);
        handler.openFromConsumer(1 ether, 0, 0);
        _deliver(0, true);
        handler.retryOne(0);
        handler.openFromHostile(1 ether, 0, 0);
        _deliver(0, false);
        handler.openDirect(1 ether, 1 ether, 0);
        for (uint256 i = 0; i < 4; ++i) {
            handler.assignOne(0);
            handler.expireOne(0);
        }
        handler.openDirect(1 ether, 0, 0); // from the forfeited bonds
        handler.assignOne(0);
        handler.stopOne(0);
        handler.voidOne(0);
        handler.openFromConsumer(1 ether, 0, 1);
        handler.assignOne(0);
        handler.stopOne(0);
        handler.voidOne(0);
        handler.cancelOne(0);
        handler.withdrawSome(1, 1 ether);
        for (uint256 i = 0; i < handler.OUTCOMES(); ++i) {
            assertGt(handler.reached(HubHandler.Outcome(i)), 0, vm.toString(i));
        }
        invariant_hub_keeps_its_promises();
    }

    function _deliver(uint256 seed, bool refusing) private {
        handler.assignOne(seed);
        handler.fulfilOne(seed, refusing);
    }

    function _balanceIsCreditsPlusEscrow() private view {
        uint256 owed = 0;
        address[5] memory accounts = handler.accounts();
        for (uint256 i = 0; i < accounts.length; ++i) {
            owed += hub.creditOf(accounts[i]);
        }
        for (uint256 i = 0; i < handler.requestCount(); ++i) {
            Request memory r = handler.requestAt(i);
            IInferenceHub.Status status = hub.statusOf(hub.requestIdOf(r));
            if (status == IInferenceHub.Status.Open) owed += r.fee;
            if (status == IInferenceHub.Status.Assigned) owed += r.fee + hub.bondOf(r);
        }
        assertEq(address(hub).balance, owed);
    }

    function _eachRequestEndsAtMostOnce() private view {
        uint256 delivered = 0;
        for (uint256 i = 0; i < handler.requestCount(); ++i) {
            Request memory r = handler.requestAt(i);
            bytes32 id = hub.requestIdOf(r);
            IInferenceHub.Status end = handler.finalStatus(id);
            assertLe(handler.deliveries(id), 1);
            if (end != IInferenceHub.Status.None) assertEq(uint256(hub.statusOf(id)), uint256(end));
            if (r.requester == address(handler.consumer())) delivered += handler.deliveries(id);
        }
        assertLe(handler.consumer().calls(), delivered, "the consumer hears each answer once");
    }

    function _aProverIsNamedExactlyWhileAssigned() private view {
        for (uint256 i = 0; i < handler.requestCount(); ++i) {
            InferenceHub.RequestState memory state = hub.stateOf(hub.requestIdOf(handler.requestAt(i)));
            assertEq(state.prover != address(0), state.status == IInferenceHub.Status.Assigned);
            assertLe(state.expired, 3);
        }
    }
}
