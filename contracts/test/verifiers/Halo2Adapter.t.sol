// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Statement} from "../../src/interfaces/Types.sol";
import {BASE_FIELD, SCALAR_FIELD} from "../../src/libraries/Bn254.sol";
import {InstanceLib} from "../../src/libraries/InstanceLib.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {Halo2Adapter} from "../../src/verifiers/Halo2Adapter.sol";
import {Halo2Key} from "../../src/verifiers/Halo2Key.sol";
import {Halo2Case, Halo2Fixture} from "../support/Halo2Fixture.sol";

/// Attacks on a public-input, fixed-parameter proof; the fixture's instances are its 4 inputs, then its 3 outputs.
contract Halo2AdapterTest is Halo2Fixture {
    Halo2Adapter private adapter;
    bytes32 private keyDigest;

    function setUp() public {
        Halo2Case memory c = loadCase("linear_public");
        adapter = deployAdapterFor(c.key);
        keyDigest = adapter.registerKey(c.key);
    }

    function test_accepts_the_proof() public view {
        Halo2Case memory c = loadCase("linear_public");
        assertEq(keyDigest, keccak256(abi.encode(c.key)));
        adapter.verify(keyDigest, c.statement, c.proof);
    }

    function test_key_reads_back_whole() public view {
        assertEq(keccak256(abi.encode(adapter.keyOf(keyDigest))), keyDigest);
        assertTrue(adapter.isRegistered(keyDigest));
    }

    function test_registering_a_key_twice_changes_nothing() public {
        Halo2Case memory c = loadCase("linear_public");
        assertEq(adapter.registerKey(c.key), keyDigest);
        adapter.verify(keyDigest, c.statement, c.proof);
    }

    function test_rejects_a_tampered_proof_at_every_kind_of_word() public {
        Halo2Case memory c = loadCase("linear_public");
        // A point of the first round, an evaluation, the last opening's point.
        uint256[3] memory words = [uint256(0), c.key.proofLength / 32 - 6, c.key.proofLength / 32 - 1];
        for (uint256 i = 0; i < words.length; ++i) {
            bytes memory proof = c.proof;
            uint256 where = proof.length - c.key.proofLength + words[i] * 32 + 31;
            proof[where] = bytes1(uint8(proof[where]) ^ 1);
            _expectRejected(proof);
        }
    }

    function testFuzz_rejects_any_flipped_bit_of_the_proof(uint256 bit) public {
        Halo2Case memory c = loadCase("linear_public");
        bytes memory proof = c.proof;
        bit = bound(bit, 0, proof.length * 8 - 1);
        proof[bit / 8] = bytes1(uint8(proof[bit / 8]) ^ uint8(1 << (bit % 8)));
        (bool accepted,) =
            address(adapter).staticcall{gas: 5_000_000}(abi.encodeCall(adapter.verify, (keyDigest, c.statement, proof)));
        assertFalse(accepted);
    }

    function test_rejects_bytes_appended_to_the_encoding() public {
        Halo2Case memory c = loadCase("linear_public");
        uint256[2] memory counts = [uint256(7), 32];
        for (uint256 i = 0; i < counts.length; ++i) {
            uint256 length = c.proof.length;
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, length, length + counts[i]));
            adapter.verify(keyDigest, c.statement, bytes.concat(c.proof, new bytes(counts[i])));
        }
    }

    function test_rejects_bytes_appended_to_the_halo2_proof() public {
        Halo2Case memory c = loadCase("linear_public");
        (uint256[] memory instances, bytes memory halo2Proof) = _decoded();
        uint256[2] memory counts = [uint256(7), 32];
        for (uint256 i = 0; i < counts.length; ++i) {
            bytes memory longer = abi.encode(instances, bytes.concat(halo2Proof, new bytes(counts[i])));
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, c.proof.length, longer.length));
            adapter.verify(keyDigest, c.statement, longer);
        }
    }

    function test_rejects_every_other_encoding_of_the_same_proof() public {
        Halo2Case memory c = loadCase("linear_public");
        // Each of the four words that an encoder could write differently, with the length left as it was.
        uint256[4] memory offsets = [uint256(0), 0x20, 0x40, 0x60 + 7 * 32];
        for (uint256 i = 0; i < offsets.length; ++i) {
            bytes memory proof = c.proof;
            proof[offsets[i] + 31] = bytes1(uint8(proof[offsets[i] + 31]) ^ 0x20);
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, proof.length, proof.length));
            adapter.verify(keyDigest, c.statement, proof);
        }
    }

    function test_rejects_an_empty_and_a_truncated_proof() public {
        Halo2Case memory c = loadCase("linear_public");
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, c.proof.length, 0));
        adapter.verify(keyDigest, c.statement, "");
        (uint256[] memory instances,) = _decoded();
        bytes memory short = abi.encode(instances, new bytes(c.key.proofLength - 32));
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, c.proof.length, short.length));
        adapter.verify(keyDigest, c.statement, short);
    }

    function test_rejects_proof_for_another_input() public {
        Halo2Case memory c = loadCase("linear_public");
        Statement memory other = c.statement;
        bytes32 honest = other.inputRoot;
        other.inputRoot = keccak256("another input");
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.InputRootMismatch.selector, other.inputRoot, honest));
        adapter.verify(keyDigest, other, c.proof);
    }

    function test_rejects_proof_for_another_output() public {
        Halo2Case memory c = loadCase("linear_public");
        Statement memory other = c.statement;
        bytes32 honest = other.outputRoot;
        other.outputRoot = keccak256("another output");
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.OutputRootMismatch.selector, other.outputRoot, honest));
        adapter.verify(keyDigest, other, c.proof);
    }

    function test_rejects_instances_changed_together_with_the_statement() public {
        Halo2Case memory c = loadCase("linear_public");
        (uint256[] memory instances, bytes memory halo2Proof) = _decoded();
        instances[6] = instances[6] - 1;
        uint32 value = uint32(int32(int256(instances[6]) - int256(SCALAR_FIELD)));
        for (uint256 i = 0; i < 4; ++i) {
            c.outputs[0].data[8 + i] = bytes4(value)[i];
        }
        c.statement.outputRoot = StatementLib.outputRoot(c.outputs);
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, keyDigest));
        adapter.verify(keyDigest, c.statement, abi.encode(instances, halo2Proof));
    }

    function test_rejects_proof_for_another_model() public {
        Halo2Case memory c = loadCase("linear_public");
        Statement memory other = Statement(keccak256("another model"), c.statement.inputRoot, c.statement.outputRoot);
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.OtherModel.selector, c.statement.modelId, other.modelId));
        adapter.verify(keyDigest, other, c.proof);
    }

    function test_rejects_proof_under_another_key() public {
        Halo2Case memory c = loadCase("linear_public");
        Halo2Key memory other = c.key;
        // Two commitments exchanged: another circuit, of which every point is still on the curve.
        uint256 i = other.vka.length - 2;
        while (!_isPoint(other.vka, i) || !_isPoint(other.vka, i - 2)) --i;
        (other.vka[i], other.vka[i - 2]) = (other.vka[i - 2], other.vka[i]);
        (other.vka[i + 1], other.vka[i - 1]) = (other.vka[i - 1], other.vka[i + 1]);
        bytes32 otherDigest = adapter.registerKey(other);
        assertNotEq(otherDigest, keyDigest);
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, otherDigest));
        adapter.verify(otherDigest, c.statement, c.proof);
    }

    function test_rejects_an_unregistered_key() public {
        Halo2Case memory c = loadCase("linear_public");
        bytes32 unknown = keccak256("nobody registered this");
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.UnknownKey.selector, unknown));
        adapter.verify(unknown, c.statement, c.proof);
    }

    function test_rejects_an_instance_at_or_over_the_field_order() public {
        Halo2Case memory c = loadCase("linear_public");
        (uint256[] memory instances, bytes memory halo2Proof) = _decoded();
        instances[0] += SCALAR_FIELD; // the same field element, another number
        _expectOutOfRange(0, instances[0]);
        adapter.verify(keyDigest, c.statement, abi.encode(instances, halo2Proof));
        instances[0] = SCALAR_FIELD;
        _expectOutOfRange(0, SCALAR_FIELD);
        adapter.verify(keyDigest, c.statement, abi.encode(instances, halo2Proof));
    }

    function test_rejects_an_instance_out_of_the_ports_bits() public {
        Halo2Case memory c = loadCase("linear_public");
        (uint256[] memory instances, bytes memory halo2Proof) = _decoded();
        uint256[3] memory outside = [uint256(32768), SCALAR_FIELD - 32769, uint256(1) << 32];
        for (uint256 i = 0; i < outside.length; ++i) {
            instances[5] = outside[i];
            _expectOutOfRange(5, outside[i]);
            adapter.verify(keyDigest, c.statement, abi.encode(instances, halo2Proof));
        }
    }

    function test_rejects_one_instance_more_or_less() public {
        Halo2Case memory c = loadCase("linear_public");
        (uint256[] memory instances, bytes memory halo2Proof) = _decoded();
        for (uint256 count = 6; count <= 8; count += 2) {
            uint256[] memory other = new uint256[](count);
            for (uint256 i = 0; i < count && i < 7; ++i) {
                other[i] = instances[i];
            }
            bytes memory proof = abi.encode(other, halo2Proof);
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofMalformed.selector, c.proof.length, proof.length));
            adapter.verify(keyDigest, c.statement, proof);
        }
    }

    function test_rejects_too_little_gas_rather_than_accepting() public view {
        Halo2Case memory c = loadCase("linear_public");
        bytes memory data = abi.encodeCall(adapter.verify, (keyDigest, c.statement, c.proof));
        for (uint256 limit = 50_000; limit <= 450_000; limit += 50_000) {
            (bool accepted,) = address(adapter).staticcall{gas: limit}(data);
            assertFalse(accepted);
        }
    }

    function _isPoint(bytes32[] memory vka, uint256 i) private pure returns (bool) {
        (uint256 x, uint256 y) = (uint256(vka[i]), uint256(vka[i + 1]));
        uint256 cubed = mulmod(x, mulmod(x, x, BASE_FIELD), BASE_FIELD);
        return x != 0 && mulmod(y, y, BASE_FIELD) == addmod(cubed, 3, BASE_FIELD);
    }

    function _expectOutOfRange(uint256 index, uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(InstanceLib.InstanceOutOfRange.selector, index, value, 16));
    }

    function _expectRejected(bytes memory proof) private {
        Halo2Case memory c = loadCase("linear_public");
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.ProofRejected.selector, keyDigest));
        adapter.verify(keyDigest, c.statement, proof);
    }

    function _decoded() private view returns (uint256[] memory, bytes memory) {
        return abi.decode(loadCase("linear_public").proof, (uint256[], bytes));
    }
}
