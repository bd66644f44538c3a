// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DescriptorLib, Op} from "./DescriptorLib.sol";
import {Opened, OpeningLib} from "./OpeningLib.sol";

/// One operand seen from one output element. Positions are of calldata.
struct Reader {
    uint256 view_; // position of the view's dims
    uint256 strides; // position of the first axis's inner strides
    uint256 rowBytes; // from one axis's strides to the next one's
    int256[] base; // the index read on each axis at the first inner point
}

/// Reads operands through their affine maps; docs/protocol/program.md section 2.
library ReaderLib {
    using OpeningLib for Opened;
    using OpeningLib for Opened[];

    error ReadOutOfBounds(uint256 operand);

    /// Operand number `operand` at output point `o`.
    function seenFrom(Op memory op, uint256 operand, uint256[] memory o) internal pure returns (Reader memory r) {
        unchecked {
            uint256 map = op.maps[operand];
            uint256 rank = DescriptorLib.u32(map) >> 24;
            uint256 rowBytes = 4 * (1 + op.rank + op.innerRank);
            uint256 row = map + 1 + 4 * rank;
            int256[] memory base = new int256[](rank);
            (r.view_, r.strides, r.rowBytes, r.base) = (map + 1, row + 4 * (1 + op.rank), rowBytes, base);
            for (uint256 a = 0; a < rank; ++a) {
                base[a] = _along(DescriptorLib.i32(row), row + 4, o);
                row += rowBytes;
            }
        }
    }

    /// Whether inner point `k` is in bounds, and which element is read there. An operand read at o has no `k`.
    function locate(Reader memory r, uint256[] memory k) internal pure returns (bool inBounds, uint256 flat) {
        (int256[] memory base, uint256 strides, uint256 dim) = (r.base, r.strides, r.view_);
        uint256 rowBytes = r.rowBytes;
        inBounds = true;
        for (uint256 a = 0; a < base.length;) {
            int256 index = _along(base[a], strides, k);
            uint256 size = DescriptorLib.u32(dim);
            // A negative index, unsigned, is far above every size.
            if (uint256(index) >= size) return (false, 0);
            unchecked {
                flat = flat * size + uint256(index);
                strides += rowBytes;
                dim += 4;
                ++a;
            }
        }
    }

    /// An operand's element at output point `o` and inner point `k`.
    function read(Op memory op, Opened[] memory opened, uint256 operand, uint256[] memory o, uint256[] memory k)
        internal
        pure
        returns (bool inBounds, int256 value)
    {
        uint256 flat;
        (inBounds, flat) = locate(seenFrom(op, operand, o), k);
        if (inBounds) value = opened.find(operand).element(flat);
    }

    /// The same at the first inner point, or 0.
    function orZero(Op memory op, Opened[] memory opened, uint256 operand, uint256[] memory o)
        internal
        pure
        returns (int256 value)
    {
        (, value) = read(op, opened, operand, o, new uint256[](0));
    }

    /// The same, of an operand that a program never reads out of bounds.
    function certain(Op memory op, Opened[] memory opened, uint256 operand, uint256[] memory o, uint256[] memory k)
        internal
        pure
        returns (int256)
    {
        (bool inBounds, int256 value) = read(op, opened, operand, o, k);
        if (!inBounds) revert ReadOutOfBounds(operand);
        return value;
    }

    /// index + Σ stride·coordinate: as many strides as `point` has axes, at most eight, are one word from `strides` on.
    /// Of 32 bits each, they cannot overflow.
    function _along(int256 index, uint256 strides, uint256[] memory point) private pure returns (int256 sum) {
        assembly ("memory-safe") {
            sum := index
            let beyond := sub(256, shl(5, mload(point)))
            let left := shl(beyond, shr(beyond, calldataload(strides)))
            // It ends with the last stride that is not 0.
            for { let coordinate := add(point, 0x20) } left { coordinate := add(coordinate, 0x20) } {
                sum := add(sum, mul(sar(224, left), mload(coordinate)))
                left := shl(32, left)
            }
        }
    }
}
