// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Opening, StepRoots} from "./DisputeTypes.sol";

/// Executes terms of one op exactly as the interpreter does; docs/protocol/optimistic.md section 2. Stateless.
interface IOneStep {
    /// The op's output dims and their product, the terms of each element, and the accumulator that a fold starts from.
    function shape(bytes calldata descriptor)
        external
        pure
        returns (uint32[] memory dims, uint32 elements, uint48 terms, int128 start);

    /// The element that a whole fold ends in.
    function finish(bytes calldata descriptor, int256 acc) external pure returns (int256 element);

    /// The accumulator after terms lo <= t < hi of output element `element` (flat index), from `acc`.
    function run(
        bytes calldata descriptor,
        StepRoots calldata roots,
        uint32 element,
        uint48 lo,
        uint48 hi,
        int256 acc,
        Opening[] calldata openings
    ) external pure returns (int256);
}
