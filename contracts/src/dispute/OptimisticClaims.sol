// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {InferenceHub} from "../core/InferenceHub.sol";
import {Claims} from "./Claims.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {Challenge, Claim, DescriptorProof, DisputeKey, FaultProof, Opening, Phase, StepRoots} from "./DisputeTypes.sol";
import {GameClock} from "./GameClock.sol";
import {IOneStep} from "./IOneStep.sol";
import {Picks} from "./Picks.sol";
import {Reveals} from "./Reveals.sol";
import {TreeLib} from "./TreeLib.sol";

/// The optimistic route's verifier: bonded claims, and the game in which anybody overturns a wrong one. It holds the
/// money of both; docs/protocol/optimistic.md is what it does. Here are the two moves that execute a model.
contract OptimisticClaims is Picks {
    error NothingWrong(bytes32 challengeId, int256 result);

    constructor(InferenceHub hub, IOneStep oneStep, address guardian)
        GameClock(guardian)
        Claims(hub)
        Reveals(oneStep)
    {}

    /// Executes the segment that was picked; the claim is killed if it ends elsewhere than the claimant says.
    function prove(bytes32 challengeId, bytes calldata descriptor, Opening[] calldata openings) external running {
        Challenge storage c = _challengers(challengeId);
        if (c.at.phase != Phase.Step) revert WrongPosition(challengeId, c.at.phase, c.at.height);
        _requireTurn(challengeId, c);
        _requireDescriptor(c, descriptor);
        int256 end = ONE_STEP.run(descriptor, _rootsOf(c), c.at.element, c.at.lo, c.at.hi, c.first, openings);
        bool whole = _isWholeFold(c);
        if (whole) end = ONE_STEP.finish(descriptor, end);
        if (end == (whole ? c.value : c.last)) revert NothingWrong(challengeId, end);
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
        Shape memory shape = _shapeOf(c, proof.op, proof.descriptor);
        _requireChunk(c, proof, shape);
        int256 end = _fold(c, proof, shape);
        if (end == _valueIn(proof.chunk, proof.element)) revert NothingWrong(proof.challengeId, end);
        _win(proof.challengeId, c, _claims[c.claimId]);
    }

    function _fold(Challenge storage c, FaultProof calldata proof, Shape memory shape) private view returns (int256) {
        bytes calldata descriptor = proof.descriptor.descriptor;
        StepRoots memory roots = _rootsOf(c);
        int256 end = ONE_STEP.run(descriptor, roots, proof.element, 0, shape.terms, shape.start, proof.openings);
        return ONE_STEP.finish(descriptor, end);
    }

    /// The element's chunk, from itself up to the root of the trace.
    function _requireChunk(Challenge storage c, FaultProof calldata proof, Shape memory shape) private view {
        if (proof.element >= shape.elements) revert ElementOutOfRange(proof.element, shape.elements);
        uint256 height = TreeLib.depthOf(DisputeLib.chunkCount(shape.elements));
        bytes32 merkleRoot = TreeLib.rootOver(
            TreeLib.leaf(proof.chunk), proof.element / DisputeLib.CHUNK_ELEMENTS, proof.chunkPath, height
        );
        uint256 depth = TreeLib.depthOf(_keyOf(c).numOps);
        bytes32 tensorRoot = DisputeLib.tensorRoot(shape.dims, merkleRoot);
        TreeLib.requireUnder(_claims[c.claimId].traceTree, tensorRoot, proof.op, proof.tracePath, depth);
    }

    function _rootsOf(Challenge storage c) private view returns (StepRoots memory) {
        Claim storage claimed = _claims[c.claimId];
        DisputeKey storage key = _keys[claimed.keyDigest];
        return StepRoots(claimed.inputRoot, key.weightsRoot, claimed.traceTree, key.numOps);
    }
}
