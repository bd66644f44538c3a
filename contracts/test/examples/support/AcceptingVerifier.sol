// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IProofVerifier} from "../../../src/interfaces/IProofVerifier.sol";
import {Statement} from "../../../src/interfaces/Types.sol";

/// Convinced by anything, so that a test can make the hub attest any output.
contract AcceptingVerifier is IProofVerifier {
    function verify(bytes32, Statement calldata, bytes calldata) external pure {}
}
