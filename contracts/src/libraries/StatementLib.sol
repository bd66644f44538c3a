// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ModelHeader, Tensor} from "../interfaces/Types.sol";

/// The bytes behind a statement: roots of tensors, inputs and outputs, and the ids (docs/protocol/statement.md).
/// The same as circuits/statement.py, pinned by tests/vectors/statement.json.
library StatementLib {
    error ElementWidthNot4Or8(uint8 width);
    error RankTooLarge(uint256 rank, uint256 max);
    error TooManyElements(uint256 atLeast, uint256 max);
    error DataLengthMismatch(uint256 expected, uint256 actual);
    error TooManyTensors(uint256 count, uint256 max);

    uint256 internal constant CHUNK_BYTES = 256;
    uint256 internal constant MAX_RANK = 8;
    uint256 internal constant MAX_ELEMENTS = type(uint32).max;

    // Domain separation, section 1; 0x01, a Merkle node, is written out in `node`.
    bytes1 private constant LEAF = 0x00;
    bytes1 private constant TENSOR = 0x02;
    bytes1 private constant INPUT = 0x03;
    bytes1 private constant OUTPUT = 0x04;
    bytes1 private constant MODEL = 0x06;
    bytes1 private constant REGISTRATION = 0x07;
    bytes1 private constant COMMITMENT = 0x08;
    bytes1 private constant IO = 0x09;

    function leaf(bytes memory data) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(LEAF, data));
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        // Hashed beyond the free memory pointer without moving it, so that large trees do not grow memory.
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            mstore8(scratch, 0x01) // NODE
            mstore(add(scratch, 0x01), left)
            mstore(add(scratch, 0x21), right)
            hash := keccak256(scratch, 0x41)
        }
    }

    /// Root of 32-byte leaves, zero-padded to a power of two (section 2). `leaves` is left as it was.
    function merkle(bytes32[] memory leaves) internal pure returns (bytes32) {
        uint256 size = 1;
        while (size < leaves.length) size <<= 1;
        bytes32[] memory level = new bytes32[](size);
        for (uint256 i = 0; i < leaves.length; ++i) {
            level[i] = leaves[i];
        }
        return _fold(level);
    }

    /// Root of one tensor (section 3); its data must be exactly as long as its dims say.
    function tensorRoot(Tensor memory tensor) internal pure returns (bytes32) {
        uint256 rank = tensor.dims.length;
        uint256 expected = elementCount(tensor.dims) * tensor.width;
        if (tensor.width != 4 && tensor.width != 8) revert ElementWidthNot4Or8(tensor.width);
        if (tensor.data.length != expected) revert DataLengthMismatch(expected, tensor.data.length);
        bytes memory shape = abi.encodePacked(TENSOR, tensor.width, uint8(rank));
        for (uint256 i = 0; i < rank; ++i) {
            shape = abi.encodePacked(shape, tensor.dims[i]);
        }
        return keccak256(abi.encodePacked(shape, _fold(_chunkLeaves(tensor.data))));
    }

    function elementCount(uint32[] memory dims) internal pure returns (uint256 count) {
        if (dims.length > MAX_RANK) revert RankTooLarge(dims.length, MAX_RANK);
        count = 1;
        for (uint256 i = 0; i < dims.length; ++i) {
            count *= dims[i];
        }
        if (count > MAX_ELEMENTS) revert TooManyElements(count, MAX_ELEMENTS);
    }

    function inputRoot(Tensor[] memory tensors) internal pure returns (bytes32) {
        return _ioRoot(INPUT, tensors);
    }

    function outputRoot(Tensor[] memory tensors) internal pure returns (bytes32) {
        return _ioRoot(OUTPUT, tensors);
    }

    /// The output root of tensors whose roots are these.
    function outputRootOf(bytes32[] memory roots) internal pure returns (bytes32) {
        return _ioRootOf(OUTPUT, roots);
    }

    /// What stands in inputRoot's place for a hashed input (section 4).
    function inputCommitment(uint8 scheme, bytes32 commitment) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(COMMITMENT, scheme, commitment));
    }

    function ioDigest(bytes memory ioSpec) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(IO, ioSpec));
    }

    function modelId(ModelHeader memory header) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(MODEL, header.graphRoot, header.weightsRoot, ioDigest(header.ioSpec), header.opsetVersion)
        );
    }

    function registrationId(uint256 chainId, address registry, address owner, bytes32 model)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(REGISTRATION, chainId, registry, owner, model));
    }

    function _ioRoot(bytes1 tag, Tensor[] memory tensors) private pure returns (bytes32) {
        _requireCount(tensors.length);
        bytes32[] memory roots = new bytes32[](tensors.length);
        for (uint256 i = 0; i < tensors.length; ++i) {
            roots[i] = tensorRoot(tensors[i]);
        }
        return _ioRootOf(tag, roots);
    }

    function _ioRootOf(bytes1 tag, bytes32[] memory roots) private pure returns (bytes32) {
        _requireCount(roots.length);
        return keccak256(abi.encodePacked(tag, uint8(roots.length), roots));
    }

    function _requireCount(uint256 tensors) private pure {
        if (tensors > type(uint8).max) revert TooManyTensors(tensors, type(uint8).max);
    }

    /// The leaves of a tensor's chunks, already padded to a power of two with bytes32(0).
    function _chunkLeaves(bytes memory data) private pure returns (bytes32[] memory leaves) {
        uint256 count = data.length == 0 ? 1 : (data.length + CHUNK_BYTES - 1) / CHUNK_BYTES;
        uint256 size = 1;
        while (size < count) size <<= 1;
        leaves = new bytes32[](size);
        // One buffer of tag and chunk serves every leaf; allocated zeroed, so that only the last chunk needs padding.
        bytes memory buffer = new bytes(1 + CHUNK_BYTES);
        buffer[0] = LEAF;
        for (uint256 i = 0; i < count; ++i) {
            uint256 start = i * CHUNK_BYTES;
            uint256 length = data.length - start;
            if (length > CHUNK_BYTES) length = CHUNK_BYTES;
            if (length < CHUNK_BYTES) _clear(buffer);
            assembly ("memory-safe") {
                mcopy(add(buffer, 0x21), add(add(data, 0x20), start), length)
            }
            leaves[i] = keccak256(buffer);
        }
    }

    /// Zeroes a leaf buffer's chunk: calldata past its end reads as zeros.
    function _clear(bytes memory buffer) private pure {
        assembly ("memory-safe") {
            calldatacopy(add(buffer, 0x21), calldatasize(), 256)
        }
    }

    /// Folds a power-of-two level in place down to its root.
    function _fold(bytes32[] memory level) private pure returns (bytes32) {
        for (uint256 size = level.length; size > 1; size >>= 1) {
            for (uint256 i = 0; i < size; i += 2) {
                level[i >> 1] = node(level[i], level[i + 1]);
            }
        }
        return level[0];
    }
}
