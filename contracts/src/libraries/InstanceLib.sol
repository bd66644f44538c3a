// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {PortSpec, Tensor} from "../interfaces/Types.sol";
import {SCALAR_FIELD} from "./Bn254.sol";
import {StatementLib} from "./StatementLib.sol";

/// A proof's public values as the tensors of a statement.
library InstanceLib {
    error InstanceOutOfRange(uint256 index, uint256 instance, uint256 bits);

    /// Reads the ports' tensors from `instances` starting at `next`, and returns the index after them. A value q is the
    /// field element q, or r + q if negative; every one must be inside its port's signed b-bit range.
    function readTensors(PortSpec[] memory ports, uint256[] calldata instances, uint256 next)
        internal
        pure
        returns (Tensor[] memory tensors, uint256)
    {
        tensors = new Tensor[](ports.length);
        for (uint256 i = 0; i < ports.length; ++i) {
            uint256 count = StatementLib.elementCount(ports[i].dims);
            bytes memory data = _pack(instances[next:next + count], next, ports[i].bits);
            tensors[i] = Tensor({width: 4, dims: ports[i].dims, data: data});
            next += count;
        }
        return (tensors, next);
    }

    /// Four bytes a value, two's complement. `first` is only for the error.
    function _pack(uint256[] calldata values, uint256 first, uint256 bits) private pure returns (bytes memory data) {
        // A spare word behind, since each store writes 32 bytes of which the next one overwrites 28.
        data = new bytes(values.length * 4 + 32);
        uint256 half = 1 << (bits - 1);
        for (uint256 i = 0; i < values.length; ++i) {
            uint256 value = values[i];
            // In [0, 2^(b-1)), or in [r - 2^(b-1), r): this also proves that the value is below r.
            if (value >= half && (value >= SCALAR_FIELD || value < SCALAR_FIELD - half)) {
                revert InstanceOutOfRange(first + i, value, bits);
            }
            assembly ("memory-safe") {
                if iszero(lt(value, half)) { value := sub(value, SCALAR_FIELD) }
                mstore(add(add(data, 0x20), shl(2, i)), shl(224, value))
            }
        }
        assembly ("memory-safe") {
            mstore(data, shl(2, values.length))
        }
    }
}
