// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Opening} from "../../src/dispute/DisputeTypes.sol";
import {Opcode} from "../../src/dispute/DescriptorLib.sol";
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
            Descriptors.map(u32s(3, 70), four(0, 1, 0, 0, 0, 1)),
            Descriptors.map(u32s(70), i32s(0, 0, 1)),
            Descriptors.map(u32s(3), i32s(0, 1, 0))
        );
        descriptor = Descriptors.op(
            Opcode.CONTRACT, bits, u32s(3), bytes.concat(w, x, bias), u32s(70), maps, Descriptors.rescale(shift)
        );
        openings = triple(opening(0, w, upTo(0, 4)), opening(1, x, upTo(0, 2)), opening(2, bias, upTo(0, 1)));
    }

    function four(int256 a, int256 b, int256 c, int256 d, int256 e, int256 f)
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
}
