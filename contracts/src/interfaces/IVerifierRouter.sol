// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Statement} from "./Types.sol";

interface IVerifierRouter {
    event VerifierAdded(bytes4 indexed selector, address indexed verifier);
    event VerifierRemoved(bytes4 indexed selector, address indexed verifier);
    event VerifierStopped(bytes4 indexed selector, address indexed verifier);

    /// Binds a fresh selector to a verifier; a removed selector is never bound again.
    function add(bytes4 selector, address verifier) external;
    function remove(bytes4 selector) external;
    /// Emergency stop by the guardian; final for that selector.
    function stop(bytes4 selector) external;

    function verifierOf(bytes4 selector) external view returns (address);
    /// True while the selector is bound to a verifier that is neither removed nor stopped.
    function isLive(bytes4 selector) external view returns (bool);
    function verify(bytes4 selector, bytes32 keyDigest, Statement calldata statement, bytes calldata proof)
        external
        view;
}
