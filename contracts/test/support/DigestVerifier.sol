// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IProofVerifier} from "../../src/interfaces/IProofVerifier.sol";
import {Statement} from "../../src/interfaces/Types.sol";

/// Accepts the digest of key and statement as the proof and nothing else, so that hub tests see every mix-up.
contract DigestVerifier is IProofVerifier {
    error NotTheProof(bytes32 keyDigest);

    function verify(bytes32 keyDigest, Statement calldata statement, bytes calldata proof) external pure {
        if (keccak256(proof) != keccak256(proofOf(keyDigest, statement))) revert NotTheProof(keyDigest);
    }

    function proofOf(bytes32 keyDigest, Statement memory statement) public pure returns (bytes memory) {
        return abi.encode(keccak256(abi.encode(keyDigest, statement)));
    }
}
