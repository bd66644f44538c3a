// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Vm} from "forge-std/Vm.sol";
import {Credits} from "../../src/core/Credits.sol";
import {InferenceConsumer} from "../../src/core/InferenceConsumer.sol";
import {InferenceHub} from "../../src/core/InferenceHub.sol";
import {IInferenceHub} from "../../src/interfaces/IInferenceHub.sol";
import {AttestedOutput, Request, Tensor} from "../../src/interfaces/Types.sol";
import {CallbackLib} from "../../src/libraries/CallbackLib.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {HostileConsumer} from "../support/HostileConsumer.sol";
import {HubFixture} from "../support/HubFixture.sol";
import {RecordingConsumer} from "../support/RecordingConsumer.sol";

/// Delivery to contracts, good and bad: the prover is paid in any case, and a good consumer gets its answer once.
contract InferenceHubCallbackTest is HubFixture {
    uint32 private constant CALLBACK_GAS = 300_000;

    RecordingConsumer private consumer;
    HostileConsumer private hostile;

    function setUp() public override {
        super.setUp();
        consumer = new RecordingConsumer(hub);
        hostile = new HostileConsumer();
        vm.deal(address(consumer), 10 ether);
        vm.deal(address(hostile), 10 ether);
    }

    function test_consumer_gets_the_outputs() public {
        Request memory r = _opened();
        bytes32 id = hub.requestIdOf(r);
        assertTrue(consumer.isAwaited(id));
        assign(r);
        vm.expectEmit();
        emit IInferenceHub.CallbackSucceeded(id, address(consumer));
        fulfil(r);
        assertEq(consumer.lastRequest(), id);
        assertEq(consumer.lastOutputs(), keccak256(abi.encode(outputs())));
        assertEq(consumer.calls(), 1);
        assertFalse(consumer.isAwaited(id));
    }

    function test_no_call_without_callback_gas_or_code() public {
        Request memory r = _requestOf(address(consumer));
        r.callbackGas = 0;
        consumer.open(r, inputs());
        assign(r);
        fulfil(r);
        assertEq(consumer.calls(), 0);

        Request memory toAnAccount = aRequest();
        toAnAccount.callbackGas = CALLBACK_GAS;
        openRequest(toAnAccount);
        assign(toAnAccount);
        vm.recordLogs();
        fulfil(toAnAccount);
        assertEq(vm.getRecordedLogs().length, 1, "only Delivered");
    }

    function test_no_consumer_can_block_the_provers_pay() public {
        for (uint256 i = 0; i < 5; ++i) {
            Request memory r = _assignedToHostile(HostileConsumer.Attack(i), new bytes[](0), i);
            uint256 credit = hub.creditOf(PROVER);
            bytes memory proof = proofFor(r, 0);
            vm.recordLogs();
            vm.prank(PROVER);
            uint256 before = gasleft();
            hub.fulfil{gas: 800_000}(r, 1, outputs(), proof);
            assertLt(before - gasleft(), 800_000);
            assertStatus(r, IInferenceHub.Status.Delivered);
            assertEq(hub.creditOf(PROVER), credit + 2.5 ether);
            bytes32 event_ = i == 3 ? IInferenceHub.CallbackSucceeded.selector : IInferenceHub.CallbackFailed.selector;
            assertEq(_lastLog().topics[0], event_);
        }
    }

    function test_a_returndata_bomb_is_cut_to_256_bytes() public {
        Request memory r = _assignedToHostile(HostileConsumer.Attack.RevertWithBomb, new bytes[](0), 0);
        vm.recordLogs();
        fulfil(r);
        bytes memory reason = abi.decode(_lastLog().data, (bytes));
        assertEq(reason.length, 256);
    }

    function test_too_little_gas_never_makes_a_good_consumer_fail() public {
        Request memory r = _opened();
        assign(r);
        bytes memory call = abi.encodeCall(hub.fulfil, (r, 1, outputs(), proofFor(r, 0)));
        uint256 refused = 0;
        for (uint256 limit = 60_000; limit < 700_000; limit += 5_000) {
            vm.prank(PROVER);
            (bool done,) = address(hub).call{gas: limit}(call);
            if (done) break;
            assertStatus(r, IInferenceHub.Status.Assigned);
            ++refused;
        }
        assertGt(refused, 20);
        assertEq(consumer.calls(), 1);
        // What the base contract spends before it hands over is the consumer's own.
        assertGt(consumer.gasOnEntry(), CALLBACK_GAS - 15_000);
    }

    function test_a_delivery_that_passes_the_gas_check_never_runs_out() public {
        Request memory r = _assignedToHostile(HostileConsumer.Attack.BurnGas, new bytes[](0), 0);
        bytes memory call = abi.encodeCall(hub.fulfil, (r, 1, outputs(), proofFor(r, 0)));
        bool checked = false;
        bool done = false;
        for (uint256 limit = 300_000; limit < 600_000 && !done; limit += 500) {
            bytes memory reason;
            vm.prank(PROVER);
            (done, reason) = address(hub).call{gas: limit}(call);
            bool refused = !done && bytes4(reason) == CallbackLib.CallbackGasTooLow.selector;
            assertTrue(done || refused || !checked, "ran out of gas after the check");
            checked = checked || refused;
        }
        assertTrue(checked && done);
        assertEq(hub.creditOf(PROVER), 2.5 ether);
    }

    function test_says_how_much_gas_is_wanted() public {
        Request memory r = _opened();
        assign(r);
        bytes memory proof = proofFor(r, 0);
        vm.expectPartialRevert(CallbackLib.CallbackGasTooLow.selector);
        vm.prank(PROVER);
        hub.fulfil{gas: 350_000}(r, 1, outputs(), proof);
    }

    function test_a_failed_callback_is_retried_by_anybody_once() public {
        Request memory r = _failedOnce();
        bytes32 id = hub.requestIdOf(r);
        assertEq(hub.stateOf(id).undelivered, StatementLib.outputRoot(outputs()));
        consumer.refuse(false);
        vm.expectEmit();
        emit IInferenceHub.CallbackSucceeded(id, address(consumer));
        vm.prank(STRANGER);
        hub.retryCallback(r, outputs());
        assertEq(consumer.calls(), 1);
        assertEq(consumer.lastOutputs(), keccak256(abi.encode(outputs())));
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.NothingToRetry.selector, id));
        hub.retryCallback(r, outputs());
    }

    function test_a_retry_that_fails_changes_nothing() public {
        Request memory r = _failedOnce();
        bytes32 id = hub.requestIdOf(r);
        bytes memory reason = abi.encodeWithSelector(RecordingConsumer.NotNow.selector);
        vm.expectRevert(abi.encodeWithSelector(CallbackLib.CallbackReverted.selector, id, address(consumer), reason));
        hub.retryCallback(r, outputs());
        consumer.refuse(false);
        hub.retryCallback(r, outputs());
        assertEq(consumer.calls(), 1);
    }

    function test_a_retry_brings_its_own_gas() public {
        Request memory r = _requestOf(address(consumer));
        r.callbackGas = 40_000; // too little for the consumer, and its own choice
        consumer.open(r, inputs());
        assign(r);
        fulfil(r);
        assertEq(consumer.calls(), 0);
        hub.retryCallback(r, outputs());
        assertEq(consumer.calls(), 1);
    }

    function test_rejects_a_retry_with_other_outputs() public {
        Request memory r = _failedOnce();
        consumer.refuse(false);
        Tensor[] memory forged = outputs();
        forged[0].data[11] = 0x0a;
        vm.expectRevert(
            abi.encodeWithSelector(
                InferenceHub.OutputRootMismatch.selector,
                StatementLib.outputRoot(outputs()),
                StatementLib.outputRoot(forged)
            )
        );
        hub.retryCallback(r, forged);
    }

    function test_retries_until_just_before_seven_days() public {
        Request memory r = _failedOnce();
        consumer.refuse(false);
        bytes32 id = hub.requestIdOf(r);
        uint256 end = block.timestamp + 7 days;
        vm.warp(end);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.DeadlinePassed.selector, id, end));
        hub.retryCallback(r, outputs());
        vm.warp(end - 1);
        hub.retryCallback(r, outputs());
        assertEq(consumer.calls(), 1);
    }

    function test_rejects_a_retry_of_a_callback_that_worked() public {
        Request memory r = _opened();
        assign(r);
        fulfil(r);
        vm.expectRevert(abi.encodeWithSelector(InferenceHub.NothingToRetry.selector, hub.requestIdOf(r)));
        hub.retryCallback(r, outputs());
        assertEq(consumer.calls(), 1);
    }

    function test_reentering_gains_nothing() public {
        Request memory r = _requestOf(address(hostile));
        r.callbackGas = 2_000_000;
        bytes memory proof = proofFor(r, 0);
        bytes[] memory calls = new bytes[](7);
        calls[0] = abi.encodeCall(hub.fulfil, (r, 1, outputs(), proof));
        calls[1] = abi.encodeCall(hub.retryCallback, (r, outputs()));
        calls[2] = abi.encodeCall(hub.cancel, (r));
        calls[3] = abi.encodeCall(hub.expire, (r));
        calls[4] = abi.encodeCall(hub.voidAssignment, (r));
        calls[5] = abi.encodeCall(hub.withdraw, (1));
        calls[6] = abi.encodeCall(hub.assign, (r));
        _assignToHostile(r, HostileConsumer.Attack.CallBack, calls);
        vm.prank(PROVER);
        hub.fulfil(r, 1, outputs(), proof);

        assertEq(hostile.answerCount(), 7);
        bytes4 guarded = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        bytes4 status = InferenceHub.WrongStatus.selector;
        bytes4[7] memory expected = [guarded, guarded, status, status, status, Credits.CreditTooLow.selector, status];
        for (uint256 i = 0; i < 7; ++i) {
            assertEq(bytes4(hostile.answers(i)), expected[i]);
        }
        assertEq(hub.creditOf(PROVER), 2.5 ether);
        assertEq(address(hub).balance, 2.5 ether);
    }

    function test_a_consumer_may_withdraw_its_own_credit_inside_the_callback() public {
        hostile.act{value: 1 ether}(address(hub), 1 ether, abi.encodeCall(hub.deposit, ()));
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(hub.withdraw, (1 ether));
        Request memory r = _assignedToHostile(HostileConsumer.Attack.CallBack, calls, 0);
        fulfil(r);
        assertEq(hostile.answers(0), "");
        assertEq(hub.creditOf(address(hostile)), 0);
        assertEq(address(hub).balance, 2.5 ether);
    }

    function testFuzz_no_revert_data_or_gas_use_blocks_pay(uint8 attack, uint32 callbackGas, uint24 spare) public {
        Request memory r = _requestOf(address(hostile));
        r.callbackGas = uint32(bound(callbackGas, 1, 2_000_000));
        _assignToHostile(r, HostileConsumer.Attack(attack % 5), new bytes[](0));
        bytes memory proof = proofFor(r, 0);
        vm.prank(PROVER);
        hub.fulfil{gas: uint256(r.callbackGas) + 300_000 + spare}(r, 1, outputs(), proof);
        assertEq(hub.creditOf(PROVER), 2.5 ether);
    }

    function _requestOf(address requester) private view returns (Request memory r) {
        r = aRequest();
        (r.requester, r.payer, r.callbackGas) = (requester, requester, CALLBACK_GAS);
    }

    function _opened() private returns (Request memory r) {
        r = _requestOf(address(consumer));
        consumer.open(r, inputs());
    }

    function _failedOnce() private returns (Request memory r) {
        r = _opened();
        assign(r);
        consumer.refuse(true);
        bytes memory reason = abi.encodeWithSelector(RecordingConsumer.NotNow.selector);
        vm.expectEmit();
        emit IInferenceHub.CallbackFailed(hub.requestIdOf(r), address(consumer), reason);
        fulfil(r);
        assertEq(hub.creditOf(PROVER), 2.5 ether);
    }

    function _assignedToHostile(HostileConsumer.Attack attack, bytes[] memory calls, uint256 nonce)
        private
        returns (Request memory r)
    {
        r = _requestOf(address(hostile));
        r.nonce = nonce;
        _assignToHostile(r, attack, calls);
    }

    function _assignToHostile(Request memory r, HostileConsumer.Attack attack, bytes[] memory calls) private {
        hostile.prepare(attack, calls);
        hostile.act(address(hub), r.fee, abi.encodeCall(hub.request, (r, inputs())));
        assign(r);
    }

    function _lastLog() private returns (Vm.Log memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        return logs[logs.length - 1];
    }
}
