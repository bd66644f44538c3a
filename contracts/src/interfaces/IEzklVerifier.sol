// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// ezkl 23's reusable Halo2 verifier, as its own generator writes it (src/verifiers/generated).
interface IEzklVerifier {
    function registerVka(bytes32[] memory vka) external returns (bytes32 vkaDigest);

    /// Returns two words, 1 and the vka's digest, followed by data that is no valid encoding of what the generated source
    /// declares: call it by `staticcall` and read 64 bytes.
    function verifyProof(bytes calldata proof, uint256[] calldata instances, bytes32[] memory vka)
        external
        view
        returns (bool success, bytes32 vkaDigest);
}
