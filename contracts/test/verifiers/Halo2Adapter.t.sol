// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Statement} from "../../src/interfaces/Types.sol";
import {SCALAR_FIELD} from "../../src/libraries/Bn254.sol";
import {InstanceLib} from "../../src/libraries/InstanceLib.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {Halo2Adapter} from "../../src/verifiers/Halo2Adapter.sol";
import {Halo2Key} from "../../src/verifiers/Halo2Key.sol";
import {Halo2Case, Halo2Fixture} from "../support/Halo2Fixture.sol";

/// Attacks on a public-input, fixed-parameter proof; the fixture's instances are its 6 inputs, then its 3 outputs.
contract Halo2AdapterTest is Halo2Fixture {
    Halo2Adapter private adapter;
    bytes32 private keyDigest;

    function setUp() public {
        Halo2Case memory c = loadCase("gemm_relu");
        adapter = deployAdapter(c.srsG2);
        keyDigest = adapter.registerKey(c.key);
    }

    function test_accepts_the_proof() public view {
        Halo2Case memory c = loadCase("gemm_relu");
        assertEq(keyDigest, keccak256(abi.encode(c.key)));
        adapter.verify(keyDigest, c.statement, c.proof);
    }

    function test_accepts_a_hashed_input_and_hashed_parameters() public {
        string[2] memory names = ["gemm_relu_hashed_input", "gemm_relu_hashed_parameters"];
        for (uint256 i = 0; i < names.length; ++i) {
            Halo2Case memory c = loadCase(names[i]);
            adapter.verify(adapter.registerKey(c.key), c.statement, c.proof);
        }
    }

    function test_accepts_1024_public_inputs() public {
        Halo2Case memory c = loadCase("wide1024");
        adapter.verify(adapter.registerKey(c.key), c.statement, c.proof);
    }

    function test_rejects_a_hashed_input_out_of_its_range() public {
        Halo2Case memory c = loadCase("gemm_relu_input_out_of_range");
        bytes32 digest = adapter.registerKey(c.key);
        vm.expectPartialRevert(Halo2Adapter.RangeViolation.selector);
        adapter.verify(digest, c.statement, c.proof);
    }

    function test_rejects_a_range_violation_denied_in_the_instances() public {
        Halo2Case memory c = loadCase("gemm_relu_input_out_of_range");
        bytes32 digest = adapter.registerKey(c.key);
        (uint256[] memory instances, bytes memory body) = abi.decode(c.proof, (uint256[], bytes));
        instances[instances.length - 1] = 0;
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, digest));
        adapter.verify(digest, c.statement, abi.encode(instances, body));
    }

    function test_key_reads_back_whole() public view {
        assertEq(keccak256(abi.encode(adapter.keyOf(keyDigest))), keyDigest);
        assertTrue(adapter.isRegistered(keyDigest));
    }

    function test_registering_a_key_twice_changes_nothing() public {
        Halo2Case memory c = loadCase("gemm_relu");
        assertEq(adapter.registerKey(c.key), keyDigest);
        adapter.verify(keyDigest, c.statement, c.proof);
    }

    function test_rejects_a_tampered_proof_at_every_kind_of_word() public {
        Halo2Case memory c = loadCase("gemm_relu");
        // A point of the first round, an evaluation, the last opening's point.
        uint256[3] memory words = [uint256(0), c.key.proofLength / 32 - 6, c.key.proofLength / 32 - 1];
        for (uint256 i = 0; i < words.length; ++i) {
            bytes memory proof = bytes.concat(c.proof);
            uint256 where = proof.length - c.key.proofLength + words[i] * 32 + 31;
            proof[where] = bytes1(uint8(proof[where]) ^ 1);
            _expectRejected(proof);
        }
    }

    function testFuzz_rejects_any_flipped_bit_of_the_proof(uint256 bit) public {
        Halo2Case memory c = loadCase("gemm_relu");
        bytes memory proof = bytes.concat(c.proof);
        bit = bound(bit, 0, proof.length * 8 - 1);
        proof[bit / 8] = bytes1(uint8(proof[bit / 8]) ^ uint8(1 << (bit % 8)));
        (bool accepted,) =
            address(adapter).staticcall{gas: 5_000_000}(abi.encodeCall(adapter.verify, (keyDigest, c.statement, proof)));
        assertFalse(accepted);
    }

    function test_rejects_bytes_appended_to_the_encoding() public {
        Halo2Case memory c = loadCase("gemm_relu");
        uint256[2] memory counts = [uint256(7), 32];
        for (uint256 i = 0; i < counts.length; ++i) {
            uint256 length = c.proof.length;
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, length, length + counts[i]));
            adapter.verify(keyDigest, c.statement, bytes.concat(c.proof, new bytes(counts[i])));
        }
    }

    function test_rejects_bytes_appended_to_the_halo2_proof() public {
        Halo2Case memory c = loadCase("gemm_relu");
        (uint256[] memory instances, bytes memory halo2Proof) = _decoded();
        uint256[2] memory counts = [uint256(7), 32];
        for (uint256 i = 0; i < counts.length; ++i) {
            bytes memory longer = abi.encode(instances, bytes.concat(halo2Proof, new bytes(counts[i])));
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, c.proof.length, longer.length));
            adapter.verify(keyDigest, c.statement, longer);
        }
    }

    function test_rejects_every_other_encoding_of_the_same_proof() public {
        Halo2Case memory c = loadCase("gemm_relu");
        // Each of the four words that an encoder could write differently, with the length left as it was.
        uint256[4] memory offsets = [uint256(0), 0x20, 0x40, 0x60 + 9 * 32];
        for (uint256 i = 0; i < offsets.length; ++i) {
            bytes memory proof = bytes.concat(c.proof);
            proof[offsets[i] + 31] = bytes1(uint8(proof[offsets[i] + 31]) ^ 0x20);
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, proof.length, proof.length));
            adapter.verify(keyDigest, c.statement, proof);
        }
    }

    function test_rejects_an_empty_and_a_truncated_proof() public {
        Halo2Case memory c = loadCase("gemm_relu");
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, c.proof.length, 0));
        adapter.verify(keyDigest, c.statement, "");
        (uint256[] memory instances,) = _decoded();
        bytes memory short = abi.encode(instances, new bytes(c.key.proofLength - 32));
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, c.proof.length, short.length));
        adapter.verify(keyDigest, c.statement, short);
    }

    function test_rejects_proof_for_another_input() public {
        Halo2Case memory c = loadCase("gemm_relu");
        Halo2Case memory other = loadCase("gemm_relu_other_input");
        adapter.verify(keyDigest, other.statement, other.proof);
        bytes32 asked = c.statement.inputRoot;
        vm.expectRevert(
            abi.encodeWithSelector(Halo2Adapter.InputRootMismatch.selector, asked, other.statement.inputRoot)
        );
        adapter.verify(keyDigest, c.statement, other.proof);
    }

    function test_rejects_proof_for_another_output() public {
        Halo2Case memory c = loadCase("gemm_relu");
        bytes32 honest = c.statement.outputRoot;
        c.statement.outputRoot = keccak256("another output");
        vm.expectRevert(
            abi.encodeWithSelector(Halo2Adapter.OutputRootMismatch.selector, c.statement.outputRoot, honest)
        );
        adapter.verify(keyDigest, c.statement, c.proof);
    }

    function test_rejects_another_proofs_body_under_these_instances() public {
        Halo2Case memory c = loadCase("gemm_relu");
        (uint256[] memory instances,) = _decoded();
        (, bytes memory body) = abi.decode(loadCase("gemm_relu_other_input").proof, (uint256[], bytes));
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, keyDigest));
        adapter.verify(keyDigest, c.statement, abi.encode(instances, body));
    }

    function test_rejects_instances_changed_together_with_the_statement() public {
        Halo2Case memory c = loadCase("gemm_relu");
        (uint256[] memory instances, bytes memory halo2Proof) = _decoded();
        uint256 last = instances.length - 1; // 7024: positive, so that its four bytes are the field element's
        instances[last] -= 1;
        for (uint256 i = 0; i < 4; ++i) {
            c.outputs[0].data[8 + i] = bytes4(uint32(instances[last]))[i];
        }
        c.statement.outputRoot = StatementLib.outputRoot(c.outputs);
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, keyDigest));
        adapter.verify(keyDigest, c.statement, abi.encode(instances, halo2Proof));
    }

    function test_rejects_proof_for_another_model() public {
        Halo2Case memory c = loadCase("gemm_relu");
        Halo2Case memory other = loadCase("gemm_relu_other_model");
        bytes32 otherDigest = adapter.registerKey(other.key);
        adapter.verify(otherDigest, other.statement, other.proof);
        vm.expectRevert(
            abi.encodeWithSelector(Halo2Adapter.OtherModel.selector, c.statement.modelId, other.statement.modelId)
        );
        adapter.verify(keyDigest, other.statement, other.proof);
    }

    function test_rejects_proof_under_another_key() public {
        Halo2Case memory c = loadCase("gemm_relu");
        Halo2Key memory other = loadCase("gemm_relu_other_model").key;
        other.modelId = c.key.modelId; // an honest owner's key with somebody else's circuit
        bytes32 otherDigest = adapter.registerKey(other);
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, otherDigest));
        adapter.verify(otherDigest, c.statement, c.proof);
    }

    function test_rejects_an_unregistered_key() public {
        Halo2Case memory c = loadCase("gemm_relu");
        bytes32 unknown = keccak256("nobody registered this");
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.UnknownKey.selector, unknown));
        adapter.verify(unknown, c.statement, c.proof);
    }

    function test_rejects_an_instance_at_or_over_the_field_order() public {
        Halo2Case memory c = loadCase("gemm_relu");
        (uint256[] memory instances, bytes memory halo2Proof) = _decoded();
        instances[0] += SCALAR_FIELD; // the same field element, another number
        _expectOutOfRange(0, instances[0]);
        adapter.verify(keyDigest, c.statement, abi.encode(instances, halo2Proof));
        instances[0] = SCALAR_FIELD;
        _expectOutOfRange(0, SCALAR_FIELD);
        adapter.verify(keyDigest, c.statement, abi.encode(instances, halo2Proof));
    }

    function test_rejects_an_instance_out_of_the_ports_bits() public {
        Halo2Case memory c = loadCase("gemm_relu");
        (uint256[] memory instances, bytes memory halo2Proof) = _decoded();
        uint256[3] memory outside = [uint256(32768), SCALAR_FIELD - 32769, uint256(1) << 32];
        for (uint256 i = 0; i < outside.length; ++i) {
            instances[7] = outside[i]; // the second output
            _expectOutOfRange(7, outside[i]);
            adapter.verify(keyDigest, c.statement, abi.encode(instances, halo2Proof));
        }
    }

    function test_rejects_one_instance_more_or_less() public {
        Halo2Case memory c = loadCase("gemm_relu");
        (uint256[] memory instances, bytes memory halo2Proof) = _decoded();
        for (uint256 count = 8; count <= 10; count += 2) {
            uint256[] memory other = new uint256[](count);
            for (uint256 i = 0; i < count && i < 9; ++i) {
                other[i] = instances[i];
            }
            bytes memory proof = abi.encode(other, halo2Proof);
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, c.proof.length, proof.length));
            adapter.verify(keyDigest, c.statement, proof);
        }
    }

    function test_rejects_too_little_gas_rather_than_accepting() public view {
        Halo2Case memory c = loadCase("gemm_relu");
        bytes memory data = abi.encodeCall(adapter.verify, (keyDigest, c.statement, c.proof));
        for (uint256 limit = 50_000; limit <= 450_000; limit += 50_000) {
            (bool accepted,) = address(adapter).staticcall{gas: limit}(data);
            assertFalse(accepted);
        }
    }

    function _expectOutOfRange(uint256 index, uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(InstanceLib.InstanceOutOfRange.selector, index, value, 16));
    }

    function _expectRejected(bytes memory proof) private {
        Halo2Case memory c = loadCase("gemm_relu");
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, keyDigest));
        adapter.verify(keyDigest, c.statement, proof);
    }

    function _decoded() private view returns (uint256[] memory, bytes memory) {
        return abi.decode(loadCase("gemm_relu").proof, (uint256[], bytes));
    }
}
