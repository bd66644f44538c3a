// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DisputeLib} from "./DisputeLib.sol";
import {TreeLib} from "./TreeLib.sol";

/// Whether what was revealed is what the position asks for; docs/protocol/optimistic.md section 3.
library RevealLib {
    error BodyLength(uint256 expected, uint256 actual);
    error PaddingNotZero(uint256 position);
    error ChunkLength(uint256 actual);

    /// What the node (`height`, `index`) of the trace tree reveals.
    function requireTraceNode(bytes calldata body, bytes32 node, uint256 index, uint256 height, uint256 numOps)
        internal
        pure
    {
        _requireNodes(body, node, index, height, DisputeLib.traceChild(height), numOps);
    }

    /// What the node (`height`, `index`) of a tensor's tree reveals: nodes, or chunks from height 2 down.
    function requireTensorNode(bytes calldata body, bytes32 node, uint256 index, uint256 height, uint256 elements)
        internal
        pure
    {
        if (height <= DisputeLib.DATA_HEIGHT) return _requireChunks(body, node, index, height, elements);
        uint256 child = DisputeLib.tensorChild(height);
        _requireNodes(body, node, index, height, child, DisputeLib.chunkCount(elements));
    }

    /// The root over pairs of neighbouring accumulators, and the outermost two.
    function sums(bytes calldata accumulators, uint256 length)
        internal
        pure
        returns (bytes32 root, int128 first, int128 last)
    {
        uint256 count = DisputeLib.ranges(length);
        _requireLength(accumulators, 16 * (count + 1));
        first = int128(uint128(bytes16(accumulators[:16])));
        last = int128(uint128(bytes16(accumulators[16 * count:])));
        root = TreeLib.fold(_words(accumulators, count, 16), TreeLib.depthOf(count));
    }

    /// Nodes of height `child` below the node (`height`, `index`) of a tree over `leaves` leaves.
    function _requireNodes(
        bytes calldata body,
        bytes32 node,
        uint256 index,
        uint256 height,
        uint256 child,
        uint256 leaves
    ) private pure {
        uint256 levels = height - child;
        _requireLength(body, 32 << levels);
        bytes32[] memory nodes = _words(body, 1 << levels, 32);
        bytes32 padding = TreeLib.zero(child);
        uint256 first = index << levels;
        for (uint256 i = nodes.length; i > 0 && (first + i - 1) << child >= leaves; --i) {
            if (nodes[i - 1] != padding) revert PaddingNotZero(first + i - 1);
        }
        _requireRoot(node, TreeLib.fold(nodes, levels));
    }

    /// A chunk's element; `chunk` has to be whole.
    function valueIn(bytes calldata chunk, uint256 element) internal pure returns (int32) {
        if (chunk.length != DisputeLib.CHUNK_BYTES) revert ChunkLength(chunk.length);
        uint256 offset = 4 * (element % DisputeLib.CHUNK_ELEMENTS);
        return int32(uint32(bytes4(chunk[offset:offset + 4])));
    }

    function _requireChunks(bytes calldata body, bytes32 node, uint256 index, uint256 height, uint256 elements)
        private
        pure
    {
        uint256 first = index << height;
        uint256 count = DisputeLib.chunkCount(elements) - first;
        if (count > 1 << height) count = 1 << height;
        _requireLength(body, count * DisputeLib.CHUNK_BYTES);
        uint256 dataEnd = 4 * elements - first * DisputeLib.CHUNK_BYTES;
        if (dataEnd < body.length) _requireZeros(body[dataEnd:]);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 start = i * DisputeLib.CHUNK_BYTES;
            leaves[i] = TreeLib.leaf(body[start:start + DisputeLib.CHUNK_BYTES]);
        }
        _requireRoot(node, TreeLib.fold(leaves, height));
    }

    function _requireZeros(bytes calldata padding) private pure {
        uint256 head = padding.length % 32;
        if (head != 0 && uint256(bytes32(padding[:head])) != 0) revert PaddingNotZero(0);
        for (uint256 i = head; i < padding.length; i += 32) {
            if (bytes32(padding[i:i + 32]) != 0) revert PaddingNotZero(i);
        }
    }

    function _requireLength(bytes calldata body, uint256 expected) private pure {
        if (body.length != expected) revert BodyLength(expected, body.length);
    }

    function _requireRoot(bytes32 expected, bytes32 actual) private pure {
        if (actual != expected) revert TreeLib.OtherRoot(expected, actual);
    }

    /// `count` words of `body`, each `stride` bytes after the one before; the caller has checked the length.
    function _words(bytes calldata body, uint256 count, uint256 stride) private pure returns (bytes32[] memory words) {
        words = new bytes32[](count);
        assembly ("memory-safe") {
            let from := body.offset
            let to := add(words, 0x20)
            for { let end := add(to, shl(5, count)) } lt(to, end) { to := add(to, 0x20) } {
                mstore(to, calldataload(from))
                from := add(from, stride)
            }
        }
    }
}
