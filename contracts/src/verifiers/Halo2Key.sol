// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {PortSpec} from "../interfaces/Types.sol";
import {BASE_FIELD, SCALAR_FIELD} from "../libraries/Bn254.sol";
import {StatementLib} from "../libraries/StatementLib.sol";

uint8 constant PARAMS_FIXED = 0;
uint8 constant PARAMS_HASHED = 1;
uint8 constant INPUT_PUBLIC = 0;
uint8 constant INPUT_HASHED = 1;

/// What the halo2 route's verifier needs for a program; docs/protocol/halo2.md section 3.
struct Halo2Key {
    bytes32 modelId;
    uint8 paramMode;
    uint8 inputMode;
    uint256[] paramHashes; // one if the parameters are hashed, else none
    uint32 proofLength; // bytes of the Halo2 proof
    PortSpec[] inputs;
    PortSpec[] outputs;
    bytes32[] vka; // ezkl's verifying key artifact for its reusable verifier
}

library Halo2KeyLib {
    error ZeroModelId();
    error UnknownMode(uint8 paramMode, uint8 inputMode);
    error ParamHashCount(uint256 expected, uint256 actual);
    error NotAFieldElement(uint256 index, uint256 value);
    error ProofLengthNotWords(uint256 proofLength);
    error PortBitsOutOfRange(uint256 port, uint256 bits);
    error VkaTooShort(uint256 words, uint256 min);
    error VkaInstanceCount(uint256 expected, uint256 actual);
    error VkaReadsAccumulator(uint256 word);
    error KeyOverAnotherSrs(bytes32 acceptedPoints, bytes32 actualPoints);

    // Where the artifact holds what we check. The verifier keeps it at memory 0xa0, so word i is at 0xa0 + 32 * i.
    uint256 internal constant VKA_INSTANCE_COUNT = 2;
    uint256 internal constant VKA_HAS_ACCUMULATOR = 10;
    uint256 internal constant VKA_POINTS = 14; // two words of G1's generator, four of G2's, four of minus s times it
    uint256 internal constant VKA_MIN_WORDS = 24;

    /// The ten words of an artifact that decide which SRS its proofs are checked against.
    function pointsDigest(bytes32[] memory vka) internal pure returns (bytes32 digest) {
        if (vka.length < VKA_MIN_WORDS) revert VkaTooShort(vka.length, VKA_MIN_WORDS);
        assembly ("memory-safe") {
            digest := keccak256(add(vka, add(0x20, mul(VKA_POINTS, 0x20))), 0x140)
        }
    }

    /// The same words for an SRS with the given s·G2 (x imaginary, x real, y imaginary, y real, as the EVM orders them).
    function pointsDigestOf(uint256[4] memory srsG2) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                uint256(1),
                uint256(2),
                11559732032986387107991004021392285783925812861821192530917403151452391805634,
                10857046999023057135944570762232829481370756359578518086990519993285655852781,
                4082367875863433681332203403145435568316851327593401208105741076214120093531,
                8495653923123431417604973247489272438418190587263600148770280649306958101930,
                srsG2[0],
                srsG2[1],
                BASE_FIELD - srsG2[2],
                BASE_FIELD - srsG2[3]
            )
        );
    }

    function requireValid(Halo2Key memory key, bytes32 acceptedPoints) internal pure {
        if (key.modelId == 0) revert ZeroModelId();
        if (key.paramMode > PARAMS_HASHED || key.inputMode > INPUT_HASHED) {
            revert UnknownMode(key.paramMode, key.inputMode);
        }
        uint256 hashes = key.paramMode == PARAMS_HASHED ? 1 : 0;
        if (key.paramHashes.length != hashes) revert ParamHashCount(hashes, key.paramHashes.length);
        if (hashes == 1 && key.paramHashes[0] >= SCALAR_FIELD) revert NotAFieldElement(0, key.paramHashes[0]);
        if (key.proofLength == 0 || key.proofLength % 32 != 0) revert ProofLengthNotWords(key.proofLength);
        _requireBits(key.inputs);
        _requireBits(key.outputs);
        bytes32 points = pointsDigest(key.vka);
        if (points != acceptedPoints) revert KeyOverAnotherSrs(acceptedPoints, points);
        uint256 expected = instanceCount(key);
        uint256 actual = uint256(key.vka[VKA_INSTANCE_COUNT]);
        if (actual != expected) revert VkaInstanceCount(expected, actual);
        uint256 accumulator = uint256(key.vka[VKA_HAS_ACCUMULATOR]);
        if (accumulator != 0) revert VkaReadsAccumulator(accumulator);
    }

    /// docs/protocol/halo2.md section 2.
    function instanceCount(Halo2Key memory key) internal pure returns (uint256 count) {
        count = key.paramHashes.length + _elements(key.outputs);
        // Hashed: the commitment in front and the range violation behind, in place of the values.
        count += key.inputMode == INPUT_HASHED ? 2 : _elements(key.inputs);
    }

    function _elements(PortSpec[] memory ports) private pure returns (uint256 count) {
        for (uint256 i = 0; i < ports.length; ++i) {
            count += StatementLib.elementCount(ports[i].dims);
        }
    }

    function _requireBits(PortSpec[] memory ports) private pure {
        for (uint256 i = 0; i < ports.length; ++i) {
            if (ports[i].bits == 0 || ports[i].bits > 32) revert PortBitsOutOfRange(i, ports[i].bits);
        }
    }
}
