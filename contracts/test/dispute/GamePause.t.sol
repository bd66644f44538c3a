// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Challenges} from "../../src/dispute/Challenges.sol";
import {Claims} from "../../src/dispute/Claims.sol";
import {ClaimStatus, DescriptorProof, FaultProof, Opening, Phase} from "../../src/dispute/DisputeTypes.sol";
import {GameClock} from "../../src/dispute/GameClock.sol";
import {IOptimisticClaims} from "../../src/dispute/IOptimisticClaims.sol";
import {Request} from "../../src/interfaces/Types.sol";
import {GameFixture} from "./support/GameFixture.sol";

/// A pause stands still, refunds, and pays nobody else.
contract GamePauseTest is GameFixture {
    bytes32 private claimId;

    function setUp() public override {
        super.setUp();
        claimId = claimed();
    }

    function test_game_time_stands_still_in_a_pause() public {
        uint64 start = claims.gameTime();
        assertEq(start, block.timestamp);
        skip(10);
        _pause();
        assertTrue(claims.paused());
        skip(3 days);
        assertEq(claims.gameTime(), start + 10);
        vm.prank(GUARDIAN);
        vm.expectEmit(address(claims));
        emit IOptimisticClaims.Unpaused(block.timestamp);
        claims.unpause();
        assertFalse(claims.paused());
        assertEq(claims.gameTime(), start + 10);
        skip(5);
        assertEq(claims.gameTime(), start + 15);
        skip(7 days);
        _pause();
        skip(1 days);
        vm.prank(GUARDIAN);
        claims.unpause();
        assertEq(claims.gameTime(), start + 15 + 7 days);
    }

    function test_windows_and_clocks_go_on_where_they_stood() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        skip(199);
        _pause();
        skip(2 days);
        vm.prank(GUARDIAN);
        claims.unpause();
        answer(id);
        uint64 end = claims.claimOf(claimId).windowEnd;
        assertEq(end - claims.gameTime(), 1000 - 199);
        skip(800);
        vm.expectRevert(abi.encodeWithSelector(Claims.WindowOpen.selector, claimId, end));
        claims.finalise(claimId);
        claims.timeout(id);
        skip(1);
        claims.finalise(claimId);
    }

    function test_no_move_is_possible_in_a_pause() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        Request memory r = asked();
        _pause();
        DescriptorProof memory none;
        FaultProof memory fault;
        bytes32[] memory path;
        bytes[] memory calls = new bytes[](13);
        calls[0] = abi.encodeCall(claims.claim, (r, claimedOutputs(), claimedTop(), outputPaths(), ""));
        calls[1] = abi.encodeCall(claims.finalise, (claimId));
        calls[2] = abi.encodeCall(claims.commit, (claimId, SALT));
        calls[3] = abi.encodeCall(claims.proveFault, (fault));
        calls[4] = abi.encodeCall(claims.open, (id, 0, SALT, 0, path, none));
        calls[5] = abi.encodeCall(claims.pickNode, (id, 0, 0, path, none));
        calls[6] = abi.encodeCall(claims.pickElement, (id, 0, "", path));
        calls[7] = abi.encodeCall(claims.pickRange, (id, 0, 0, 0, path));
        calls[8] = abi.encodeCall(claims.prove, (id, "", new Opening[](0)));
        calls[9] = abi.encodeCall(claims.reveal, (id, ""));
        calls[10] = abi.encodeCall(claims.revealTensor, (id, "", 0, ""));
        calls[11] = abi.encodeCall(claims.revealSums, (id, "", ""));
        calls[12] = abi.encodeCall(claims.timeout, (id));
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool accepted, bytes memory reason) = address(claims).call(calls[i]);
            assertFalse(accepted);
            assertEq(reason, abi.encodeWithSelector(GameClock.IsPaused.selector, block.timestamp));
        }
    }

    function test_only_the_guardian_pauses_and_cancels() public {
        bytes memory refused = abi.encodeWithSelector(GameClock.NotTheGuardian.selector, STRANGER, GUARDIAN);
        vm.startPrank(STRANGER);
        vm.expectRevert(refused);
        claims.pause();
        vm.expectRevert(refused);
        claims.cancel(claimId);
    }

    function test_a_pause_ends_by_the_guardian_or_after_7_days_by_anybody() public {
        vm.expectRevert(GameClock.NotPaused.selector);
        claims.unpause();
        _pause();
        uint256 over = block.timestamp + 7 days;
        vm.warp(over - 1);
        vm.expectRevert(abi.encodeWithSelector(GameClock.PauseNotOver.selector, over));
        vm.prank(STRANGER);
        claims.unpause();
        vm.warp(over);
        vm.prank(STRANGER);
        claims.unpause();
        assertFalse(claims.paused());
    }

    function test_pauses_are_7_days_apart() public {
        _pause();
        vm.expectRevert(abi.encodeWithSelector(GameClock.IsPaused.selector, block.timestamp));
        this.pauseAgain();
        vm.prank(GUARDIAN);
        claims.unpause();
        uint256 next = block.timestamp + 7 days;
        vm.warp(next - 1);
        vm.expectRevert(abi.encodeWithSelector(GameClock.PauseTooSoon.selector, next));
        this.pauseAgain();
        vm.warp(next);
        _pause();
    }

    function test_cancelling_gives_everybody_their_own_bond_back() public {
        bytes32 first = opened(CHALLENGER, claimId, SMALL);
        bytes32 second = commitAs(SECOND, claimId, 1, 0);
        _pause();
        vm.expectEmit(address(claims));
        emit IOptimisticClaims.ClaimCancelled(claimId);
        vm.prank(GUARDIAN);
        claims.cancel(claimId);
        claims.settle(first);
        claims.settle(second);
        assertEq(claims.creditOf(PROVER), terms().claimBond);
        assertEq(claims.creditOf(CHALLENGER), 1 ether);
        assertEq(claims.creditOf(SECOND), 1 ether);
        assertEq(claims.burnt(), 0);
        assertEq(address(claims).balance, terms().claimBond + 2 ether);
        assertEq(uint256(phaseOf(first)), uint256(Phase.Settled));
        vm.prank(CHALLENGER);
        claims.withdraw(1 ether); // in the pause
    }

    function test_rejects_cancelling_outside_a_pause_or_what_is_over() public {
        vm.expectRevert(GameClock.NotPaused.selector);
        vm.prank(GUARDIAN);
        claims.cancel(claimId);
        skip(1000);
        claims.finalise(claimId);
        _pause();
        vm.expectRevert(
            abi.encodeWithSelector(Claims.WrongClaimStatus.selector, claimId, ClaimStatus.Final, ClaimStatus.Pending)
        );
        vm.prank(GUARDIAN);
        claims.cancel(claimId);
    }

    function test_a_cancelled_claim_convinces_of_nothing_and_cannot_be_challenged() public {
        _pause();
        vm.startPrank(GUARDIAN);
        claims.cancel(claimId);
        claims.unpause();
        vm.stopPrank();
        bytes memory over = abi.encodeWithSelector(
            Claims.WrongClaimStatus.selector, claimId, ClaimStatus.Cancelled, ClaimStatus.Pending
        );
        vm.expectRevert(over);
        claims.commit{value: 1 ether}(claimId, SALT);
        skip(1000);
        vm.expectRevert(over);
        claims.finalise(claimId);
    }

    function pauseAgain() external {
        _pause();
    }

    function _pause() private {
        vm.prank(GUARDIAN);
        claims.pause();
    }
}
