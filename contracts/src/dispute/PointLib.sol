// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {DescriptorLib, Op, Opcode} from "./DescriptorLib.sol";
import {FoldLib} from "./FoldLib.sol";
import {Opened, OpeningLib} from "./OpeningLib.sol";
import {ReaderLib} from "./ReaderLib.sol";

/// Ops whose elements are one term: the element itself; docs/protocol/program.md section 4.
library PointLib {
    using OpeningLib for Opened;
    using OpeningLib for Opened[];

    error TableIndexOutOfRange(int256 index, uint256 length);
    error PositionOutOfRange(int256 position, uint256 points);
    error DivisorBelow1(int256 divisor);

    int256 private constant LESS = 0;
    int256 private constant LESS_OR_EQUAL = 1;

    /// The element at output point `o`.
    function run(Op memory op, Opened[] memory opened, uint256[] memory o) internal pure returns (int256) {
        if (op.opcode == Opcode.LOOKUP) return _lookup(op, opened, o);
        if (op.opcode == Opcode.COMPARE) return _compare(op, opened, o);
        if (op.opcode == Opcode.SELECT) return _select(op, opened, o);
        if (op.opcode == Opcode.INDEX) return _index(op, opened, o);
        if (op.opcode == Opcode.GATHER) return _gather(op, opened, o);
        if (op.opcode == Opcode.DIVIDE) {
            int256 divisor = ReaderLib.certain(op, opened, 1, o, new uint256[](0));
            return FoldLib.saturate(divideHalfUp(ReaderLib.orZero(op, opened, 0, o), divisor, op.shift), op.bits);
        }
        return rsqrtHalfUp(ReaderLib.certain(op, opened, 0, o, new uint256[](0)), op.shift);
    }

    function _lookup(Op memory op, Opened[] memory opened, uint256[] memory o) private pure returns (int256) {
        int256 index = ReaderLib.certain(op, opened, 0, o, new uint256[](0)) - op.parameter;
        Opened memory table = opened.find(1);
        if (index < 0 || uint256(index) >= table.elements) revert TableIndexOutOfRange(index, table.elements);
        return table.element(uint256(index));
    }

    function _compare(Op memory op, Opened[] memory opened, uint256[] memory o) private pure returns (int256) {
        int256 a = ReaderLib.orZero(op, opened, 0, o);
        int256 b = ReaderLib.orZero(op, opened, 1, o);
        bool holds = op.parameter == LESS ? a < b : op.parameter == LESS_OR_EQUAL ? a <= b : a == b;
        return holds ? int256(1) : int256(0);
    }

    /// Of two operands only the one chosen is read.
    function _select(Op memory op, Opened[] memory opened, uint256[] memory o) private pure returns (int256) {
        uint256 chosen = ReaderLib.orZero(op, opened, 0, o) == 1 ? 1 : 2;
        return ReaderLib.orZero(op, opened, chosen, o);
    }

    /// The first operand that is in bounds.
    function _index(Op memory op, Opened[] memory opened, uint256[] memory o) private pure returns (int256) {
        uint256[] memory none = new uint256[](0);
        for (uint256 j = 0; j < op.maps.length; ++j) {
            (bool inBounds, int256 value) = ReaderLib.read(op, opened, j, o, none);
            if (inBounds) return value;
        }
        return op.parameter;
    }

    /// x at the inner point that p, read at o, is the number of.
    function _gather(Op memory op, Opened[] memory opened, uint256[] memory o) private pure returns (int256) {
        int256 position = ReaderLib.certain(op, opened, 1, o, new uint256[](0));
        if (position < 0 || uint256(position) >= op.points) revert PositionOutOfRange(position, op.points);
        uint256[] memory k = DescriptorLib.coordinates(op.inner, op.innerRank, uint256(position));
        return ReaderLib.certain(op, opened, 0, o, k);
    }

    /// ⌊(a · 2^(up+1) + d) / 2d⌋, the division toward minus infinity; program.md section 3.
    function divideHalfUp(int256 a, int256 d, uint256 up) internal pure returns (int256 quotient) {
        if (d < 1) revert DivisorBelow1(d);
        int256 dividend = (a << (up + 1)) + d;
        quotient = dividend / (2 * d);
        if (dividend < 0 && quotient * 2 * d != dividend) --quotient;
    }

    /// ⌊(r + 1) / 2⌋ with r = ⌊√⌊2^(2e+2) / x⌋⌋; program.md section 3.
    function rsqrtHalfUp(int256 x, uint256 exponent) internal pure returns (int256) {
        if (x < 1) revert DivisorBelow1(x);
        uint256 doubled = FixedPointMathLib.sqrt((1 << (2 * exponent + 2)) / uint256(x));
        return int256((doubled + 1) / 2);
    }
}
