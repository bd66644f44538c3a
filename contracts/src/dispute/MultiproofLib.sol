// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {StatementLib} from "../libraries/StatementLib.sol";

/// Several chunks of a tensor under its Merkle root at once; docs/protocol/optimistic.md section 3, "Openings".
library MultiproofLib {
    error NothingOpened();
    error ChunkBytesMismatch(uint256 expected, uint256 actual);
    error NumbersNotAscending(uint256 previous, uint256 number);
    error NumberOutOfRange(uint256 number, uint256 count);
    error SiblingCountMismatch(uint256 expected, uint256 actual);

    uint256 private constant CHUNK_BYTES = StatementLib.CHUNK_BYTES;

    /// The root over `count` chunks of which those with these `numbers` are shown.
    function root(uint256 count, uint32[] calldata numbers, bytes calldata chunks, bytes32[] calldata siblings)
        internal
        pure
        returns (bytes32 hash)
    {
        uint256 known = numbers.length;
        uint256 nodes = _leaves(count, numbers, chunks);
        uint256 first;
        uint256 next;
        assembly ("memory-safe") {
            first := siblings.offset
            next := first
        }
        for (; count > 1; count = (count + 1) >> 1) {
            (known, next) = _level(nodes, known, next);
        }
        // Siblings that are not there were read as whatever follows them; this refuses what came of it.
        uint256 used = (next - first) / 32;
        if (used != siblings.length) revert SiblingCountMismatch(used, siblings.length);
        assembly ("memory-safe") {
            hash := mload(add(nodes, 0x20))
        }
    }

    /// Pairs of a chunk's number and its leaf, from the memory position returned on.
    function _leaves(uint256 count, uint32[] calldata numbers, bytes calldata chunks)
        private
        pure
        returns (uint256 nodes)
    {
        if (numbers.length == 0) revert NothingOpened();
        if (chunks.length != numbers.length * CHUNK_BYTES) {
            revert ChunkBytesMismatch(numbers.length * CHUNK_BYTES, chunks.length);
        }
        uint256 scratch;
        assembly ("memory-safe") {
            nodes := mload(0x40)
            scratch := add(nodes, shl(6, numbers.length))
            mstore(0x40, add(scratch, 0x120)) // a leaf's tag and chunk, in whole words
            mstore8(scratch, 0x00) // LEAF
        }
        uint256 least = 0;
        for (uint256 i = 0; i < numbers.length; ++i) {
            uint256 chunk = numbers[i];
            if (chunk < least) revert NumbersNotAscending(least - 1, chunk);
            if (chunk >= count) revert NumberOutOfRange(chunk, count);
            least = chunk + 1;
            assembly ("memory-safe") {
                calldatacopy(add(scratch, 1), add(chunks.offset, shl(8, i)), 256)
                let node := add(nodes, shl(6, i))
                mstore(node, chunk)
                mstore(add(node, 0x20), keccak256(scratch, 257))
            }
        }
    }

    /// Folds `known` nodes one level up, in place; returns how many there are then, and the next sibling's position.
    function _level(uint256 nodes, uint256 known, uint256 sibling) private pure returns (uint256 left, uint256 next) {
        assembly ("memory-safe") {
            next := sibling
            let end := add(nodes, shl(6, known))
            let to := nodes
            let scratch := mload(0x40)
            mstore8(scratch, 0x01) // NODE
            for { let from := nodes } lt(from, end) {} {
                let place := mload(from)
                // The node itself stands on the left if its number is even.
                let odd := shl(5, and(place, 1))
                mstore(add(add(scratch, 0x01), odd), mload(add(from, 0x20)))
                from := add(from, 0x40)
                // Numbers ascend: only an even one's neighbour comes next.
                switch and(lt(from, end), eq(mload(from), xor(place, 1)))
                case 0 {
                    mstore(sub(add(scratch, 0x21), odd), calldataload(next))
                    next := add(next, 0x20)
                }
                default {
                    mstore(add(scratch, 0x21), mload(add(from, 0x20)))
                    from := add(from, 0x40)
                }
                mstore(to, shr(1, place))
                mstore(add(to, 0x20), keccak256(scratch, 0x41))
                to := add(to, 0x40)
            }
            left := shr(6, sub(to, nodes))
        }
    }
}
