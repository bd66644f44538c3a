// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IRiskOracle} from "../../../src/examples/interfaces/IRiskOracle.sol";

/// A risk oracle whose latest updates are whatever a test sets.
contract StaticRiskOracle is IRiskOracle {
    mapping(bytes32 key => RiskParameterUpdate) private _latest;
    uint256 public updateCounter;

    function set(string memory updateType, address market, bytes memory value, uint256 timestamp) public {
        RiskParameterUpdate storage u = _latest[keccak256(abi.encode(updateType, market))];
        (u.newValue, u.timestamp, u.updateType, u.market) = (value, timestamp, updateType, market);
        u.updateId = ++updateCounter;
    }

    function setPair(address market, uint256 ltv, uint256 threshold, uint256 timestamp) external {
        set("ltv", market, abi.encode(ltv), timestamp);
        set("liquidationThreshold", market, abi.encode(threshold), timestamp);
    }

    function getLatestUpdateByParameterAndMarket(string calldata updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory u)
    {
        u = _latest[keccak256(abi.encode(updateType, market))];
        require(u.updateId != 0, "nothing published");
    }

    function latestUpdateIdByMarketAndType(address market, string calldata updateType) external view returns (uint256) {
        return _latest[keccak256(abi.encode(updateType, market))].updateId;
    }

    function getUpdateById(uint256) external pure returns (RiskParameterUpdate memory) {
        revert("not kept");
    }
}
