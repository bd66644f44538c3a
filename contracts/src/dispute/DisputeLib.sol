// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DisputeTerms, Position} from "./DisputeTypes.sol";
import {TreeLib} from "./TreeLib.sol";

/// The game's constants, geometry and hashes; docs/protocol/optimistic.md sections 1 to 3.
library DisputeLib {
    uint256 internal constant SEGMENT_TERMS = 24; // executed by one step at most
    uint256 internal constant FANOUT = 192; // ranges in one reveal of accumulators at most
    uint256 internal constant TOP_DEPTH = 5; // of the trace tree's nodes in a claim
    uint256 internal constant REVEAL_DEPTH = 5; // levels of a tree that one reveal shows
    uint256 internal constant DATA_HEIGHT = 2; // of a node that is revealed as chunks
    uint256 internal constant CHUNK_ELEMENTS = 64;
    uint256 internal constant CHUNK_BYTES = 256;

    bytes1 private constant TENSOR = 0x02;
    bytes1 private constant GRAPH = 0x05;
    bytes1 private constant KEY = 0x0b;

    /// What a commitment is to.
    uint8 internal constant TO_OPEN = 0;
    uint8 internal constant TO_PROVE_FAULT = 1;

    function keyDigest(bytes32 modelId, DisputeTerms memory terms) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                KEY,
                modelId,
                terms.claimBond,
                terms.challengeBond,
                terms.window,
                terms.proveTime,
                terms.clock,
                terms.extension
            )
        );
    }

    function graphRoot(uint32 numOps, bytes32 graphTree) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(GRAPH, numOps, graphTree));
    }

    /// Root of a tensor of values (width 4) from the root of its chunks.
    function tensorRoot(uint32[] memory dims, bytes32 merkleRoot) internal pure returns (bytes32) {
        bytes memory shape = abi.encodePacked(TENSOR, uint8(4), uint8(dims.length));
        for (uint256 i = 0; i < dims.length; ++i) {
            shape = abi.encodePacked(shape, dims[i]);
        }
        return keccak256(abi.encodePacked(shape, merkleRoot));
    }

    function commitment(bytes32 claimId, address challenger, uint8 kind, uint32 index, bytes32 salt)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(claimId, uint256(uint160(challenger)), kind, index, salt));
    }

    function challengeId(bytes32 claimId, address challenger, bytes32 committed) internal pure returns (bytes32) {
        return keccak256(abi.encode(claimId, challenger, committed));
    }

    function positionKey(Position memory position) internal pure returns (bytes32) {
        return keccak256(abi.encode(position));
    }

    /// Chunks of a tensor of values; an empty one has one.
    function chunkCount(uint256 elements) internal pure returns (uint256) {
        return elements == 0 ? 1 : (elements + CHUNK_ELEMENTS - 1) / CHUNK_ELEMENTS;
    }

    /// Of a tensor's tree over chunks.
    function tensorHeight(uint256 elements) internal pure returns (uint256) {
        return TreeLib.depthOf(chunkCount(elements));
    }

    /// Height of the nodes that a node of the trace tree reveals.
    function traceChild(uint256 height) internal pure returns (uint256) {
        return height > REVEAL_DEPTH ? height - REVEAL_DEPTH : 0;
    }

    /// Height of the nodes that a node of a tensor's tree reveals, where it reveals nodes.
    function tensorChild(uint256 height) internal pure returns (uint256) {
        return height > REVEAL_DEPTH + DATA_HEIGHT ? height - REVEAL_DEPTH : DATA_HEIGHT;
    }

    /// Terms between two accumulators of a reveal over `length` terms: the least 24·192^e with at most 192 ranges.
    function spacing(uint256 length) internal pure returns (uint256 step) {
        step = SEGMENT_TERMS;
        while (step * FANOUT < length) step *= FANOUT;
    }

    function ranges(uint256 length) internal pure returns (uint256) {
        uint256 step = spacing(length);
        return (length + step - 1) / step;
    }
}
