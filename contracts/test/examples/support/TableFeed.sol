// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAggregatorV3} from "../../../src/examples/interfaces/IAggregatorV3.sol";

/// A feed that says whatever it is told to, with either way that aggregators answer for a round they do not have.
contract TableFeed is IAggregatorV3 {
    struct Row {
        int256 answer;
        uint256 updatedAt;
    }

    uint8 public constant decimals = 8;
    string public constant description = "table";
    uint256 public constant version = 4;

    mapping(uint80 roundId => Row) public rows;
    uint80 public latest;
    bool public absentIsZero;
    mapping(uint80 roundId => uint256) public gasOf;

    function set(uint80 roundId, int256 answer, uint256 updatedAt) external {
        rows[roundId] = Row(answer, updatedAt);
        if (roundId > latest) latest = roundId;
    }

    function setLatest(uint80 roundId) external {
        latest = roundId;
    }

    function setAbsentIsZero(bool yes) external {
        absentIsZero = yes;
    }

    /// Makes a read of the round burn this much.
    function setGas(uint80 roundId, uint256 amount) external {
        gasOf[roundId] = amount;
    }

    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80) {
        uint256 burn = gasOf[roundId];
        for (uint256 start = gasleft(); burn > 0 && start - gasleft() < burn;) {}
        Row memory row = rows[roundId];
        require(absentIsZero || row.updatedAt != 0, "No data present");
        return (roundId, row.answer, row.updatedAt, row.updatedAt, roundId);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        Row memory row = rows[latest];
        require(absentIsZero || row.updatedAt != 0, "No data present");
        return (latest, row.answer, row.updatedAt, row.updatedAt, latest);
    }
}
