// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// The read side of a Chainlink price feed. A round id of a proxy is `phaseId << 64 | aggregatorRoundId`.
interface IAggregatorV3 {
    function decimals() external view returns (uint8);
    function description() external view returns (string memory);
    function version() external view returns (uint256);

    /// A round that does not exist reverts in some aggregators and has `updatedAt == 0` in others.
    function getRoundData(uint80 roundId)
        external
        view
        returns (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    function latestRoundData()
        external
        view
        returns (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
