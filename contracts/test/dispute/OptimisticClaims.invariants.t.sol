// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {OptimisticClaims} from "../../src/dispute/OptimisticClaims.sol";
import {DisputeHandler} from "./support/DisputeHandler.sol";

/// What holds after any sequence of moves by anybody (docs/protocol/optimistic.md sections 4, 5 and 7).
contract OptimisticClaimsInvariants is Test {
    DisputeHandler private handler;
    OptimisticClaims private game;

    function setUp() public {
        handler = new DisputeHandler();
        handler.start();
        game = handler.theGame();
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](17);
        (selectors[0], selectors[1]) = (handler.claimOne.selector, handler.claimOne.selector);
        (selectors[2], selectors[3]) = (handler.commitOne.selector, handler.commitOne.selector);
        // Weighted, so that challenges get somewhere.
        for (uint256 i = 4; i < 10; ++i) {
            selectors[i] = handler.moveOne.selector;
        }
        (selectors[10], selectors[11]) = (handler.timeoutOne.selector, handler.finaliseOne.selector);
        (selectors[12], selectors[13]) = (handler.settleOne.selector, handler.withdrawSome.selector);
        (selectors[14], selectors[15]) = (handler.pauseOnce.selector, handler.elapse.selector);
        selectors[16] = handler.elapseToDeadline.selector;
        targetSelector(FuzzSelector({addr: address(handler), selectors: selectors}));
    }

    /// forge-config: default.invariant.fail-on-revert = true
    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 64
    function invariant_game_keeps_its_promises() public view {
        assertEq(address(game).balance, handler.owed(), "solvency");
        handler.requireJustice();
        handler.requireLiveness();
    }

    /// A long random walk that is the same every time: whatever it is meant to try it does, more than once.
    function test_campaign_reaches_every_outcome() public {
        handler.unmeter();
        for (uint256 i = 0; i < 800; ++i) {
            _act(uint256(keccak256(abi.encode("campaign", i))));
            if (i % 8 == 0) invariant_game_keeps_its_promises();
        }
        for (uint256 i = 0; i < handler.OUTCOMES(); ++i) {
            emit log_named_uint(vm.toString(i), handler.reached(DisputeHandler.Outcome(i)));
            assertGt(handler.reached(DisputeHandler.Outcome(i)), 1, vm.toString(i));
        }
        assertGt(handler.mostResolutionGas(), 0);
    }

    function _act(uint256 seed) private {
        uint256 choice = seed % 32;
        seed >>= 8;
        if (choice < 3) handler.claimOne(seed, seed % 3 == 0);
        else if (choice < 9) handler.commitOne(seed);
        else if (choice < 19) handler.moveOne(seed);
        else if (choice < 22) handler.timeoutOne(seed);
        else if (choice < 24) handler.finaliseOne(seed);
        else if (choice < 25) handler.settleOne(seed, seed % 4 == 0);
        else if (choice < 27) handler.withdrawSome(seed, seed >> 8);
        else if (choice < 28) handler.pauseOnce(seed, uint32(seed >> 8));
        else if (choice < 30) handler.elapse(uint16(seed));
        else handler.elapseToDeadline(seed);
    }
}
