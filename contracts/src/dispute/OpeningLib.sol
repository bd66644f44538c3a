// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {StatementLib} from "../libraries/StatementLib.sol";
import {DescriptorLib, Op, Opcode} from "./DescriptorLib.sol";
import {Opening, StepRoots} from "./DisputeTypes.sol";
import {MultiproofLib} from "./MultiproofLib.sol";
import {TreeLib} from "./TreeLib.sol";

/// Chunks of one operand, proven. Positions are of calldata.
struct Opened {
    uint256 operand;
    uint256 width; // bytes of an element
    uint256 elements; // of the whole tensor
    uint256 numbers; // position of the chunks' numbers, a word each
    uint256 count; // of chunks
    uint256 chunks; // position of the first chunk
    uint256 latest; // which of them was read last: the next read is often there, or in the one after it
}

/// Proves what a step reads; docs/protocol/optimistic.md section 3, "Openings".
library OpeningLib {
    error OpeningsNotAscending(uint256 previous, uint256 operand);
    error NoSuchOperand(uint256 operand, uint256 count);
    error NoSuchTensor(uint256 operand, uint256 index, uint256 count);
    error PathMismatch(uint256 operand, bytes32 expected, bytes32 actual);
    error ElementCountMismatch(uint256 operand, uint256 expected, uint256 actual);
    error NotATable(uint256 rank, uint256 elements);
    error ChunkNotOpened(uint256 operand, uint256 number);

    uint256 private constant CHUNK_BYTES = StatementLib.CHUNK_BYTES;
    uint256 private constant MAX_TABLE = 1 << 16;
    bytes1 private constant INPUT = 0x03; // the tag; statement.md section 1

    /// Every opening, checked; they ascend by operand, so that none is opened twice.
    function open(Op memory op, StepRoots calldata roots, Opening[] calldata openings)
        internal
        pure
        returns (Opened[] memory opened)
    {
        opened = new Opened[](openings.length);
        uint256 depth = TreeLib.depthOf(roots.numOps);
        uint256 least = 0;
        for (uint256 i = 0; i < openings.length; ++i) {
            Opening calldata o = openings[i];
            uint256 operand = o.operand;
            if (operand < least) revert OpeningsNotAscending(least - 1, operand);
            if (operand >= op.maps.length) revert NoSuchOperand(operand, op.maps.length);
            least = operand + 1;
            bytes32 tensor = _tensorRoot(op, opened[i], operand, o);
            _requireCommitted(op, roots, depth, operand, o.path, tensor);
        }
    }

    /// What of an operand is opened; without an opening nothing is.
    function find(Opened[] memory opened, uint256 operand) internal pure returns (Opened memory none) {
        for (uint256 i = 0; i < opened.length; ++i) {
            if (opened[i].operand == operand) return opened[i];
        }
        (none.operand, none.width) = (operand, 4);
    }

    /// The element with this flat index, which the caller keeps below the tensor's number of elements.
    function element(Opened memory o, uint256 index) internal pure returns (int256 value) {
        unchecked {
            uint256 offset = index * o.width;
            uint256 position = o.chunks + _slot(o, offset / CHUNK_BYTES) * CHUNK_BYTES + offset % CHUNK_BYTES;
            uint256 unused = 256 - 8 * o.width;
            assembly ("memory-safe") {
                value := sar(unused, calldataload(position))
            }
        }
    }

    /// Where among the chunks the one with this number is. Every index in here is below 2^32.
    function _slot(Opened memory o, uint256 number) private pure returns (uint256 slot) {
        unchecked {
            slot = o.latest;
            for (uint256 left = o.count; left > 0; --left) {
                uint256 position = o.numbers + 32 * slot;
                uint256 found;
                assembly ("memory-safe") {
                    found := calldataload(position)
                }
                if (found == number) {
                    o.latest = slot;
                    return slot;
                }
                if (++slot == o.count) slot = 0;
            }
        }
        revert ChunkNotOpened(o.operand, number);
    }

    /// keccak(0x02 ‖ width ‖ rank ‖ dims ‖ Merkle root); statement.md section 3.
    function _tensorRoot(Op memory op, Opened memory opened, uint256 operand, Opening calldata o)
        private
        pure
        returns (bytes32 hash)
    {
        uint256 width = op.biased && operand == op.maps.length - 1 ? 8 : 4;
        (uint256 rank, uint256 dims, uint256 elements) = _dims(op, operand, o.dims);
        bytes32 merkle = _merkleRoot(opened, (elements * width + CHUNK_BYTES - 1) / CHUNK_BYTES, o);
        (opened.operand, opened.width, opened.elements) = (operand, width, elements);
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            mstore(scratch, shl(232, or(or(shl(16, 0x02), shl(8, width)), rank)))
            mstore(add(scratch, 3), shl(sub(256, shl(5, rank)), dims))
            mstore(add(scratch, add(3, shl(2, rank))), merkle)
            hash := keccak256(scratch, add(35, shl(2, rank)))
        }
    }

    /// A tensor's dims, one after another in 32 bits each, and their product, which is that of the operand's view.
    function _dims(Op memory op, uint256 operand, uint32[] calldata dims)
        private
        pure
        returns (uint256 rank, uint256 packed, uint256 elements)
    {
        rank = dims.length;
        if (rank > StatementLib.MAX_RANK) revert StatementLib.RankTooLarge(rank, StatementLib.MAX_RANK);
        elements = 1;
        for (uint256 d = 0; d < rank; ++d) {
            packed = packed << 32 | dims[d];
            elements *= dims[d];
        }
        if (op.opcode == Opcode.LOOKUP && operand == 1) {
            if (rank != 1 || elements > MAX_TABLE) revert NotATable(rank, elements);
        } else {
            uint256 expected = DescriptorLib.viewSize(op, operand);
            if (elements != expected) revert ElementCountMismatch(operand, expected, elements);
        }
    }

    function _merkleRoot(Opened memory opened, uint256 count, Opening calldata o) private pure returns (bytes32) {
        (uint32[] calldata numbers, bytes calldata chunks) = (o.numbers, o.chunks);
        (uint256 numbersAt, uint256 chunksAt) = (0, 0);
        assembly ("memory-safe") {
            numbersAt := numbers.offset
            chunksAt := chunks.offset
        }
        (opened.numbers, opened.count, opened.chunks) = (numbersAt, numbers.length, chunksAt);
        return MultiproofLib.root(count == 0 ? 1 : count, numbers, chunks, o.siblings);
    }

    /// An operand resolves only to the request's inputs, the key's constants and the claim's trace, `depth` levels deep.
    function _requireCommitted(
        Op memory op,
        StepRoots calldata roots,
        uint256 depth,
        uint256 operand,
        bytes32[] calldata path,
        bytes32 tensor
    ) private pure {
        (uint256 kind, uint256 index) = DescriptorLib.operandReference(op, operand);
        if (kind == DescriptorLib.OP) {
            if (index >= roots.numOps) revert NoSuchTensor(operand, index, roots.numOps);
            _requireRoot(operand, roots.traceTree, TreeLib.rootOver(tensor, index, path, depth));
        } else if (kind == DescriptorLib.CONST) {
            // A key does not say how many constants there are; tensor roots are no nodes, so no other depth folds.
            _requireRoot(operand, roots.weightsRoot, TreeLib.rootOver(tensor, index, path, path.length));
        } else {
            uint256 count = path.length;
            if (index >= count || count > type(uint8).max) revert NoSuchTensor(operand, index, count);
            _requireRoot(operand, roots.inputRoot, keccak256(abi.encodePacked(INPUT, uint8(count), path)));
            _requireRoot(operand, path[index], tensor);
        }
    }

    function _requireRoot(uint256 operand, bytes32 expected, bytes32 actual) private pure {
        if (actual != expected) revert PathMismatch(operand, expected, actual);
    }
}
