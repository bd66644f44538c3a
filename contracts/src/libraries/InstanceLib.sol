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

    /// Four bytes a value, two's complement. `first` is only for the error. A program may have thousands of values, so the
    /// loop is written out.
    function _pack(uint256[] calldata values, uint256 first, uint256 bits) private pure returns (bytes memory data) {
        // A spare word behind, since each store writes 32 bytes of which the next one overwrites 28.
        data = new bytes(values.length * 4 + 32);
        uint256 half = 1 << (bits - 1);
        uint256 negative = SCALAR_FIELD - half;
        uint256 refused = 0; // calldata offset of a value outside the range; none is at 0
        assembly ("memory-safe") {
            let target := add(data, 0x20)
            let end := add(values.offset, shl(5, values.length))
            for { let source := values.offset } lt(source, end) { source := add(source, 0x20) } {
                let value := calldataload(source)
                // In [0, 2^(b-1)), or in [r - 2^(b-1), r): this also proves that the value is below r.
                if iszero(lt(value, half)) {
                    if or(lt(value, negative), iszero(lt(value, SCALAR_FIELD))) {
                        refused := source
                        break
                    }
                    value := sub(value, SCALAR_FIELD)
                }
                mstore(target, shl(224, value))
                target := add(target, 4)
            }
            mstore(data, shl(2, values.length))
        }
        if (refused != 0) _revertAt(values, refused, first, bits);
    }

    function _revertAt(uint256[] calldata values, uint256 refused, uint256 first, uint256 bits) private pure {
        uint256 start;
        assembly ("memory-safe") {
            start := values.offset
        }
        uint256 i = (refused - start) / 32;
        revert InstanceOutOfRange(first + i, values[i], bits);
    }
}
