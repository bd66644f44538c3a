// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ClaimLib} from "./ClaimLib.sol";
import {DisputeLib} from "./DisputeLib.sol";
import {Challenge, DescriptorProof, DisputeKey, Phase, Position} from "./DisputeTypes.sol";
import {RevealLib} from "./RevealLib.sol";
import {Reveals} from "./Reveals.sol";
import {TreeLib} from "./TreeLib.sol";

/// How a challenger walks to the one segment that is wrong; docs/protocol/optimistic.md section 3.
abstract contract Picks is Reveals {
    error NotTheChallenger(address caller, address challenger);
    error NotTheChallengersTurn(bytes32 challengeId);
    error SameBlock(bytes32 challengeId, uint256 blockNumber);
    error OtherCommitment(bytes32 expected, bytes32 actual);
    error WrongPosition(bytes32 challengeId, Phase phase, uint256 height);
    error NotBelow(uint256 index, uint256 nodeIndex, uint256 levels);
    error OnlyPadding(uint256 index, uint256 height);
    error ElementOutOfRange(uint256 element, uint256 elements);
    error RangeOutOfBounds(uint256 index, uint256 ranges);

    function open(
        bytes32 challengeId,
        uint32 index,
        bytes32 salt,
        bytes32 node,
        bytes32[] calldata siblings,
        DescriptorProof calldata descriptor
    ) external running {
        Challenge storage c = _moved(challengeId);
        _requireCommitted(challengeId, c, DisputeLib.TO_OPEN, index, salt);
        (uint256 height, uint256 depth) = ClaimLib.topOf(_keyOf(c).numOps);
        TreeLib.requireUnder(_claims[c.claimId].traceTree, node, index, siblings, depth);
        _standAtTrace(challengeId, c, height, index, node, descriptor);
    }

    function pickNode(
        bytes32 challengeId,
        uint32 index,
        bytes32 node,
        bytes32[] calldata siblings,
        DescriptorProof calldata descriptor
    ) external running {
        Challenge storage c = _moved(challengeId);
        if (c.at.phase == Phase.Trace && c.at.height > 0) {
            uint256 child = DisputeLib.traceChild(c.at.height);
            _requireBelow(c.node, c.at.index, c.at.height - child, index, node, siblings);
            _standAtTrace(challengeId, c, child, index, node, descriptor);
        } else {
            (bytes32 root, uint256 height) = _tensorNode(challengeId, c);
            if (height <= DisputeLib.DATA_HEIGHT) revert WrongPosition(challengeId, c.at.phase, height);
            uint256 child = DisputeLib.tensorChild(height);
            _requireBelow(root, c.at.index, height - child, index, node, siblings);
            _standAtNode(challengeId, c, child, index, node);
        }
    }

    function pickElement(bytes32 challengeId, uint32 element, bytes calldata chunk, bytes32[] calldata siblings)
        external
        running
    {
        Challenge storage c = _moved(challengeId);
        (bytes32 root, uint256 height) = _tensorNode(challengeId, c);
        if (height > DisputeLib.DATA_HEIGHT) revert WrongPosition(challengeId, c.at.phase, height);
        if (element >= c.elements) revert ElementOutOfRange(element, c.elements);
        _requireBelow(root, c.at.index, height, element / DisputeLib.CHUNK_ELEMENTS, TreeLib.leaf(chunk), siblings);
        c.value = RevealLib.valueIn(chunk, element);
        _standAtFold(challengeId, c, element, 0, c.terms);
    }

    function pickRange(bytes32 challengeId, uint32 index, int128 first, int128 last, bytes32[] calldata siblings)
        external
        running
    {
        Challenge storage c = _moved(challengeId);
        Position memory position = c.at;
        if (position.phase != Phase.Sum) revert WrongPosition(challengeId, position.phase, position.height);
        uint256 count = DisputeLib.ranges(position.hi - position.lo);
        if (index >= count) revert RangeOutOfBounds(index, count);
        bytes32 pair = bytes32(uint256(uint128(first)) << 128 | uint128(last));
        TreeLib.requireUnder(_revealAt(c).root, pair, index, siblings, TreeLib.depthOf(count));
        uint256 step = DisputeLib.spacing(position.hi - position.lo);
        uint48 lo = uint48(position.lo + index * step);
        uint48 hi = lo + step < position.hi ? uint48(lo + step) : position.hi;
        (c.first, c.last) = (first, last);
        _standAtFold(challengeId, c, position.element, lo, hi);
    }

    /// The challenge, if the caller is its challenger and its claim is undecided.
    function _challengers(bytes32 challengeId) internal view returns (Challenge storage c) {
        c = _open(challengeId);
        _pending(c.claimId);
        if (msg.sender != c.challenger) revert NotTheChallenger(msg.sender, c.challenger);
    }

    /// Reverts unless it is the challenger's turn and not too late.
    function _requireTurn(bytes32 challengeId, Challenge storage c) internal view returns (Turn memory turn) {
        turn = _turnIn(c);
        if (turn.defenders) revert NotTheChallengersTurn(challengeId);
        if (gameTime() >= turn.deadline) revert DeadlinePassed(challengeId, turn.deadline);
    }

    /// A commitment is to one move, by its maker, in a later block: a copied move has none.
    function _requireCommitted(bytes32 challengeId, Challenge storage c, uint8 kind, uint32 index, bytes32 salt)
        internal
        view
    {
        if (c.at.phase != Phase.Committed) revert WrongPosition(challengeId, c.at.phase, c.at.height);
        if (block.number <= c.committedAt) revert SameBlock(challengeId, block.number);
        bytes32 commitment = DisputeLib.commitment(c.claimId, c.challenger, kind, index, salt);
        if (commitment != c.commitment) revert OtherCommitment(c.commitment, commitment);
    }

    function _keyOf(Challenge storage c) internal view returns (DisputeKey storage) {
        return _keys[_claims[c.claimId].keyDigest];
    }

    /// The challenge, if it is the caller's move, with both clocks charged for the time since the position was reached.
    function _moved(bytes32 challengeId) private returns (Challenge storage c) {
        c = _challengers(challengeId);
        Turn memory turn = _requireTurn(challengeId, c);
        c.defenderClock = _less(c.defenderClock, turn.start - c.turnStart);
        c.challengerClock = _less(c.challengerClock, gameTime() - turn.start);
        c.turnStart = gameTime();
    }

    function _standAtTrace(
        bytes32 challengeId,
        Challenge storage c,
        uint256 height,
        uint256 index,
        bytes32 node,
        DescriptorProof calldata descriptor
    ) private {
        if (index << height >= _keyOf(c).numOps) revert OnlyPadding(index, height);
        Position memory position;
        (position.phase, position.height) = (Phase.Trace, uint8(height));
        if (height == 0) {
            position.op = uint32(index);
            _readDescriptor(c, position.op, descriptor);
        } else {
            position.index = uint32(index);
        }
        c.node = node;
        _stand(challengeId, c, position);
    }

    /// From here on the chain knows how many elements and terms there are, and where their folds start.
    function _readDescriptor(Challenge storage c, uint32 op, DescriptorProof calldata proof) private {
        DisputeKey storage key = _keyOf(c);
        c.descriptorLeaf = TreeLib.requireOp(key.graphTree, proof.descriptor, op, proof.siblings, key.numOps);
        (, c.elements, c.terms, c.first) = ONE_STEP.shape(proof.descriptor);
    }

    function _standAtNode(bytes32 challengeId, Challenge storage c, uint256 height, uint256 index, bytes32 node)
        private
    {
        if (index << height >= DisputeLib.chunkCount(c.elements)) revert OnlyPadding(index, height);
        Position memory position;
        position.phase = height > DisputeLib.DATA_HEIGHT ? Phase.Nodes : Phase.Data;
        (position.height, position.index, position.op) = (uint8(height), uint32(index), c.at.op);
        c.node = node;
        _stand(challengeId, c, position);
    }

    /// At the terms lo <= t < hi of an element. A segment's earliest-committed challenge wins if it turns out to be wrong.
    function _standAtFold(bytes32 challengeId, Challenge storage c, uint32 element, uint48 lo, uint48 hi) private {
        Position memory position;
        position.phase = hi - lo > DisputeLib.SEGMENT_TERMS ? Phase.Sum : Phase.Step;
        (position.op, position.element, position.lo, position.hi) = (c.at.op, element, lo, hi);
        bytes32 positionKey = _stand(challengeId, c, position);
        if (position.phase == Phase.Step) {
            bytes32 earliest = _earliest[c.claimId][positionKey];
            if (_comesBefore(c, earliest)) _earliest[c.claimId][positionKey] = challengeId;
        }
    }

    /// Whether `c` was committed before the challenge that is recorded, or there is none, or that one is lost.
    function _comesBefore(Challenge storage c, bytes32 recorded) internal view returns (bool) {
        Challenge storage other = _challenges[recorded];
        return recorded == 0 || other.at.phase == Phase.Lost || c.order < other.order;
    }

    function _stand(bytes32 challengeId, Challenge storage c, Position memory position)
        private
        returns (bytes32 positionKey)
    {
        c.at = position;
        positionKey = DisputeLib.positionKey(position);
        emit Picked(c.claimId, challengeId, positionKey, position);
    }

    /// The root and height of the part of a tensor's tree that was revealed.
    function _tensorNode(bytes32 challengeId, Challenge storage c) private view returns (bytes32 root, uint256 height) {
        Phase phase = c.at.phase;
        if (phase == Phase.Nodes || phase == Phase.Data) return (c.node, c.at.height);
        if (phase != Phase.Trace || c.at.height != 0) revert WrongPosition(challengeId, phase, c.at.height);
        return (_revealAt(c).root, DisputeLib.tensorHeight(c.elements));
    }

    function _requireBelow(
        bytes32 root,
        uint256 nodeIndex,
        uint256 levels,
        uint256 index,
        bytes32 node,
        bytes32[] calldata siblings
    ) private pure {
        if (index >> levels != nodeIndex) revert NotBelow(index, nodeIndex, levels);
        TreeLib.requireUnder(root, node, index & ((1 << levels) - 1), siblings, levels);
    }

    function _less(uint32 left, uint64 used) private pure returns (uint32) {
        return used < left ? left - uint32(used) : 0;
    }
}
