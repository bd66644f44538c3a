// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IEzklVerifier} from "../../src/interfaces/IEzklVerifier.sol";
import {BASE_FIELD, SCALAR_FIELD} from "../../src/libraries/Bn254.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";
import {Halo2Adapter} from "../../src/verifiers/Halo2Adapter.sol";
import {Halo2Key, Halo2KeyLib} from "../../src/verifiers/Halo2Key.sol";
import {Halo2Case, Halo2Fixture} from "../support/Halo2Fixture.sol";

/// Which keys the adapter refuses to register.
contract Halo2KeyTest is Halo2Fixture {
    Halo2Adapter private adapter;

    function setUp() public {
        adapter = deployAdapter(loadCase("gemm_relu").srsG2);
    }

    function _key() private view returns (Halo2Key memory) {
        return loadCase("gemm_relu").key;
    }

    function test_rejects_key_over_another_srs() public {
        Halo2Case memory other = loadCase("gemm_relu_other_srs");
        bytes32 points = Halo2KeyLib.pointsDigestOf(other.srsG2);
        bytes32 accepted = adapter.ACCEPTED_POINTS();
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.KeyOverAnotherSrs.selector, accepted, points));
        adapter.registerKey(other.key);
        // Where that SRS is the accepted one, the same key and proof are good.
        Halo2Adapter theirs = deployAdapter(other.srsG2);
        theirs.verify(theirs.registerKey(other.key), other.statement, other.proof);
    }

    function test_rejects_any_word_of_the_srs_changed() public {
        bytes32 accepted = adapter.ACCEPTED_POINTS();
        // Each word of both generators and of -s·G2 counts.
        for (uint256 word = 14; word < 24; ++word) {
            Halo2Key memory other = _key();
            other.vka[word] = bytes32(uint256(other.vka[word]) ^ 1);
            bytes32 points = Halo2KeyLib.pointsDigest(other.vka);
            vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.KeyOverAnotherSrs.selector, accepted, points));
            adapter.registerKey(other);
        }
    }

    function test_rejects_every_key_when_deployed_for_another_srs() public {
        Halo2Key memory key = _key();
        uint256[4] memory srsG2 = loadCase("gemm_relu").srsG2;
        srsG2[0] ^= 1;
        Halo2Adapter other = new Halo2Adapter(adapter.EZKL(), srsG2);
        vm.expectPartialRevert(Halo2KeyLib.KeyOverAnotherSrs.selector);
        other.registerKey(key);
    }

    function test_rejects_a_deployment_with_srs_words_outside_the_field() public {
        Halo2Key memory key = _key();
        IEzklVerifier ezkl = adapter.EZKL();
        for (uint256 i = 0; i < 4; ++i) {
            uint256[4] memory srsG2 = loadCase("gemm_relu").srsG2;
            srsG2[i] = BASE_FIELD;
            vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.NotABaseFieldElement.selector, i, BASE_FIELD));
            new Halo2Adapter(ezkl, srsG2);
        }
    }

    function test_rejects_a_key_without_model() public {
        Halo2Key memory key = _key();
        key.modelId = 0;
        vm.expectRevert(Halo2KeyLib.ZeroModelId.selector);
        adapter.registerKey(key);
    }

    function test_rejects_unknown_modes() public {
        Halo2Key memory key = _key();
        key.paramMode = 2;
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.UnknownMode.selector, 2, 0));
        adapter.registerKey(key);
        (key.paramMode, key.inputMode) = (0, 2);
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.UnknownMode.selector, 0, 2));
        adapter.registerKey(key);
    }

    function test_rejects_hashed_parameters_without_hash_and_fixed_ones_with() public {
        Halo2Key memory key = _key();
        key.paramMode = 1;
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.ParamHashCount.selector, 1, 0));
        adapter.registerKey(key);
        key.paramMode = 0;
        key.paramHashes = new uint256[](1);
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.ParamHashCount.selector, 0, 1));
        adapter.registerKey(key);
    }

    function test_rejects_a_parameter_hash_over_the_field_order() public {
        Halo2Key memory key = _key();
        key.paramMode = 1;
        key.paramHashes = new uint256[](1);
        key.paramHashes[0] = SCALAR_FIELD;
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.NotAFieldElement.selector, 0, SCALAR_FIELD));
        adapter.registerKey(key);
    }

    function test_rejects_ports_that_disagree_with_the_artifacts_instance_count() public {
        Halo2Key memory key = _key();
        key.outputs[0].dims[1] = 4;
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.VkaInstanceCount.selector, 10, 9));
        adapter.registerKey(key);
        (key.outputs[0].dims[1], key.inputMode) = (3, 1);
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.VkaInstanceCount.selector, 5, 9));
        adapter.registerKey(key);
    }

    function test_rejects_an_artifact_that_reads_an_accumulator() public {
        Halo2Key memory key = _key();
        key.vka[10] = bytes32(uint256(1));
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.VkaReadsAccumulator.selector, 1));
        adapter.registerKey(key);
    }

    function test_rejects_an_artifact_too_short_to_hold_its_srs() public {
        Halo2Key memory key = _key();
        key.vka = new bytes32[](23);
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.VkaTooShort.selector, 23, 24));
        adapter.registerKey(key);
    }

    function test_rejects_a_proof_length_that_is_no_number_of_words() public {
        Halo2Key memory key = _key();
        key.proofLength += 7;
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.ProofLengthNotWords.selector, key.proofLength));
        adapter.registerKey(key);
        key.proofLength = 0;
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.ProofLengthNotWords.selector, 0));
        adapter.registerKey(key);
    }

    function test_rejects_port_bits_of_0_and_33() public {
        Halo2Key memory key = _key();
        key.inputs[0].bits = 0;
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.PortBitsOutOfRange.selector, 0, 0));
        adapter.registerKey(key);
        (key.inputs[0].bits, key.outputs[0].bits) = (16, 33);
        vm.expectRevert(abi.encodeWithSelector(Halo2KeyLib.PortBitsOutOfRange.selector, 0, 33));
        adapter.registerKey(key);
    }

    function test_rejects_a_port_of_rank_9() public {
        Halo2Key memory key = _key();
        key.outputs[0].dims = new uint32[](9);
        vm.expectRevert(abi.encodeWithSelector(StatementLib.RankTooLarge.selector, 9, 8));
        adapter.registerKey(key);
    }

    function test_rejects_a_key_that_fits_no_contracts_code() public {
        Halo2Key memory key = _key();
        bytes32[] memory vka = new bytes32[](800);
        for (uint256 i = 0; i < key.vka.length; ++i) {
            vka[i] = key.vka[i];
        }
        key.vka = vka;
        uint256 length = abi.encode(key).length;
        vm.expectRevert(abi.encodeWithSelector(Halo2Adapter.KeyTooLarge.selector, length, 24_575));
        adapter.registerKey(key);
    }
}
