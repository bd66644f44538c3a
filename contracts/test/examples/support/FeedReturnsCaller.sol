// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Tensor} from "../../../src/interfaces/Types.sol";
import {FeedReturns} from "../../../src/examples/FeedReturns.sol";

/// Gives tests an external call to the library, with calldata and reverts they can expect.
contract FeedReturnsCaller {
    function inputAt(FeedReturns.Source memory source, uint256 observedAt, uint80[] calldata roundIds)
        external
        view
        returns (Tensor memory)
    {
        return FeedReturns.inputAt(source, observedAt, roundIds);
    }

    /// As cheap as a caller gets: nothing happens after the last round is read.
    function checkRounds(FeedReturns.Source memory source, uint256 observedAt, uint80[] calldata roundIds)
        external
        view
    {
        FeedReturns.pricesAt(source, observedAt, roundIds);
    }

    function toTensor(FeedReturns.Source memory source, uint256[] memory prices) external pure returns (Tensor memory) {
        return FeedReturns.toTensor(source, prices);
    }

    function requireValid(FeedReturns.Source memory source) external pure {
        FeedReturns.requireValid(source);
    }
}
