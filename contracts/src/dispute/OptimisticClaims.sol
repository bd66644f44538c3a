// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceHub} from "../core/InferenceHub.sol";
import {Claims} from "./Claims.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {Challenge, FaultProof, Opening} from "./DisputeTypes.sol";
import {GameClock} from "./GameClock.sol";
import {IOneStep} from "./IOneStep.sol";
import {Picks} from "./Picks.sol";

/// The optimistic route's verifier: bonded claims, and the game in which anybody overturns a wrong one. It holds the
/// money of both; docs/protocol/optimistic.md is what it does. Here are the two moves that execute a part of the model.
contract OptimisticClaims is Picks {
    constructor(InferenceHub hub, IOneStep oneStep, address guardian) GameClock(guardian) Claims(hub, oneStep) {}

    /// Executes the segment that was picked; the claim is killed if it ends elsewhere than the claimant says.
    function prove(bytes32 challengeId, bytes calldata, Opening[] calldata) external running {
        Challenge storage c = _challengers(challengeId);
        _requireTurn(challengeId, c);
        _evidence();
        bytes32 earliest = _earliest[c.claimId][DisputeLib.positionKey(c.at)];
        bytes32 winner = _comesBefore(c, earliest) ? challengeId : earliest;
        _win(winner, _challenges[winner], _claims[c.claimId]);
    }

    /// Path A: shows one element and everything that it is made of.
    function proveFault(FaultProof calldata proof) external running {
        Challenge storage c = _challengers(proof.challengeId);
        _requireCommitted(proof.challengeId, c, DisputeLib.TO_PROVE_FAULT, proof.op, proof.salt);
        uint64 deadline = c.turnStart + _termsOf(c).proveTime;
        if (gameTime() >= deadline) revert DeadlinePassed(proof.challengeId, deadline);
        _evidence();
        _win(proof.challengeId, c, _claims[c.claimId]);
    }
}
