// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Statement} from "./Types.sol";

/// A route's verifier. The key comes from the registration, never from the proof.
interface IProofVerifier {
    /// Returns if the proof convinces of the statement under the key; reverts with the reason otherwise.
    function verify(bytes32 keyDigest, Statement calldata statement, bytes calldata proof) external view;
}
