// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Balances that their owners pull out.
interface ICredits {
    function withdraw(uint256 amount) external;
    function creditOf(address account) external view returns (uint256);
}
