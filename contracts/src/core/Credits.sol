// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ICredits} from "../interfaces/ICredits.sol";

/// Balances that their owners pull out. Nothing here or in what inherits it ever pushes money to anybody.
abstract contract Credits is ICredits {
    event Withdrawn(address indexed account, uint256 amount);

    error CreditTooLow(address account, uint256 credit, uint256 wanted);
    error WithdrawalRefused(address account, uint256 amount);

    mapping(address account => uint256 amount) private _credit;

    function withdraw(uint256 amount) external {
        _takeCredit(msg.sender, amount);
        emit Withdrawn(msg.sender, amount);
        (bool accepted,) = msg.sender.call{value: amount}("");
        if (!accepted) revert WithdrawalRefused(msg.sender, amount);
    }

    function creditOf(address account) external view returns (uint256) {
        return _credit[account];
    }

    function _addCredit(address account, uint256 amount) internal {
        _credit[account] += amount;
    }

    function _takeCredit(address account, uint256 amount) internal {
        uint256 credit = _credit[account];
        if (credit < amount) revert CreditTooLow(account, credit, amount);
        _credit[account] = credit - amount;
    }
}
