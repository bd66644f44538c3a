// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// The closed set of ops; docs/protocol/program.md section 4.
library Opcode {
    uint256 internal constant CONTRACT = 1;
    uint256 internal constant LINEAR = 2;
    uint256 internal constant MUL = 3;
    uint256 internal constant REDUCE_SUM = 4;
    uint256 internal constant LOOKUP = 5;
    uint256 internal constant MAX = 6;
    uint256 internal constant ARGMAX = 7;
    uint256 internal constant COMPARE = 8;
    uint256 internal constant SELECT = 9;
    uint256 internal constant INDEX = 10;
    uint256 internal constant GATHER = 11;
    uint256 internal constant DIVIDE = 12;
    uint256 internal constant RSQRT = 13;
}

/// An op. Positions are of calldata, where the descriptor stays.
struct Op {
    uint256 opcode;
    uint256 bits; // of an output element
    uint256 dims; // position of the output's dims
    uint256 rank;
    uint256 elements; // their product
    uint256 inner; // position of the inner dims
    uint256 innerRank;
    uint256 points; // their product, K
    uint256 operands; // position of the references, five bytes each
    uint256[] maps; // position of each operand's map
    bool biased; // the last operand is a bias
    uint256 terms; // of each element
    uint256 coefficients; // linear: position of the first
    int256 parameter; // multiplier, low, fill or relation
    uint256 shift; // shift, up or exponent
}

/// A strict parser of op descriptors (docs/protocol/statement.md section 5, program.md section 6).
library DescriptorLib {
    error DescriptorTruncated(uint256 offset, uint256 wanted, uint256 length);
    error DescriptorTrailingBytes(uint256 parsed, uint256 length);
    error UnknownOpcode(uint256 opcode);
    error OutputWidthNot4(uint256 width);
    error FieldOutOfRange(uint256 offset, uint256 value, uint256 least, uint256 most);
    error OperandCount(uint256 opcode, uint256 count);
    error NotElementwise(uint256 opcode, uint256 innerRank);
    error ExtentTooLarge(uint256 offset, uint256 extent, uint256 most);

    uint256 private constant REFERENCE_BYTES = 5;
    uint256 internal constant CONST = 1;
    uint256 internal constant OP = 2;
    uint256 private constant MAX_RANK = 8;
    uint256 private constant MAX_DIM = 1 << 28;
    uint256 private constant MAX_POINTS = 1 << 36;
    /// The least and the most operands of each opcode.
    bytes14 private constant LEAST = 0x0002010201020101020301020201;
    bytes14 private constant MOST = 0x0003ff030102ff010203ff020201;
    /// Bit c: opcode c has no inner dims.
    uint256 private constant ELEMENTWISE = (1 << Opcode.LINEAR) | (1 << Opcode.MUL) | (1 << Opcode.LOOKUP)
        | (1 << Opcode.COMPARE) | (1 << Opcode.SELECT) | (1 << Opcode.INDEX) | (1 << Opcode.DIVIDE)
        | (1 << Opcode.RSQRT);

    struct Cursor {
        uint256 start;
        uint256 position;
        uint256 end;
    }

    function parse(bytes calldata descriptor) internal pure returns (Op memory op) {
        Cursor memory c;
        assembly ("memory-safe") {
            mstore(c, descriptor.offset)
            mstore(add(c, 0x20), descriptor.offset)
            mstore(add(c, 0x40), add(descriptor.offset, descriptor.length))
        }
        op.opcode = _take(c, 1);
        if (op.opcode == 0 || op.opcode > Opcode.RSQRT) revert UnknownOpcode(op.opcode);
        uint256 width = _take(c, 1);
        if (width != 4) revert OutputWidthNot4(width);
        op.bits = _within(c, 8, 32);
        _take(c, 1); // any scale: it never changes an integer
        uint256 extent;
        (op.dims, op.rank, op.elements, extent) = _dims(c, 1, MAX_DIM);
        uint256 count = _take(c, 1);
        if (count < uint8(LEAST[op.opcode]) || count > uint8(MOST[op.opcode])) revert OperandCount(op.opcode, count);
        op.operands = _skip(c, count * REFERENCE_BYTES);
        (op.inner, op.innerRank, op.points,) = _dims(c, extent, MAX_POINTS);
        if ((ELEMENTWISE >> op.opcode) & 1 == 1 && op.innerRank != 0) revert NotElementwise(op.opcode, op.innerRank);
        _maps(c, op, count);
        _attributes(c, op);
        if (c.position != c.end) revert DescriptorTrailingBytes(c.position - c.start, c.end - c.start);
        op.terms = _terms(op);
    }

    /// Unsigned big-endian integer of 4 bytes.
    function u32(uint256 position) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(224, calldataload(position))
        }
    }

    /// Two's complement, big-endian, 4 bytes.
    function i32(uint256 position) internal pure returns (int256 value) {
        assembly ("memory-safe") {
            value := sar(224, calldataload(position))
        }
    }

    /// What operand number `operand` is.
    function operandReference(Op memory op, uint256 operand) internal pure returns (uint256 kind, uint256 index) {
        uint256 position = op.operands + REFERENCE_BYTES * operand;
        return (u32(position) >> 24, u32(position + 1));
    }

    /// The product of the dims that an operand is seen as.
    function viewSize(Op memory op, uint256 operand) internal pure returns (uint256 size) {
        uint256 map = op.maps[operand];
        size = 1;
        for (uint256 end = map + 1 + 4 * (u32(map) >> 24); map + 1 < end; map += 4) {
            size *= u32(map + 1);
        }
    }

    /// Coordinates of a point, given its number in row-major order, over `rank` dims at `position`.
    function coordinates(uint256 position, uint256 rank, uint256 index) internal pure returns (uint256[] memory point) {
        point = new uint256[](rank);
        recoordinate(point, position, index);
    }

    /// As `coordinates`, into a point that is already there.
    function recoordinate(uint256[] memory point, uint256 position, uint256 index) internal pure {
        assembly ("memory-safe") {
            let left := index
            let dim := add(position, shl(2, mload(point)))
            for { let axis := add(point, shl(5, mload(point))) } gt(axis, point) { axis := sub(axis, 0x20) } {
                dim := sub(dim, 4)
                let size := shr(224, calldataload(dim))
                mstore(axis, mod(left, size))
                left := div(left, size)
            }
        }
    }

    /// How many of the inner points lo <= k < hi, from the first on, differ from it in their last coordinate only.
    function stretch(Op memory op, uint256 lo, uint256 hi) internal pure returns (uint256 count) {
        uint256 row = op.innerRank == 0 ? 1 : u32(op.inner + 4 * (op.innerRank - 1));
        count = row - lo % row;
        if (count > hi - lo) count = hi - lo;
    }

    /// Rank and dims; `extent` counts an empty axis as 1, so that no empty tensor hides a huge one.
    function _dims(Cursor memory c, uint256 extentBefore, uint256 most)
        private
        pure
        returns (uint256 position, uint256 rank, uint256 product, uint256 extent)
    {
        rank = _within(c, 0, MAX_RANK);
        (position, product, extent) = (c.position, 1, extentBefore);
        for (uint256 d = 0; d < rank; ++d) {
            uint256 size = _take(c, 4);
            product *= size;
            if (size > MAX_DIM) revert FieldOutOfRange(c.position - 4 - c.start, size, 0, MAX_DIM);
            if (size > 1) extent *= size;
        }
        if (extent > most) revert ExtentTooLarge(position - c.start, extent, most);
    }

    /// Where each operand's map is; of the references, their kinds.
    function _maps(Cursor memory c, Op memory op, uint256 count) private pure {
        uint256[] memory maps = new uint256[](count);
        uint256 axisBytes = 4 * (2 + op.rank + op.innerRank); // view, offset and strides
        (uint256 named, uint256 position) = (op.operands, c.position);
        for (uint256 i = 0; i < count; ++i) {
            uint256 kind = u32(named) >> 24;
            if (kind > OP) revert FieldOutOfRange(named - c.start, kind, 0, OP);
            named += REFERENCE_BYTES;
            maps[i] = position;
            // Past the end this reads what follows; the end is checked once, below.
            uint256 rank = u32(position) >> 24;
            if (rank > MAX_RANK) revert FieldOutOfRange(position - c.start, rank, 0, MAX_RANK);
            position += 1 + axisBytes * rank;
        }
        _skip(c, position - c.position);
        // A lookup's table has no map, whatever its length.
        if (op.opcode == Opcode.LOOKUP && u32(maps[1]) >> 24 != 0) {
            revert FieldOutOfRange(maps[1] - c.start, u32(maps[1]) >> 24, 0, 0);
        }
        op.maps = maps;
    }

    function _attributes(Cursor memory c, Op memory op) private pure {
        uint256 opcode = op.opcode;
        uint256 count = op.maps.length;
        op.biased = (opcode == Opcode.CONTRACT || opcode == Opcode.MUL) && count == 3;
        if (opcode == Opcode.LINEAR) {
            uint256 coefficients = _within(c, 1, 254);
            op.coefficients = _skip(c, 4 * coefficients);
            op.biased = count == coefficients + 1;
            if (!op.biased && count != coefficients) revert OperandCount(opcode, count);
        } else if (opcode == Opcode.REDUCE_SUM || opcode == Opcode.LOOKUP || opcode == Opcode.INDEX) {
            op.parameter = i32(_skip(c, 4));
        } else if (opcode == Opcode.COMPARE) {
            op.parameter = int256(_within(c, 0, 2));
        } else if (opcode == Opcode.RSQRT) {
            op.shift = _within(c, 0, 30);
        }
        if (opcode <= Opcode.REDUCE_SUM || opcode == Opcode.DIVIDE) {
            op.shift = _within(c, 0, 31);
            _within(c, 0, 1); // saturates: the clamp is always applied, which changes nothing where this is 0
        }
    }

    /// docs/protocol/optimistic.md section 2.
    function _terms(Op memory op) private pure returns (uint256) {
        if (op.opcode == Opcode.CONTRACT || op.opcode == Opcode.MUL) return op.points + (op.biased ? 1 : 0);
        if (op.opcode == Opcode.LINEAR) return op.maps.length;
        if (op.opcode == Opcode.MAX) return op.maps.length * op.points;
        if (op.opcode == Opcode.REDUCE_SUM || op.opcode == Opcode.ARGMAX) return op.points;
        return 1;
    }

    function _within(Cursor memory c, uint256 least, uint256 most) private pure returns (uint256 value) {
        value = _take(c, 1);
        if (value < least || value > most) revert FieldOutOfRange(c.position - 1 - c.start, value, least, most);
    }

    /// Big-endian integer of `size` bytes.
    function _take(Cursor memory c, uint256 size) private pure returns (uint256 value) {
        uint256 position = _skip(c, size);
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), calldataload(position))
        }
    }

    /// Leaves `size` bytes behind and returns where they are.
    function _skip(Cursor memory c, uint256 size) private pure returns (uint256 position) {
        position = c.position;
        if (size > c.end - position) revert DescriptorTruncated(position - c.start, size, c.end - c.start);
        c.position = position + size;
    }
}
