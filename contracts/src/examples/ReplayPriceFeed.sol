// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IAggregatorV3} from "./interfaces/IAggregatorV3.sol";

/// FOR DEVNETS AND DEMOS ONLY: its owner says what every price was and when. It answers like a Chainlink proxy, phases
/// included, so that a recorded price history can be replayed to contracts written for the real thing.
contract ReplayPriceFeed is IAggregatorV3, Ownable {
    struct Round {
        int192 answer;
        uint64 updatedAt;
    }

    error NoDataPresent(uint80 roundId);
    error TimeOrder(uint64 updatedAt, uint64 previous, uint256 blockTime);
    error LengthsDiffer(uint256 answers, uint256 times);

    event PhaseStarted(uint16 indexed phaseId);
    event RoundPushed(uint80 indexed roundId, int192 answer, uint64 updatedAt);

    uint256 public constant version = 1;
    uint8 public immutable decimals;
    string public description;
    uint16 public phaseId = 1;

    mapping(uint16 phaseId => Round[]) private _rounds;

    constructor(address owner, uint8 decimals_, string memory description_) Ownable(owner) {
        decimals = decimals_;
        description = description_;
    }

    /// Later rounds belong to a new phase, as when a proxy is pointed at another aggregator.
    function startPhase() external onlyOwner {
        emit PhaseStarted(++phaseId);
    }

    function push(int192 answer, uint64 updatedAt) external onlyOwner returns (uint80 roundId) {
        return _push(answer, updatedAt);
    }

    /// A whole history, oldest first.
    function pushMany(int192[] calldata answers, uint64[] calldata times) external onlyOwner {
        if (answers.length != times.length) revert LengthsDiffer(answers.length, times.length);
        for (uint256 i = 0; i < answers.length; ++i) {
            _push(answers[i], times[i]);
        }
    }

    function getRoundData(uint80 roundId) public view returns (uint80, int256, uint256, uint256, uint80) {
        Round[] storage rounds = _rounds[uint16(roundId >> 64)];
        uint64 number = uint64(roundId);
        if (number == 0 || number > rounds.length) revert NoDataPresent(roundId);
        Round memory round = rounds[number - 1];
        return (roundId, round.answer, round.updatedAt, round.updatedAt, roundId);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(_roundId(phaseId, _rounds[phaseId].length));
    }

    function _push(int192 answer, uint64 updatedAt) private returns (uint80 roundId) {
        Round[] storage rounds = _rounds[phaseId];
        uint64 previous = rounds.length == 0 ? 0 : rounds[rounds.length - 1].updatedAt;
        if (updatedAt == 0 || updatedAt < previous || updatedAt > block.timestamp) {
            revert TimeOrder(updatedAt, previous, block.timestamp);
        }
        rounds.push(Round(answer, updatedAt));
        roundId = _roundId(phaseId, rounds.length);
        emit RoundPushed(roundId, answer, updatedAt);
    }

    function _roundId(uint16 phase, uint256 number) private pure returns (uint80) {
        return (uint80(phase) << 64) | uint80(number);
    }
}
