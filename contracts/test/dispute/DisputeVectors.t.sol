// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {DisputeLib} from "../../src/dispute/DisputeLib.sol";
import {DisputeTerms, Phase, Position} from "../../src/dispute/DisputeTypes.sol";
import {IOneStep} from "../../src/dispute/IOneStep.sol";
import {MultiproofLib} from "../../src/dispute/MultiproofLib.sol";
import {OneStep} from "../../src/dispute/OneStep.sol";
import {TreeLib} from "../../src/dispute/TreeLib.sol";

/// The contracts' libraries against tests/vectors/dispute.json, which verifier/dispute/ wrote.
contract DisputeVectorsTest is Test {
    OneStep private immutable STEP = new OneStep();
    string private vectors = vm.readFile("../tests/vectors/dispute.json");

    function test_ids_match_vectors() public view {
        uint256[] memory t = vm.parseJsonUintArray(vectors, ".ids.terms");
        DisputeTerms memory terms =
            DisputeTerms(uint128(t[0]), uint128(t[1]), uint32(t[2]), uint32(t[3]), uint32(t[4]), uint32(t[5]));
        bytes32 key = DisputeLib.keyDigest(_word(".ids.model_id"), terms);
        assertEq(key, _word(".ids.key_digest"));
        bytes32 claimId = keccak256(
            abi.encode(
                vm.parseJsonUint(vectors, ".ids.chain_id"),
                vm.parseJsonAddress(vectors, ".ids.contract"),
                _word(".ids.request_id"),
                key,
                _word(".ids.trace_tree"),
                _word(".ids.output_root"),
                vm.parseJsonAddress(vectors, ".ids.claimant")
            )
        );
        assertEq(claimId, _word(".ids.claim_id"));
        address challenger = vm.parseJsonAddress(vectors, ".ids.challenger");
        uint32 index = uint32(vm.parseJsonUint(vectors, ".ids.index"));
        bytes32 salt = _word(".ids.salt");
        bytes32 toOpen = DisputeLib.commitment(claimId, challenger, DisputeLib.TO_OPEN, index, salt);
        assertEq(toOpen, _word(".ids.commitment_to_open"));
        bytes32 toProve = DisputeLib.commitment(claimId, challenger, DisputeLib.TO_PROVE_FAULT, index, salt);
        assertEq(toProve, _word(".ids.commitment_to_prove"));
        assertEq(DisputeLib.challengeId(claimId, challenger, toOpen), _word(".ids.challenge_id"));
    }

    function test_position_keys_match_vectors() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(vectors, _at("position_keys", i, "")); ++i) {
            uint256[] memory f = vm.parseJsonUintArray(vectors, _at("position_keys", i, ".fields"));
            Position memory position = Position(
                Phase(f[0]), uint8(f[1]), uint32(f[2]), uint32(f[3]), uint32(f[4]), uint48(f[5]), uint48(f[6])
            );
            assertEq(DisputeLib.positionKey(position), _word(_at("position_keys", i, ".key")));
        }
        assertEq(i, 7, "one of each phase, and a leaf of the trace");
    }

    function test_zero_nodes_match_vectors() public view {
        bytes32[] memory nodes = vm.parseJsonBytes32Array(vectors, ".zero_nodes");
        for (uint256 height = 0; height < nodes.length; ++height) {
            assertEq(TreeLib.zero(height), nodes[height]);
        }
        assertEq(nodes.length, 33);
    }

    function test_spacings_match_vectors() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(vectors, _at("spacings", i, "")); ++i) {
            uint256 length = vm.parseJsonUint(vectors, _at("spacings", i, ".length"));
            assertEq(DisputeLib.spacing(length), vm.parseJsonUint(vectors, _at("spacings", i, ".spacing")));
            assertEq(DisputeLib.ranges(length), vm.parseJsonUint(vectors, _at("spacings", i, ".ranges")));
        }
        assertEq(i, 10);
    }

    function test_paths_and_multiproofs_match_vectors() public view {
        uint256 shown = 0;
        for (uint256 i = 0; vm.keyExistsJson(vectors, _at("trees", i, "")); ++i) {
            uint256 count = vm.parseJsonUint(vectors, _at("trees", i, ".count"));
            bytes32 root = _word(_at("trees", i, ".root"));
            bytes32[] memory path = vm.parseJsonBytes32Array(vectors, _at("trees", i, ".last_path"));
            assertEq(this.rootOver(_chunkLeaf(count - 1), count - 1, path), root);
            for (uint256 j = 0; vm.keyExistsJson(vectors, _proof(i, j, "")); ++j) {
                uint256[] memory numbers = vm.parseJsonUintArray(vectors, _proof(i, j, ".numbers"));
                bytes32[] memory siblings = vm.parseJsonBytes32Array(vectors, _proof(i, j, ".siblings"));
                assertEq(this.multiproof(count, numbers, siblings), root);
                ++shown;
            }
        }
        assertEq(shown, 20, "multiproofs");
    }

    function test_steps_match_vectors() public view {
        string[] memory names = vm.parseJsonStringArray(vectors, ".steps.names");
        bytes[] memory calls = vm.parseJsonBytesArray(vectors, ".steps.calls");
        int256[] memory ends = vm.parseJsonIntArray(vectors, ".steps.ends");
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool ran, bytes memory result) = address(STEP).staticcall(calls[i]);
            assertTrue(ran, names[i]);
            assertEq(abi.decode(result, (int256)), ends[i], names[i]);
        }
        assertGt(calls.length, 60);
    }

    function test_what_python_refuses_reverts() public view {
        string[] memory names = vm.parseJsonStringArray(vectors, ".refused.names");
        bytes[] memory calls = vm.parseJsonBytesArray(vectors, ".refused.calls");
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool ran,) = address(STEP).staticcall(calls[i]);
            assertFalse(ran, names[i]);
        }
        assertEq(calls.length, 16);
    }

    function test_finishes_match_vectors() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(vectors, _at("finishes", i, "")); ++i) {
            bytes memory descriptor = vm.parseJsonBytes(vectors, _at("finishes", i, ".descriptor"));
            int256[] memory accumulators = vm.parseJsonIntArray(vectors, _at("finishes", i, ".accumulators"));
            int256[] memory elements = vm.parseJsonIntArray(vectors, _at("finishes", i, ".elements"));
            for (uint256 j = 0; j < accumulators.length; ++j) {
                assertEq(STEP.finish(descriptor, accumulators[j]), elements[j]);
            }
        }
        assertEq(i, 15, "ops of the mixed program");
    }

    function rootOver(bytes32 node, uint256 index, bytes32[] calldata siblings) external pure returns (bytes32) {
        return TreeLib.rootOver(node, index, siblings, siblings.length);
    }

    function multiproof(uint256 count, uint256[] calldata numbers, bytes32[] calldata siblings)
        external
        view
        returns (bytes32)
    {
        uint32[] memory narrow = new uint32[](numbers.length);
        bytes memory chunks;
        for (uint256 i = 0; i < numbers.length; ++i) {
            narrow[i] = uint32(numbers[i]);
            chunks = abi.encodePacked(chunks, _chunk(numbers[i]));
        }
        return this.chunksRoot(count, narrow, chunks, siblings);
    }

    function chunksRoot(uint256 count, uint32[] calldata numbers, bytes calldata chunks, bytes32[] calldata siblings)
        external
        pure
        returns (bytes32)
    {
        return MultiproofLib.root(count, numbers, chunks, siblings);
    }

    /// 256 bytes, of which the last two are the chunk's number.
    function _chunk(uint256 number) private pure returns (bytes memory) {
        return abi.encodePacked(new bytes(254), uint16(number));
    }

    function _chunkLeaf(uint256 number) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x00), _chunk(number)));
    }

    function _word(string memory path) private view returns (bytes32) {
        return vm.parseJsonBytes32(vectors, path);
    }

    function _at(string memory list, uint256 i, string memory rest) private pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(i), "]", rest);
    }

    function _proof(uint256 tree, uint256 i, string memory rest) private pure returns (string memory) {
        return _at("trees", tree, string.concat(".multiproofs[", vm.toString(i), "]", rest));
    }
}
