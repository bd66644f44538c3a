// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IInferenceHub} from "../interfaces/IInferenceHub.sol";

/// Nonces that can be used, or cancelled, once each in any order.
abstract contract UnorderedNonces is IInferenceHub {
    event NonceCancelled(address indexed account, uint256 nonce);

    error NonceAlreadyUsed(address account, uint256 nonce);

    mapping(address account => mapping(uint256 word => uint256 bitmap)) private _used;

    function cancelNonce(uint256 nonce) external {
        _useNonce(msg.sender, nonce);
        emit NonceCancelled(msg.sender, nonce);
    }

    function isNonceUsed(address account, uint256 nonce) external view returns (bool) {
        return _used[account][nonce >> 8] & (1 << (nonce & 0xff)) != 0;
    }

    function _useNonce(address account, uint256 nonce) internal {
        uint256 bit = 1 << (nonce & 0xff);
        uint256 bitmap = _used[account][nonce >> 8];
        if (bitmap & bit != 0) revert NonceAlreadyUsed(account, nonce);
        _used[account][nonce >> 8] = bitmap | bit;
    }
}
