// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DescriptorLib, Op, Opcode} from "./DescriptorLib.sol";
import {Opened, OpeningLib} from "./OpeningLib.sol";
import {Reader, ReaderLib} from "./ReaderLib.sol";

/// Elements of one operand that are evenly spaced; the step is added modulo 2^256.
struct Line {
    bool inBounds;
    uint256 flat;
    uint256 step;
}

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

    /// contract and mul: a·b. Where either is out of bounds neither is read. A whole fold may have hundreds of terms, so
    /// they are taken a stretch at a time, or one at a time through a stretch that is not all in bounds.
    function _products(Op memory op, Opened[] memory opened, uint256[] memory o, uint256 lo, uint256 hi, int256 acc)
        private
        pure
        returns (int256)
    {
        Reader[2] memory from = [ReaderLib.seenFrom(op, 0, o), ReaderLib.seenFrom(op, 1, o)];
        uint256[] memory k = new uint256[](op.innerRank);
        uint256 ragged = lo;
        while (lo < hi) {
            uint256 count = lo < ragged ? 1 : DescriptorLib.stretch(op, lo, hi);
            (Line memory x, Line memory y) = (_line(op, from[0], k, lo, count), _line(op, from[1], k, lo, count));
            if (x.inBounds && y.inBounds) {
                acc += _dot(opened, x, y, count);
            } else if (count > 1) {
                ragged = lo + count;
                continue;
            }
            lo += count;
        }
        return acc;
    }

    function _dot(Opened[] memory opened, Line memory x, Line memory y, uint256 count)
        private
        pure
        returns (int256 sum)
    {
        (Opened memory a, Opened memory b) = (opened.find(0), opened.find(1));
        unchecked {
            // Of 32 bits each: 2^36 products do not overflow.
            for (; count > 0; --count) {
                sum += a.element(x.flat) * b.element(y.flat);
                (x.flat, y.flat) = (x.flat + x.step, y.flat + y.step);
            }
        }
    }

    /// Where an operand is read at `count` inner points that differ in their last coordinate only. The index on each axis
    /// is linear in it, so between two points in bounds all are, and evenly spaced.
    function _line(Op memory op, Reader memory r, uint256[] memory k, uint256 lo, uint256 count)
        private
        pure
        returns (Line memory line)
    {
        DescriptorLib.recoordinate(k, op.inner, lo);
        (line.inBounds, line.flat) = r.locate(k);
        if (!line.inBounds || count == 1) return line;
        k[k.length - 1] += count - 1;
        uint256 last;
        (line.inBounds, last) = r.locate(k);
        line.step = uint256((int256(last) - int256(line.flat)) / int256(count - 1));
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
