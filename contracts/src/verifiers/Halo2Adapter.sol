// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {IEzklVerifier} from "../interfaces/IEzklVerifier.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {Statement, Tensor} from "../interfaces/Types.sol";
import {BASE_FIELD, SCALAR_FIELD} from "../libraries/Bn254.sol";
import {InstanceLib} from "../libraries/InstanceLib.sol";
import {StatementLib} from "../libraries/StatementLib.sol";
import {Halo2Key, Halo2KeyLib, INPUT_HASHED} from "./Halo2Key.sol";

/// The halo2 route's verifier (docs/protocol/halo2.md): ezkl's reusable verifier behind the checks that make its answer
/// one about a statement. Keys are registered by anybody and named by their digest; which key a program trusts is up
/// to the owner of its registration.
contract Halo2Adapter is IProofVerifier {
    event KeyRegistered(bytes32 indexed keyDigest, bytes32 indexed modelId, bytes32 vkaDigest);

    error NotABaseFieldElement(uint256 index, uint256 value);
    error KeyTooLarge(uint256 length, uint256 max);
    error UnknownKey(bytes32 keyDigest);
    error ProofMalformed(uint256 expectedLength, uint256 actualLength);
    error OtherModel(bytes32 expected, bytes32 actual);
    error InputRootMismatch(bytes32 expected, bytes32 actual);
    error OutputRootMismatch(bytes32 expected, bytes32 actual);
    error ParamHashMismatch(uint256 expected, uint256 actual);
    error RangeViolation(uint256 violation);
    error ProofRejected(bytes32 keyDigest);

    uint8 private constant POSEIDON = 1; // commitment scheme, statement.md section 4
    uint256 private constant MAX_KEY_BYTES = 24_575; // EIP-170, less the byte that makes the code unrunnable

    IEzklVerifier public immutable EZKL;
    /// keccak256 of both generators and of minus s·G2, for the one SRS whose proofs are accepted.
    bytes32 public immutable ACCEPTED_POINTS;

    /// Contracts whose code holds the encoded keys (SSTORE2).
    mapping(bytes32 keyDigest => address keyAt) private _keys;

    /// `srsG2` is s·G2: x imaginary, x real, y imaginary, y real.
    constructor(IEzklVerifier ezkl, uint256[4] memory srsG2) {
        for (uint256 i = 0; i < 4; ++i) {
            if (srsG2[i] == 0 || srsG2[i] >= BASE_FIELD) revert NotABaseFieldElement(i, srsG2[i]);
        }
        EZKL = ezkl;
        ACCEPTED_POINTS = Halo2KeyLib.pointsDigestOf(srsG2);
    }

    /// Makes a key usable under its digest. Registering one twice changes nothing.
    function registerKey(Halo2Key calldata key) external returns (bytes32 keyDigest) {
        bytes memory encoded = abi.encode(key);
        keyDigest = keccak256(encoded);
        if (_keys[keyDigest] != address(0)) return keyDigest;
        Halo2KeyLib.requireValid(key, ACCEPTED_POINTS);
        if (encoded.length > MAX_KEY_BYTES) revert KeyTooLarge(encoded.length, MAX_KEY_BYTES);
        _keys[keyDigest] = SSTORE2.write(encoded);
        bytes32 vkaDigest = EZKL.registerVka(key.vka);
        emit KeyRegistered(keyDigest, key.modelId, vkaDigest);
    }

    function isRegistered(bytes32 keyDigest) external view returns (bool) {
        return _keys[keyDigest] != address(0);
    }

    function keyOf(bytes32 keyDigest) public view returns (Halo2Key memory) {
        address keyAt = _keys[keyDigest];
        if (keyAt == address(0)) revert UnknownKey(keyDigest);
        return abi.decode(SSTORE2.read(keyAt), (Halo2Key));
    }

    /// `proof` is abi.encode(uint256[] instances, bytes halo2Proof), in exactly that encoding.
    function verify(bytes32 keyDigest, Statement calldata statement, bytes calldata proof) external view {
        Halo2Key memory key = keyOf(keyDigest);
        if (key.modelId != statement.modelId) revert OtherModel(key.modelId, statement.modelId);
        (uint256[] calldata instances, bytes calldata halo2Proof) = _split(key, proof);
        _requireStatement(key, statement, instances);
        _requireAccepted(keyDigest, key, instances, halo2Proof);
    }

    /// The key fixes both lengths and with them every offset, so nothing in the encoding is left to the prover.
    function _split(Halo2Key memory key, bytes calldata proof)
        private
        pure
        returns (uint256[] calldata instances, bytes calldata halo2Proof)
    {
        uint256 count = Halo2KeyLib.instanceCount(key);
        uint256 lengthAt = 0x60 + count * 32; // of the Halo2 proof, after two offsets, the count and the instances
        uint256 expected = lengthAt + 32 + key.proofLength;
        if (
            proof.length != expected || uint256(bytes32(proof[:0x20])) != 0x40
                || uint256(bytes32(proof[0x20:0x40])) != lengthAt || uint256(bytes32(proof[0x40:0x60])) != count
                || uint256(bytes32(proof[lengthAt:lengthAt + 32])) != key.proofLength
        ) revert ProofMalformed(expected, proof.length);
        halo2Proof = proof[lengthAt + 32:];
        assembly ("memory-safe") {
            instances.offset := add(proof.offset, 0x60)
            instances.length := count
        }
    }

    /// docs/protocol/halo2.md section 2, in the order of its table.
    function _requireStatement(Halo2Key memory key, Statement calldata statement, uint256[] calldata instances)
        private
        pure
    {
        uint256 next = 0;
        Tensor[] memory tensors;
        bytes32 inputRoot;
        if (key.inputMode == INPUT_HASHED) {
            if (instances[0] >= SCALAR_FIELD) revert Halo2KeyLib.NotAFieldElement(0, instances[0]);
            inputRoot = StatementLib.inputCommitment(POSEIDON, bytes32(instances[next++]));
        }
        for (uint256 i = 0; i < key.paramHashes.length; ++i) {
            uint256 actual = instances[next++];
            if (actual != key.paramHashes[i]) revert ParamHashMismatch(key.paramHashes[i], actual);
        }
        if (key.inputMode != INPUT_HASHED) {
            (tensors, next) = InstanceLib.readTensors(key.inputs, instances, next);
            inputRoot = StatementLib.inputRoot(tensors);
        }
        if (inputRoot != statement.inputRoot) revert InputRootMismatch(statement.inputRoot, inputRoot);
        (tensors, next) = InstanceLib.readTensors(key.outputs, instances, next);
        bytes32 outputRoot = StatementLib.outputRoot(tensors);
        if (outputRoot != statement.outputRoot) revert OutputRootMismatch(statement.outputRoot, outputRoot);
        if (key.inputMode == INPUT_HASHED && instances[next] != 0) revert RangeViolation(instances[next]);
    }

    function _requireAccepted(
        bytes32 keyDigest,
        Halo2Key memory key,
        uint256[] calldata instances,
        bytes calldata halo2Proof
    ) private view {
        bytes memory payload = abi.encodeCall(IEzklVerifier.verifyProof, (halo2Proof, instances, key.vka));
        bytes32 vkaDigest = keccak256(abi.encodePacked(key.vka));
        address ezkl = address(EZKL);
        bool accepted;
        // By hand, because what follows the first two returned words does not decode as declared.
        assembly ("memory-safe") {
            accepted := staticcall(gas(), ezkl, add(payload, 0x20), mload(payload), 0x00, 0x40)
            accepted := and(accepted, gt(returndatasize(), 0x3f))
            accepted := and(accepted, eq(mload(0x00), 1))
            accepted := and(accepted, eq(mload(0x20), vkaDigest))
        }
        if (!accepted) revert ProofRejected(keyDigest);
    }
}
