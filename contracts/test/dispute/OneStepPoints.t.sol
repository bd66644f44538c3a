// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Opcode} from "../../src/dispute/DescriptorLib.sol";
import {Opening} from "../../src/dispute/DisputeTypes.sol";
import {OpeningLib} from "../../src/dispute/OpeningLib.sol";
import {PointLib} from "../../src/dispute/PointLib.sol";
import {ReaderLib} from "../../src/dispute/ReaderLib.sol";
import {Descriptors} from "./Descriptors.sol";
import {StepFixture} from "./StepFixture.sol";

/// Ops whose elements are one term, worked out by hand.
contract OneStepPointsTest is StepFixture {
    int256 private constant LEAST = type(int32).min;
    int256 private constant LARGEST = type(int32).max;

    /// Three outputs; operand i is read at o + offsets[i].
    function elementwise(uint256 opcode, uint256 bits, bytes memory refs, int256[] memory offsets, bytes memory end)
        private
        pure
        returns (bytes memory)
    {
        bytes memory maps = "";
        for (uint256 i = 0; i < offsets.length; ++i) {
            maps = bytes.concat(maps, Descriptors.map(u32s(3), i32s(offsets[i], 1)));
        }
        return Descriptors.op(opcode, bits, u32s(3), refs, none(), maps, end);
    }

    function refusal(bytes memory reason, bytes memory descriptor, uint256 element, Opening[] memory openings) private {
        vm.expectRevert(reason);
        STEP.run(descriptor, roots(), uint32(element), 0, 1, 0, openings);
    }

    function lookup(int256[] memory x, int256[] memory entries, int256 low)
        private
        returns (bytes memory descriptor, Opening[] memory openings)
    {
        bytes memory ref = vector(INPUT, x);
        bytes memory table = vector(CONST, entries);
        bytes memory maps = bytes.concat(Descriptors.map(u32s(3), i32s(0, 1)), hex"00");
        descriptor =
            Descriptors.op(Opcode.LOOKUP, 32, u32s(3), bytes.concat(ref, table), none(), maps, Descriptors.i32(low));
        openings = pair(opening(0, ref, u32s(0)), opening(1, table, u32s(1)));
    }

    function test_lookup_opens_one_chunk_of_the_table() public {
        (bytes memory descriptor, Opening[] memory openings) = lookup(i32s(-6, 29, 28), range(LEAST, 7, 100), -70);
        assertEq(whole(descriptor, 0, openings), LEAST + 7 * 64);
        assertEq(whole(descriptor, 1, openings), LEAST + 7 * 99);
        assertEq(whole(descriptor, 2, openings), LEAST + 7 * 98);
    }

    function test_lookup_rejects_an_argument_outside_its_table() public {
        (bytes memory descriptor, Opening[] memory openings) = lookup(i32s(30, -71, -7), range(0, 1, 100), -70);
        refusal(abi.encodeWithSelector(PointLib.TableIndexOutOfRange.selector, 100, 100), descriptor, 0, openings);
        refusal(abi.encodeWithSelector(PointLib.TableIndexOutOfRange.selector, -1, 100), descriptor, 1, openings);
        refusal(abi.encodeWithSelector(OpeningLib.ChunkNotOpened.selector, 1, 0), descriptor, 2, openings);
        refusal(abi.encodeWithSelector(OpeningLib.ChunkNotOpened.selector, 0, 0), descriptor, 0, only(openings[1]));
    }

    function test_compare_relations_at_equality_and_out_of_bounds() public {
        bytes memory a = vector(INPUT, i32s(-1, LEAST, LARGEST));
        bytes memory b = vector(OP, i32s(-1, LARGEST, LARGEST));
        bytes memory refs = bytes.concat(a, b);
        Opening[] memory openings = pair(opening(0, a, u32s(0)), opening(1, b, u32s(0)));
        bytes3[3] memory expected = [bytes3(0x000100), 0x010101, 0x010001];
        for (uint256 relation = 0; relation < 3; ++relation) {
            bytes memory descriptor =
                elementwise(Opcode.COMPARE, 8, refs, i32s(0, 0), abi.encodePacked(uint8(relation)));
            for (uint256 o = 0; o < 3; ++o) {
                assertEq(whole(descriptor, o, openings), int256(uint256(uint8(expected[relation][o]))));
            }
        }
        bytes memory shifted = elementwise(Opcode.COMPARE, 8, refs, i32s(-1, 0), hex"00");
        assertEq(whole(shifted, 0, only(openings[1])), 0, "0 < -1");
        shifted = elementwise(Opcode.COMPARE, 8, refs, i32s(3, 3), hex"02");
        assertEq(whole(shifted, 0, new Opening[](0)), 1, "0 = 0");
    }

    function test_select_opens_the_condition_and_the_one_chosen() public {
        bytes memory c = vector(CONST, i32s(1, 0, 1));
        bytes memory a = vector(INPUT, i32s(10, 20, 30));
        bytes memory b = vector(OP, i32s(-10, -20, -30));
        bytes memory descriptor = elementwise(Opcode.SELECT, 32, bytes.concat(c, a, b), i32s(0, 1, -1), "");
        Opening memory condition = opening(0, c, u32s(0));
        Opening memory first = opening(1, a, u32s(0));
        Opening memory second = opening(2, b, u32s(0));
        assertEq(whole(descriptor, 0, pair(condition, first)), 20);
        assertEq(whole(descriptor, 1, pair(condition, second)), -10);
        assertEq(whole(descriptor, 2, only(condition)), 0, "out of bounds");
        refusal(
            abi.encodeWithSelector(OpeningLib.ChunkNotOpened.selector, 1, 0), descriptor, 0, pair(condition, second)
        );
    }

    function test_index_takes_the_next_operand_and_at_last_the_fill() public {
        bytes memory a = vector(INPUT, i32s(1, 2, 3));
        bytes memory b = vector(OP, i32s(-1, -2, -3));
        bytes memory descriptor = elementwise(Opcode.INDEX, 32, bytes.concat(a, b), i32s(2, -1), Descriptors.i32(LEAST));
        assertEq(whole(descriptor, 0, only(opening(0, a, u32s(0)))), 3);
        assertEq(whole(descriptor, 1, only(opening(1, b, u32s(0)))), -1);
        descriptor = elementwise(Opcode.INDEX, 32, bytes.concat(a, b), i32s(3, -3), Descriptors.i32(LEAST));
        assertEq(whole(descriptor, 2, new Opening[](0)), LEAST);
    }

    function gather(int256[] memory positions) private returns (bytes memory descriptor, Opening[] memory openings) {
        bytes memory x = tensor(INPUT, 4, u32s(3, 40), range(1000, 1, 120));
        bytes memory p = vector(OP, positions);
        int256[] memory rows = new int256[](8);
        (rows[1], rows[6], rows[7]) = (1, 20, 1); // view [3, 40], inner [2, 20]
        bytes memory maps = bytes.concat(Descriptors.map(u32s(3, 40), rows), Descriptors.map(u32s(3), four(0, 1, 0, 0)));
        descriptor = Descriptors.op(Opcode.GATHER, 32, u32s(3), bytes.concat(x, p), u32s(2, 20), maps, "");
        openings = pair(opening(0, x, upTo(0, 2)), opening(1, p, u32s(0)));
    }

    function four(int256 a, int256 b, int256 c, int256 d) private pure returns (int256[] memory list) {
        list = new int256[](4);
        (list[0], list[1], list[2], list[3]) = (a, b, c, d);
    }

    function test_gather_reads_at_the_inner_point_that_the_position_numbers() public {
        (bytes memory descriptor, Opening[] memory openings) = gather(i32s(0, 21, 39));
        assertEq(whole(descriptor, 0, openings), 1000);
        assertEq(whole(descriptor, 1, openings), 1061);
        assertEq(whole(descriptor, 2, openings), 1119);
    }

    function test_gather_rejects_a_position_out_of_range() public {
        (bytes memory descriptor, Opening[] memory openings) = gather(i32s(40, -1, LEAST));
        refusal(abi.encodeWithSelector(PointLib.PositionOutOfRange.selector, 40, 40), descriptor, 0, openings);
        refusal(abi.encodeWithSelector(PointLib.PositionOutOfRange.selector, -1, 40), descriptor, 1, openings);
        refusal(abi.encodeWithSelector(PointLib.PositionOutOfRange.selector, LEAST, 40), descriptor, 2, openings);
    }

    function test_divide_rounds_half_up_below_zero_and_saturates() public {
        bytes memory a = vector(INPUT, i32s(-3, LARGEST, LEAST));
        bytes memory d = vector(CONST, i32s(2, 1, 1));
        bytes memory descriptor = elementwise(Opcode.DIVIDE, 32, bytes.concat(a, d), i32s(0, 0), hex"0001");
        Opening[] memory openings = pair(opening(0, a, u32s(0)), opening(1, d, u32s(0)));
        assertEq(whole(descriptor, 0, openings), -1);
        descriptor = elementwise(Opcode.DIVIDE, 16, bytes.concat(a, d), i32s(0, 0), hex"1f01");
        assertEq(whole(descriptor, 1, openings), 2 ** 15 - 1);
        assertEq(whole(descriptor, 2, openings), -(2 ** 15));
        descriptor = elementwise(Opcode.DIVIDE, 16, bytes.concat(a, d), i32s(3, 0), hex"1f01");
        assertEq(whole(descriptor, 2, only(openings[1])), 0, "a is 0 out of bounds");
    }

    function test_divide_rejects_a_divisor_below_1_or_out_of_bounds() public {
        bytes memory a = vector(INPUT, i32s(1, 1, 1));
        bytes memory d = vector(CONST, i32s(0, -1, LEAST));
        bytes memory descriptor = elementwise(Opcode.DIVIDE, 32, bytes.concat(a, d), i32s(0, 0), hex"0001");
        Opening[] memory openings = pair(opening(0, a, u32s(0)), opening(1, d, u32s(0)));
        refusal(abi.encodeWithSelector(PointLib.DivisorBelow1.selector, 0), descriptor, 0, openings);
        refusal(abi.encodeWithSelector(PointLib.DivisorBelow1.selector, -1), descriptor, 1, openings);
        refusal(abi.encodeWithSelector(PointLib.DivisorBelow1.selector, LEAST), descriptor, 2, openings);
        descriptor = elementwise(Opcode.DIVIDE, 32, bytes.concat(a, d), i32s(0, 1), hex"0001");
        refusal(abi.encodeWithSelector(ReaderLib.ReadOutOfBounds.selector, 1), descriptor, 2, openings);
    }

    function test_rsqrt_at_its_ends() public {
        bytes memory x = vector(INPUT, i32s(1, LARGEST, 16));
        bytes memory descriptor = elementwise(Opcode.RSQRT, 32, x, i32s(0), hex"1e");
        Opening[] memory openings = only(opening(0, x, u32s(0)));
        assertEq(whole(descriptor, 0, openings), 2 ** 30);
        assertEq(whole(descriptor, 1, openings), 23_170);
        assertEq(whole(descriptor, 2, openings), 2 ** 28);
        assertEq(whole(elementwise(Opcode.RSQRT, 32, x, i32s(0), hex"01"), 2, openings), 1, "a half goes up");
        assertEq(whole(elementwise(Opcode.RSQRT, 32, x, i32s(0), hex"00"), 2, openings), 0);
    }

    function test_rsqrt_rejects_an_argument_below_1() public {
        bytes memory x = vector(INPUT, i32s(0, -1, 1));
        bytes memory descriptor = elementwise(Opcode.RSQRT, 32, x, i32s(0), hex"1e");
        Opening[] memory openings = only(opening(0, x, u32s(0)));
        refusal(abi.encodeWithSelector(PointLib.DivisorBelow1.selector, 0), descriptor, 0, openings);
        refusal(abi.encodeWithSelector(PointLib.DivisorBelow1.selector, -1), descriptor, 1, openings);
    }

    function testFuzz_a_quotient_is_the_only_one_with_its_remainder(int32 a, int32 divisor, uint8 by) public pure {
        int256 d = bound(divisor, 1, LARGEST);
        uint256 up = bound(by, 0, 31);
        int256 y = PointLib.divideHalfUp(a, d, up);
        int256 remainder = 2 * int256(a) * int256(1 << up) + d - 2 * d * y;
        assertGe(remainder, 0);
        assertLt(remainder, 2 * d);
    }

    function testFuzz_a_root_is_the_only_one_within_half(int32 argument, uint8 by) public pure {
        int256 x = bound(argument, 1, LARGEST);
        uint256 exponent = bound(by, 0, 30);
        int256 y = PointLib.rsqrtHalfUp(x, exponent);
        int256 power = int256(1 << (2 * exponent + 2));
        assertGe(y, 0);
        if (y > 0) assertLe((2 * y - 1) ** 2 * x, power);
        assertGt((2 * y + 1) ** 2 * x, power);
    }
}
