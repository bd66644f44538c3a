// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Test} from "forge-std/Test.sol";
import {ModelHeader, Tensor} from "../../src/interfaces/Types.sol";
import {StatementLib} from "../../src/libraries/StatementLib.sol";

/// The library against tests/vectors/statement.json, which circuits/statement.py wrote.
contract StatementLibTest is Test {
    string private vectors;

    function setUp() public {
        vectors = vm.readFile("../tests/vectors/statement.json");
    }

    function test_leaves_match_vectors() public view {
        for (uint256 i = 0; vm.keyExistsJson(vectors, _at("leaves", i, "")); ++i) {
            bytes memory data = vm.parseJsonBytes(vectors, _at("leaves", i, ".data"));
            assertEq(StatementLib.leaf(data), vm.parseJsonBytes32(vectors, _at("leaves", i, ".hash")));
        }
    }

    function test_node_matches_vector() public view {
        bytes32 left = vm.parseJsonBytes32(vectors, ".node.left");
        bytes32 right = vm.parseJsonBytes32(vectors, ".node.right");
        assertEq(StatementLib.node(left, right), vm.parseJsonBytes32(vectors, ".node.hash"));
    }

    function test_merkle_roots_match_vectors() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(vectors, _at("merkle", i, "")); ++i) {
            bytes32[] memory leaves = vm.parseJsonBytes32Array(vectors, _at("merkle", i, ".leaves"));
            assertEq(StatementLib.merkle(leaves), vm.parseJsonBytes32(vectors, _at("merkle", i, ".root")));
        }
        assertEq(i, 5, "0, 1, 2, 3 and 5 leaves");
    }

    function test_tensor_roots_match_vectors() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(vectors, _at("tensors", i, "")); ++i) {
            bytes32 root = vm.parseJsonBytes32(vectors, _at("tensors", i, ".root"));
            assertEq(StatementLib.tensorRoot(_tensor(i)), root, vm.parseJsonString(vectors, _at("tensors", i, ".name")));
        }
        assertEq(i, 15);
    }

    function test_io_roots_match_vectors() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(vectors, _at("io_roots", i, "")); ++i) {
            uint256[] memory indices = vm.parseJsonUintArray(vectors, _at("io_roots", i, ".tensors"));
            Tensor[] memory tensors = new Tensor[](indices.length);
            for (uint256 j = 0; j < indices.length; ++j) {
                tensors[j] = _tensor(indices[j]);
            }
            bytes32 expectedInput = vm.parseJsonBytes32(vectors, _at("io_roots", i, ".input_root"));
            bytes32 expectedOutput = vm.parseJsonBytes32(vectors, _at("io_roots", i, ".output_root"));
            assertEq(StatementLib.inputRoot(tensors), expectedInput);
            assertEq(StatementLib.outputRoot(tensors), expectedOutput);
        }
        assertEq(i, 3);
    }

    function test_input_commitment_matches_vector() public view {
        bytes32 commitment = vm.parseJsonBytes32(vectors, ".input_commitment.commitment");
        bytes32 root = vm.parseJsonBytes32(vectors, ".input_commitment.root");
        assertEq(StatementLib.inputCommitment(1, commitment), root);
    }

    function test_graph_root_matches_vector() public view {
        bytes[] memory descriptors = vm.parseJsonBytesArray(vectors, ".graph.descriptors");
        bytes32[] memory leaves = new bytes32[](descriptors.length);
        for (uint256 i = 0; i < descriptors.length; ++i) {
            leaves[i] = StatementLib.leaf(descriptors[i]);
        }
        bytes32 tree = StatementLib.merkle(leaves);
        bytes32 root = keccak256(abi.encodePacked(uint8(0x05), uint32(leaves.length), tree));
        assertEq(root, vm.parseJsonBytes32(vectors, ".graph.root"));
    }

    function test_io_digests_match_vectors() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(vectors, _at("io_specs", i, "")); ++i) {
            bytes memory spec = vm.parseJsonBytes(vectors, _at("io_specs", i, ".spec"));
            assertEq(StatementLib.ioDigest(spec), vm.parseJsonBytes32(vectors, _at("io_specs", i, ".digest")));
        }
        assertEq(i, 3);
    }

    function test_model_id_matches_vector() public view {
        ModelHeader memory header = ModelHeader({
            graphRoot: vm.parseJsonBytes32(vectors, ".model.graph_root"),
            weightsRoot: vm.parseJsonBytes32(vectors, ".model.weights_root"),
            ioSpec: vm.parseJsonBytes(vectors, ".model.io_spec"),
            opsetVersion: uint32(vm.parseJsonUint(vectors, ".model.opset_version"))
        });
        assertEq(StatementLib.modelId(header), vm.parseJsonBytes32(vectors, ".model.model_id"));
    }

    function test_registration_id_matches_vector() public view {
        bytes32 id = StatementLib.registrationId(
            vm.parseJsonUint(vectors, ".registration.chain_id"),
            vm.parseJsonAddress(vectors, ".registration.registry"),
            vm.parseJsonAddress(vectors, ".registration.owner"),
            vm.parseJsonBytes32(vectors, ".registration.model_id")
        );
        assertEq(id, vm.parseJsonBytes32(vectors, ".registration.registration_id"));
    }

    function test_rejects_data_longer_or_shorter_than_dims() public {
        Tensor memory tensor = _tensor(6);
        uint256 length = tensor.data.length;
        bytes memory data = tensor.data;
        tensor.data = bytes.concat(data, hex"00000000");
        vm.expectRevert(abi.encodeWithSelector(StatementLib.DataLengthMismatch.selector, length, length + 4));
        this.tensorRoot(tensor);
        tensor.data = new bytes(length - 1);
        vm.expectRevert(abi.encodeWithSelector(StatementLib.DataLengthMismatch.selector, length, length - 1));
        this.tensorRoot(tensor);
    }

    function test_rejects_element_width_other_than_4_or_8() public {
        Tensor memory tensor = Tensor({width: 2, dims: new uint32[](1), data: ""});
        vm.expectRevert(abi.encodeWithSelector(StatementLib.ElementWidthNot4Or8.selector, 2));
        this.tensorRoot(tensor);
    }

    function test_rejects_rank_9() public {
        Tensor memory tensor = Tensor({width: 4, dims: new uint32[](9), data: ""});
        vm.expectRevert(abi.encodeWithSelector(StatementLib.RankTooLarge.selector, 9, 8));
        this.tensorRoot(tensor);
    }

    function test_rejects_2_to_the_32_elements() public {
        uint32[] memory dims = new uint32[](2);
        (dims[0], dims[1]) = (1 << 16, 1 << 16);
        vm.expectRevert(abi.encodeWithSelector(StatementLib.TooManyElements.selector, 1 << 32, type(uint32).max));
        this.tensorRoot(Tensor({width: 4, dims: dims, data: ""}));
    }

    function test_rejects_256_tensors() public {
        Tensor[] memory tensors = new Tensor[](256);
        vm.expectRevert(abi.encodeWithSelector(StatementLib.TooManyTensors.selector, 256, 255));
        this.inputRoot(tensors);
    }

    function testFuzz_dirty_memory_never_reaches_a_root(bytes memory dirt, uint8 elements) public pure {
        bytes memory data = new bytes(uint256(elements) * 4);
        uint32[] memory dims = new uint32[](1);
        dims[0] = elements;
        bytes32 clean = StatementLib.tensorRoot(Tensor({width: 4, dims: dims, data: data}));
        // Leave non-zero bytes where the library will allocate next.
        assembly ("memory-safe") {
            let free := mload(0x40)
            for { let i := 0 } lt(i, 0x2000) { i := add(i, 0x20) } {
                mstore(add(free, i), not(mload(dirt)))
            }
        }
        assertEq(StatementLib.tensorRoot(Tensor({width: 4, dims: dims, data: data})), clean);
    }

    function tensorRoot(Tensor memory tensor) external pure returns (bytes32) {
        return StatementLib.tensorRoot(tensor);
    }

    function inputRoot(Tensor[] memory tensors) external pure returns (bytes32) {
        return StatementLib.inputRoot(tensors);
    }

    function _tensor(uint256 i) private view returns (Tensor memory tensor) {
        tensor.width = uint8(vm.parseJsonUint(vectors, _at("tensors", i, ".width")));
        uint256[] memory dims = vm.parseJsonUintArray(vectors, _at("tensors", i, ".dims"));
        tensor.dims = new uint32[](dims.length);
        for (uint256 j = 0; j < dims.length; ++j) {
            tensor.dims[j] = uint32(dims[j]);
        }
        tensor.data = vm.parseJsonBytes(vectors, _at("tensors", i, ".data"));
    }

    function _at(string memory list, uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(i), "]", field);
    }
}
