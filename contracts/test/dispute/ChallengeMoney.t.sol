// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Challenges} from "../../src/dispute/Challenges.sol";
import {Claims} from "../../src/dispute/Claims.sol";
import {DisputeEvidence} from "../../src/dispute/DisputeEvidence.sol";
import {Claim, ClaimStatus, Opening, Phase} from "../../src/dispute/DisputeTypes.sol";
import {IOptimisticClaims} from "../../src/dispute/IOptimisticClaims.sol";
import {Credits} from "../../src/core/Credits.sol";
import {GameFixture} from "./support/GameFixture.sol";

/// Who wins, who is paid, and that nothing appears or is lost.
contract ChallengeMoneyTest is GameFixture {
    uint256 private constant PRIZE = 2.5 ether; // half of 5 ether and 1 wei, rounded down

    bytes32 private claimId;
    Target private to = Target(SMALL, 130, 25);

    function setUp() public override {
        super.setUp();
        tell(SMALL, 130, 25);
        claimId = claimed();
    }

    function test_a_wrong_segment_kills_the_claim_and_half_of_its_bond_is_burnt() public {
        bytes32 id = atStep(CHALLENGER, claimId, to);
        vm.expectEmit(address(claims));
        emit IOptimisticClaims.ClaimKilled(claimId, id, CHALLENGER, PRIZE);
        prove(id);
        assertEq(claims.creditOf(CHALLENGER), PRIZE + 1 ether);
        assertEq(claims.burnt(), 5 ether + 1 - PRIZE);
        assertEq(claims.claimOf(claimId).openChallenges, 0);
        _isConserved(0);
        uint256 before = CHALLENGER.balance;
        vm.prank(CHALLENGER);
        claims.withdraw(PRIZE + 1 ether);
        assertEq(CHALLENGER.balance, before + PRIZE + 1 ether);
        assertEq(address(claims).balance, claims.burnt());
    }

    function test_a_right_segment_kills_nothing() public {
        bytes32 id = atStep(CHALLENGER, claimId, Target(SMALL, 130, 3)); // the first 24 terms are as they should be
        vm.expectPartialRevert(DisputeEvidence.NothingWrong.selector);
        this.callProve(id);
        skip(200);
        claims.timeout(id);
        skip(1000);
        claims.finalise(claimId);
        assertEq(claims.creditOf(PROVER), 6 ether + 1);
        _isConserved(0);
    }

    function test_a_challenger_of_a_correct_claim_loses_its_bond_and_the_claim_survives() public {
        lie.told = false;
        bytes32 honest = claimAs(PROVER, asked());
        Target[3] memory targets = [Target(SMALL, 130, 25), Target(SHORT, 2, 0), Target(TERMLESS, 1, 0)];
        address[3] memory challengers = [CHALLENGER, SECOND, STRANGER];
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 id = atStep(challengers[i], honest, targets[i]);
            vm.expectPartialRevert(DisputeEvidence.NothingWrong.selector);
            this.callProve(id);
            skip(200);
            claims.timeout(id);
            assertEq(uint256(phaseOf(id)), uint256(Phase.Lost));
        }
        skip(1000);
        claims.finalise(honest);
        assertEq(claims.creditOf(PROVER), 8 ether + 1);
        _isConserved(1); // the lie is pending still
    }

    function test_a_lie_about_a_whole_fold_is_executed_at_once() public {
        tell(SHORT, 2, 5);
        _killedFrom(Target(SHORT, 2, 0));
    }

    function test_a_lie_about_a_sum_of_nothing_is_executed_at_once() public {
        tell(TERMLESS, 1, 0);
        _killedFrom(Target(TERMLESS, 1, 0));
    }

    function test_the_prize_is_the_earliest_committed_ones_whoever_proves() public {
        bytes32 first = commitAs(CHALLENGER, claimId, 0, 0);
        bytes32 second = commitAs(SECOND, claimId, 0, 0);
        vm.roll(block.number + 1);
        openAs(SECOND, second, SMALL);
        walk(second, to, Phase.Step); // picks first
        openAs(CHALLENGER, first, SMALL);
        walk(first, to, Phase.Step);
        prove(second);
        assertEq(uint256(phaseOf(first)), uint256(Phase.Won));
        assertEq(claims.creditOf(CHALLENGER), PRIZE + 1 ether);
        assertEq(uint256(phaseOf(second)), uint256(Phase.Step));
        claims.settle(second);
        assertEq(claims.creditOf(SECOND), 1 ether);
        _isConserved(0);
    }

    function test_an_earlier_commitment_that_picked_something_else_gets_nothing() public {
        bytes32 first = commitAs(CHALLENGER, claimId, 0, 0);
        bytes32 second = commitAs(SECOND, claimId, 0, 0);
        vm.roll(block.number + 1);
        openAs(CHALLENGER, first, SMALL);
        walk(first, Target(SMALL, 130, 3), Phase.Step); // the other segment
        openAs(SECOND, second, SMALL);
        walk(second, to, Phase.Step);
        prove(second);
        assertEq(claims.creditOf(SECOND), PRIZE + 1 ether);
        claims.settle(first);
        assertEq(claims.creditOf(CHALLENGER), 1 ether);
    }

    function test_a_freeloader_that_copies_picks_gets_its_own_bond_only() public {
        bytes32 id = atStep(CHALLENGER, claimId, to);
        bytes32 copy = atStep(SECOND, claimId, to);
        prove(copy); // even its own proof pays the other
        assertEq(claims.creditOf(CHALLENGER), PRIZE + 1 ether);
        claims.settle(copy);
        assertEq(claims.creditOf(SECOND), 1 ether);
        assertEq(uint256(phaseOf(id)), uint256(Phase.Won));
    }

    function test_a_lost_challenge_wins_nothing() public {
        bytes32 first = atStep(CHALLENGER, claimId, to);
        skip(150);
        bytes32 second = atStep(SECOND, claimId, to);
        skip(50);
        claims.timeout(first);
        prove(second);
        assertEq(claims.creditOf(CHALLENGER), 0);
        assertEq(claims.creditOf(SECOND), PRIZE + 1 ether);
        assertEq(claims.creditOf(PROVER), 1 ether);
        _isConserved(0);
    }

    function test_a_later_pick_takes_a_lost_ones_place_and_an_earlier_commitment_its_place() public {
        bytes32 second = commitAs(SECOND, claimId, 0, 0);
        bytes32 lost = atStep(CHALLENGER, claimId, to); // earliest that picked, committed after `second`
        skip(150);
        openAs(SECOND, second, SMALL);
        walk(second, to, Phase.Step);
        bytes32 third = atStep(STRANGER, claimId, to);
        skip(50);
        claims.timeout(lost);
        prove(third);
        assertEq(claims.creditOf(SECOND), PRIZE + 1 ether);
        claims.settle(third);
    }

    function test_a_claim_is_killed_once() public {
        bytes32 first = opened(CHALLENGER, claimId, SMALL);
        bytes32 second = opened(SECOND, claimId, SMALL + 6);
        skip(200);
        claims.timeout(first);
        bytes memory over =
            abi.encodeWithSelector(Claims.WrongClaimStatus.selector, claimId, ClaimStatus.Killed, ClaimStatus.Pending);
        vm.expectRevert(over);
        claims.timeout(second);
        vm.expectRevert(over);
        claims.finalise(claimId);
        vm.expectRevert(over);
        claims.commit{value: 1 ether}(claimId, SALT);
        vm.expectRevert(over);
        vm.prank(PROVER);
        claims.reveal(second, "");
        claims.settle(second);
        vm.expectRevert(abi.encodeWithSelector(Challenges.ChallengeNotOpen.selector, second, Phase.Settled));
        claims.settle(second);
        assertEq(claims.burnt(), 5 ether + 1 - PRIZE);
        _isConserved(0);
    }

    function test_rejects_settling_while_the_claim_is_undecided() public {
        bytes32 id = commitAs(CHALLENGER, claimId, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(Challenges.ClaimStillPending.selector, claimId));
        claims.settle(id);
    }

    function test_settling_is_for_everybody_and_pays_the_challenger() public {
        bytes32 first = opened(CHALLENGER, claimId, SMALL);
        bytes32 second = commitAs(SECOND, claimId, 1, 9);
        skip(200);
        claims.timeout(first);
        vm.expectEmit(address(claims));
        emit IOptimisticClaims.ChallengeSettled(claimId, second);
        vm.prank(STRANGER);
        claims.settle(second);
        assertEq(claims.creditOf(SECOND), 1 ether);
        assertEq(claims.creditOf(STRANGER), 0);
    }

    function test_a_killed_claim_leaves_the_request_to_another_claim() public {
        bytes32 id = atStep(CHALLENGER, claimId, to);
        prove(id);
        lie.told = false;
        bytes32 right = claimAs(PROVER, asked());
        skip(1000);
        claims.finalise(right);
        vm.prank(PROVER);
        hub.fulfil(asked(), 3, claimedOutputs(), abi.encode(right));
        assertEq(uint256(claims.claimOf(claimId).status), uint256(ClaimStatus.Killed));
    }

    function test_a_claimant_that_overturns_its_own_claim_loses_half() public {
        uint256 before = PROVER.balance + claims.creditOf(PROVER);
        bytes32 id = atStep(PROVER, claimId, to);
        prove(id);
        uint256 afterwards = PROVER.balance + claims.creditOf(PROVER);
        assertEq(afterwards, before + PRIZE); // of the 5 ether and 1 wei staked before
    }

    function test_a_reverting_receiver_blocks_nobody() public {
        // This test takes no money: it challenges, wins, and cannot withdraw; everything else goes on.
        bytes32 committed = commitmentOf(claimId, address(this), 0, 0);
        bytes32 id = claims.commit{value: 1 ether}(claimId, committed);
        vm.roll(block.number + 1);
        openAs(address(this), id, SMALL);
        bytes32 second = commitAs(SECOND, claimId, 0, 0);
        skip(200);
        claims.timeout(id);
        claims.settle(second);
        vm.expectRevert(abi.encodeWithSelector(Credits.WithdrawalRefused.selector, address(this), PRIZE));
        claims.withdraw(PRIZE);
        vm.prank(SECOND);
        claims.withdraw(1 ether);
        assertEq(claims.creditOf(address(this)), PRIZE + 1 ether);
        _isConserved(0);
    }

    function test_rejects_money_without_purpose() public {
        (bool accepted,) = address(claims).call{value: 1}("");
        assertFalse(accepted);
    }

    function callProve(bytes32 id) external {
        prove(id);
    }

    function _killedFrom(Target memory target) private {
        bytes32 other = claimAs(PROVER, asked());
        bytes32 id = atStep(CHALLENGER, other, target);
        assertEq(claims.challengeOf(id).at.lo, 0);
        prove(id);
        Claim memory c = claims.claimOf(other);
        assertEq(uint256(c.status), uint256(ClaimStatus.Killed));
    }

    /// What the contract holds is credit, bonds of what is undecided, and what is burnt.
    function _isConserved(uint256 pendingClaims) private view {
        address[5] memory all = [PROVER, CHALLENGER, SECOND, STRANGER, address(this)];
        uint256 owed = claims.burnt() + pendingClaims * terms().claimBond;
        for (uint256 i = 0; i < 5; ++i) {
            owed += claims.creditOf(all[i]);
        }
        assertEq(address(claims).balance, owed);
    }
}
