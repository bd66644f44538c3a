// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Challenge, ClaimStatus, FaultProof, Opening, Phase} from "../../src/dispute/DisputeTypes.sol";
import {GameFixture} from "./support/GameFixture.sol";

/// Every move of a long game over a large op, one measured call a test, without what OneStep costs. A transaction costs
/// its intrinsic gas on top; bench/dispute.md has receipts.
contract GameGasTest is GameFixture {
    uint256 private constant CEILING = 300_000; // of any single move, intrinsic gas included

    struct Move {
        address sender;
        bytes call_;
        uint256 before; // a snapshot
    }

    Move[] private _moves;

    /// Plays the game once and remembers the state before each move; kept last, so that reverting to one loses none that
    /// was read before.
    function setUp() public override {
        super.setUp();
        tell(BIG, 9_000, 2_000);
        bytes32 claimId = claimed();
        bytes32 id = opened(CHALLENGER, claimId, BIG);
        Target memory to = Target(BIG, 9_000, 2_000);
        while (phaseOf(id) != Phase.Step) {
            Challenge memory c = claims.challengeOf(id);
            (bool defenders,) = claims.turnOf(id);
            if (defenders) _play(PROVER, answerCall(c.at, id));
            else _play(CHALLENGER, pickCall(c.at, id, to));
        }
        _play(CHALLENGER, abi.encodeCall(claims.prove, (id, descriptorOf(BIG), new Opening[](0))));
        assertEq(uint256(claims.claimOf(claimId).status), uint256(ClaimStatus.Killed));
        assertEq(_moves.length, 13);
    }

    function test_any_single_move_is_under_its_ceiling() public {
        vm.pauseGasMetering();
        for (uint256 i = 0; i < _moves.length; ++i) {
            Move memory move = _moves[i];
            uint256 snapshot = vm.snapshotState();
            vm.revertToState(move.before);
            vm.prank(move.sender);
            vm.resumeGasMetering();
            uint256 left = gasleft();
            (bool accepted,) = address(claims).call(move.call_);
            uint256 used = left - gasleft();
            vm.pauseGasMetering();
            assertTrue(accepted);
            assertLe(used + 21_000 + 16 * move.call_.length, CEILING, vm.toString(i));
            vm.revertToState(snapshot);
        }
    }

    function test_gas_reveal_of_the_trace() public {
        _measure(0);
    }

    function test_gas_pick_of_an_op() public {
        _measure(1);
    }

    function test_gas_reveal_of_a_tensor() public {
        _measure(2);
    }

    function test_gas_pick_of_a_node() public {
        _measure(3);
    }

    function test_gas_reveal_of_chunks() public {
        _measure(6);
    }

    function test_gas_pick_of_an_element() public {
        _measure(7);
    }

    function test_gas_reveal_of_193_accumulators() public {
        _measure(10);
    }

    function test_gas_pick_of_a_segment() public {
        _measure(11);
    }

    function test_gas_proof_without_executor() public {
        _measure(12);
    }

    function _play(address sender, bytes memory call_) private {
        _moves.push(Move(sender, call_, 0));
        uint256 before = vm.snapshotState();
        _moves[_moves.length - 1].before = before;
        vm.prank(sender);
        _send(call_);
    }

    function _measure(uint256 i) private {
        vm.pauseGasMetering();
        Move memory move = _moves[i];
        vm.revertToState(move.before);
        vm.prank(move.sender);
        vm.resumeGasMetering();
        (bool accepted,) = address(claims).call(move.call_);
        assertTrue(accepted);
    }
}

/// Moves before and after the walk, and that none of the ends costs more for other challenges.
contract GameEndsGasTest is GameFixture {
    function test_gas_claim() public {
        vm.pauseGasMetering();
        bytes memory call_ =
            abi.encodeCall(claims.claim, (assigned(), claimedOutputs(), claimedTop(), outputPaths(), "ipfs://trace"));
        vm.prank(PROVER);
        vm.resumeGasMetering();
        (bool accepted,) = address(claims).call{value: 5 ether + 1}(call_);
        assertTrue(accepted);
    }

    function test_gas_commit() public {
        vm.pauseGasMetering();
        bytes32 claimId = claimed();
        vm.prank(CHALLENGER);
        vm.resumeGasMetering();
        claims.commit{value: 1 ether}(claimId, SALT);
    }

    function test_gas_timeout_of_the_challenger() public {
        vm.pauseGasMetering();
        bytes32 id = commitAs(CHALLENGER, claimed(), 0, 0);
        skip(300);
        vm.resumeGasMetering();
        claims.timeout(id);
    }

    function test_gas_timeout_of_the_defender() public {
        vm.pauseGasMetering();
        bytes32 id = opened(CHALLENGER, claimed(), SMALL);
        skip(300);
        vm.resumeGasMetering();
        claims.timeout(id);
    }

    function test_gas_finalise() public {
        vm.pauseGasMetering();
        bytes32 claimId = claimed();
        skip(1000);
        vm.resumeGasMetering();
        claims.finalise(claimId);
    }

    function test_gas_settle() public {
        vm.pauseGasMetering();
        bytes32 claimId = claimed();
        bytes32 id = commitAs(SECOND, claimId, 0, 0);
        bytes32 winner = opened(CHALLENGER, claimId, SMALL);
        skip(300);
        claims.timeout(winner);
        vm.resumeGasMetering();
        claims.settle(id);
    }

    function test_gas_fault_proof_without_executor() public {
        vm.pauseGasMetering();
        tell(SMALL, 130, 25);
        bytes32 id = commitAs(CHALLENGER, claimed(), 1, SMALL);
        vm.roll(block.number + 1);
        FaultProof memory proof = faultProof(id, SMALL, 130);
        vm.prank(CHALLENGER);
        vm.resumeGasMetering();
        claims.proveFault(proof);
    }

    function test_the_end_costs_the_same_whatever_the_number_of_challenges() public {
        _costOfKilling(claimed(), 0); // the first to burn anything pays for its slot
        uint256 alone = _costOfKilling(claimed(), 0);
        uint256 crowded = _costOfKilling(claimed(), 32);
        assertApproxEqAbs(crowded, alone, 100);
    }

    function _costOfKilling(bytes32 claimId, uint32 others) private returns (uint256 used) {
        vm.deal(STRANGER, 100 ether);
        for (uint32 i = 0; i < others; ++i) {
            commitAs(STRANGER, claimId, 0, i);
        }
        address challenger = makeAddr(vm.toString(claimId));
        vm.deal(challenger, 1 ether);
        bytes32 id = opened(challenger, claimId, SMALL);
        skip(300);
        used = gasleft();
        claims.timeout(id);
        used -= gasleft();
    }
}
