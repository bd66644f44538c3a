// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Opening, StepRoots} from "../../../src/dispute/DisputeTypes.sol";
import {IOneStep} from "../../../src/dispute/IOneStep.sol";

/// A model whose folds have a closed form and open nothing, so that tests of the game know every accumulator: term t of
/// element e adds t + 1 + e, a fold starts at 5, and an element is the eighth of its fold, rounded down.
contract StubOneStep is IOneStep {
    int128 public constant START = 5;

    function shape(bytes calldata descriptor)
        external
        pure
        returns (uint32[] memory dims, uint32 elements, uint48 terms, int128 start)
    {
        (dims, terms) = abi.decode(descriptor, (uint32[], uint48));
        elements = 1;
        for (uint256 i = 0; i < dims.length; ++i) {
            elements *= dims[i];
        }
        start = START;
    }

    function finish(bytes calldata, int256 acc) external pure returns (int256) {
        return acc >> 3;
    }

    function run(
        bytes calldata,
        StepRoots calldata,
        uint32 element,
        uint48 lo,
        uint48 hi,
        int256 acc,
        Opening[] calldata
    ) external pure returns (int256) {
        return acc + added(element, hi) - added(element, lo);
    }

    /// By the terms below `term`.
    function added(uint32 element, uint48 term) public pure returns (int256) {
        int256 t = int256(uint256(term));
        return t * (t + 1) / 2 + t * int256(uint256(element));
    }
}
