// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Opcode} from "../../src/dispute/DescriptorLib.sol";
import {Opening, StepRoots} from "../../src/dispute/DisputeTypes.sol";
import {MultiproofLib} from "../../src/dispute/MultiproofLib.sol";
import {OneStep} from "../../src/dispute/OneStep.sol";
import {OpeningLib} from "../../src/dispute/OpeningLib.sol";
import {TreeLib} from "../../src/dispute/TreeLib.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {Descriptors} from "./Descriptors.sol";
import {StepFixture} from "./StepFixture.sol";

/// What of an opening is believed: nothing.
contract OneStepOpeningsTest is StepFixture {
    bytes private descriptor;
    StepRoots private honest;
    Opening[] private shown; // x, an op's output of 300 elements; w, a constant of 300; the bias

    /// y[o] = Σ_k x[o + k]·w[k] + bias[o] over 290 inner points; a segment of the first 130 is shown.
    function setUp() public {
        vector(INPUT, range(0, 3, 10));
        bytes memory x = vector(OP, range(-7, 1, 300));
        bytes memory w = vector(CONST, range(5, 1, 300));
        bytes memory bias = tensor(CONST, 8, u32s(2), i32s(-1, -2));
        vector(OP, range(0, 1, 300));
        vector(OP, range(0, 1, 4));
        bytes memory maps = bytes.concat(
            Descriptors.map(u32s(300), i32s(0, 1, 1)),
            Descriptors.map(u32s(300), i32s(0, 0, 1)),
            Descriptors.map(u32s(2), i32s(0, 1, 0))
        );
        descriptor = Descriptors.op(
            Opcode.CONTRACT, 32, u32s(2), bytes.concat(x, w, bias), u32s(290), maps, Descriptors.rescale(0)
        );
        honest = roots();
        shown.push(opening(0, x, upTo(0, 3)));
        shown.push(opening(1, w, upTo(0, 3)));
        shown.push(opening(2, bias, u32s(0)));
    }

    function step(StepRoots memory r, Opening[] memory openings) private view returns (int256) {
        return STEP.run(descriptor, r, 1, 0, 130, 0, openings);
    }

    function refused(bytes memory reason, Opening[] memory openings) private {
        vm.expectRevert(reason);
        step(honest, openings);
    }

    /// A tensor root other than the committed one: which one does not matter.
    function refusedBecause(bytes4 selector, Opening[] memory openings) private {
        vm.expectPartialRevert(selector);
        step(honest, openings);
    }

    function test_honest_openings_run() public view {
        int256 total = 0;
        for (int256 k = 0; k < 130; ++k) {
            total += (k + 1 - 7) * (k + 5);
        }
        assertEq(step(honest, shown), total);
    }

    function test_rejects_operands_taken_from_another_claim() public {
        StepRoots memory other = honest;
        other.traceTree = keccak256("another trace");
        vm.expectPartialRevert(OpeningLib.PathMismatch.selector);
        step(other, shown);
    }

    function test_rejects_constants_of_another_model() public {
        StepRoots memory other = honest;
        other.weightsRoot = keccak256("another model");
        vm.expectPartialRevert(OpeningLib.PathMismatch.selector);
        step(other, shown);
    }

    function test_rejects_another_ops_output_of_the_same_size() public {
        Opening[] memory openings = shown;
        openings[0] = opening(0, abi.encodePacked(uint8(OP), uint32(1)), upTo(0, 3));
        refusedBecause(OpeningLib.PathMismatch.selector, openings);
    }

    function test_rejects_a_trace_of_another_depth() public {
        StepRoots memory other = honest;
        other.numOps = 5;
        vm.expectRevert(abi.encodeWithSelector(TreeLib.SiblingCount.selector, 3, 2));
        step(other, shown);
    }

    function test_rejects_an_op_past_the_program() public {
        StepRoots memory other = honest;
        other.numOps = 0;
        vm.expectRevert(abi.encodeWithSelector(OpeningLib.NoSuchTensor.selector, 0, 0, 0));
        step(other, shown);
    }

    function test_rejects_a_constant_whose_number_has_more_bits_than_its_path() public {
        Opening[] memory openings = shown;
        openings[2].path = new bytes32[](0);
        refused(abi.encodeWithSelector(TreeLib.IndexOutsideTree.selector, 1, 0), openings);
    }

    function test_rejects_an_operand_opened_twice_or_out_of_order() public {
        refused(
            abi.encodeWithSelector(OpeningLib.OpeningsNotAscending.selector, 0, 0), triple(shown[0], shown[0], shown[1])
        );
        refused(abi.encodeWithSelector(OpeningLib.OpeningsNotAscending.selector, 1, 0), pair(shown[1], shown[0]));
    }

    function test_rejects_an_operand_that_the_op_does_not_have() public {
        Opening[] memory openings = shown;
        openings[2].operand = 3;
        refused(abi.encodeWithSelector(OpeningLib.NoSuchOperand.selector, 3, 3), openings);
    }

    function test_rejects_what_is_read_and_not_opened() public {
        refused(abi.encodeWithSelector(OpeningLib.ChunkNotOpened.selector, 0, 0), only(shown[1]));
        Opening[] memory openings = shown;
        openings[1] = opening(1, abi.encodePacked(uint8(CONST), uint32(0)), upTo(0, 2));
        refused(abi.encodeWithSelector(OpeningLib.ChunkNotOpened.selector, 1, 2), openings);
    }

    function test_rejects_values_of_another_width_for_a_bias() public {
        bytes memory bias = tensor(CONST, 4, u32s(2), i32s(-1, -2));
        Opening[] memory openings = shown;
        openings[2] = opening(2, bias, u32s(0));
        openings[2].path = shown[2].path;
        refusedBecause(OpeningLib.PathMismatch.selector, openings);
    }

    function test_rejects_dims_of_another_size_or_rank() public {
        Opening[] memory openings = shown;
        openings[0].dims = u32s(2, 149);
        refused(abi.encodeWithSelector(OpeningLib.ElementCountMismatch.selector, 0, 300, 298), openings);
        openings[0].dims = u32s(2, 150);
        refusedBecause(OpeningLib.PathMismatch.selector, openings);
        openings[0].dims = new uint32[](9);
        refused(abi.encodeWithSelector(StatementLib.RankTooLarge.selector, 9, 8), openings);
    }

    function test_rejects_chunk_numbers_that_do_not_ascend_or_exist() public {
        Opening[] memory openings = shown;
        (openings[0].numbers[1], openings[0].numbers[2]) = (2, 2);
        refused(abi.encodeWithSelector(MultiproofLib.NumbersNotAscending.selector, 2, 2), openings);
        (openings[0].numbers[1], openings[0].numbers[2]) = (2, 1);
        refused(abi.encodeWithSelector(MultiproofLib.NumbersNotAscending.selector, 2, 1), openings);
        (openings[0].numbers[1], openings[0].numbers[2]) = (1, 5);
        refused(abi.encodeWithSelector(MultiproofLib.NumberOutOfRange.selector, 5, 5), openings);
    }

    function test_rejects_chunks_that_are_not_256_bytes_each_or_none() public {
        Opening[] memory openings = shown;
        openings[0].chunks = bytes.concat(shown[0].chunks, hex"00");
        refused(abi.encodeWithSelector(MultiproofLib.ChunkBytesMismatch.selector, 768, 769), openings);
        (openings[0].chunks, openings[0].numbers) = ("", new uint32[](0));
        refused(abi.encodeWithSelector(MultiproofLib.NothingOpened.selector), openings);
    }

    function test_rejects_siblings_left_over_or_missing() public {
        Opening[] memory openings = shown;
        assertEq(shown[0].siblings.length, 2);
        openings[0].siblings = new bytes32[](3);
        refused(abi.encodeWithSelector(MultiproofLib.SiblingCountMismatch.selector, 2, 3), openings);
        openings[0].siblings = new bytes32[](1);
        refused(abi.encodeWithSelector(MultiproofLib.SiblingCountMismatch.selector, 2, 1), openings);
        openings[0].siblings = new bytes32[](2);
        refusedBecause(OpeningLib.PathMismatch.selector, openings);
    }

    function testFuzz_rejects_any_other_byte_of_a_chunk(uint16 at, uint8 flip) public {
        Opening[] memory openings = shown;
        uint256 place = bound(at, 0, openings[0].chunks.length - 1);
        openings[0].chunks[place] ^= bytes1(uint8(bound(flip, 1, 255)));
        refusedBecause(OpeningLib.PathMismatch.selector, openings);
    }

    function test_rejects_another_request_input() public {
        bytes memory a = vector(INPUT, range(9, 1, 3));
        bytes memory copy = Descriptors.op(
            Opcode.INDEX, 32, u32s(3), a, none(), Descriptors.map(u32s(3), i32s(0, 1)), Descriptors.i32(0)
        );
        Opening[] memory openings = only(opening(0, a, u32s(0)));
        StepRoots memory r = roots();
        assertEq(STEP.run(copy, r, 2, 0, 1, 0, openings), 11);
        bytes32 inputRoot = r.inputRoot;
        r.inputRoot = keccak256("another request");
        vm.expectRevert(abi.encodeWithSelector(OpeningLib.PathMismatch.selector, 0, r.inputRoot, inputRoot));
        STEP.run(copy, r, 2, 0, 1, 0, openings);
        // The other input in its place: the list of roots is the request's, the tensor is not the one named.
        r.inputRoot = inputRoot;
        bytes memory first = Descriptors.op(
            Opcode.INDEX,
            32,
            u32s(3),
            abi.encodePacked(uint8(INPUT), uint32(0)),
            none(),
            Descriptors.map(u32s(3), i32s(0, 1)),
            Descriptors.i32(0)
        );
        vm.expectPartialRevert(OpeningLib.PathMismatch.selector);
        STEP.run(first, r, 2, 0, 1, 0, openings);
        bytes memory third = bytes.concat(copy);
        third[14] = 0x02; // the index in the operand's reference
        vm.expectRevert(abi.encodeWithSelector(OpeningLib.NoSuchTensor.selector, 0, 2, 2));
        STEP.run(third, r, 2, 0, 1, 0, openings);
    }

    function test_rejects_a_table_of_rank_2_or_over_2_to_the_16() public {
        bytes memory x = vector(INPUT, i32s(0));
        bytes memory table = tensor(CONST, 4, u32s(1, 3), i32s(1, 2, 3));
        bytes memory maps = bytes.concat(Descriptors.map(u32s(1), i32s(0, 1)), hex"00");
        bytes memory lookup =
            Descriptors.op(Opcode.LOOKUP, 32, u32s(1), bytes.concat(x, table), none(), maps, Descriptors.i32(0));
        Opening[] memory openings = only(opening(1, table, u32s(0)));
        vm.expectRevert(abi.encodeWithSelector(OpeningLib.NotATable.selector, 2, 3));
        STEP.run(lookup, roots(), 0, 0, 1, 0, openings);
        openings[0].dims = u32s(1 << 17);
        vm.expectRevert(abi.encodeWithSelector(OpeningLib.NotATable.selector, 1, 1 << 17));
        STEP.run(lookup, roots(), 0, 0, 1, 0, openings);
    }

    function test_rejects_an_element_or_terms_that_there_are_not() public {
        vm.expectRevert(abi.encodeWithSelector(OneStep.ElementOutOfRange.selector, 2, 2));
        STEP.run(descriptor, honest, 2, 0, 1, 0, shown);
        vm.expectRevert(abi.encodeWithSelector(OneStep.TermsOutOfRange.selector, 290, 292, 291));
        STEP.run(descriptor, honest, 0, 290, 292, 0, shown);
        vm.expectRevert(abi.encodeWithSelector(OneStep.TermsOutOfRange.selector, 3, 2, 291));
        STEP.run(descriptor, honest, 0, 3, 2, 0, shown);
    }
}
