// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {Opening, StepRoots} from "../../src/dispute/DisputeTypes.sol";
import {OneStep} from "../../src/dispute/OneStep.sol";
import {Tensor} from "../../src/interfaces/Types.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";

/// A program's tensors, what commits to them, and openings of them; docs/protocol/optimistic.md section 3.
abstract contract StepFixture is Test {
    uint256 internal constant INPUT = 0;
    uint256 internal constant CONST = 1;
    uint256 internal constant OP = 2;

    OneStep internal immutable STEP = new OneStep();

    /// The tensors of each kind.
    Tensor[][3] private tensors;

    /// Adds a tensor of `kind`; returns a reference to it.
    function tensor(uint256 kind, uint8 width, uint32[] memory dims, int256[] memory values)
        internal
        returns (bytes memory)
    {
        bytes memory data = new bytes(values.length * width);
        for (uint256 i = 0; i < values.length; ++i) {
            for (uint256 b = 0; b < width; ++b) {
                data[i * width + b] = bytes1(uint8(uint256(values[i] >> (8 * (width - 1 - b)))));
            }
        }
        return tensor(kind, Tensor(width, dims, data));
    }

    function tensor(uint256 kind, Tensor memory t) internal returns (bytes memory) {
        tensors[kind].push(t);
        return abi.encodePacked(uint8(kind), uint32(tensors[kind].length - 1));
    }

    /// A vector of width 4.
    function vector(uint256 kind, int256[] memory values) internal returns (bytes memory) {
        return tensor(kind, 4, u32s(values.length), values);
    }

    function roots() internal view returns (StepRoots memory r) {
        r.inputRoot = keccak256(abi.encodePacked(uint8(3), uint8(tensors[INPUT].length), _tensorRoots(INPUT)));
        r.weightsRoot = StatementLib.merkle(_tensorRoots(CONST));
        r.traceTree = StatementLib.merkle(_tensorRoots(OP));
        r.numOps = uint32(tensors[OP].length);
    }

    /// Operand number `operand`, which is `ref`, with these chunks.
    function opening(uint8 operand, bytes memory ref, uint32[] memory numbers)
        internal
        view
        returns (Opening memory o)
    {
        (uint256 kind, uint256 index) = (uint8(ref[0]), uint32(bytes4(this.tail(ref))));
        Tensor memory t = tensors[kind][index];
        o.operand = operand;
        o.dims = t.dims;
        o.path = kind == INPUT ? _tensorRoots(INPUT) : _siblings(_tensorRoots(kind), index);
        o.numbers = numbers;
        (bytes32[] memory leaves, bytes memory padded) = _leaves(t.data);
        for (uint256 i = 0; i < numbers.length; ++i) {
            o.chunks = bytes.concat(o.chunks, this.slice(padded, numbers[i] * 256, 256));
        }
        o.siblings = multiproof(leaves, numbers);
    }

    function only(Opening memory a) internal pure returns (Opening[] memory all) {
        all = new Opening[](1);
        all[0] = a;
    }

    function pair(Opening memory a, Opening memory b) internal pure returns (Opening[] memory all) {
        all = new Opening[](2);
        (all[0], all[1]) = (a, b);
    }

    function triple(Opening memory a, Opening memory b, Opening memory c) internal pure returns (Opening[] memory all) {
        all = new Opening[](3);
        (all[0], all[1], all[2]) = (a, b, c);
    }

    function run(
        bytes memory descriptor,
        uint256 element,
        uint256 lo,
        uint256 hi,
        int256 acc,
        Opening[] memory openings
    ) internal view returns (int256) {
        return STEP.run(descriptor, roots(), uint32(element), uint48(lo), uint48(hi), acc, openings);
    }

    /// The element from all its terms.
    function whole(bytes memory descriptor, uint256 element, Opening[] memory openings) internal view returns (int256) {
        (,, uint48 terms, int128 start) = STEP.shape(descriptor);
        return STEP.finish(descriptor, run(descriptor, element, 0, terms, start, openings));
    }

    /// What a multiproof of these chunks adds to them: on each level, the nodes that nobody can work out.
    function multiproof(bytes32[] memory level, uint32[] memory numbers)
        internal
        pure
        returns (bytes32[] memory siblings)
    {
        bool[] memory known = new bool[](level.length);
        for (uint256 i = 0; i < numbers.length; ++i) {
            known[numbers[i]] = true;
        }
        bytes32[] memory found = new bytes32[](64 * numbers.length);
        uint256 count = 0;
        for (uint256 size = level.length; size > 1; size >>= 1) {
            for (uint256 i = 0; i < size; i += 2) {
                if (known[i] != known[i + 1]) found[count++] = known[i] ? level[i + 1] : level[i];
                (level[i >> 1], known[i >> 1]) = (StatementLib.node(level[i], level[i + 1]), known[i] || known[i + 1]);
            }
        }
        siblings = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            siblings[i] = found[i];
        }
    }

    function u32s(uint256 a) internal pure returns (uint32[] memory list) {
        list = new uint32[](1);
        list[0] = uint32(a);
    }

    function u32s(uint256 a, uint256 b) internal pure returns (uint32[] memory list) {
        list = new uint32[](2);
        (list[0], list[1]) = (uint32(a), uint32(b));
    }

    function none() internal pure returns (uint32[] memory) {
        return new uint32[](0);
    }

    /// first, first + 1, …
    function upTo(uint256 first, uint256 count) internal pure returns (uint32[] memory list) {
        list = new uint32[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = uint32(first + i);
        }
    }

    function i32s(int256 a) internal pure returns (int256[] memory list) {
        list = new int256[](1);
        list[0] = a;
    }

    function i32s(int256 a, int256 b) internal pure returns (int256[] memory list) {
        list = new int256[](2);
        (list[0], list[1]) = (a, b);
    }

    function i32s(int256 a, int256 b, int256 c) internal pure returns (int256[] memory list) {
        list = new int256[](3);
        (list[0], list[1], list[2]) = (a, b, c);
    }

    /// a, a + step, …
    function range(int256 a, int256 step, uint256 count) internal pure returns (int256[] memory list) {
        list = new int256[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = a + step * int256(i);
        }
    }

    function tail(bytes calldata ref) external pure returns (bytes calldata) {
        return ref[1:];
    }

    function slice(bytes calldata data, uint256 from, uint256 length) external pure returns (bytes calldata) {
        return data[from:from + length];
    }

    function _tensorRoots(uint256 kind) private view returns (bytes32[] memory list) {
        list = new bytes32[](tensors[kind].length);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = StatementLib.tensorRoot(tensors[kind][i]);
        }
    }

    /// The leaves of a tensor's chunks, padded to a power of two, and the chunks.
    function _leaves(bytes memory data) private view returns (bytes32[] memory leaves, bytes memory padded) {
        uint256 count = data.length == 0 ? 1 : (data.length + 255) / 256;
        padded = bytes.concat(data, new bytes(count * 256 - data.length));
        uint256 size = 1;
        while (size < count) size <<= 1;
        leaves = new bytes32[](size);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = StatementLib.leaf(this.slice(padded, i * 256, 256));
        }
    }

    function _siblings(bytes32[] memory leaves, uint256 index) private pure returns (bytes32[] memory) {
        uint256 size = 1;
        while (size < leaves.length) size <<= 1;
        bytes32[] memory level = new bytes32[](size);
        for (uint256 i = 0; i < leaves.length; ++i) {
            level[i] = leaves[i];
        }
        return multiproof(level, u32s(index));
    }
}
