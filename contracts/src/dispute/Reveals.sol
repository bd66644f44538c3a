// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Challenges} from "./Challenges.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {Challenge, Claim, Phase, Position, Reveal} from "./DisputeTypes.sol";
import {IOneStep} from "./IOneStep.sol";
import {RevealLib} from "./RevealLib.sol";
import {TreeLib} from "./TreeLib.sol";

/// What the claimant answers, once for all challenges at the same position; docs/protocol/optimistic.md section 3.
abstract contract Reveals is Challenges {
    error NotTheClaimant(address caller, address claimant);
    error NotTheDefendersTurn(bytes32 challengeId);
    error DeadlinePassed(bytes32 challengeId, uint256 deadline);
    error WrongPosition(bytes32 challengeId, Phase phase, uint256 height);
    error OtherDescriptor(bytes32 expected, bytes32 actual);
    error OtherTensor(bytes32 expected, bytes32 actual);

    IOneStep public immutable ONE_STEP;

    constructor(IOneStep oneStep) {
        ONE_STEP = oneStep;
    }

    function reveal(bytes32 challengeId, bytes calldata body) external running {
        Challenge storage c = _defenders(challengeId);
        Position memory position = c.at;
        if (position.phase == Phase.Trace && position.height > 0) {
            uint256 numOps = _keys[_claims[c.claimId].keyDigest].numOps;
            RevealLib.requireNodes(body, c.node, position.index, position.height, DisputeLib.traceChild(position.height), numOps);
        } else if (position.phase == Phase.Nodes || position.phase == Phase.Data) {
            RevealLib.requireTensorNode(body, c.node, position.index, position.height, c.elements);
        } else {
            revert WrongPosition(challengeId, position.phase, position.height);
        }
        _store(challengeId, c, 0, body);
    }

    function revealTensor(bytes32 challengeId, bytes calldata descriptor, bytes32 merkleRoot, bytes calldata body)
        external
        running
    {
        Challenge storage c = _defenders(challengeId);
        if (c.at.phase != Phase.Trace || c.at.height != 0) {
            revert WrongPosition(challengeId, c.at.phase, c.at.height);
        }
        _requireDescriptor(c, descriptor);
        (uint32[] memory dims, uint32 elements,,) = ONE_STEP.shape(descriptor);
        bytes32 tensorRoot = DisputeLib.tensorRoot(dims, merkleRoot);
        if (tensorRoot != c.node) revert OtherTensor(c.node, tensorRoot);
        uint256 height = TreeLib.depthOf(DisputeLib.chunkCount(elements));
        RevealLib.requireTensorNode(body, merkleRoot, 0, height, elements);
        _store(challengeId, c, merkleRoot, body);
    }

    /// `descriptor` is read where the range is the whole fold, which has to finish at the element.
    function revealSums(bytes32 challengeId, bytes calldata descriptor, bytes calldata accumulators) external running {
        Challenge storage c = _defenders(challengeId);
        Position memory position = c.at;
        if (position.phase != Phase.Sum) revert WrongPosition(challengeId, position.phase, position.height);
        (bytes32 root, int128 first, int128 last) = RevealLib.sums(accumulators, position.hi - position.lo);
        if (first != c.first) revert RevealLib.WrongAccumulator(position.lo, c.first, first);
        if (_isWholeFold(c)) {
            _requireDescriptor(c, descriptor);
            int256 element = ONE_STEP.finish(descriptor, last);
            if (element != c.value) revert RevealLib.WrongElement(c.value, element);
        } else if (last != c.last) {
            revert RevealLib.WrongAccumulator(position.hi, c.last, last);
        }
        _store(challengeId, c, root, accumulators);
    }

    function _requireDescriptor(Challenge storage c, bytes calldata descriptor) internal view {
        bytes32 leaf = TreeLib.leaf(descriptor);
        if (leaf != c.descriptorLeaf) revert OtherDescriptor(c.descriptorLeaf, leaf);
    }

    function _isWholeFold(Challenge storage c) internal view returns (bool) {
        return c.at.lo == 0 && c.at.hi == c.terms;
    }

    /// The challenge, if it waits for the caller's reveal.
    function _defenders(bytes32 challengeId) private view returns (Challenge storage c) {
        c = _open(challengeId);
        Claim storage claimed = _pending(c.claimId);
        if (msg.sender != claimed.claimant) revert NotTheClaimant(msg.sender, claimed.claimant);
        Turn memory turn = _turnIn(c);
        if (!turn.defenders) revert NotTheDefendersTurn(challengeId);
        if (gameTime() >= turn.deadline) revert DeadlinePassed(challengeId, turn.deadline);
    }

    function _store(bytes32 challengeId, Challenge storage c, bytes32 root, bytes calldata body) private {
        bytes32 positionKey = DisputeLib.positionKey(c.at);
        _reveals[c.claimId][positionKey] = Reveal(gameTime(), root);
        emit Revealed(c.claimId, challengeId, positionKey, root, body);
    }
}
