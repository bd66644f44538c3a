// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {PortSpec, Tensor} from "../../src/interfaces/Types.sol";
import {IoSpecLib, ProgramIo} from "../../src/libraries/IoSpecLib.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {TensorLib} from "../../src/libraries/TensorLib.sol";

contract IoSpecLibTest is Test {
    bytes private constant OUTPUT = hex"020000000301000000020410000000000108";
    bytes private constant INPUT = hex"01000000040410000000000100";

    function parse(bytes memory spec) external pure returns (ProgramIo memory) {
        return IoSpecLib.parse(spec);
    }

    function requireFit(PortSpec[] memory ports, Tensor[] memory tensors) external pure {
        TensorLib.requireFit(ports, tensors);
    }

    function test_parses_the_vectors() public view {
        string memory vectors = vm.readFile("../tests/vectors/statement.json");
        ProgramIo memory first = IoSpecLib.parse(vm.parseJsonBytes(vectors, ".io_specs[0].spec"));
        assertFalse(first.hashedInputs);
        assertEq(first.inputs[0].dims.length, 2);
        assertEq(first.inputs[0].dims[1], 4);
        assertEq(first.inputs[0].bits, 16);
        assertEq(first.outputs[0].dims[1], 3);
        assertTrue(IoSpecLib.parse(vm.parseJsonBytes(vectors, ".io_specs[1].spec")).hashedInputs);
        ProgramIo memory third = IoSpecLib.parse(vm.parseJsonBytes(vectors, ".io_specs[2].spec"));
        assertEq(third.inputs.length, 2);
        assertEq(third.inputs[0].dims.length, 0);
        assertEq(third.inputs[0].bits, 32);
        assertEq(third.inputs[1].bits, 8);
    }

    function test_rejects_every_truncation() public {
        bytes memory spec = bytes.concat(hex"0101", INPUT, OUTPUT);
        IoSpecLib.parse(spec);
        for (uint256 length = 0; length < spec.length; ++length) {
            bytes memory cut = new bytes(length);
            for (uint256 i = 0; i < length; ++i) {
                cut[i] = spec[i];
            }
            vm.expectPartialRevert(IoSpecLib.IoSpecTruncated.selector);
            this.parse(cut);
        }
    }

    function test_rejects_trailing_bytes() public {
        bytes memory spec = bytes.concat(hex"0101", INPUT, OUTPUT, hex"00");
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.IoSpecTrailingBytes.selector, spec.length - 1, spec.length));
        this.parse(spec);
    }

    function test_rejects_no_inputs_or_no_outputs() public {
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.IoSpecWithoutPorts.selector, 0, 1));
        this.parse(bytes.concat(hex"0001", OUTPUT));
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.IoSpecWithoutPorts.selector, 1, 0));
        this.parse(bytes.concat(hex"0100", INPUT));
    }

    function test_rejects_port_width_8() public {
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.PortWidthNot4.selector, 2, 8));
        this.parse(bytes.concat(hex"0101", hex"01000000040810000000000100", OUTPUT));
    }

    function test_rejects_0_and_33_bits() public {
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.PortBitsOutOfRange.selector, 2, 0));
        this.parse(bytes.concat(hex"0101", hex"01000000040400000000000100", OUTPUT));
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.PortBitsOutOfRange.selector, 2, 33));
        this.parse(bytes.concat(hex"0101", hex"01000000040421000000000100", OUTPUT));
    }

    function test_rejects_a_mix_of_public_and_hashed_inputs() public {
        bytes memory hashed = hex"01000000040410010000000100";
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.MixedVisibility.selector, 15, 1));
        this.parse(bytes.concat(hex"0201", INPUT, hashed, OUTPUT));
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.MixedVisibility.selector, 15, 0));
        this.parse(bytes.concat(hex"0201", hashed, INPUT, OUTPUT));
    }

    function test_rejects_an_unknown_visibility() public {
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.MixedVisibility.selector, 2, 2));
        this.parse(bytes.concat(hex"0101", hex"01000000040410020000000100", OUTPUT));
    }

    function test_rejects_a_hashed_output() public {
        bytes memory hashed = hex"020000000301000000020410010000000108";
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.OutputNotPublic.selector, 15, 1));
        this.parse(bytes.concat(hex"0101", INPUT, hashed));
    }

    function test_rejects_an_output_that_is_no_op() public {
        for (uint8 kind = 0; kind <= 3; ++kind) {
            bytes memory output = bytes.concat(bytes1(kind), hex"0000000301000000020410000000000108");
            if (kind != 2) vm.expectRevert(abi.encodeWithSelector(IoSpecLib.OutputOperandKind.selector, 15, kind));
            ProgramIo memory io = this.parse(bytes.concat(hex"0101", INPUT, output));
            if (kind == 2) assertEq(io.outputOps[0], 3);
        }
    }

    function test_rejects_a_scale_count_that_fits_no_axis() public {
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.PortScaleCount.selector, 2, 3));
        this.parse(bytes.concat(hex"0101", hex"010000000404100000000003000000", OUTPUT));
        bytes memory perElement = hex"02000000030100000002041000000000020808";
        vm.expectRevert(abi.encodeWithSelector(IoSpecLib.PortScaleCount.selector, 20, 2));
        this.parse(bytes.concat(hex"0101", INPUT, perElement));
    }

    function testFuzz_range_check_agrees_with_plain_comparison(int32[] memory values, uint8 bits) public view {
        bits = uint8(bound(bits, 1, 32));
        (PortSpec[] memory ports, Tensor[] memory tensors) = _vector(values, bits);
        bool fits = true;
        for (uint256 i = 0; i < values.length; ++i) {
            int256 limit = int256(1) << (bits - 1);
            if (values[i] < -limit || values[i] >= limit) fits = false;
        }
        try this.requireFit(ports, tensors) {
            assertTrue(fits, "accepted a value out of range");
        } catch (bytes memory reason) {
            assertFalse(fits, "refused values in range");
            assertEq(bytes4(reason), TensorLib.ValueOutOfRange.selector);
        }
    }

    function testFuzz_range_ends_are_exact(uint8 bits, uint8 where, uint8 size) public {
        bits = uint8(bound(bits, 1, 31));
        int32[] memory values = new int32[](bound(size, 1, 40));
        uint256 position = bound(where, 0, values.length - 1);
        int32 limit = int32((int256(1) << (bits - 1)) - 1);
        _requireVerdict(values, position, limit, bits, true);
        _requireVerdict(values, position, -limit - 1, bits, true);
        _requireVerdict(values, position, limit + 1, bits, false);
        _requireVerdict(values, position, -limit - 2, bits, false);
    }

    function _requireVerdict(int32[] memory values, uint256 position, int32 value, uint8 bits, bool fits) private {
        values[position] = value;
        (PortSpec[] memory ports, Tensor[] memory tensors) = _vector(values, bits);
        if (!fits) {
            vm.expectRevert(abi.encodeWithSelector(TensorLib.ValueOutOfRange.selector, 0, position, value, bits));
        }
        this.requireFit(ports, tensors);
    }

    function test_rejects_shapes_other_than_the_ports() public {
        (PortSpec[] memory ports, Tensor[] memory tensors) = _vector(new int32[](6), 16);
        vm.expectRevert(abi.encodeWithSelector(TensorLib.TensorCountMismatch.selector, 1, 0));
        this.requireFit(ports, new Tensor[](0));

        uint32[] memory dims = new uint32[](2);
        (dims[0], dims[1]) = (2, 3);
        tensors[0].dims = dims;
        vm.expectRevert(abi.encodeWithSelector(TensorLib.TensorDimsMismatch.selector, 0, ports[0].dims, dims));
        this.requireFit(ports, tensors);

        tensors[0].dims = ports[0].dims;
        tensors[0].width = 8;
        vm.expectRevert(abi.encodeWithSelector(TensorLib.TensorWidthMismatch.selector, 0, 4, 8));
        this.requireFit(ports, tensors);

        tensors[0].width = 4;
        tensors[0].data = new bytes(23);
        vm.expectRevert(abi.encodeWithSelector(StatementLib.DataLengthMismatch.selector, 24, 23));
        this.requireFit(ports, tensors);
    }

    function _vector(int32[] memory values, uint8 bits)
        private
        pure
        returns (PortSpec[] memory ports, Tensor[] memory tensors)
    {
        uint32[] memory dims = new uint32[](1);
        dims[0] = uint32(values.length);
        bytes memory data;
        for (uint256 i = 0; i < values.length; ++i) {
            data = abi.encodePacked(data, values[i]);
        }
        ports = new PortSpec[](1);
        ports[0] = PortSpec({dims: dims, bits: bits});
        tensors = new Tensor[](1);
        tensors[0] = Tensor({width: 4, dims: dims, data: data});
    }
}
