// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {IEzklVerifier} from "../../src/interfaces/IEzklVerifier.sol";
import {PortSpec, Statement, Tensor} from "../../src/interfaces/Types.sol";
import {SCALAR_FIELD} from "../../src/libraries/Bn254.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {Halo2Adapter} from "../../src/verifiers/Halo2Adapter.sol";
import {Halo2Key, Halo2KeyLib} from "../../src/verifiers/Halo2Key.sol";

/// Answers whatever it is told to, so that what the adapter checks by itself is seen alone.
contract ScriptedEzkl {
    bytes private _answer;
    bool private _reverts;

    function script(bytes memory answer, bool reverts) external {
        (_answer, _reverts) = (answer, reverts);
    }

    function registerVka(bytes32[] memory vka) external pure returns (bytes32) {
        return keccak256(abi.encodePacked(vka));
    }

    fallback(bytes calldata) external returns (bytes memory) {
        require(!_reverts);
        return _answer;
    }
}

/// The four combinations of fixed or hashed parameters with public or hashed inputs: which instance means what.
contract Halo2AdapterModesTest is Test {
    uint256 private constant COMMITMENT = 0x1234;
    uint256 private constant PARAM_HASH = 0x5678;

    ScriptedEzkl private ezkl;
    Halo2Adapter private adapter;

    function setUp() public {
        ezkl = new ScriptedEzkl();
        adapter = new Halo2Adapter(IEzklVerifier(address(ezkl)), [uint256(1), 2, 3, 4]);
    }

    function test_accepts_every_binding_mode() public {
        for (uint8 mode = 0; mode < 4; ++mode) {
            (bytes32 digest, uint256[] memory instances) = _register(mode & 1, mode >> 1);
            adapter.verify(digest, _statement(mode >> 1), _proof(instances));
        }
    }

    function test_rejects_another_parameter_hash() public {
        for (uint8 inputMode = 0; inputMode < 2; ++inputMode) {
            (bytes32 digest, uint256[] memory instances) = _register(1, inputMode);
            instances[inputMode] ^= 1;
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ParamHashMismatch.selector, PARAM_HASH, PARAM_HASH ^ 1));
            adapter.verify(digest, _statement(inputMode), _proof(instances));
        }
    }

    function test_rejects_another_input_commitment() public {
        (bytes32 digest, uint256[] memory instances) = _register(0, 1);
        instances[0] ^= 1;
        bytes32 actual = StatementLib.inputCommitment(1, bytes32(COMMITMENT ^ 1));
        vm.expectRevert(
            abi.encodeWithSelector(Halo2Adapter.InputRootMismatch.selector, _statement(1).inputRoot, actual)
        );
        adapter.verify(digest, _statement(1), _proof(instances));
    }

    function test_rejects_a_commitment_at_or_over_the_field_order() public {
        (bytes32 digest, uint256[] memory instances) = _register(0, 1);
        instances[0] = COMMITMENT + SCALAR_FIELD;
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.NotAFieldElement.selector, 0, instances[0]));
        adapter.verify(digest, _statement(1), _proof(instances));
    }

    function test_rejects_a_range_violation_inside_the_proof() public {
        for (uint8 paramMode = 0; paramMode < 2; ++paramMode) {
            (bytes32 digest, uint256[] memory instances) = _register(paramMode, 1);
            instances[instances.length - 1] = 3;
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.RangeViolation.selector, 3));
            adapter.verify(digest, _statement(1), _proof(instances));
        }
    }

    function test_rejects_a_public_input_root_for_a_hashed_input() public {
        (bytes32 digest, uint256[] memory instances) = _register(0, 1);
        vm.expectPartialRevert(Halo2Adapter.InputRootMismatch.selector);
        adapter.verify(digest, _statement(0), _proof(instances));
    }

    function test_rejects_whatever_the_verifier_does_not_clearly_accept() public {
        (bytes32 digest, uint256[] memory instances) = _register(0, 0);
        bytes32 vkaDigest = keccak256(abi.encodePacked(_key(0, 0).vka));
        bytes[5] memory answers = [
            bytes(""),
            abi.encode(uint256(1)),
            abi.encode(uint256(0), vkaDigest),
            abi.encode(uint256(2), vkaDigest),
            abi.encode(uint256(1), keccak256("another artifact"))
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            ezkl.script(answers[i], false);
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, digest));
            adapter.verify(digest, _statement(0), _proof(instances));
        }
        ezkl.script(abi.encode(uint256(1), vkaDigest), true);
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, digest));
        adapter.verify(digest, _statement(0), _proof(instances));
    }

    function test_reads_the_ends_of_the_range() public {
        (bytes32 digest, uint256[] memory instances) = _register(0, 0);
        (instances[2], instances[3]) = (127, SCALAR_FIELD - 128);
        Statement memory statement = _statement(0);
        statement.outputRoot = StatementLib.outputRoot(_tensors(int32(127), int32(-128)));
        adapter.verify(digest, statement, _proof(instances));
    }

    /// Inputs 5 and -6, outputs 7 and -8, one tensor of two 8-bit elements each.
    function _register(uint8 paramMode, uint8 inputMode) private returns (bytes32 digest, uint256[] memory instances) {
        Halo2Key memory key = _key(paramMode, inputMode);
        digest = adapter.registerKey(key);
        ezkl.script(abi.encode(uint256(1), keccak256(abi.encodePacked(key.vka))), false);
        instances = new uint256[](Halo2KeyLib.instanceCount(key));
        uint256 next = 0;
        if (inputMode == 1) instances[next++] = COMMITMENT;
        if (paramMode == 1) instances[next++] = PARAM_HASH;
        if (inputMode == 0) (instances[next++], instances[next++]) = (5, SCALAR_FIELD - 6);
        (instances[next++], instances[next]) = (7, SCALAR_FIELD - 8);
    }

    function _key(uint8 paramMode, uint8 inputMode) private pure returns (Halo2Key memory key) {
        key.modelId = keccak256("model");
        (key.paramMode, key.inputMode) = (paramMode, inputMode);
        key.paramHashes = new uint256[](paramMode);
        if (paramMode == 1) key.paramHashes[0] = PARAM_HASH;
        key.proofLength = 64;
        PortSpec[] memory ports = new PortSpec[](1);
        ports[0].dims = new uint32[](1);
        (ports[0].dims[0], ports[0].bits) = (2, 8);
        (key.inputs, key.outputs) = (ports, ports);
        key.vka = new bytes32[](24);
        key.vka[2] = bytes32(Halo2KeyLib.instanceCount(key));
        (key.vka[14], key.vka[15]) = (bytes32(uint256(1)), bytes32(uint256(2)));
        key.vka[16] = bytes32(uint256(11559732032986387107991004021392285783925812861821192530917403151452391805634));
        key.vka[17] = bytes32(uint256(10857046999023057135944570762232829481370756359578518086990519993285655852781));
        key.vka[18] = bytes32(uint256(4082367875863433681332203403145435568316851327593401208105741076214120093531));
        key.vka[19] = bytes32(uint256(8495653923123431417604973247489272438418190587263600148770280649306958101930));
        (key.vka[20], key.vka[21]) = (bytes32(uint256(1)), bytes32(uint256(2)));
        uint256 q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
        (key.vka[22], key.vka[23]) = (bytes32(q - 3), bytes32(q - 4));
    }

    function _statement(uint8 inputMode) private pure returns (Statement memory) {
        bytes32 inputRoot = inputMode == 1
            ? StatementLib.inputCommitment(1, bytes32(COMMITMENT))
            : StatementLib.inputRoot(_tensors(int32(5), int32(-6)));
        return Statement(keccak256("model"), inputRoot, StatementLib.outputRoot(_tensors(int32(7), int32(-8))));
    }

    function _tensors(int32 first, int32 second) private pure returns (Tensor[] memory tensors) {
        tensors = new Tensor[](1);
        tensors[0].width = 4;
        tensors[0].dims = new uint32[](1);
        tensors[0].dims[0] = 2;
        tensors[0].data = abi.encodePacked(first, second);
    }

    function _proof(uint256[] memory instances) private pure returns (bytes memory) {
        return abi.encode(instances, new bytes(64));
    }
}
