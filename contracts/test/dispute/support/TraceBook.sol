// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {StatementLib} from "../../../src/libraries/StatementLib.sol";

/// Merkle trees with every level kept.
library Levels {
    function over(bytes32[] memory leaves) internal pure returns (bytes32[][] memory levels) {
        uint256 depth = 0;
        while (1 << depth < leaves.length) ++depth;
        levels = new bytes32[][](depth + 1);
        levels[0] = new bytes32[](1 << depth);
        for (uint256 i = 0; i < leaves.length; ++i) {
            levels[0][i] = leaves[i];
        }
        for (uint256 h = 1; h <= depth; ++h) {
            levels[h] = new bytes32[](1 << (depth - h));
            for (uint256 i = 0; i < levels[h].length; ++i) {
                levels[h][i] = StatementLib.node(levels[h - 1][2 * i], levels[h - 1][2 * i + 1]);
            }
        }
    }

    function root(bytes32[][] memory levels) internal pure returns (bytes32) {
        return levels[levels.length - 1][0];
    }

    /// Of the node (`height`, `index`), up to height `top`.
    function siblings(bytes32[][] memory levels, uint256 height, uint256 index, uint256 top)
        internal
        pure
        returns (bytes32[] memory path)
    {
        path = new bytes32[](top - height);
        for (uint256 h = height; h < top; ++h) {
            path[h - height] = levels[h][(index >> (h - height)) ^ 1];
        }
    }

    /// The nodes of height `child` below the node (`height`, `index`).
    function below(bytes32[][] memory levels, uint256 height, uint256 index, uint256 child)
        internal
        pure
        returns (bytes32[] memory nodes)
    {
        nodes = new bytes32[](1 << (height - child));
        for (uint256 i = 0; i < nodes.length; ++i) {
            nodes[i] = levels[child][(index << (height - child)) + i];
        }
    }
}

/// A model of 40 ops for StubOneStep, and a trace of it that may lie about one element.
abstract contract TraceBook {
    uint32 internal constant OPS = 40; // depth 6: one level below the top
    uint32 internal constant SMALL = 0; // 200 elements in 4 chunks, 30 terms
    uint32 internal constant SHORT = 1; // 3 elements of 24 terms: one segment
    uint32 internal constant EMPTY = 2; // no elements
    uint32 internal constant TERMLESS = 3; // elements that are sums of nothing
    uint32 internal constant BIG = 7; // 10,000 elements in 157 chunks, 5,000 terms
    uint32 internal constant OUTPUT = 39; // 3 elements of 5 terms

    /// From term `from` on the accumulators of an element are too large by 8·by, and so the element by `by`.
    struct Lie {
        bool told;
        uint32 op;
        uint32 element;
        uint48 from;
        int32 by;
    }

    Lie internal lie;
    /// What a claimant committed to in the place of an op's tensor.
    mapping(uint32 op => bytes32 root) internal forgedRoots;
    mapping(uint32 op => bytes32 root) private _honestRoots;

    function dimsOf(uint32 op) internal pure returns (uint32[] memory dims) {
        dims = new uint32[](op == BIG ? 2 : 1);
        dims[0] = 1;
        if (op == SMALL) dims[0] = 200;
        if (op == SHORT || op == TERMLESS || op == OUTPUT) dims[0] = 3;
        if (op == EMPTY) dims[0] = 0;
        if (op == BIG) (dims[0], dims[1]) = (100, 100);
    }

    function termsOf(uint32 op) internal pure returns (uint48) {
        if (op == SMALL) return 30;
        if (op == SHORT) return 24;
        if (op == TERMLESS) return 0;
        return op == BIG ? 5000 : 5;
    }

    function descriptorOf(uint32 op) internal pure returns (bytes memory) {
        return abi.encode(dimsOf(op), termsOf(op));
    }

    function elementsOf(uint32 op) internal pure returns (uint256) {
        return StatementLib.elementCount(dimsOf(op));
    }

    /// As the claimant says.
    function accumulatorOf(uint32 op, uint32 element, uint48 term) internal view returns (int128) {
        int256 t = int256(uint256(term));
        int256 honest = 5 + t * (t + 1) / 2 + t * int256(uint256(element));
        return int128(honest + (_lies(op, element) && term > lie.from ? int256(8) * lie.by : int256(0)));
    }

    function valueOf(uint32 op, uint32 element) internal view returns (int32) {
        int256 n = int256(uint256(termsOf(op)));
        int256 honest = (5 + n * (n + 1) / 2 + n * int256(uint256(element))) >> 3;
        return int32(honest + (_lies(op, element) ? lie.by : int32(0)));
    }

    /// The tensor's bytes, not padded.
    function dataOf(uint32 op) internal view returns (bytes memory data) {
        uint256 count = elementsOf(op);
        data = new bytes(4 * count);
        for (uint32 i = 0; i < count; ++i) {
            uint256 value = uint256(uint32(valueOf(op, i))) << 224;
            uint256 lastWord = data.length < 32 ? 0 : data.length - 32;
            uint256 offset = 4 * i > lastWord ? lastWord : 4 * i;
            value >>= 8 * (4 * i - offset);
            assembly ("memory-safe") {
                let at_ := add(add(data, 0x20), offset)
                mstore(at_, or(mload(at_), value))
            }
        }
    }

    function chunkOf(uint32 op, uint256 number) internal view returns (bytes memory chunk) {
        return _chunkIn(dataOf(op), number);
    }

    /// Chunks first … first + count − 1, without those past the tensor.
    function chunksOf(uint32 op, uint256 first, uint256 count) internal view returns (bytes memory body) {
        bytes memory data = dataOf(op);
        uint256 chunks = data.length == 0 ? 1 : (data.length + 255) / 256;
        for (uint256 i = first; i < first + count && i < chunks; ++i) {
            body = bytes.concat(body, _chunkIn(data, i));
        }
    }

    function tensorLevels(uint32 op) internal view returns (bytes32[][] memory) {
        bytes memory data = dataOf(op);
        bytes32[] memory leaves = new bytes32[](data.length == 0 ? 1 : (data.length + 255) / 256);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = StatementLib.leaf(_chunkIn(data, i));
        }
        return Levels.over(leaves);
    }

    function tensorRootOf(uint32 op) internal view returns (bytes32) {
        if (forgedRoots[op] != 0) return forgedRoots[op];
        if (!lie.told || lie.op != op) return _honestRoots[op];
        return _tensorRoot(op);
    }

    function traceLevels() internal view returns (bytes32[][] memory) {
        bytes32[] memory roots = new bytes32[](OPS);
        for (uint32 op = 0; op < OPS; ++op) {
            roots[op] = tensorRootOf(op);
        }
        return Levels.over(roots);
    }

    function graphLevels() internal pure returns (bytes32[][] memory) {
        bytes32[] memory leaves = new bytes32[](OPS);
        for (uint32 op = 0; op < OPS; ++op) {
            leaves[op] = StatementLib.leaf(descriptorOf(op));
        }
        return Levels.over(leaves);
    }

    /// To be called once, before any lie.
    function _rememberTrace() internal {
        for (uint32 op = 0; op < OPS; ++op) {
            _honestRoots[op] = _tensorRoot(op);
        }
    }

    function _tensorRoot(uint32 op) private view returns (bytes32) {
        uint32[] memory dims = dimsOf(op);
        bytes memory shape = abi.encodePacked(hex"0204", uint8(dims.length));
        for (uint256 i = 0; i < dims.length; ++i) {
            shape = abi.encodePacked(shape, dims[i]);
        }
        return keccak256(abi.encodePacked(shape, Levels.root(tensorLevels(op))));
    }

    function _lies(uint32 op, uint32 element) private view returns (bool) {
        return lie.told && lie.op == op && lie.element == element;
    }

    function _chunkIn(bytes memory data, uint256 number) private pure returns (bytes memory chunk) {
        chunk = new bytes(256);
        uint256 start = 256 * number;
        uint256 length = data.length - start < 256 ? data.length - start : 256;
        assembly ("memory-safe") {
            mcopy(add(chunk, 0x20), add(add(data, 0x20), start), length)
        }
    }
}
