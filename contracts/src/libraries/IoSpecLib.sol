// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {PortSpec} from "../interfaces/Types.sol";
import {StatementLib} from "./StatementLib.sol";

/// What a program takes and gives, read from its ioSpec bytes.
struct ProgramIo {
    PortSpec[] inputs;
    PortSpec[] outputs;
    uint32[] outputOps; // the op that each output is
    bool hashedInputs;
}

/// A strict parser of ioSpec (docs/protocol/statement.md section 5): what it returns, every route can honour.
library IoSpecLib {
    error IoSpecTruncated(uint256 offset, uint256 wanted, uint256 length);
    error IoSpecTrailingBytes(uint256 parsed, uint256 length);
    error IoSpecWithoutPorts(uint256 inputs, uint256 outputs);
    error PortWidthNot4(uint256 offset, uint256 width);
    error PortBitsOutOfRange(uint256 offset, uint256 bits);
    error PortScaleCount(uint256 offset, uint256 scaleCount);
    error OutputNotPublic(uint256 offset, uint256 visibility);
    error OutputOperandKind(uint256 offset, uint256 kind);
    error MixedVisibility(uint256 offset, uint256 visibility);

    uint256 private constant MAX_BITS = 32;
    uint256 private constant OP = 2;

    function parse(bytes memory spec) internal pure returns (ProgramIo memory io) {
        (uint256 inputCount, uint256 offset) = _read(spec, 0, 1);
        uint256 outputCount;
        (outputCount, offset) = _read(spec, offset, 1);
        if (inputCount == 0 || outputCount == 0) revert IoSpecWithoutPorts(inputCount, outputCount);
        (io.inputs, io.hashedInputs, offset) = _parseInputs(spec, offset, inputCount);
        (io.outputs, io.outputOps, offset) = _parseOutputs(spec, offset, outputCount);
        if (offset != spec.length) revert IoSpecTrailingBytes(offset, spec.length);
    }

    /// All inputs are public or all are hashed: one root cannot be a commitment for some of them only.
    function _parseInputs(bytes memory spec, uint256 offset, uint256 count)
        private
        pure
        returns (PortSpec[] memory ports, bool hashed, uint256)
    {
        ports = new PortSpec[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 visibility;
            uint256 start = offset;
            (ports[i], visibility, offset) = _parsePort(spec, offset, true);
            if (visibility > 1 || (i > 0 && hashed != (visibility == 1))) revert MixedVisibility(start, visibility);
            hashed = visibility == 1;
        }
        return (ports, hashed, offset);
    }

    function _parseOutputs(bytes memory spec, uint256 offset, uint256 count)
        private
        pure
        returns (PortSpec[] memory ports, uint32[] memory ops, uint256)
    {
        ports = new PortSpec[](count);
        ops = new uint32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 start = offset;
            uint256 field;
            (field, offset) = _read(spec, offset, 1);
            if (field != OP) revert OutputOperandKind(start, field);
            (field, offset) = _read(spec, offset, 4);
            ops[i] = uint32(field);
            (ports[i], field, offset) = _parsePort(spec, offset, false);
            if (field != 0) revert OutputNotPublic(start, field);
        }
        return (ports, ops, offset);
    }

    function _parsePort(bytes memory spec, uint256 offset, bool isInput)
        private
        pure
        returns (PortSpec memory port, uint256 visibility, uint256)
    {
        uint256 start = offset;
        uint256 field;
        (field, offset) = _read(spec, offset, 1);
        if (field > StatementLib.MAX_RANK) revert StatementLib.RankTooLarge(field, StatementLib.MAX_RANK);
        port.dims = new uint32[](field);
        for (uint256 i = 0; i < port.dims.length; ++i) {
            (field, offset) = _read(spec, offset, 4);
            port.dims[i] = uint32(field);
        }
        StatementLib.elementCount(port.dims);
        (field, offset) = _read(spec, offset, 1);
        if (field != 4) revert PortWidthNot4(start, field);
        (field, offset) = _read(spec, offset, 1);
        if (field == 0 || field > MAX_BITS) revert PortBitsOutOfRange(start, field);
        port.bits = uint8(field);
        (visibility, offset) = _read(spec, offset, 1);
        (field, offset) = _read(spec, offset, 4);
        if (!_scaleCountFits(port.dims, field, isInput)) revert PortScaleCount(start, field);
        if (offset + field > spec.length) revert IoSpecTruncated(offset, field, spec.length);
        return (port, visibility, offset + field);
    }

    /// One scale, or one an element of an input's last axis.
    function _scaleCountFits(uint32[] memory dims, uint256 scaleCount, bool isInput) private pure returns (bool) {
        if (scaleCount == 1) return true;
        return isInput && dims.length > 0 && scaleCount == dims[dims.length - 1];
    }

    /// Big-endian integer of `size` bytes (at most 32) at `at`, and the offset after it.
    function _read(bytes memory spec, uint256 offset, uint256 size) private pure returns (uint256 value, uint256) {
        if (offset + size > spec.length) revert IoSpecTruncated(offset, size, spec.length);
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(add(add(spec, 0x20), offset)))
        }
        return (value, offset + size);
    }
}
