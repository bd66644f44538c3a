// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Opcode} from "../../src/dispute/DescriptorLib.sol";
import {Opening, StepRoots} from "../../src/dispute/DisputeTypes.sol";
import {MultiproofLib} from "../../src/dispute/MultiproofLib.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {Descriptors} from "./Descriptors.sol";
import {StepFixture} from "./StepFixture.sol";

/// Calls of one step of every op, over trees whose other leaves are made up.
abstract contract StepCalls is StepFixture {
    uint256 internal constant LARGEST = 1 << 28; // elements of a tensor
    uint256 internal constant TENSORS = 32; // of each kind that are not made up, the lowest ones
    uint256 internal constant ABOVE = 11; // levels over them: 2^16 ops and constants

    Opening[] internal openings;
    bytes32[TENSORS][3] private tensorRoots;
    uint256[] private places; // reference of each opening: kind · TENSORS + index

    /// Opens the chunks in which these elements are, of a tensor of `size` elements.
    function show(uint256 kind, uint256 index, uint256 width, uint256 size, uint256[] memory elements) internal {
        (uint256 count, uint32[] memory numbers) = (0, new uint32[](elements.length));
        for (uint256 i = 0; i < elements.length; ++i) {
            uint32 number = uint32(elements[i] * width / 256);
            if (count == 0 || numbers[count - 1] != number) numbers[count++] = number;
        }
        assembly {
            mstore(numbers, count)
        }
        uint256 chunks = (size * width + 255) / 256;
        Opening memory o = Opening(uint8(openings.length), none_(), u32s(size), numbers, "", none_());
        for (uint256 i = 0; i < 8 * count; ++i) {
            o.chunks = bytes.concat(o.chunks, keccak256(abi.encode(kind, index, i)) >> 5); // 0 < first < 2^27
        }
        o.siblings = made(siblingCount(chunks, numbers));
        bytes32 merkle = this.rootOf(chunks, o);
        tensorRoots[kind][index] = keccak256(abi.encodePacked(uint8(2), uint8(width), uint8(1), uint32(size), merkle));
        openings.push(o);
        places.push(kind * TENSORS + index);
    }

    /// As many siblings as a multiproof of these leaves takes.
    function siblingCount(uint256 leaves, uint32[] memory numbers) internal pure returns (uint256 count) {
        uint256[] memory known = new uint256[](numbers.length);
        for (uint256 i = 0; i < numbers.length; ++i) {
            known[i] = numbers[i];
        }
        for (uint256 size = leaves; size > 1; size = (size + 1) / 2) {
            uint256 kept = 0;
            for (uint256 i = 0; i < known.length; ++i) {
                if (kept > 0 && known[kept - 1] == known[i] / 2) --count;
                else (known[kept++], count) = (known[i] / 2, count + 1);
            }
            assembly {
                mstore(known, kept)
            }
        }
    }

    function rootOf(uint256 chunks, Opening calldata o) external pure returns (bytes32) {
        return MultiproofLib.root(chunks, o.numbers, o.chunks, o.siblings);
    }

    function made(uint256 count) internal pure returns (bytes32[] memory list) {
        list = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = keccak256(abi.encode(count, i));
        }
    }

    function none_() internal pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    /// The root of the tree over all tensors of a kind, and the path of one.
    function tree(uint256 kind, uint256 index) internal view returns (bytes32 root, bytes32[] memory path) {
        bytes32[] memory level = new bytes32[](TENSORS);
        for (uint256 i = 0; i < TENSORS; ++i) {
            level[i] = tensorRoots[kind][i];
        }
        root = StatementLib.merkle(level);
        bytes32[] memory low = multiproof(level, u32s(index));
        path = made(low.length + ABOVE);
        for (uint256 h = 0; h < path.length; ++h) {
            if (h < low.length) path[h] = low[h];
            else root = StatementLib.node(root, path[h]);
        }
    }

    /// The call of one step of output element 0.
    function prepare(bytes memory descriptor, uint256 lo, uint256 hi) internal view returns (bytes memory) {
        Opening[] memory all = openings;
        StepRoots memory r;
        r.numOps = 1 << 16;
        (r.weightsRoot,) = tree(CONST, 0);
        (r.traceTree,) = tree(OP, 0);
        for (uint256 i = 0; i < all.length; ++i) {
            (, all[i].path) = tree(places[i] / TENSORS, places[i] % TENSORS);
        }
        return abi.encodeCall(STEP.run, (descriptor, r, 0, uint48(lo), uint48(hi), 0, all));
    }

    function measure(bytes memory data) internal {
        vm.resumeGasMetering();
        (bool done,) = address(STEP).staticcall(data);
        vm.pauseGasMetering();
        assertTrue(done);
    }

    /// What a transaction of its own would pay, with the floor under calldata of EIP-7623.
    function transactionGas(bytes memory data) internal returns (uint256 gas) {
        uint256 tokens = 0;
        for (uint256 i = 0; i < data.length; ++i) {
            tokens += data[i] == 0 ? 1 : 4;
        }
        uint256 before = gasleft();
        (bool done,) = address(STEP).staticcall(data);
        uint256 used = before - gasleft();
        assertTrue(done);
        emit log_named_uint("calldata bytes", data.length);
        emit log_named_uint("of the call", used);
        uint256 standard = 21_000 + 4 * tokens + used;
        uint256 least = 21_000 + 10 * tokens;
        gas = standard > least ? standard : least;
        emit log_named_uint("of the transaction", gas);
    }

    function ref(uint256 kind, uint256 index) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(kind), uint32(index));
    }

    /// first, first + step, …
    function every(uint256 first, uint256 step, uint256 count) internal pure returns (uint256[] memory list) {
        list = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = first + step * i;
        }
    }

    /// A map over `iteration` dims that is moved by `stride` along the last of them.
    function along(uint256 size, uint256 iteration, uint256 stride) internal pure returns (bytes memory) {
        int256[] memory row = new int256[](1 + iteration);
        row[iteration] = int256(stride);
        return Descriptors.map(u32s(size), row);
    }

    /// The last terms of an output of a dense layer of `width` inputs, and its bias: contiguous elements.
    function dense(uint256 width) internal returns (bytes memory) {
        bytes memory maps = bytes.concat(
            Descriptors.map(u32s(width, width), matrix()), along(width, 2, 1), Descriptors.map(u32s(width), bias())
        );
        bytes memory refs = bytes.concat(ref(CONST, 1), ref(OP, 2), ref(CONST, 3));
        bytes memory descriptor =
            Descriptors.op(Opcode.CONTRACT, 16, u32s(width), refs, u32s(width), maps, Descriptors.rescale(12));
        show(CONST, 1, 4, width * width, every(width - 23, 1, 23));
        show(OP, 2, 4, width, every(width - 23, 1, 23));
        show(CONST, 3, 8, width, every(0, 1, 1));
        return prepare(descriptor, width - 23, width + 1);
    }

    /// Rows of [width, width] by the output, columns by the inner point.
    function matrix() internal pure returns (int256[] memory rows) {
        rows = new int256[](6);
        (rows[1], rows[5]) = (1, 1);
    }

    function bias() internal pure returns (int256[] memory) {
        return i32s(0, 1, 0);
    }

    /// A 5 by 5 convolution of 64 channels of 32 by 32: the first 24 inner points of an output.
    function convolution() internal returns (bytes memory) {
        int256[] memory weights = new int256[](28);
        (weights[1], weights[7 + 4], weights[14 + 5], weights[21 + 6]) = (1, 1, 1, 1);
        int256[] memory image = new int256[](21);
        (image[4], image[7 + 2], image[7 + 5], image[14 + 3], image[14 + 6]) = (1, 1, 1, 1, 1);
        bytes memory maps =
            bytes.concat(Descriptors.map(dims(64, 64, 5, 5), weights), Descriptors.map(dims(64, 32, 32), image));
        bytes memory refs = bytes.concat(ref(CONST, 1), ref(OP, 2));
        show(CONST, 1, 4, 64 * 64 * 25, every(0, 1, 24));
        show(OP, 2, 4, 64 * 32 * 32, every(0, 32, 5));
        bytes memory descriptor =
            Descriptors.op(Opcode.CONTRACT, 16, dims(64, 28, 28), refs, dims(64, 5, 5), maps, Descriptors.rescale(12));
        return prepare(descriptor, 0, 24);
    }

    /// 24 inner points of `count` operands of eight axes, each element as far from the others as they can be.
    function scattered(uint256 opcode, uint256 count, uint256 size, bytes memory attributes)
        internal
        returns (bytes memory)
    {
        (uint32[] memory view_, int256[] memory rows) = (ones(), new int256[](17 * 8));
        (view_[0], rows[9]) = (uint32(size), int256(size / 24));
        (bytes memory refs, bytes memory maps) = ("", "");
        for (uint256 i = 0; i < count; ++i) {
            show(OP, i, 4, size, every(0, size / 24, 24));
            (refs, maps) = (bytes.concat(refs, ref(OP, i)), bytes.concat(maps, Descriptors.map(view_, rows)));
        }
        uint32[] memory inner = ones();
        inner[0] = 24;
        return prepare(Descriptors.op(opcode, 16, ones(), refs, inner, maps, attributes), 0, 24);
    }

    /// Eight axes of one place.
    function ones() internal pure returns (uint32[] memory list) {
        list = new uint32[](8);
        for (uint256 d = 0; d < 8; ++d) {
            list[d] = 1;
        }
    }

    /// `count` operands read at one place, all opened.
    function elementwise(uint256 opcode, uint256 count, uint256 size, bytes memory attributes)
        internal
        returns (bytes memory)
    {
        (bytes memory refs, bytes memory maps) = ("", "");
        for (uint256 i = 0; i < count; ++i) {
            show(OP, i, 4, size, every(0, 1, 1));
            (refs, maps) = (bytes.concat(refs, ref(OP, i)), bytes.concat(maps, along(size, 1, 1)));
        }
        uint256 terms = opcode == Opcode.LINEAR || opcode == Opcode.MAX ? count : 1;
        return prepare(Descriptors.op(opcode, 32, u32s(size), refs, none(), maps, attributes), 0, terms);
    }

    /// One of the largest tables.
    function lookup() internal returns (bytes memory) {
        bytes memory maps = bytes.concat(along(LARGEST, 1, 1), hex"00");
        show(OP, 0, 4, LARGEST, every(0, 1, 1));
        int256 x = int256(firstElement());
        show(CONST, 1, 4, 1 << 16, every(5, 1, 1));
        bytes memory refs = bytes.concat(ref(OP, 0), ref(CONST, 1));
        return
            prepare(Descriptors.op(Opcode.LOOKUP, 32, u32s(LARGEST), refs, none(), maps, Descriptors.i32(x - 5)), 0, 1);
    }

    /// At the position that the first element of the second operand is.
    function gather() internal returns (bytes memory) {
        show(OP, 1, 4, LARGEST, every(0, 1, 1));
        uint256 position = firstElement();
        delete openings;
        delete places;
        show(OP, 0, 4, LARGEST, every(position, 1, 1));
        show(OP, 1, 4, LARGEST, every(0, 1, 1));
        bytes memory maps = bytes.concat(along(LARGEST, 2, 1), Descriptors.map(u32s(LARGEST), i32s(0, 1, 0)));
        bytes memory refs = bytes.concat(ref(OP, 0), ref(OP, 1));
        return prepare(Descriptors.op(Opcode.GATHER, 32, u32s(256), refs, u32s(LARGEST >> 1), maps, ""), 0, 1);
    }

    /// Of the first opening.
    function firstElement() internal view returns (uint256) {
        return uint32(bytes4(bytes(openings[0].chunks)));
    }

    /// From as many operands as an op may have, the last one.
    function concatenation() internal returns (bytes memory) {
        bytes memory refs = ref(OP, 0);
        bytes memory maps = along(LARGEST, 1, 1);
        for (uint256 i = 1; i < 255; ++i) {
            refs = bytes.concat(ref(OP, i), refs);
            maps = bytes.concat(Descriptors.map(u32s(1), i32s(-1, 0)), maps);
        }
        show(OP, 0, 4, LARGEST, every(0, 1, 1));
        openings[0].operand = 254;
        return prepare(Descriptors.op(Opcode.INDEX, 32, u32s(LARGEST), refs, none(), maps, Descriptors.i32(0)), 0, 1);
    }

    function coefficients(uint256 count) internal pure returns (bytes memory out) {
        out = abi.encodePacked(uint8(count));
        for (uint256 i = 0; i < count; ++i) {
            out = bytes.concat(out, Descriptors.i32(-7));
        }
        return bytes.concat(out, Descriptors.rescale(3));
    }

    function dims(uint32 a, uint32 b, uint32 c) internal pure returns (uint32[] memory list) {
        list = new uint32[](3);
        (list[0], list[1], list[2]) = (a, b, c);
    }

    function dims(uint32 a, uint32 b, uint32 c, uint32 d) internal pure returns (uint32[] memory list) {
        list = new uint32[](4);
        (list[0], list[1], list[2], list[3]) = (a, b, c, d);
    }
}
