// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IRiskOracle} from "./interfaces/IRiskOracle.sol";

/// The published updates of one market, kept in two words each and spelled out when read.
abstract contract RiskUpdates is IRiskOracle {
    enum Parameter {
        LiquidationThreshold,
        Ltv
    }

    /// The result that an update stands on.
    struct Origin {
        bytes32 requestId;
        uint64 observedAt;
        int32 drawdown;
    }

    struct Stored {
        Origin origin;
        uint64 timestamp;
        uint16 value; // basis points, as is `previous`
        uint16 previous;
        Parameter parameter;
    }

    error NoSuchUpdate(uint256 updateId);
    error NothingPublished(string updateType, address market);

    address public immutable MARKET;

    uint256 public updateCounter;
    uint16 public ltv; // basis points, the values in force
    uint16 public liquidationThreshold;

    mapping(uint256 updateId => Stored) private _updates;
    mapping(Parameter => uint256 updateId) private _latestId;

    constructor(address market, uint16 initialLtv, uint16 initialThreshold) {
        MARKET = market;
        ltv = initialLtv;
        liquidationThreshold = initialThreshold;
    }

    function getUpdateById(uint256 updateId) public view returns (RiskParameterUpdate memory) {
        if (updateId == 0 || updateId > updateCounter) revert NoSuchUpdate(updateId);
        Stored memory s = _updates[updateId];
        return RiskParameterUpdate({
            timestamp: s.timestamp,
            newValue: abi.encode(uint256(s.value)),
            referenceId: Strings.toHexString(uint256(s.origin.requestId), 32),
            previousValue: abi.encode(uint256(s.previous)),
            updateType: s.parameter == Parameter.Ltv ? "ltv" : "liquidationThreshold",
            updateId: updateId,
            market: MARKET,
            additionalData: abi.encode(s.origin)
        });
    }

    function getLatestUpdateByParameterAndMarket(string calldata updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory)
    {
        uint256 updateId = latestUpdateIdByMarketAndType(market, updateType);
        if (updateId == 0) revert NothingPublished(updateType, market);
        return getUpdateById(updateId);
    }

    function latestUpdateIdByMarketAndType(address market, string calldata updateType) public view returns (uint256) {
        if (market != MARKET) return 0;
        bytes32 name = keccak256(bytes(updateType));
        if (name == keccak256("ltv")) return _latestId[Parameter.Ltv];
        if (name == keccak256("liquidationThreshold")) return _latestId[Parameter.LiquidationThreshold];
        return 0;
    }

    /// Publishes both values, also unchanged ones, so that readers with an age limit find them fresh. A reader that
    /// applies updates one by one must never hold a ratio above its threshold: what widens the gap goes first.
    function _publish(Origin memory origin, uint16 newLtv, uint16 newThreshold) internal {
        bool falls = newThreshold < liquidationThreshold;
        if (falls) _store(origin, Parameter.Ltv, newLtv, ltv);
        _store(origin, Parameter.LiquidationThreshold, newThreshold, liquidationThreshold);
        if (!falls) _store(origin, Parameter.Ltv, newLtv, ltv);
        ltv = newLtv;
        liquidationThreshold = newThreshold;
    }

    function _store(Origin memory origin, Parameter parameter, uint16 value, uint16 previous) private {
        uint256 updateId = ++updateCounter;
        _updates[updateId] = Stored(origin, uint64(block.timestamp), value, previous, parameter);
        _latestId[parameter] = updateId;
        RiskParameterUpdate memory u = getUpdateById(updateId);
        emit ParameterUpdated(
            u.referenceId, u.newValue, u.previousValue, u.timestamp, u.updateType, updateId, u.market, u.additionalData
        );
    }
}
