// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Challenges} from "../../src/dispute/Challenges.sol";
import {Challenge, ClaimStatus, Phase} from "../../src/dispute/DisputeTypes.sol";
import {Picks} from "../../src/dispute/Picks.sol";
import {Reveals} from "../../src/dispute/Reveals.sol";
import {GameFixture} from "./support/GameFixture.sol";

/// Chess clocks of 200 seconds a side with 50 seconds at least for a move: section 4 of the note, second by second.
contract ChallengeClockTest is GameFixture {
    bytes32 private claimId;
    Target private to = Target(SMALL, 130, 25);

    function setUp() public override {
        super.setUp();
        tell(SMALL, 130, 25);
        claimId = claimed();
    }

    function test_opening_is_possible_until_the_clock_ends() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 0);
        vm.roll(block.number + 1);
        uint256 end = block.timestamp + 200;
        vm.warp(end);
        vm.expectRevert(abi.encodeWithSelector(Challenges.DeadlinePassed.selector, id, end));
        this.callOpen(id);
        vm.warp(end - 1);
        openAs(CHALLENGER, id, SMALL);
        assertEq(claims.challengeOf(id).challengerClock, 1);
    }

    function test_an_unused_commitment_is_lost_when_neither_move_is_possible_any_more() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 0);
        uint256 end = block.timestamp + 300; // proveTime, longer than the clock
        _turnIs(id, false, end);
        vm.warp(end - 1);
        vm.expectRevert(abi.encodeWithSelector(Challenges.DeadlineNotReached.selector, id, end));
        claims.timeout(id);
        vm.warp(end);
        claims.timeout(id);
        assertEq(uint256(phaseOf(id)), uint256(Phase.Lost));
        assertEq(claims.claimOf(claimId).openChallenges, 0);
        assertEq(claims.creditOf(PROVER), 1 ether);
    }

    function test_the_last_second_is_for_the_move_and_the_next_for_the_timeout() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        uint256 end = block.timestamp + 200;
        bytes memory call_ = answerCall(claims.challengeOf(id).at, id);
        _turnIs(id, true, end);
        uint256 before = vm.snapshotState();
        vm.warp(end - 1);
        vm.expectRevert(abi.encodeWithSelector(Challenges.DeadlineNotReached.selector, id, end));
        claims.timeout(id);
        answer(id);
        vm.revertToState(before);
        vm.warp(end);
        vm.expectRevert(abi.encodeWithSelector(Challenges.DeadlinePassed.selector, id, end));
        vm.prank(PROVER);
        this.send(call_);
        claims.timeout(id);
        assertEq(uint256(claims.claimOf(claimId).status), uint256(ClaimStatus.Killed));
    }

    function test_a_challenger_that_is_late_loses_at_the_exact_deadline() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        skip(10);
        answer(id);
        uint256 end = block.timestamp + 200;
        _turnIs(id, false, end);
        bytes memory call_ = pickCall(claims.challengeOf(id).at, id, to);
        vm.warp(end);
        vm.expectRevert(abi.encodeWithSelector(Challenges.DeadlinePassed.selector, id, end));
        vm.prank(CHALLENGER);
        this.send(call_);
        claims.timeout(id);
        assertEq(uint256(phaseOf(id)), uint256(Phase.Lost));
        assertEq(uint256(claims.claimOf(claimId).status), uint256(ClaimStatus.Pending));
    }

    function test_each_side_is_charged_for_its_own_turns() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        skip(30);
        answer(id);
        skip(7);
        pick(id, to);
        _clocksAre(id, 170, 193);
        skip(20);
        answer(id);
        skip(1);
        pick(id, to);
        _clocksAre(id, 150, 192);
        assertEq(claims.challengeOf(id).turnStart, block.timestamp);
    }

    function test_a_move_always_has_its_extension_and_no_more() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        skip(199);
        answer(id);
        skip(180);
        pick(id, to);
        _clocksAre(id, 1, 20);
        uint256 end = block.timestamp + 50;
        _turnIs(id, true, end);
        vm.warp(end - 1);
        answer(id);
        _turnIs(id, false, block.timestamp + 50);
        skip(49);
        pick(id, to);
        _clocksAre(id, 0, 0);
        _turnIs(id, true, block.timestamp + 50);
        skip(49);
        answer(id);
        skip(49);
        pick(id, to);
        _turnIs(id, false, block.timestamp + 50);
        skip(50);
        claims.timeout(id);
        assertEq(uint256(phaseOf(id)), uint256(Phase.Lost));
    }

    function test_a_turn_is_nobody_elses() public {
        bytes32 id = opened(CHALLENGER, claimId, SMALL);
        bytes memory call_ = pickCall(claims.challengeOf(id).at, id, to);
        vm.expectRevert(abi.encodeWithSelector(Picks.NotTheChallengersTurn.selector, id));
        vm.prank(CHALLENGER);
        this.send(call_);
        bytes memory reveal = answerCall(claims.challengeOf(id).at, id);
        answer(id);
        vm.expectRevert(abi.encodeWithSelector(Reveals.NotTheDefendersTurn.selector, id));
        vm.prank(PROVER);
        this.send(reveal);
    }

    function test_a_reveal_answers_every_challenge_at_its_position() public {
        bytes32 first = opened(CHALLENGER, claimId, SMALL);
        bytes32 second = opened(SECOND, claimId, SMALL);
        skip(40);
        answer(first);
        _turnIs(second, false, block.timestamp + 200);
        skip(5);
        pick(second, to);
        Challenge memory c = claims.challengeOf(second);
        assertEq(c.defenderClock, 160);
        assertEq(c.challengerClock, 195);
        // One that comes later finds it there, and its turn starts when it comes.
        skip(100);
        bytes32 third = commitAs(STRANGER, claimId, 0, 0);
        vm.roll(block.number + 1);
        openAs(STRANGER, third, SMALL);
        _turnIs(third, false, block.timestamp + 200);
        skip(9);
        pick(third, to);
        c = claims.challengeOf(third);
        assertEq(c.defenderClock, 200);
        assertEq(c.challengerClock, 191);
    }

    function test_a_reveal_after_the_deadline_of_a_challenge_does_not_save_it() public {
        bytes32 first = opened(CHALLENGER, claimId, SMALL);
        skip(100);
        bytes32 second = opened(SECOND, claimId, SMALL);
        skip(100);
        uint256 end = block.timestamp; // of the first
        answer(second);
        _turnIs(first, true, end);
        _turnIs(second, false, end + 200);
        bytes memory call_ = pickCall(claims.challengeOf(first).at, first, to);
        vm.expectRevert(abi.encodeWithSelector(Picks.NotTheChallengersTurn.selector, first));
        vm.prank(CHALLENGER);
        this.send(call_);
        skip(1000);
        claims.timeout(first);
        assertEq(uint256(phaseOf(first)), uint256(Phase.Won));
        assertEq(claims.creditOf(CHALLENGER), terms().claimBond / 2 + 1 ether);
    }

    function test_a_reveal_in_the_last_second_of_another_challenge_counts() public {
        bytes32 first = opened(CHALLENGER, claimId, SMALL);
        bytes32 second = opened(SECOND, claimId, SMALL);
        skip(199);
        answer(second);
        _turnIs(first, false, block.timestamp + 200);
        pick(first, to);
        assertEq(claims.challengeOf(first).defenderClock, 1);
    }

    function test_fault_proofs_have_their_own_time() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 1, SMALL);
        assertEq(claims.challengeOf(id).turnStart + 300, block.timestamp + 300);
        _turnIs(id, false, block.timestamp + 300);
    }

    function test_finality_comes_however_many_challenges_there_are() public {
        // Idle challengers and a claimant that answers at once: all of them end together.
        bytes32[] memory ids = new bytes32[](32);
        vm.deal(STRANGER, 100 ether);
        for (uint32 i = 0; i < 32; ++i) {
            ids[i] = commitAs(STRANGER, claimId, 0, i);
        }
        skip(1000);
        for (uint256 i = 0; i < 32; ++i) {
            claims.timeout(ids[i]);
        }
        claims.finalise(claimId);
        assertEq(claims.creditOf(PROVER), 32 ether + terms().claimBond);
    }

    function callOpen(bytes32 id) external {
        openAs(CHALLENGER, id, SMALL);
    }

    /// From whoever was pranked, since expectRevert wants a call.
    function send(bytes calldata call_) external {
        vm.prank(msg.sender);
        _send(call_);
    }

    function _turnIs(bytes32 id, bool defenders, uint256 deadline) private view {
        (bool actual, uint64 until) = claims.turnOf(id);
        assertEq(actual, defenders, "whose turn");
        assertEq(until, deadline, "until when");
    }

    function _clocksAre(bytes32 id, uint32 defenders, uint32 challengers) private view {
        Challenge memory c = claims.challengeOf(id);
        assertEq(c.defenderClock, defenders, "the defender's clock");
        assertEq(c.challengerClock, challengers, "the challenger's clock");
    }
}
