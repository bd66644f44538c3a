// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {PortSpec, Tensor} from "../interfaces/Types.sol";
import {StatementLib} from "./StatementLib.sol";

/// Whether tensors fit the ports they are meant for.
library TensorLib {
    error TensorCountMismatch(uint256 expected, uint256 actual);
    error TensorWidthMismatch(uint256 tensor, uint256 expected, uint256 actual);
    error TensorDimsMismatch(uint256 tensor, uint32[] expected, uint32[] actual);
    error ValueOutOfRange(uint256 tensor, uint256 element, int256 value, uint256 bits);

    uint256 internal constant PORT_WIDTH = 4;

    /// Bit 31 of each of a word's eight elements.
    uint256 private constant SIGN_BITS = 0x8000000080000000800000008000000080000000800000008000000080000000;
    /// 1 in each of a word's eight elements.
    uint256 private constant ONES = 0x0000000100000001000000010000000100000001000000010000000100000001;

    /// Reverts unless `tensors` have exactly the ports' shapes and every value is inside its port's signed b-bit range.
    function requireFit(PortSpec[] memory ports, Tensor[] memory tensors) internal pure {
        if (tensors.length != ports.length) revert TensorCountMismatch(ports.length, tensors.length);
        for (uint256 i = 0; i < ports.length; ++i) {
            _requireShape(i, ports[i], tensors[i]);
            _requireRange(i, ports[i].bits, tensors[i].data);
        }
    }

    function _requireShape(uint256 index, PortSpec memory port, Tensor memory tensor) private pure {
        if (tensor.width != PORT_WIDTH) revert TensorWidthMismatch(index, PORT_WIDTH, tensor.width);
        bool same = tensor.dims.length == port.dims.length;
        for (uint256 i = 0; same && i < port.dims.length; ++i) {
            same = tensor.dims[i] == port.dims[i];
        }
        if (!same) revert TensorDimsMismatch(index, port.dims, tensor.dims);
        uint256 expected = StatementLib.elementCount(port.dims) * PORT_WIDTH;
        if (tensor.data.length != expected) revert StatementLib.DataLengthMismatch(expected, tensor.data.length);
    }

    /// Eight elements at a time: v fits b signed bits iff v + 2^(b-1), modulo 2^32, has no bit at or above b.
    function _requireRange(uint256 index, uint256 bits, bytes memory data) private pure {
        if (bits >= 32) return;
        uint256 half = ONES << (bits - 1);
        uint256 tooHigh = ~(ONES * ((1 << bits) - 1));
        for (uint256 offset = 0; offset < data.length; offset += 32) {
            uint256 word;
            assembly ("memory-safe") {
                word := mload(add(add(data, 0x20), offset))
            }
            // Bytes past the end are not ours: shift them out.
            uint256 left = data.length - offset;
            if (left < 32) word = (word >> (8 * (32 - left))) << (8 * (32 - left));
            // Add without a carry between elements: low 31 bits by addition, the sign bits by exclusive or.
            uint256 sum = ((word & ~SIGN_BITS) + (half & ~SIGN_BITS)) ^ ((word ^ half) & SIGN_BITS);
            if (sum & tooHigh != 0) _revertAtFirst(index, bits, data, offset / PORT_WIDTH);
        }
    }

    function _revertAtFirst(uint256 index, uint256 bits, bytes memory data, uint256 from) private pure {
        int256 limit = int256(1 << (bits - 1));
        for (uint256 i = from;; ++i) {
            int256 value = valueAt(data, i);
            if (value < -limit || value >= limit) revert ValueOutOfRange(index, i, value, bits);
        }
    }

    /// The i-th element of width 4; the caller keeps i below data.length / 4.
    function valueAt(bytes memory data, uint256 i) internal pure returns (int256 value) {
        assembly ("memory-safe") {
            value := signextend(3, shr(224, mload(add(add(data, 0x20), shl(2, i)))))
        }
    }
}
