// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DescriptorLib, Op} from "./DescriptorLib.sol";
import {Opened, OpeningLib} from "./OpeningLib.sol";

/// One operand seen from one output element. Positions are of calldata.
struct Reader {
    Opened opened;
    uint256 view_; // position of the view's dims
    uint256 strides; // position of the first axis's inner strides
    uint256 rowBytes; // from one axis's strides to the next one's
    int256[] base; // the index read on each axis at the first inner point
}

/// Reads operands through their affine maps; docs/protocol/program.md section 2.
library ReaderLib {
    using OpeningLib for Opened;
    using OpeningLib for Opened[];

    /// Operand number `operand` at output point `o`.
    function seenFrom(Op memory op, Opened[] memory opened, uint256 operand, uint256[] memory o)
        internal
        pure
        returns (Reader memory r)
    {
        uint256 map = op.maps[operand];
        uint256 rank = DescriptorLib.u32(map) >> 24;
        r.opened = opened.find(operand);
        r.view_ = map + 1;
        r.rowBytes = 4 * (1 + op.rank + op.innerRank);
        uint256 row = r.view_ + 4 * rank;
        r.strides = row + 4 * (1 + op.rank);
        r.base = new int256[](rank);
        for (uint256 a = 0; a < rank; ++a) {
            r.base[a] = _along(DescriptorLib.i32(row), row + 4, o);
            row += r.rowBytes;
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

    /// The element at inner point `k`, 0 out of bounds.
    function read(Reader memory r, uint256[] memory k) internal pure returns (bool inBounds, int256 value) {
        uint256 flat;
        (inBounds, flat) = locate(r, k);
        if (inBounds) value = r.opened.element(flat);
    }

    /// index + Σ stride·coordinate, with the strides from `strides` on. Of 32 bits each, they cannot overflow.
    function _along(int256 index, uint256 strides, uint256[] memory point) private pure returns (int256 sum) {
        assembly ("memory-safe") {
            sum := index
            let coordinate := add(point, 0x20)
            for { let end := add(coordinate, shl(5, mload(point))) } lt(coordinate, end) {} {
                sum := add(sum, mul(signextend(3, shr(224, calldataload(strides))), mload(coordinate)))
                coordinate := add(coordinate, 0x20)
                strides := add(strides, 4)
            }
        }
    }
}
