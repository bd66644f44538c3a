// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IOptimisticClaims} from "./IOptimisticClaims.sol";

/// Game time: seconds of block time in which nothing was paused; docs/protocol/optimistic.md sections 4 and 5.
abstract contract GameClock is IOptimisticClaims {
    error NotTheGuardian(address caller, address guardian);
    error IsPaused(uint256 since);
    error NotPaused();
    error PauseTooSoon(uint256 allowedAt);
    error PauseNotOver(uint256 overAt);

    uint256 public constant MAX_PAUSE = 7 days;
    uint256 public constant BETWEEN_PAUSES = 7 days;

    address public immutable GUARDIAN;

    uint64 private _pausedAt; // block time; 0 while nothing is paused
    uint64 private _nextPauseAt; // block time, the earliest
    uint64 private _pausedSeconds; // of all pauses that ended

    constructor(address guardian) {
        GUARDIAN = guardian;
    }

    modifier running() {
        _requireRunning();
        _;
    }

    modifier onlyGuardian() {
        if (msg.sender != GUARDIAN) revert NotTheGuardian(msg.sender, GUARDIAN);
        _;
    }

    function pause() external running onlyGuardian {
        if (block.timestamp < _nextPauseAt) revert PauseTooSoon(_nextPauseAt);
        _pausedAt = uint64(block.timestamp);
        emit Paused(block.timestamp);
    }

    /// By the guardian at any time, by anybody once the pause is over its time.
    function unpause() external {
        _requirePaused();
        uint256 overAt = _pausedAt + MAX_PAUSE;
        if (msg.sender != GUARDIAN && block.timestamp < overAt) revert PauseNotOver(overAt);
        _pausedSeconds += uint64(block.timestamp) - _pausedAt;
        (_pausedAt, _nextPauseAt) = (0, uint64(block.timestamp + BETWEEN_PAUSES));
        emit Unpaused(block.timestamp);
    }

    function gameTime() public view returns (uint64) {
        return (_pausedAt == 0 ? uint64(block.timestamp) : _pausedAt) - _pausedSeconds;
    }

    function paused() public view returns (bool) {
        return _pausedAt != 0;
    }

    function _requirePaused() internal view {
        if (_pausedAt == 0) revert NotPaused();
    }

    function _requireRunning() private view {
        if (_pausedAt != 0) revert IsPaused(_pausedAt);
    }
}
