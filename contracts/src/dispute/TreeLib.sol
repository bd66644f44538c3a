// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {StatementLib} from "../libraries/StatementLib.sol";

/// Merkle trees whose leaves are padded with bytes32(0) to a power of two; docs/protocol/statement.md section 2.
library TreeLib {
    error SiblingCount(uint256 expected, uint256 actual);
    error IndexOutsideTree(uint256 index, uint256 depth);
    error OtherRoot(bytes32 expected, bytes32 actual);

    /// Of the tree over `count` leaves; also the height of its root.
    function depthOf(uint256 count) internal pure returns (uint256 depth) {
        while ((1 << depth) < count) ++depth;
    }

    /// The node of that height over nothing but padding.
    function zero(uint256 height) internal pure returns (bytes32 node) {
        for (uint256 i = 0; i < height; ++i) {
            node = StatementLib.node(node, node);
        }
    }

    /// Hash of a leaf's bytes: a chunk, a descriptor.
    function leaf(bytes calldata data) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x00), data));
    }

    /// The node `depth` levels above `node`, which is the one numbered `index` below it.
    function rootOver(bytes32 node, uint256 index, bytes32[] calldata siblings, uint256 depth)
        internal
        pure
        returns (bytes32)
    {
        if (siblings.length != depth) revert SiblingCount(depth, siblings.length);
        if (index >> depth != 0) revert IndexOutsideTree(index, depth);
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            mstore8(scratch, 0x01) // NODE
            let sibling := siblings.offset
            for { let end := add(sibling, shl(5, depth)) } lt(sibling, end) { sibling := add(sibling, 0x20) } {
                let right := shl(5, and(index, 1))
                mstore(add(add(scratch, 1), right), node)
                mstore(add(add(scratch, 1), xor(right, 0x20)), calldataload(sibling))
                node := keccak256(scratch, 0x41)
                index := shr(1, index)
            }
        }
        return node;
    }

    /// Reverts unless `node` has number `index` among the nodes `depth` levels below `root`.
    function requireUnder(bytes32 root, bytes32 node, uint256 index, bytes32[] calldata siblings, uint256 depth)
        internal
        pure
    {
        bytes32 actual = rootOver(node, index, siblings, depth);
        if (actual != root) revert OtherRoot(root, actual);
    }

    /// Reverts unless `descriptor` is that of op `op` of a graph; its leaf.
    function requireOp(
        bytes32 graphTree,
        bytes calldata descriptor,
        uint256 op,
        bytes32[] calldata siblings,
        uint256 numOps
    ) internal pure returns (bytes32 descriptorLeaf) {
        descriptorLeaf = leaf(descriptor);
        requireUnder(graphTree, descriptorLeaf, op, siblings, depthOf(numOps));
    }

    /// The node `levels` above `nodes`, in place. Fewer than 2^levels of them are padded with zeros, which only leaves are.
    function fold(bytes32[] memory nodes, uint256 levels) internal pure returns (bytes32) {
        uint256 count = nodes.length;
        bytes32 padding;
        for (uint256 level = 0; level < levels; ++level) {
            uint256 pairs = count >> 1;
            _foldPairs(nodes, pairs);
            if (count & 1 == 1) nodes[pairs] = StatementLib.node(nodes[2 * pairs], padding);
            count = (count + 1) >> 1;
            padding = StatementLib.node(padding, padding);
        }
        return nodes[0];
    }

    /// Each of the first nodes becomes the one over a pair of them. A reveal of sums has hundreds, hence the assembly.
    function _foldPairs(bytes32[] memory nodes, uint256 pairs) private pure {
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            mstore8(scratch, 0x01) // NODE
            let from := add(nodes, 0x20)
            let to := from
            for { let end := add(to, shl(5, pairs)) } lt(to, end) { to := add(to, 0x20) } {
                mcopy(add(scratch, 1), from, 0x40)
                mstore(to, keccak256(scratch, 0x41))
                from := add(from, 0x40)
            }
        }
    }
}
