// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DescriptorLib, Op, Opcode} from "./DescriptorLib.sol";
import {Opening, StepRoots} from "./DisputeTypes.sol";
import {FoldLib} from "./FoldLib.sol";
import {IOneStep} from "./IOneStep.sol";
import {Opened, OpeningLib} from "./OpeningLib.sol";
import {PointLib} from "./PointLib.sol";

/// Every op of the integer program, term by term (docs/protocol/optimistic.md section 2), over operands that are opened
/// under what a claim, a request and a model commit to. Reverts where the program has no meaning or nothing was shown.
contract OneStep is IOneStep {
    error ElementOutOfRange(uint256 element, uint256 elements);
    error TermsOutOfRange(uint256 lo, uint256 hi, uint256 terms);

    /// @inheritdoc IOneStep
    function shape(bytes calldata descriptor)
        external
        pure
        returns (uint32[] memory dims, uint32 elements, uint48 terms, int128 start)
    {
        Op memory op = DescriptorLib.parse(descriptor);
        dims = new uint32[](op.rank);
        for (uint256 d = 0; d < op.rank; ++d) {
            dims[d] = uint32(DescriptorLib.u32(op.dims + 4 * d));
        }
        return (dims, uint32(op.elements), uint48(op.terms), FoldLib.start(op));
    }

    /// @inheritdoc IOneStep
    function finish(bytes calldata descriptor, int256 acc) external pure returns (int256 element) {
        return FoldLib.finish(DescriptorLib.parse(descriptor), acc);
    }

    /// @inheritdoc IOneStep
    function run(
        bytes calldata descriptor,
        StepRoots calldata roots,
        uint32 element,
        uint48 lo,
        uint48 hi,
        int256 acc,
        Opening[] calldata openings
    ) external pure returns (int256) {
        Op memory op = DescriptorLib.parse(descriptor);
        if (element >= op.elements) revert ElementOutOfRange(element, op.elements);
        if (lo > hi || hi > op.terms) revert TermsOutOfRange(lo, hi, op.terms);
        Opened[] memory opened = OpeningLib.open(op, roots, openings);
        uint256[] memory o = DescriptorLib.coordinates(op.dims, op.rank, element);
        if (op.opcode <= Opcode.REDUCE_SUM || op.opcode == Opcode.MAX || op.opcode == Opcode.ARGMAX) {
            return FoldLib.run(op, opened, o, lo, hi, acc);
        }
        return lo == hi ? acc : PointLib.run(op, opened, o);
    }
}
