// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DescriptorLib, Opcode} from "../../src/dispute/DescriptorLib.sol";
import {Descriptors} from "./Descriptors.sol";
import {StepFixture} from "./StepFixture.sol";

/// Descriptors are read strictly: each has one meaning or none.
contract OneStepDescriptorsTest is StepFixture {
    bytes4 private constant PANIC = 0x4e487b71;
    bytes private constant REF = hex"0000000000";
    bytes private constant SCALAR = hex"00"; // the map of one element

    function refused(bytes memory reason, bytes memory descriptor) private {
        vm.expectRevert(reason);
        STEP.shape(descriptor);
    }

    function outOfRange(uint256 offset, uint256 value, uint256 least, uint256 most)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(DescriptorLib.FieldOutOfRange.selector, offset, value, least, most);
    }

    /// An op over as many scalars as it has to have.
    function scalars(uint256 opcode, uint256 count, bytes memory attributes) private pure returns (bytes memory) {
        (bytes memory refs, bytes memory maps) = ("", "");
        for (uint256 i = 0; i < count; ++i) {
            (refs, maps) = (bytes.concat(refs, REF), bytes.concat(maps, SCALAR));
        }
        return Descriptors.op(opcode, 32, none(), refs, none(), maps, attributes);
    }

    /// A valid descriptor of each opcode.
    function valid(uint256 opcode) private pure returns (bytes memory) {
        bytes memory end = hex"0001";
        uint256 count = 2;
        if (opcode == Opcode.LINEAR) (end, count) = (hex"01fffffffd0001", 2);
        if (opcode == Opcode.REDUCE_SUM) (end, count) = (hex"000000030001", 1);
        if (opcode == Opcode.LOOKUP) end = hex"80000000";
        if (opcode == Opcode.MAX || opcode == Opcode.GATHER) end = "";
        if (opcode == Opcode.ARGMAX) (end, count) = ("", 1);
        if (opcode == Opcode.COMPARE) end = hex"02";
        if (opcode == Opcode.SELECT) (end, count) = ("", 3);
        if (opcode == Opcode.INDEX) end = hex"ffffffff";
        if (opcode == Opcode.RSQRT) (end, count) = (hex"1e", 1);
        return scalars(opcode, count, end);
    }

    function test_every_opcode_has_a_descriptor_and_no_byte_too_many_or_too_few() public {
        for (uint256 opcode = 1; opcode <= Opcode.RSQRT; ++opcode) {
            bytes memory descriptor = valid(opcode);
            (, uint32 elements,,) = STEP.shape(descriptor);
            assertEq(elements, 1);
            uint256 length = descriptor.length;
            refused(
                abi.encodeWithSelector(DescriptorLib.DescriptorTrailingBytes.selector, length, length + 1),
                bytes.concat(descriptor, hex"00")
            );
            for (uint256 cut = 0; cut < length; ++cut) {
                bytes memory part = this.slice(descriptor, 0, cut);
                vm.expectPartialRevert(DescriptorLib.DescriptorTruncated.selector);
                STEP.shape(part);
            }
        }
    }

    function test_rejects_unknown_opcodes() public {
        refused(abi.encodeWithSelector(DescriptorLib.UnknownOpcode.selector, 0), scalars(0, 2, hex"0001"));
        refused(abi.encodeWithSelector(DescriptorLib.UnknownOpcode.selector, 14), scalars(14, 2, hex"0001"));
    }

    function test_rejects_too_few_or_too_many_operands() public {
        uint8[2][13] memory counts = [
            [2, 3], [1, 255], [2, 3], [1, 1], [2, 2], [1, 255], [1, 1], [2, 2], [3, 3], [1, 255], [2, 2], [2, 2], [1, 1]
        ];
        for (uint256 opcode = 1; opcode <= 13; ++opcode) {
            uint256 least = counts[opcode - 1][0];
            uint256 most = counts[opcode - 1][1];
            refused(
                abi.encodeWithSelector(DescriptorLib.OperandCount.selector, opcode, least - 1),
                scalars(opcode, least - 1, hex"0001")
            );
            if (most == 255) continue;
            refused(
                abi.encodeWithSelector(DescriptorLib.OperandCount.selector, opcode, most + 1),
                scalars(opcode, most + 1, hex"0001")
            );
        }
    }

    function test_rejects_coefficients_that_do_not_match_the_operands() public {
        bytes4 count = DescriptorLib.OperandCount.selector;
        refused(abi.encodeWithSelector(count, Opcode.LINEAR, 3), scalars(Opcode.LINEAR, 3, hex"01000000010001"));
        refused(abi.encodeWithSelector(count, Opcode.LINEAR, 1), scalars(Opcode.LINEAR, 1, hex"0200000001000000010001"));
        refused(outOfRange(13, 0, 1, 254), scalars(Opcode.LINEAR, 1, hex"000001"));
        refused(outOfRange(13, 255, 1, 254), scalars(Opcode.LINEAR, 1, hex"ff0001"));
    }

    function test_rejects_fields_out_of_range() public {
        bytes memory descriptor = valid(Opcode.CONTRACT);
        descriptor[1] = 0x08;
        refused(abi.encodeWithSelector(DescriptorLib.OutputWidthNot4.selector, 8), descriptor);
        (descriptor[1], descriptor[2]) = (0x04, 0x07);
        refused(outOfRange(2, 7, 8, 32), descriptor);
        descriptor[2] = 0x21;
        refused(outOfRange(2, 33, 8, 32), descriptor);
        (descriptor[2], descriptor[6]) = (0x20, 0x03);
        refused(outOfRange(6, 3, 0, 2), descriptor);
        refused(outOfRange(19, 32, 0, 31), scalars(Opcode.CONTRACT, 2, hex"2001"));
        refused(outOfRange(20, 2, 0, 1), scalars(Opcode.CONTRACT, 2, hex"0002"));
        refused(outOfRange(19, 3, 0, 2), scalars(Opcode.COMPARE, 2, hex"03"));
        refused(outOfRange(19, 32, 0, 31), scalars(Opcode.DIVIDE, 2, hex"2000"));
        refused(outOfRange(13, 31, 0, 30), scalars(Opcode.RSQRT, 1, hex"1f"));
    }

    function test_rejects_a_map_of_a_table() public {
        bytes memory maps = bytes.concat(SCALAR, Descriptors.map(u32s(1), i32s(0)));
        bytes memory descriptor =
            Descriptors.op(Opcode.LOOKUP, 32, none(), bytes.concat(REF, REF), none(), maps, hex"00000000");
        refused(outOfRange(18, 1, 0, 0), descriptor);
    }

    function test_rejects_rank_9() public {
        uint32[] memory nine = new uint32[](9);
        refused(outOfRange(4, 9, 0, 8), Descriptors.op(Opcode.INDEX, 32, nine, REF, none(), SCALAR, hex"00000000"));
        refused(outOfRange(11, 9, 0, 8), Descriptors.op(Opcode.MAX, 32, none(), REF, nine, SCALAR, ""));
        bytes memory map = Descriptors.map(nine, new int256[](9));
        refused(outOfRange(12, 9, 0, 8), Descriptors.op(Opcode.MAX, 32, none(), REF, none(), map, ""));
    }

    function test_rejects_huge_axes_also_beside_an_empty_one() public {
        bytes4 tooLarge = DescriptorLib.ExtentTooLarge.selector;
        bytes memory wide = Descriptors.op(Opcode.MAX, 32, u32s(1 << 28, 0), REF, none(), SCALAR, "");
        (, uint32 elements,,) = STEP.shape(wide);
        assertEq(elements, 0);
        refused(
            outOfRange(5, (1 << 28) + 1, 0, 1 << 28),
            Descriptors.op(Opcode.MAX, 32, u32s((1 << 28) + 1, 0), REF, none(), SCALAR, "")
        );
        refused(
            abi.encodeWithSelector(tooLarge, 5, 1 << 29, 1 << 28),
            Descriptors.op(Opcode.MAX, 32, u32s(1 << 28, 2), REF, none(), SCALAR, "")
        );
        refused(
            abi.encodeWithSelector(tooLarge, 16, 1 << 37, 1 << 36),
            Descriptors.op(Opcode.MAX, 32, u32s(1 << 20), REF, u32s(1 << 17), SCALAR, "")
        );
    }

    function test_rejects_inner_dims_of_an_elementwise_op() public {
        bytes memory maps = bytes.concat(SCALAR, SCALAR);
        bytes memory refs = bytes.concat(REF, REF);
        uint8[8] memory elementwise = [2, 3, 5, 8, 9, 10, 12, 13];
        for (uint256 i = 0; i < 8; ++i) {
            uint256 opcode = elementwise[i];
            bytes memory operands = opcode == 9 ? bytes.concat(refs, REF) : opcode == 13 ? REF : refs;
            refused(
                abi.encodeWithSelector(DescriptorLib.NotElementwise.selector, opcode, 1),
                Descriptors.op(opcode, 32, none(), operands, u32s(1), maps, "")
            );
        }
    }

    function test_terms_of_the_largest_max() public view {
        bytes memory refs = "";
        bytes memory maps = "";
        for (uint256 i = 0; i < 255; ++i) {
            (refs, maps) = (bytes.concat(refs, REF), bytes.concat(maps, SCALAR));
        }
        uint32[] memory inner = u32s(1 << 28, 1 << 8);
        (,, uint48 terms,) = STEP.shape(Descriptors.op(Opcode.MAX, 32, none(), refs, inner, maps, ""));
        assertEq(terms, 255 * 2 ** 36);
    }

    function testFuzz_any_bytes_have_a_meaning_or_a_reason(bytes memory noise, uint8 opcode, uint16 at, bytes1 other)
        public
        view
    {
        bytes memory descriptor = valid(bound(opcode, 1, 13));
        descriptor[bound(at, 0, descriptor.length - 1)] = other;
        _neverPanics(descriptor);
        _neverPanics(bytes.concat(descriptor, noise));
        _neverPanics(noise);
    }

    function _neverPanics(bytes memory descriptor) private view {
        try STEP.shape(descriptor) {}
        catch (bytes memory reason) {
            assertGe(reason.length, 4);
            assertTrue(bytes4(reason) != PANIC);
        }
    }
}
