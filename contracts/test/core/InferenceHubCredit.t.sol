// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Credits} from "../../src/core/Credits.sol";
import {Request} from "../../src/interfaces/Types.sol";
import {HubFixture} from "../support/HubFixture.sol";

/// Deposits, withdrawals, and where the money of whole lives ends up.
contract InferenceHubCreditTest is HubFixture {
    function test_withdraws_own_credit_only() public {
        vm.prank(STRANGER);
        hub.deposit{value: 2 ether}();
        vm.expectRevert(abi.encodeWithSelector(Credits.CreditTooLow.selector, PROVER, 0, 1));
        vm.prank(PROVER);
        hub.withdraw(1);
        vm.startPrank(STRANGER);
        hub.withdraw(0.5 ether);
        assertEq(hub.creditOf(STRANGER), 1.5 ether);
        vm.expectRevert(abi.encodeWithSelector(Credits.CreditTooLow.selector, STRANGER, 1.5 ether, 1.6 ether));
        hub.withdraw(1.6 ether);
    }

    function test_a_refused_withdrawal_leaves_the_credit() public {
        hub.deposit{value: 1 ether}(); // by this test, which cannot receive
        vm.expectRevert(abi.encodeWithSelector(Credits.WithdrawalRefused.selector, address(this), 1 ether));
        hub.withdraw(1 ether);
        assertEq(hub.creditOf(address(this)), 1 ether);
    }

    function test_rejects_money_without_purpose() public {
        (bool accepted,) = address(hub).call{value: 1}("");
        assertFalse(accepted);
    }

    function testFuzz_money_is_where_it_should_be(uint128 fee, uint128 extra, uint8 expiries, bool delivered) public {
        Request memory r = aRequest();
        r.fee = uint128(bound(fee, 0, 10 ether));
        r.bond = r.fee + uint128(bound(extra, 0, 10 ether));
        uint256 rounds = bound(expiries, 0, 3);
        vm.deal(PROVER, 1000 ether);
        openRequest(r);
        for (uint256 i = 0; i < rounds; ++i) {
            assign(r);
            skip(600);
            hub.expire(r);
        }
        uint256 forfeited = uint256(r.bond) * ((1 << rounds) - 1);
        if (delivered) {
            assign(r);
            fulfil(r);
            assertEq(hub.creditOf(PROVER), (uint256(r.bond) << rounds) + r.fee);
            assertEq(hub.creditOf(REQUESTER), forfeited);
        } else {
            vm.prank(REQUESTER);
            hub.cancel(r);
            assertEq(hub.creditOf(REQUESTER), forfeited + r.fee);
        }
        assertEq(address(hub).balance, hub.creditOf(PROVER) + hub.creditOf(REQUESTER));
    }
}
