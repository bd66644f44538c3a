// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Opening} from "../../src/dispute/DisputeTypes.sol";
import {Opcode} from "../../src/dispute/DescriptorLib.sol";
import {FoldLib} from "../../src/dispute/FoldLib.sol";
import {Descriptors} from "./Descriptors.sol";
import {StepFixture} from "./StepFixture.sol";

/// contract, linear, mul, reduce_sum, max, argmax: term by term, worked out by hand.
contract OneStepFoldsTest is StepFixture {
    int128 private constant NEVER = type(int128).min;

    /// y[o] = rescale(Σ_k w[o,k]·x[k] + bias[o]) over 70 inputs and 3 outputs.
    function dense(uint256 shift, uint256 bits) private returns (bytes memory descriptor, Opening[] memory openings) {
        bytes memory x = vector(INPUT, range(-20, 1, 70));
        bytes memory w = tensor(CONST, 4, u32s(3, 70), range(-100, 1, 210));
        bytes memory bias = tensor(CONST, 8, u32s(3), i32s(-(2 ** 52), 5, 2 ** 40));
        bytes memory maps = bytes.concat(
            Descriptors.map(u32s(3, 70), six(0, 1, 0, 0, 0, 1)),
            Descriptors.map(u32s(70), i32s(0, 0, 1)),
            Descriptors.map(u32s(3), i32s(0, 1, 0))
        );
        descriptor = Descriptors.op(
            Opcode.CONTRACT, bits, u32s(3), bytes.concat(w, x, bias), u32s(70), maps, Descriptors.rescale(shift)
        );
        openings = triple(opening(0, w, upTo(0, 4)), opening(1, x, upTo(0, 2)), opening(2, bias, upTo(0, 1)));
    }

    function six(int256 a, int256 b, int256 c, int256 d, int256 e, int256 f)
        private
        pure
        returns (int256[] memory list)
    {
        list = new int256[](6);
        (list[0], list[1], list[2]) = (a, b, c);
        (list[3], list[4], list[5]) = (d, e, f);
    }

    /// Σ_(lo ≤ k < hi) w[o,k]·x[k], as `dense` has them.
    function sum(uint256 o, uint256 lo, uint256 hi) private pure returns (int256 total) {
        for (uint256 k = lo; k < hi; ++k) {
            total += (int256(o * 70 + k) - 100) * (int256(k) - 20);
        }
    }

    function test_contract_over_chunks_and_segments() public {
        (bytes memory descriptor, Opening[] memory openings) = dense(4, 32);
        int256 acc = 0;
        for (uint256 lo = 0; lo < 71; lo += 24) {
            acc = run(descriptor, 1, lo, lo + 24 < 71 ? lo + 24 : 71, acc, openings);
        }
        assertEq(acc, sum(1, 0, 70) + 5);
        assertEq(STEP.finish(descriptor, acc), (acc + 8) >> 4);
        assertEq(run(descriptor, 2, 70, 71, -9, openings), 2 ** 40 - 9, "the bias alone");
        assertEq(run(descriptor, 2, 30, 30, -9, openings), -9, "no term");
        assertEq(run(descriptor, 2, 71, 71, -9, openings), -9, "no term after the bias");
        assertEq(whole(descriptor, 0, openings), -(2 ** 31), "saturated");
    }

    function test_linear_takes_an_operand_a_term_and_then_the_bias() public {
        bytes memory x = vector(INPUT, i32s(7, -8, 9));
        bytes memory y = vector(OP, i32s(100, 200, type(int32).min));
        bytes memory bias = tensor(CONST, 8, none(), i32s(-1));
        bytes memory maps = bytes.concat(
            Descriptors.map(u32s(3), i32s(0, 1)),
            Descriptors.map(u32s(3), i32s(0, 1)),
            Descriptors.map(none(), new int256[](0))
        );
        bytes memory attributes =
            bytes.concat(hex"02", Descriptors.i32(-3), Descriptors.i32(type(int32).min), Descriptors.rescale(1));
        bytes memory descriptor =
            Descriptors.op(Opcode.LINEAR, 8, u32s(3), bytes.concat(x, y, bias), none(), maps, attributes);
        Opening[] memory openings = triple(opening(0, x, u32s(0)), opening(1, y, u32s(0)), opening(2, bias, u32s(0)));
        assertEq(run(descriptor, 0, 0, 1, 0, openings), -21);
        assertEq(run(descriptor, 2, 1, 2, 0, openings), 2 ** 62);
        assertEq(run(descriptor, 1, 0, 3, 0, openings), 24 - 200 * 2 ** 31 - 1);
        assertEq(whole(descriptor, 2, openings), 127);
        assertEq(whole(descriptor, 0, openings), -128);
        assertEq(run(descriptor, 0, 0, 1, 0, only(openings[0])), -21, "what is not read need not be opened");
    }

    function test_max_skips_what_is_out_of_bounds_and_goes_on_with_the_next_operand() public {
        bytes memory x = vector(INPUT, i32s(-5, type(int32).min, -7));
        bytes memory y = vector(CONST, i32s(-6));
        // Windows of 2 that stick out on both sides; the constant everywhere but at o = 2.
        bytes memory maps =
            bytes.concat(Descriptors.map(u32s(3), i32s(-1, 1, 1)), Descriptors.map(u32s(1), i32s(-1, 1, 0)));
        bytes memory descriptor = Descriptors.op(Opcode.MAX, 32, u32s(4), bytes.concat(x, y), u32s(2), maps, "");
        Opening[] memory openings = pair(opening(0, x, u32s(0)), opening(1, y, u32s(0)));
        assertEq(run(descriptor, 0, 0, 1, NEVER, new Opening[](0)), NEVER, "out of bounds");
        assertEq(run(descriptor, 0, 0, 2, NEVER, openings), -5);
        assertEq(run(descriptor, 1, 1, 2, NEVER, openings), type(int32).min);
        assertEq(run(descriptor, 1, 1, 4, NEVER, openings), -6, "the second operand");
        assertEq(whole(descriptor, 2, openings), -7);
        assertEq(whole(descriptor, 3, openings), -7);
    }

    function test_mul_rounds_half_up_also_below_zero() public {
        bytes memory a = vector(INPUT, i32s(-3, -1, type(int32).min));
        bytes memory b = vector(CONST, i32s(1, 1, type(int32).min));
        bytes memory map = Descriptors.map(u32s(3), i32s(0, 1));
        bytes memory descriptor = Descriptors.op(
            Opcode.MUL, 32, u32s(3), bytes.concat(a, b), none(), bytes.concat(map, map), Descriptors.rescale(1)
        );
        Opening[] memory openings = pair(opening(0, a, u32s(0)), opening(1, b, u32s(0)));
        assertEq(whole(descriptor, 0, openings), -1, "-3/2");
        assertEq(whole(descriptor, 1, openings), 0, "-1/2");
        assertEq(run(descriptor, 2, 0, 1, 0, openings), 2 ** 62);
        assertEq(whole(descriptor, 2, openings), type(int32).max);
    }

    function test_mul_reads_neither_operand_where_one_is_out_of_bounds() public {
        bytes memory a = vector(INPUT, i32s(5, 6));
        bytes memory b = vector(CONST, i32s(7, 8));
        bytes memory bias = tensor(CONST, 8, u32s(2), i32s(-40, 40));
        bytes memory maps = bytes.concat(
            Descriptors.map(u32s(2), i32s(0, 1)),
            Descriptors.map(u32s(2), i32s(1, 1)),
            Descriptors.map(u32s(2), i32s(0, 1))
        );
        bytes memory descriptor =
            Descriptors.op(Opcode.MUL, 32, u32s(2), bytes.concat(a, b, bias), none(), maps, Descriptors.rescale(0));
        Opening memory third = opening(2, bias, u32s(0));
        assertEq(whole(descriptor, 0, triple(opening(0, a, u32s(0)), opening(1, b, u32s(0)), third)), 0);
        assertEq(whole(descriptor, 1, only(third)), 40);
    }

    function test_reduce_sum_multiplies_after_the_sum() public {
        bytes memory x = tensor(INPUT, 4, u32s(2, 70), range(-70, 1, 140));
        bytes memory map = Descriptors.map(u32s(2, 70), six(0, 1, 0, 0, 0, 1));
        bytes memory attributes = bytes.concat(Descriptors.i32(-3), Descriptors.rescale(2));
        bytes memory descriptor = Descriptors.op(Opcode.REDUCE_SUM, 16, u32s(2), x, u32s(70), map, attributes);
        Opening[] memory openings = only(opening(0, x, upTo(0, 3)));
        assertEq(run(descriptor, 0, 60, 70, 100, openings), 100 - 55);
        assertEq(whole(descriptor, 0, openings), 1864, "(-3 * -2485 + 2) / 4");
        assertEq(whole(descriptor, 1, openings), -1811, "(-3 * 2415 + 2) / 4, down");
        assertEq(STEP.finish(descriptor, 2 ** 60), -(2 ** 15));
        assertEq(STEP.finish(descriptor, type(int128).min), 2 ** 15 - 1);
    }

    function test_sums_over_no_inner_points_are_their_bias() public {
        bytes memory x = tensor(INPUT, 4, none(), i32s(9));
        bytes memory bias = tensor(CONST, 8, u32s(2), i32s(-1000, 1000));
        bytes memory nothing = Descriptors.map(none(), new int256[](0));
        bytes memory maps = bytes.concat(nothing, nothing, Descriptors.map(u32s(2), i32s(0, 1, 0)));
        bytes memory descriptor = Descriptors.op(
            Opcode.CONTRACT, 8, u32s(2), bytes.concat(x, x, bias), u32s(0), maps, Descriptors.rescale(3)
        );
        assertEq(whole(descriptor, 1, only(opening(2, bias, u32s(0)))), 125);
        descriptor = Descriptors.op(
            Opcode.CONTRACT, 8, u32s(2), bytes.concat(x, x), u32s(0), bytes.concat(nothing, nothing), hex"0301"
        );
        assertEq(whole(descriptor, 1, new Opening[](0)), 0);
        descriptor = Descriptors.op(Opcode.REDUCE_SUM, 8, u32s(2), x, u32s(0), nothing, hex"000000050001");
        assertEq(whole(descriptor, 0, new Opening[](0)), 0);
    }

    function test_argmax_takes_the_first_of_equal_ones_and_numbers_inner_points() public {
        int256[] memory values = range(-80, 0, 80);
        (values[40], values[70], values[71]) = (-3, -3, -4);
        bytes memory x = vector(INPUT, values);
        // Row o of 40, read from one place before it on: number 0 of row 0 is out of bounds.
        bytes memory map = Descriptors.map(u32s(80), i32s(-1, 40, 1));
        bytes memory descriptor = Descriptors.op(Opcode.ARGMAX, 16, u32s(2), x, u32s(40), map, "");
        Opening[] memory openings = only(opening(0, x, upTo(0, 2)));
        assertEq(whole(descriptor, 0, openings), 1, "all equal, the first out of bounds");
        assertEq(whole(descriptor, 1, openings), 1);
        assertEq(run(descriptor, 1, 31, 33, NEVER, openings), -3 * 2 ** 37 - 31);
        assertEq(run(descriptor, 1, 31, 33, -3 * 2 ** 37 - 1, openings), -3 * 2 ** 37 - 1, "an earlier one stays");
        assertEq(STEP.finish(descriptor, type(int32).min * int256(2 ** 37) - (2 ** 36 - 1)), 2 ** 36 - 1);
        assertEq(STEP.finish(descriptor, type(int32).max * int256(2 ** 37)), 0);
        assertEq(STEP.finish(descriptor, NEVER), 0);
    }

    function test_folds_start_below_every_term_or_at_zero() public {
        bytes memory x = vector(INPUT, i32s(1));
        bytes memory map = Descriptors.map(u32s(1), i32s(0, 0));
        bytes memory two = bytes.concat(map, map);
        (uint32[] memory dims, uint32 elements, uint48 terms, int128 start) =
            STEP.shape(Descriptors.op(Opcode.MAX, 8, u32s(1), bytes.concat(x, x), none(), two, ""));
        assertEq(dims.length, 1);
        assertEq(dims[0], 1);
        assertEq(elements, 1);
        assertEq(terms, 2);
        assertEq(start, NEVER);
        (,, terms, start) =
            STEP.shape(Descriptors.op(Opcode.MUL, 8, u32s(1), bytes.concat(x, x), none(), two, Descriptors.rescale(0)));
        assertEq(terms, 1);
        assertEq(start, 0);
    }

    function testFuzz_rescale_is_the_nearest_and_a_tie_goes_up(int128 acc, uint8 by) public pure {
        uint256 shift = bound(by, 0, 31);
        int256 y = FoldLib.rescaleHalfUp(acc, shift);
        int256 twice = 2 * (y * int256(1 << shift) - acc);
        assertLe(twice, int256(1 << shift), "at most half above");
        assertGt(twice, shift == 0 ? -1 : -int256(1 << shift), "less than half below");
    }
}
