// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Writes op descriptors (docs/protocol/statement.md section 5, program.md section 6).
library Descriptors {
    /// `refs` and `maps` are all operands', one after another.
    function op(
        uint256 opcode,
        uint256 bits,
        uint32[] memory dims,
        bytes memory refs,
        uint32[] memory inner,
        bytes memory maps,
        bytes memory attributes
    ) internal pure returns (bytes memory) {
        return bytes.concat(
            abi.encodePacked(uint8(opcode), uint8(4), uint8(bits), int8(-3)),
            _list(dims),
            abi.encodePacked(uint8(refs.length / 5), refs),
            _list(inner),
            maps,
            attributes
        );
    }

    /// `rows` has, for each axis of the view, its offset and its strides.
    function map(uint32[] memory view_, int256[] memory rows) internal pure returns (bytes memory out) {
        out = _list(view_);
        for (uint256 i = 0; i < rows.length; ++i) {
            out = bytes.concat(out, bytes4(uint32(int32(rows[i]))));
        }
    }

    function i32(int256 value) internal pure returns (bytes memory) {
        return abi.encodePacked(int32(value));
    }

    function rescale(uint256 shift) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(shift), uint8(1));
    }

    function _list(uint32[] memory values) private pure returns (bytes memory out) {
        out = abi.encodePacked(uint8(values.length));
        for (uint256 i = 0; i < values.length; ++i) {
            out = bytes.concat(out, bytes4(values[i]));
        }
    }
}
