// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DescriptorLib, Op, Opcode} from "./DescriptorLib.sol";
import {Opened, OpeningLib} from "./OpeningLib.sol";
import {Reader, ReaderLib} from "./ReaderLib.sol";

/// Ops whose elements are folds of many terms; docs/protocol/optimistic.md section 2.
library FoldLib {
    using OpeningLib for Opened;
    using OpeningLib for Opened[];
    using ReaderLib for Reader;

    /// What max and argmax start from: below every term.
    int128 internal constant NEVER = type(int128).min;
    /// Argmax keeps the value above this bit and the inner point's number, negated, below it.
    uint256 private constant NUMBER_BITS = 37;

    /// The accumulator after terms lo <= t < hi of the element at `o`.
    function run(Op memory op, Opened[] memory opened, uint256[] memory o, uint256 lo, uint256 hi, int256 acc)
        internal
        pure
        returns (int256)
    {
        uint256 summed = op.biased ? op.terms - 1 : op.terms;
        uint256 end = hi < summed ? hi : summed;
        if (op.opcode == Opcode.CONTRACT || op.opcode == Opcode.MUL) {
            if (lo < end) acc = _products(op, opened, o, lo, end, acc);
        } else if (op.opcode == Opcode.LINEAR) {
            acc = _multiples(op, opened, o, lo, end, acc);
        } else if (lo < end) {
            acc = _each(op, opened, o, lo, end, acc);
        }
        if (hi > summed && lo < hi) {
            acc += ReaderLib.orZero(op, opened, op.maps.length - 1, o);
        }
        return acc;
    }

    /// contract and mul: a·b. Where either is out of bounds neither is read.
    function _products(Op memory op, Opened[] memory opened, uint256[] memory o, uint256 lo, uint256 hi, int256 acc)
        private
        pure
        returns (int256)
    {
        (Reader memory a, Reader memory b) = (ReaderLib.seenFrom(op, 0, o), ReaderLib.seenFrom(op, 1, o));
        (Opened memory first, Opened memory second) = (opened.find(0), opened.find(1));
        uint256[] memory k = new uint256[](op.innerRank);
        for (; lo < hi; ++lo) {
            DescriptorLib.recoordinate(k, op.inner, lo);
            (bool inA, uint256 atA) = a.locate(k);
            if (!inA) continue;
            (bool inB, uint256 atB) = b.locate(k);
            if (inB) acc += first.element(atA) * second.element(atB);
        }
        return acc;
    }

    /// linear: an operand a term.
    function _multiples(Op memory op, Opened[] memory opened, uint256[] memory o, uint256 lo, uint256 hi, int256 acc)
        private
        pure
        returns (int256)
    {
        for (; lo < hi; ++lo) {
            acc += DescriptorLib.i32(op.coefficients + 4 * lo) * ReaderLib.orZero(op, opened, lo, o);
        }
        return acc;
    }

    /// reduce_sum, max and argmax: the points of one operand after those of another.
    function _each(Op memory op, Opened[] memory opened, uint256[] memory o, uint256 lo, uint256 hi, int256 acc)
        private
        pure
        returns (int256)
    {
        uint256[] memory k = new uint256[](op.innerRank);
        Reader memory x = ReaderLib.seenFrom(op, lo / op.points, o);
        Opened memory shown = opened.find(lo / op.points);
        for (uint256 t = lo; t < hi; ++t) {
            uint256 number = t % op.points;
            if (number == 0 && t > lo) {
                (x, shown) = (ReaderLib.seenFrom(op, t / op.points, o), opened.find(t / op.points));
            }
            DescriptorLib.recoordinate(k, op.inner, number);
            (bool inBounds, uint256 place) = x.locate(k);
            if (!inBounds) continue;
            int256 value = shown.element(place);
            if (op.opcode == Opcode.ARGMAX) value = (value << NUMBER_BITS) - int256(number);
            if (op.opcode == Opcode.REDUCE_SUM) acc += value;
            else if (value > acc) acc = value;
        }
        return acc;
    }

    /// The accumulator before the first term.
    function start(Op memory op) internal pure returns (int128) {
        return op.opcode == Opcode.MAX || op.opcode == Opcode.ARGMAX ? NEVER : int128(0);
    }

    /// The element that a whole fold ends in.
    function finish(Op memory op, int256 acc) internal pure returns (int256) {
        if (op.opcode <= Opcode.REDUCE_SUM) {
            if (op.opcode == Opcode.REDUCE_SUM) acc *= op.parameter;
            return saturate(rescaleHalfUp(acc, op.shift), op.bits);
        }
        if (op.opcode == Opcode.ARGMAX) {
            unchecked {
                return int256(uint256(-acc) & ((1 << NUMBER_BITS) - 1));
            }
        }
        return acc;
    }

    /// ⌊(acc + 2^(shift−1)) / 2^shift⌋, toward minus infinity; program.md section 3.
    function rescaleHalfUp(int256 acc, uint256 shift) internal pure returns (int256) {
        return shift == 0 ? acc : (acc + int256(1 << (shift - 1))) >> shift;
    }

    /// Clamps to the signed `bits`-bit range.
    function saturate(int256 value, uint256 bits) internal pure returns (int256) {
        int256 limit = int256(1 << (bits - 1));
        if (value < -limit) return -limit;
        return value < limit ? value : limit - 1;
    }
}
