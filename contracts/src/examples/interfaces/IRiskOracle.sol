// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// The read side of a risk oracle as lending markets' stewards consume it. Field order is part of the interface.
interface IRiskOracle {
    struct RiskParameterUpdate {
        uint256 timestamp; // unix time of publication; stewards ignore updates older than six hours
        bytes newValue; // 32 bytes, big-endian; basis points for "ltv" and "liquidationThreshold"
        string referenceId;
        bytes previousValue;
        string updateType;
        uint256 updateId; // counts from 1
        address market;
        bytes additionalData;
    }

    event ParameterUpdated(
        string referenceId,
        bytes newValue,
        bytes previousValue,
        uint256 timestamp,
        string indexed updateType,
        uint256 indexed updateId,
        address indexed market,
        bytes additionalData
    );

    function updateCounter() external view returns (uint256);
    /// Zero while nothing was published for the pair.
    function latestUpdateIdByMarketAndType(address market, string calldata updateType) external view returns (uint256);
    /// Reverts if there is no such update.
    function getUpdateById(uint256 updateId) external view returns (RiskParameterUpdate memory);
    /// Reverts if nothing was published for the pair.
    function getLatestUpdateByParameterAndMarket(string calldata updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory);
}
